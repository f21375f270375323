import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createSecureContext, getCACertificates } from 'node:tls';
import { type CodedError, type ErrorCatalog, errorsFor } from './errors.ts';
import { exchange, type Received } from './outbound/exchange.ts';
import { addressPolicy, Refusal, type Target, targetOf } from './outbound/policy.ts';
import type { Log, Metrics, Outbound } from './ports.ts';

export const outboundErrors = {
  'outbound.failed': {
    kind: 'unavailable',
    help: 'The address could not be fetched. It may be refused, unreachable, too slow, too large or not what it should be; the operator finds the reason in the log.',
  },
} as const satisfies ErrorCatalog;

const fail = errorsFor(outboundErrors);

/** All addresses of a name, in the order in which they should be tried. */
export type Resolve = (name: string) => Promise<readonly string[]>;

export type OutboundOptions = {
  /** `host`, `host:port`, address or CIDR that may be reached although private. */
  readonly allow?: readonly string[];
  /** Names and addresses of this hub; never reached. */
  readonly refuse?: readonly string[];
  readonly resolve?: Resolve;
  readonly log?: Log;
  readonly metrics?: Metrics;
  /** PEM of further certificate authorities, for networks with one of their own. */
  readonly ca?: readonly string[];
  /** Product name in `User-Agent`. */
  readonly agent?: string;
};

export type OutboundRequest = {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';
  /** Lower-case names. `host`, `connection` and lengths are ours. Credentials do not follow a redirect to another origin. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  readonly accept?: string;
  readonly maxBytes?: number;
  /** For everything together: names, connecting, all hops, the whole body. */
  readonly timeoutMs?: number;
  /** Default 0: a 3xx is a failure. Each hop is checked like the first. Only GET and HEAD follow. */
  readonly maxRedirects?: number;
};

export type OutboundDoor = Outbound & {
  /** The port's `get` with everything else that an edge may need. Failures are `outbound.failed`, all with the same text. */
  request(url: string, options?: OutboundRequest): Promise<Received>;
};

/** A feed of a million lines fits; a bomb does not. */
const maxBytesDefault = 32 * 1024 * 1024;
const timeoutMsDefault = 30_000;
/** More hops than anybody's honest redirects. */
const redirectsMost = 5;
/** Addresses of one name that are checked, and of these, how many are tried. */
const addressesMax = 32;
const triesMax = 3;
const headerName = /^[a-z0-9-]+$/;

const resolveBySystem: Resolve = async (name) => (await lookup(name, { all: true, verbatim: false })).map(({ address }) => address);

/** One text for everything that goes wrong on the way: what is open, closed, filtered or not there is nobody's business. */
const plainFailure = (): CodedError => fail('outbound.failed', 'the address could not be fetched');

const reasonOf = (error: unknown): string => {
  if (error instanceof Refusal) return error.reason;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'unknown';
};

const ownHeaders: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'proxy-authorization',
  'accept-encoding',
  'expect',
]);
const credentialHeaders: ReadonlySet<string> = new Set(['authorization', 'cookie', 'x-api-key', 'api-key', 'x-auth-token']);

function headersOf(options: OutboundRequest, agent: string, sameOrigin: boolean): Record<string, string> {
  const out: Record<string, string> = { 'user-agent': agent, accept: options.accept ?? '*/*', 'accept-encoding': 'gzip, br, deflate' };
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    const key = name.toLowerCase();
    if (!headerName.test(key) || ownHeaders.has(key)) throw new Refusal('header not allowed');
    if (sameOrigin || !credentialHeaders.has(key)) out[key] = value;
  }
  return out;
}

/** The only way out of the hub. */
export function createOutbound(options: OutboundOptions = {}): OutboundDoor {
  const policy = addressPolicy({ allow: options.allow ?? [], refuse: options.refuse ?? [] });
  const resolve = options.resolve ?? resolveBySystem;
  // Made once: reading all the known authorities takes tens of milliseconds. A list given to the library would replace them.
  const trust = options.ca === undefined ? undefined : createSecureContext({ ca: [...getCACertificates('default'), ...options.ca] });
  const agent = options.agent ?? 'rebato';
  const outcomes = options.metrics?.counter('rebato_outbound_requests_total', 'Requests that left or wanted to', ['outcome']);

  async function addressesOf(target: Target): Promise<string[]> {
    policy.checkTarget(target);
    const found = isIP(target.host) === 0 ? await resolve(target.host) : [target.host];
    if (found.length > addressesMax) throw new Refusal('too many addresses');
    return policy.checkAddresses(target, found);
  }

  /** Tries the next address only where nothing was connected yet: a request is never sent twice. */
  async function reach(target: Target, send: OutboundRequest, sameOrigin: boolean, signal: AbortSignal): Promise<Received> {
    const addresses = await addressesOf(target);
    signal.throwIfAborted();
    const headers = headersOf(send, agent, sameOrigin);
    const body = send.body === undefined ? undefined : Buffer.from(send.body as string);
    const common = {
      target,
      method: send.method ?? 'GET',
      headers,
      body,
      maxBytes: send.maxBytes ?? maxBytesDefault,
      signal,
      trust,
    };
    let last: unknown;
    for (const address of addresses.slice(0, triesMax)) {
      try {
        return await exchange({ ...common, address });
      } catch (error) {
        last = error;
        if (signal.aborted || !['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'].includes(reasonOf(error))) throw error;
      }
    }
    throw last;
  }

  async function follow(text: string, send: OutboundRequest, signal: AbortSignal): Promise<Received> {
    const hops = Math.min(send.maxRedirects ?? 0, redirectsMost);
    const first = targetOf(text);
    let target = first;
    for (let hop = 0; ; hop++) {
      const received = await reach(target, send, target.url.origin === first.url.origin, signal);
      if (received.status < 300 || received.status === 304 || received.status >= 400) return received;
      const location = received.headers.location;
      const readsOnly = (send.method ?? 'GET') === 'GET' || send.method === 'HEAD';
      if (hop >= hops || location === undefined || !readsOnly) throw new Refusal('redirect');
      // Resolved first, then read with all the strictness for what may be anybody's input.
      if (/[\s\\]/.test(location) || !URL.canParse(location, target.url)) throw new Refusal('malformed redirect');
      const next = targetOf(new URL(location, target.url).href);
      if (target.url.protocol === 'https:' && next.url.protocol !== 'https:') throw new Refusal('redirect from https to http');
      target = next;
    }
  }

  async function request(url: string, send: OutboundRequest = {}): Promise<Received> {
    const over = new AbortController();
    const stop = new AbortController();
    const timeoutMs = send.timeoutMs ?? timeoutMsDefault;
    // Raced, too, because looking up a name cannot be aborted.
    const late = wait(timeoutMs, undefined, { signal: stop.signal }).then(() => {
      over.abort(new Refusal('timeout'));
      throw new Refusal('timeout');
    });
    late.catch(() => undefined);
    try {
      const received = await Promise.race([follow(url, send, over.signal), late]);
      outcomes?.add({ outcome: 'answered' });
      return received;
    } catch (error) {
      outcomes?.add({ outcome: 'failed' });
      const host = URL.canParse(url) ? new URL(url).hostname : 'none';
      options.log?.warn({ host, reason: over.signal.aborted ? 'timeout' : reasonOf(error) }, 'outgoing request failed');
      throw plainFailure();
    } finally {
      stop.abort();
    }
  }

  return {
    request,
    async get(url, { maxBytes, timeoutMs, accept } = {}) {
      const { status, headers, body } = await request(url, {
        ...(maxBytes === undefined ? {} : { maxBytes }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(accept === undefined ? {} : { accept }),
      });
      return { status, contentType: headers['content-type'] ?? '', body };
    },
  };
}
