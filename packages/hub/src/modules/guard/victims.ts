import type { ValueKind } from '@rebato/contract';
import { parseNet } from '#values';
import { type Asset, type Protected, protect } from './assets.ts';
import { suffixesOf } from './names.ts';

/** A value or a text that is about to leave. `text` stands for titles, comments and other prose. */
export type Finding = { readonly kind: ValueKind | 'text'; readonly value: string };

/** Somebody of the sender's, with the mail addresses that the hub knows. */
export type OwnPerson = { readonly name: string; readonly mails: readonly string[] };

/** What is held back, by position in the findings, and what was seen in it. Shown to the sender, to nobody else. */
export type VictimHit = {
  readonly index: number;
  readonly reason: 'own_asset' | 'person_mail' | 'person_name';
  readonly found: string;
};

/**
 * Data about the sender's own side: its declared addresses and names, its people's mail addresses and names. What is found waits until
 * the sender has seen it. Pure; findings that are not listed in the answer may leave.
 */
export function victimData(
  findings: readonly Finding[],
  own: { readonly assets: readonly Asset[]; readonly people: readonly OwnPerson[] },
): VictimHit[] {
  const assets = protect(own.assets.map((asset) => ({ ...asset, item: asset.value })));
  const mails = new Set(own.people.flatMap((person) => person.mails.map(fold)));
  const names = own.people.map((person) => ({ name: person.name, words: wordsOf(person.name) })).filter(({ words }) => words.length >= 2);
  const hits: VictimHit[] = [];
  findings.forEach(({ kind, value }, index) => {
    const asset = assetIn(kind, value, assets);
    if (asset !== undefined) hits.push({ index, reason: 'own_asset', found: asset });
    const mail = mailIn(value, mails);
    if (mail !== undefined) hits.push({ index, reason: 'person_mail', found: mail });
    const name = nameIn(value, names);
    if (name !== undefined) hits.push({ index, reason: 'person_name', found: name });
  });
  return hits;
}

type OwnAssets = Protected<string>;

/** Values of one word are compared as such; prose and long values are cut into words and each is looked up. */
function assetIn(kind: Finding['kind'], value: string, assets: OwnAssets): string | undefined {
  const exact = assets.exact.get(`${kind} ${value}`);
  if (exact !== undefined) return exact;
  if (kind === 'hash' || kind === 'ja3' || kind === 'ja4' || kind === 'cve') return undefined;
  // Addresses, names and the parts of URLs and mail addresses: everything between characters that occur in none of them.
  for (const piece of value
    .toLowerCase()
    .slice(0, victimMaxChars)
    .split(/[^a-z0-9.:/_-]+/)) {
    const found =
      assetOf(trimMarks(piece), assets) ??
      partsOf(piece)
        .map((part) => assetOf(part, assets))
        .find((hit) => hit !== undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** More than any title or comment; longer values are only looked at up to here. */
const victimMaxChars = 1024 * 1024;

/** `https://a.es:8443/x` gives `https`, `a.es`, `8443`, `x`. */
function partsOf(piece: string): string[] {
  return piece.split(/[/:]+/).map((part) => trimMarks(part));
}

/** Full stops, hyphens and colons at the ends belong to the sentence, but for the two colons of a short IPv6 address. */
function trimMarks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isMark(text.charCodeAt(start))) start++;
  while (end > start && (isMark(text.charCodeAt(end - 1)) || (text.charCodeAt(end - 1) === 58 && text.charCodeAt(end - 2) !== 58))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isMark(c: number): boolean {
  return c === 46 || c === 45;
}

function assetOf(text: string, assets: OwnAssets): string | undefined {
  const net = parseNet(text);
  if (net) {
    const size = 1n << BigInt((net.family === 4 ? 32 : 128) - net.prefix);
    if (net.family === 4) return assets.ranges.v4(Number(net.bytes), Number(net.bytes + size - 1n));
    return assets.ranges.v6(net.bytes, net.bytes + size - 1n);
  }
  const suffixes = text.includes('.') ? suffixesOf(text) : undefined;
  return suffixes === undefined ? undefined : assets.names.find(suffixes);
}

function mailIn(value: string, mails: ReadonlySet<string>): string | undefined {
  if (!value.includes('@')) return undefined;
  for (const word of fold(value.slice(0, victimMaxChars)).split(/[\s<>()"',;:[\]]+/)) {
    const plain = word.endsWith('.') ? word.slice(0, -1) : word;
    if (mails.has(plain)) return plain;
  }
  return undefined;
}

function nameIn(value: string, names: readonly { readonly name: string; readonly words: readonly string[] }[]): string | undefined {
  if (names.length === 0) return undefined;
  const words = wordsOf(value.slice(0, victimMaxChars));
  const where = new Map<string, number[]>();
  words.forEach((word, at) => {
    const places = where.get(word);
    if (places) places.push(at);
    else where.set(word, [at]);
  });
  for (const { name, words: wanted } of names) {
    if (occurs(wanted, words, where) || occurs([...wanted.slice(1), wanted[0] ?? ''], words, where)) return name;
  }
  return undefined;
}

/** "Ana García" and "García, Ana": the words of the name one after the other, in the usual order or with the first name last. */
function occurs(wanted: readonly string[], words: readonly string[], where: ReadonlyMap<string, readonly number[]>): boolean {
  const starts = where.get(wanted[0] ?? '') ?? [];
  return starts.some((start) => wanted.every((word, i) => words[start + i] === word));
}

/** Lower case without accents: people write names both ways. */
function fold(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase();
}

/** Words of letters; dots, underscores and hyphens separate, so that `ana.garcia` and `Ana_García.docx` hold the name too. */
function wordsOf(text: string): string[] {
  return fold(text)
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}
