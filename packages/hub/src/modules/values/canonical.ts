import { canonicalAddress } from './address.ts';
import { canonicalDomain } from './domain.ts';
import { canonicalHash, hashAlgorithm } from './hash.ts';
import { accept, type Canonical, type NotCanonical, refuse, type ValueKind } from './kinds.ts';
import {
  canonicalAsn,
  canonicalCve,
  canonicalFilename,
  canonicalJa3,
  canonicalJa4,
  canonicalMutex,
  canonicalRegkey,
  canonicalWallet,
} from './plain.ts';
import { canonicalEmail, canonicalUrl, readPort } from './url.ts';
import { isType } from './vocabulary.ts';

type Reader = (text: string) => Canonical | NotCanonical;

/** A comment or blob beyond this is an attachment, and belongs in a file. Bytes of UTF-8. */
export const otherMaxBytes = 64 * 1024;

/** Rule files hold many rules; a mebibyte is more than any single one seen. Bytes of UTF-8. */
export const ruleMaxBytes = 1024 * 1024;

const ruleTypes = [
  'yara',
  'sigma',
  'snort',
  'suricata',
  'bro',
  'zeek',
  'pattern-in-file',
  'pattern-in-traffic',
  'pattern-in-memory',
  'filename-pattern',
  'stix2-pattern',
  'kusto-query',
];

/** Readers by MISP type; a Map, so that `constructor` and its like are simply unknown. Types not listed have no canonical form. */
const readers = new Map<string, Reader>([
  ...['ip-src', 'ip-dst'].map((type) => [type, canonicalAddress] as const),
  ...['domain', 'hostname', 'onion-address'].map((type) => [type, canonicalDomain] as const),
  ['url', canonicalUrl],
  // A link is a reference for people: when it is no clean URL it is still text worth keeping.
  ['link', (text) => orOther(canonicalUrl(text), text)],
  ...['email', 'email-src', 'email-dst', 'email-reply-to', 'target-email', 'whois-registrant-email'].map(
    (type) => [type, canonicalEmail] as const,
  ),
  ['ja3-fingerprint-md5', canonicalJa3],
  ['ja4', canonicalJa4],
  ...['filename', 'email-attachment'].map((type) => [type, canonicalFilename] as const),
  ['regkey', canonicalRegkey],
  ['mutex', canonicalMutex],
  ['btc', (text) => canonicalWallet('btc', text)],
  ['xmr', (text) => canonicalWallet('xmr', text)],
  ['dash', (text) => canonicalWallet('dash', text)],
  ['AS', canonicalAsn],
  // Other catalogues' identifiers have no single form and stay as they are.
  ['vulnerability', (text) => (/^cve/i.test(text) ? canonicalCve(text) : canonicalOther(text))],
  ...ruleTypes.map((type) => [type, canonicalRule] as const),
]);

/** Types with two halves: how to read each. The first name is the strongest half, which gives the composite its kind and value. */
const pairs = new Map<string, { readonly left: string; readonly right: string; readonly main: 'left' | 'right' }>([
  ['domain|ip', { left: 'domain', right: 'ip-dst', main: 'left' }],
  ['ip-src|port', { left: 'ip-src', right: 'port', main: 'left' }],
  ['ip-dst|port', { left: 'ip-dst', right: 'port', main: 'left' }],
  ['hostname|port', { left: 'hostname', right: 'port', main: 'left' }],
  ['regkey|value', { left: 'regkey', right: 'other', main: 'left' }],
  ['malware-sample', { left: 'filename', right: 'md5', main: 'right' }],
]);

function pairOf(type: string): { readonly left: string; readonly right: string; readonly main: 'left' | 'right' } | undefined {
  if (type.startsWith('filename|')) {
    const algorithm = type.slice('filename|'.length);
    return hashAlgorithm(algorithm) ? { left: 'filename', right: algorithm, main: 'right' } : undefined;
  }
  return pairs.get(type);
}

/**
 * The only spelling of a value, so that equal things are equal strings; or why the value is none. Never throws, whatever the input. Types
 * are MISP's, plus `ja4`, which MISP has only inside objects. Surrounding white space never belongs to a value.
 */
export function canonicalise(type: string, raw: string): Canonical | NotCanonical {
  const plain = readers.get(type);
  if (!plain && !isType(type)) return refuse('type_unknown', 'This attribute type is not part of the vocabulary.');
  if (raw.length > ruleMaxBytes) return refuse('value_size', 'The value is larger than any value may be.');
  const text = trimSpace(raw);
  if (text.includes('\0')) return refuse('value_nul', 'The value contains a NUL character.');
  // A lone surrogate has no UTF-8 form: two different values would be stored as the same one.
  if (!text.isWellFormed()) return refuse('value_malformed', 'The value contains half of a Unicode character.');
  if (plain) return plain(text);
  const algorithm = hashAlgorithm(type);
  if (algorithm) return canonicalHash(algorithm, text);
  const pair = pairOf(type);
  if (pair) return canonicalPair(pair, text);
  return canonicalOther(text);
}

/** Canonical form of a value whose kind is already known, for callers that speak of decisions and not of MISP attributes. */
export function canonicaliseKind(kind: ValueKind, raw: string): Canonical | NotCanonical {
  switch (kind) {
    case 'ip':
    case 'net': {
      const read = canonicalise('ip-dst', raw);
      if (!read.ok || read.kind === kind) return read;
      return refuse(
        'kind_mismatch',
        kind === 'ip' ? 'This is a network, not a single address.' : 'This is a single address, not a network.',
      );
    }
    case 'hash': {
      const colon = raw.indexOf(':');
      const algorithm = colon < 0 ? undefined : hashAlgorithm(raw.slice(0, colon).trim().toLowerCase());
      return algorithm
        ? canonicalHash(algorithm, trimSpace(raw))
        : refuse('hash_algorithm', 'A hash is written as its algorithm, a colon and the digest.');
    }
    case 'wallet': {
      for (const currency of ['btc', 'dash', 'xmr']) {
        const read = canonicalise(currency, raw);
        if (read.ok) return read;
      }
      return refuse('wallet_shape', 'This does not have the shape of an address of a known currency.');
    }
    case 'cve':
      return canonicalCve(trimSpace(raw));
    default:
      return canonicalise(typeOfKind[kind], raw);
  }
}

const typeOfKind = {
  domain: 'domain',
  url: 'url',
  email: 'email',
  ja3: 'ja3-fingerprint-md5',
  ja4: 'ja4',
  filename: 'filename',
  regkey: 'regkey',
  mutex: 'mutex',
  asn: 'AS',
  rule: 'sigma',
  other: 'other',
} as const satisfies Partial<Record<ValueKind, string>>;

/** ASCII white space only: other spaces inside a value are a trick, and are left for the readers to refuse. */
function trimSpace(raw: string): string {
  let start = 0;
  let end = raw.length;
  while (start < end && isSpace(raw.charCodeAt(start))) start++;
  while (end > start && isSpace(raw.charCodeAt(end - 1))) end--;
  return start === 0 && end === raw.length ? raw : raw.slice(start, end);
}

function isSpace(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13);
}

function canonicalRule(text: string): Canonical | NotCanonical {
  if (text === '') return refuse('value_empty', 'The rule is empty.');
  if (Buffer.byteLength(text) > ruleMaxBytes) return refuse('value_size', `A rule has at most ${ruleMaxBytes} bytes.`);
  return accept('rule', text);
}

function canonicalOther(text: string): Canonical | NotCanonical {
  if (text === '') return refuse('value_empty', 'The value is empty.');
  if (text.length * 3 > otherMaxBytes && Buffer.byteLength(text) > otherMaxBytes) {
    return refuse('value_size', `A value of this type has at most ${otherMaxBytes} bytes.`);
  }
  return accept('other', text);
}

function orOther(read: Canonical | NotCanonical, text: string): Canonical | NotCanonical {
  return read.ok ? read : canonicalOther(text);
}

function canonicalPair(pair: { left: string; right: string; main: 'left' | 'right' }, text: string): Canonical | NotCanonical {
  const cut = splitPair(pair, text);
  if (!cut) return refuse('pair_separator', 'This type has two values with a vertical bar between them.');
  const left = canonicalise(pair.left, cut[0]);
  if (!left.ok) return left;
  const right = pair.right === 'port' ? canonicalPort(cut[1]) : canonicalise(pair.right, cut[1]);
  if (!right.ok) return right;
  // A network or a suffix is a fair value on its own, but one port or one address of it is not.
  if (left.kind === 'net' || right.kind === 'net')
    return refuse('pair_network', 'A network cannot be half of a pair: give a single address.');
  const main = pair.main === 'left' ? left : right;
  return accept(main.kind, main.value, [left, right], main.flags);
}

/** File names may contain bars, digests may not: their bar is the last. For all other pairs it is the first. Ports may follow a colon. */
function splitPair(pair: { left: string; right: string; main: 'left' | 'right' }, text: string): readonly [string, string] | undefined {
  const bar = pair.main === 'right' ? text.lastIndexOf('|') : text.indexOf('|');
  if (bar >= 0) return [text.slice(0, bar), text.slice(bar + 1)];
  if (pair.right !== 'port') return undefined;
  const bracketed = /^\[([^\]]*)\]:(\d{1,5})$/.exec(text);
  if (bracketed) return [bracketed[1] ?? '', bracketed[2] ?? ''];
  const colon = text.indexOf(':');
  return colon >= 0 && colon === text.lastIndexOf(':') ? [text.slice(0, colon), text.slice(colon + 1)] : undefined;
}

function canonicalPort(text: string): Canonical | NotCanonical {
  const port = readPort(trimSpace(text));
  return port === undefined ? refuse('port_range', 'The port is not a number from 1 to 65535.') : accept('other', port);
}
