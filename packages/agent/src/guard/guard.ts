import type { ValueKind } from '@rebato/contract';
import { isPlainValue } from '../trust/shape.ts';
import { parseAddress, parseNet, type Span, SpanSet } from './address.ts';
import { DomainTree, isCanonicalDomain, isSpecialDomain } from './domain.ts';
import { knownAddresses, knownDomains, knownSuffixes } from './known.ts';
import type { Surroundings } from './machine.ts';
import { embeddedV4, isSpecial } from './special.ts';

/** Which local rule refused. The texts are the `reason` of a receipt. */
export type GuardReason =
  | 'not_canonical'
  | 'special_purpose'
  | 'embedded_special'
  | 'prefix_too_wide'
  | 'well_known'
  | 'public_suffix'
  | 'special_domain'
  | 'local_never_block'
  | 'own_machine'
  | 'own_hub';

export type GuardOptions = {
  /** Values of the owner, as in the configuration file: addresses, prefixes, names. */
  readonly neverBlock: readonly string[];
  /** Widest prefix that is taken. The hub lets two people go as far as /20 and /40, nobody further. */
  readonly widestV4: number;
  readonly widestV6: number;
};

export const widestEver = { v4: 20, v6: 40 } as const;

/**
 * The last judgement before the control. It shares no code with the hub's guard and asks nobody: a hub that is wrong, or in other hands, meets
 * the same refusals. Returns the reason, or undefined if the value may be blocked here.
 */
export type Guard = { judge(kind: ValueKind, value: string): GuardReason | undefined };

export type NeverBlock = { readonly spans: readonly Span[]; readonly domains: readonly string[] };

/** Sorts the owner's values; what is none of the three kinds is named, because a typing error here is a block later. */
export function parseNeverBlock(values: readonly string[]): { readonly list: NeverBlock; readonly unreadable: readonly string[] } {
  const spans: Span[] = [];
  const domains: string[] = [];
  const unreadable: string[] = [];
  for (const value of values) {
    const text = value.trim().toLowerCase();
    const span = parseAddress(text) ?? parseNet(text);
    const domain = text.startsWith('*.') ? text.slice(2) : text.endsWith('.') ? text.slice(0, -1) : text;
    if (span) spans.push(span);
    else if (isCanonicalDomain(domain)) domains.push(domain);
    else unreadable.push(value);
  }
  return { list: { spans, domains }, unreadable };
}

// The same for every guard of the process.
const known = new SpanSet(knownAddresses.map(parseAddress).filter((span): span is Span => span !== undefined));
const knownNames = new DomainTree([...knownDomains, ...knownSuffixes]);

export function createGuard(options: GuardOptions, surroundings: Surroundings): Guard {
  const never = parseNeverBlock(options.neverBlock).list;
  const neverSpans = new SpanSet(never.spans);
  const neverDomains = new DomainTree(never.domains);
  const machine = new SpanSet(surroundings.addresses);
  const hub = new DomainTree(surroundings.hubName === undefined ? [] : [surroundings.hubName]);
  const widestV4 = Math.max(options.widestV4, widestEver.v4);
  const widestV6 = Math.max(options.widestV6, widestEver.v6);

  function judgeSpan(span: Span): GuardReason | undefined {
    if (span.bits < (span.family === 4 ? widestV4 : widestV6)) return 'prefix_too_wide';
    if (isSpecial(span)) return 'special_purpose';
    // Only whole addresses and prefixes within the last 32 bits can hold one IPv4 address.
    if (span.family === 6) {
      for (const inner of embeddedV4(span.from)) {
        if (isSpecial(inner) || known.overlaps(inner) || neverSpans.overlaps(inner) || machine.overlaps(inner)) return 'embedded_special';
      }
    }
    if (machine.overlaps(span)) return 'own_machine';
    if (neverSpans.overlaps(span)) return 'local_never_block';
    return known.overlaps(span) ? 'well_known' : undefined;
  }

  function judgeDomain(domain: string): GuardReason | undefined {
    if (!isCanonicalDomain(domain)) return 'not_canonical';
    if (!domain.includes('.')) return 'public_suffix';
    if (isSpecialDomain(domain)) return 'special_domain';
    if (hub.isListed(domain) || hub.isAbove(domain)) return 'own_hub';
    if (neverDomains.isListed(domain) || neverDomains.isAbove(domain) || neverDomains.isBelow(domain)) return 'local_never_block';
    return knownNames.isListed(domain) || knownNames.isAbove(domain) ? 'well_known' : undefined;
  }

  /** A URL blocks one place on a host, so a well-known host is no reason, but what the owner never blocks is. */
  function judgeUrl(value: string): GuardReason | undefined {
    const host = hostOf(value);
    if (host === undefined) return 'not_canonical';
    const span = parseAddress(host);
    const reason = span ? judgeSpan(span) : judgeDomain(host);
    return reason === 'well_known' || reason === 'public_suffix' ? undefined : reason;
  }

  return {
    judge(kind, value) {
      if (!isPlainValue(value)) return 'not_canonical';
      if (kind === 'ip' || kind === 'net') {
        const span = kind === 'ip' ? parseAddress(value) : parseNet(value);
        return span ? judgeSpan(span) : 'not_canonical';
      }
      if (kind === 'domain') return judgeDomain(value);
      if (kind === 'url') return judgeUrl(value);
      if (kind === 'email') {
        const at = value.lastIndexOf('@');
        if (at < 1) return 'not_canonical';
        const reason = judgeDomain(value.slice(at + 1));
        return reason === 'well_known' || reason === 'public_suffix' ? undefined : reason;
      }
      return undefined;
    },
  };
}

/** The host of an http, https or ftp URL without credentials; anything cleverer is not a URL to be blocked. */
function hostOf(value: string): string | undefined {
  const start = /^(?:https?|ftp):\/\//.exec(value);
  if (!start || value.includes('\\') || value.includes(' ')) return undefined;
  const rest = value.slice(start[0].length);
  const end = rest.search(/[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  if (authority === '' || authority.includes('@')) return undefined;
  if (authority.startsWith('[')) {
    const close = authority.indexOf(']');
    return close > 0 && /^(?::[0-9]{1,5})?$/.test(authority.slice(close + 1)) ? authority.slice(1, close) : undefined;
  }
  const colon = authority.indexOf(':');
  if (colon >= 0 && !/^:[0-9]{1,5}$/.test(authority.slice(colon))) return undefined;
  return colon < 0 ? authority : authority.slice(0, colon);
}
