import ipaddr from 'ipaddr.js';
import type { Clock } from '#platform/clock';
import type { LimitClass } from './types.ts';

/** Refill per second, and how many may come at once. */
export type Rate = { readonly perSecond: number; readonly burst: number };

/** `failed` counts refused credentials per address; it is no class of routes. */
export type Rates = Readonly<Record<LimitClass | 'failed', Rate>>;

export const defaultRates: Rates = {
  read: { perSecond: 200, burst: 1000 },
  write: { perSecond: 50, burst: 300 },
  heavy: { perSecond: 2, burst: 20 },
  // A person mistypes a few times; a guesser tries thousands. One try every six seconds, ten at once.
  'sign-in': { perSecond: 1 / 6, burst: 10 },
  failed: { perSecond: 1, burst: 60 },
};

/** Principals remembered at once. About 100 bytes each; when full, the longest idle is forgotten, which is at worst one burst given twice. */
const bucketsMax = 50_000;

export type Limiter = {
  /** Takes one token. 0: go on. Otherwise the milliseconds until there is one. */
  take(kind: keyof Rates, principal: string): number;
  readonly size: number;
};

/** Token buckets in the memory of this process. Time is the clock's monotonic one: setting the wall clock opens nothing. */
export function createLimiter(clock: Clock, rates: Rates): Limiter {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    take(kind, principal) {
      const rate = rates[kind];
      const key = `${kind} ${principal}`;
      const now = clock.monotonicMs();
      const old = buckets.get(key);
      const tokens = old === undefined ? rate.burst : Math.min(rate.burst, old.tokens + ((now - old.at) / 1000) * rate.perSecond);
      // Deleted and set again, so that the map's order is that of last use.
      if (old !== undefined) buckets.delete(key);
      else if (buckets.size >= bucketsMax) {
        const [oldest] = buckets.keys();
        if (oldest !== undefined) buckets.delete(oldest);
      }
      const enough = tokens >= 1;
      buckets.set(key, { tokens: enough ? tokens - 1 : tokens, at: now });
      return enough ? 0 : Math.max(1, ((1 - tokens) / rate.perSecond) * 1000);
    },
    get size() {
      return buckets.size;
    },
  };
}

/** One spelling per household: IPv4 (mapped too) whole, IPv6 by its /64, because one subscriber owns all of it. */
export function principalOfAddress(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  const bytes = parsed.toByteArray().slice(0, 8);
  return `${Buffer.from(bytes).toString('hex')}/64`;
}
