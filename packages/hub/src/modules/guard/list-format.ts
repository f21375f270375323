import type { ValueKind } from '@rebato/contract';
import { canonicaliseKind, isPublicSuffix, parseIp, parseNet, printIp, printNet } from '#values';
import {
  compileSlice,
  entryMaxChars,
  listMaxEntries,
  listUnreadableShare,
  regexMaxChars,
  regexMaxEntries,
  substringMaxEntries,
  substringMinChars,
} from './limits.ts';
import { compilePattern } from './lists.ts';
import { suffixesOf } from './names.ts';

export const listTypes = ['string', 'substring', 'hostname', 'cidr', 'regex'] as const;
export type ListType = (typeof listTypes)[number];

/** A MISP warning list as it is published. `category` says whether a match is a false positive or only something known. */
export type WarningList = {
  readonly name: string;
  readonly description: string;
  readonly version: number;
  readonly type: ListType;
  readonly entries: readonly string[];
  readonly kinds: readonly ValueKind[];
  readonly category: 'false_positive' | 'known';
};

/**
 * Entries in canonical form, one letter before each: `n` network, `d` name with all beneath, `e` name alone, `s` piece of text, `r` pattern,
 * `x` any other exact value (digests without their algorithm).
 */
export type PreparedList = {
  readonly id: string;
  readonly name: string;
  readonly kinds: readonly ValueKind[];
  readonly entries: readonly string[];
};

/** A list that is none. `entry` is the index of the offending entry, from 0. */
export type ListProblem = { readonly problem: string; readonly entry?: number };

const kindsOfAttribute: Readonly<Record<string, readonly ValueKind[]>> = {
  'ip-src': ['ip', 'net'],
  'ip-dst': ['ip', 'net'],
  'ip-src|port': ['ip'],
  'ip-dst|port': ['ip'],
  'domain|ip': ['domain', 'ip'],
  domain: ['domain'],
  hostname: ['domain'],
  'hostname|port': ['domain'],
  url: ['url'],
  uri: ['url'],
  link: ['url'],
  email: ['email'],
  'email-src': ['email'],
  'email-dst': ['email'],
  'target-email': ['email'],
  'whois-registrant-email': ['email'],
  'dns-soa-email': ['email'],
  'email-reply-to': ['email'],
  filename: ['filename'],
  AS: ['asn'],
  'ja3-fingerprint-md5': ['ja3'],
  mutex: ['mutex'],
  regkey: ['regkey'],
};

/** What a list without `matching_attributes` speaks about, by its type. */
const kindsOfType: Readonly<Record<ListType, readonly ValueKind[]>> = {
  cidr: ['ip', 'net'],
  hostname: ['domain', 'url'],
  string: ['domain', 'hash', 'email', 'url'],
  substring: ['domain', 'url', 'email'],
  regex: ['domain', 'url', 'email'],
};

/** Reads the JSON of a list. Anything else that is sent under its name (an error page, an array, a truncated file) is named as such. */
export function parseWarningList(text: string): WarningList | ListProblem {
  const start = text.slice(0, 200).trimStart();
  if (start.startsWith('<')) return { problem: 'This is a web page, not a list: the source probably shows an error.' };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: 'This is not JSON.' };
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return { problem: 'A warning list is a JSON object.' };
  const list = json as Readonly<Record<string, unknown>>;
  const { name, type, description, version, category } = list;
  if (typeof name !== 'string' || name.trim() === '' || name.length > 200)
    return { problem: 'The list has no name, or a name longer than 200 characters.' };
  if (!listTypes.includes(type as ListType)) return { problem: `The type of the list is none of ${listTypes.join(', ')}.` };
  const attributes = list.matching_attributes ?? [];
  if (!Array.isArray(attributes) || attributes.length > 200) return { problem: 'matching_attributes is not a list of attribute types.' };
  const entries: unknown = list.list;
  if (!Array.isArray(entries)) return { problem: 'The list has no array named list.' };
  if (entries.length === 0) return { problem: 'The list is empty.' };
  if (entries.length > listMaxEntries) return { problem: `A list has at most ${listMaxEntries} entries, not ${entries.length}.` };
  for (let i = 0; i < entries.length; i++) {
    const entry: unknown = entries[i];
    if (typeof entry !== 'string') return { problem: `Entry ${i} is not a text.`, entry: i };
    if (/[\r\n]/.test(entry.trim())) return { problem: `Entry ${i} contains a line break.`, entry: i };
    if (entry.length > entryMaxChars) return { problem: `Entry ${i} is longer than ${entryMaxChars} characters.`, entry: i };
  }
  const kinds = new Set<ValueKind>();
  for (const attribute of attributes) for (const kind of attributeKinds(String(attribute))) kinds.add(kind);
  if (kinds.size === 0) for (const kind of kindsOfType[type as ListType]) kinds.add(kind);
  return {
    name: name.trim(),
    description: typeof description === 'string' ? description.slice(0, 2000) : '',
    version: typeof version === 'number' && Number.isSafeInteger(version) ? version : 0,
    type: type as ListType,
    entries: entries as string[],
    kinds: [...kinds],
    category: category === 'known' ? 'known' : 'false_positive',
  };
}

function attributeKinds(attribute: string): readonly ValueKind[] {
  const known = Object.hasOwn(kindsOfAttribute, attribute) ? kindsOfAttribute[attribute] : undefined;
  if (known) return known;
  return /^(?:filename\|)?(?:md5|sha\d|imphash|ssdeep|tlsh|authentihash|pehash|vhash|cdhash|impfuzzy)/.test(attribute) ? ['hash'] : [];
}

export type Prepared = { readonly entries: readonly string[]; readonly unreadable: readonly number[] };

/**
 * Brings every entry into canonical form. Entries that name no value are left out and counted; when they are too many, the list is not what
 * it says. Runs in slices: between two of them the caller may let other work run.
 */
export function* prepareSteps(list: WarningList, beneath: boolean): Generator<void, Prepared | ListProblem> {
  if (list.type === 'regex') return preparePatterns(list);
  if (list.type === 'substring') return prepareSubstrings(list);
  const prepared = new Set<string>();
  const unreadable: number[] = [];
  for (let i = 0; i < list.entries.length; i++) {
    if (i % compileSlice === compileSlice - 1) yield;
    const entry = list.entries[i] ?? '';
    const read =
      list.type === 'cidr' ? readNet(entry) : list.type === 'hostname' ? readName(entry, beneath) : readString(entry, list.kinds, beneath);
    // A blank or a comment line says nothing; it is no error either.
    if (read === undefined) unreadable.push(i);
    else if (read !== '') prepared.add(read);
  }
  if (unreadable.length > list.entries.length * listUnreadableShare) {
    return {
      problem: `${unreadable.length} of ${list.entries.length} entries are no values of type ${list.type}, the first is entry ${unreadable[0]}.`,
      entry: unreadable[0] ?? 0,
    };
  }
  if (prepared.size === 0) return { problem: 'No entry of the list names a value.' };
  return { entries: [...prepared], unreadable };
}

function readNet(entry: string): string | undefined {
  const text = entry.trim();
  if (text === '' || text.startsWith('#')) return '';
  const net = parseNet(text) ?? maskedNet(text);
  return net ? `n${printNet(net)}` : undefined;
}

/** Published lists carry host bits now and then; for a list of what must not be blocked the whole network is the safe reading. */
function maskedNet(text: string): ReturnType<typeof parseNet> {
  const slash = text.indexOf('/');
  const ip = slash < 0 ? undefined : parseIp(text.slice(0, slash));
  if (!ip || !/^\d{1,3}$/.test(text.slice(slash + 1))) return undefined;
  const width = ip.family === 4 ? 32 : 128;
  const host = BigInt(width - Number(text.slice(slash + 1)));
  return host < 0n ? undefined : parseNet(`${printIp({ family: ip.family, bytes: (ip.bytes >> host) << host })}${text.slice(slash)}`);
}

/** `.a.es` and `*.a.es` mean a.es and what is beneath. */
function readName(entry: string, beneath: boolean): string | undefined {
  let text = entry.trim().toLowerCase();
  if (text === '' || text.startsWith('#')) return '';
  if (text.startsWith('*.')) text = text.slice(2);
  else if (text.startsWith('.')) text = text.slice(1);
  // Single labels, reverse zones and registries' suffixes are no values; they stay, alone, so that the list keeps its length.
  if (!text.includes('.') || text.endsWith('.arpa')) return suffixesOf(text) ? `e${text}` : undefined;
  const read = canonicaliseKind('domain', text);
  if (!read.ok) return read.code === 'domain_public_suffix' ? `e${text}` : undefined;
  return `${beneath && !isPublicSuffix(read.value) ? 'd' : 'e'}${read.value}`;
}

function readString(entry: string, kinds: readonly ValueKind[], beneath: boolean): string | undefined {
  const text = entry.trim();
  if (text === '' || text.startsWith('#')) return '';
  if (kinds.includes('hash') && !text.includes('.')) return `x${/^[0-9a-f]+$/i.test(text) ? text.toLowerCase() : text}`;
  const address = parseIp(text);
  if (address) return `n${printIp(address)}`;
  if (text.includes('://')) return exactOf('url', text);
  if (text.includes('@')) return exactOf('email', text);
  if (kinds.includes('domain') || kinds.includes('url')) {
    // `a.es/login` speaks about one page; it is kept as such for both schemes and not widened to the host.
    if (text.includes('/')) return exactOf('url', `https://${text}`);
    return readName(text, beneath);
  }
  return `x${text}`;
}

function exactOf(kind: ValueKind, text: string): string | undefined {
  const read = canonicaliseKind(kind, text);
  return read.ok ? `x${read.value}` : undefined;
}

function prepareSubstrings(list: WarningList): Prepared | ListProblem {
  if (list.entries.length > substringMaxEntries) return { problem: `A substring list has at most ${substringMaxEntries} entries.` };
  const prepared = new Set<string>();
  for (let i = 0; i < list.entries.length; i++) {
    const text = (list.entries[i] ?? '').trim().toLowerCase();
    if (text === '') continue;
    if (text.length < substringMinChars)
      return { problem: `Entry ${i} is shorter than ${substringMinChars} characters and occurs in almost everything.`, entry: i };
    prepared.add(`s${text}`);
  }
  return prepared.size === 0 ? { problem: 'No entry of the list names a value.' } : { entries: [...prepared], unreadable: [] };
}

function preparePatterns(list: WarningList): Prepared | ListProblem {
  if (list.entries.length > regexMaxEntries) return { problem: `A pattern list has at most ${regexMaxEntries} entries.` };
  const prepared: string[] = [];
  for (let i = 0; i < list.entries.length; i++) {
    const text = list.entries[i] ?? '';
    if (text.length > regexMaxChars) return { problem: `Entry ${i} is longer than ${regexMaxChars} characters.`, entry: i };
    try {
      // A pattern that finds something in nothing finds something in everything.
      if (compilePattern(text).matcher('').find()) return { problem: `Entry ${i} matches everything.`, entry: i };
    } catch {
      return { problem: `Entry ${i} is not a pattern of the RE2 kind (no look-around, no back-references).`, entry: i };
    }
    prepared.push(`r${text}`);
  }
  return { entries: prepared, unreadable: [] };
}
