import type { ValueKind } from '@rebato/contract';
import { canonicaliseKind, parseNet, refang } from '#values';
import { type Asset, type Protected, protect } from './assets.ts';
import { suffixesOf } from './names.ts';
import { type Place, peopleIndex } from './victim-people.ts';

/** Somebody of the sender's, with the mail addresses that the hub knows. */
export type OwnPerson = { readonly name: string; readonly mails: readonly string[] };

export type OwnReason = 'own_asset' | 'person_mail' | 'person_name';

/** A stretch of a text that says something of the sender's own side. Offsets are UTF-16 units of the text as given, end exclusive. */
export type OwnSpan = { readonly start: number; readonly end: number; readonly reason: OwnReason; readonly found: string };

/**
 * Finds data about the sender's own side: its declared addresses and names, its people's mail addresses and names. Shown to the sender, to
 * nobody else. Pure, and linear in what it reads.
 */
export type OwnData = {
  /** Nothing is declared and nobody is known: everything may leave. */
  readonly empty: boolean;
  /** Why a canonical value may not leave; undefined: it may. */
  inValue(kind: ValueKind, value: string): OwnSpan | undefined;
  /** Everything of the kind in prose, in order and without overlaps, also where it is written defanged. */
  inText(text: string): readonly OwnSpan[];
};

/** What stands in the place of what is withheld. The same for everything, so that it says nothing of what it was. */
export const withheldMark = '[withheld]';

/** The text as others may read it. */
export function withhold(text: string, spans: readonly OwnSpan[]): string {
  let told = '';
  let done = 0;
  for (const { start, end } of spans) {
    told += text.slice(done, start) + withheldMark;
    done = end;
  }
  return told + text.slice(done);
}

export function ownData(own: { readonly assets: readonly Asset[]; readonly people: readonly OwnPerson[] }): OwnData {
  const assets = protect(own.assets.map((asset) => ({ ...asset, item: asset.value })));
  const someAsset = own.assets.length > 0;
  const people = own.people.length === 0 ? undefined : peopleIndex(own.people);

  const inText = (original: string): readonly OwnSpan[] => {
    if (original.length < shortest || (!someAsset && people === undefined)) return [];
    const { text, source } = refang(original.slice(0, searchedMaxChars));
    const places = [...(someAsset ? assetsIn(text, assets) : []), ...(people?.find(text) ?? [])];
    const spans = places.map(({ from, to, reason, found }) => ({ start: source(from), end: source(to), reason, found }));
    // What is too long to be searched does not leave.
    if (original.length > searchedMaxChars)
      spans.push({ start: searchedMaxChars, end: original.length, reason: 'own_asset', found: 'text too long to be searched' });
    return merge(spans);
  };

  return {
    empty: !someAsset && people === undefined,
    inText,
    inValue(kind, value) {
      const exact = assets.exact.get(`${kind} ${value}`);
      if (exact !== undefined) return whole(value, 'own_asset', exact);
      // Digests and numbers of registries have no room for anybody's name.
      if (kind === 'hash' || kind === 'ja3' || kind === 'ja4' || kind === 'cve' || kind === 'asn') return undefined;
      if (kind === 'ip' || kind === 'net') {
        const found = assetOf(value, assets);
        return found === undefined ? undefined : whole(value, 'own_asset', found);
      }
      return inText(value)[0] ?? (value.includes('%') ? inText(unescapePercent(value))[0] : undefined);
    },
  };
}

/** No address, mail address or pair of names is shorter. */
const shortest = 4;
/** A report of a hundred pages has a tenth of this; what is behind it does not leave. */
const searchedMaxChars = 4 * 1024 * 1024;

const whole = (value: string, reason: OwnReason, found: string): OwnSpan => ({ start: 0, end: value.length, reason, found });

/** In URLs an @ and accents are often percent-encoded. Broken encodings stay as they are. */
function unescapePercent(value: string): string {
  return value.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
}

function merge(spans: readonly OwnSpan[]): OwnSpan[] {
  const merged: OwnSpan[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1);
    if (last === undefined || span.start >= last.end) merged.push(span);
    else if (span.end > last.end) merged[merged.length - 1] = { ...last, end: span.end };
  }
  return merged;
}

/** Runs of characters that occur in addresses, networks and names; marks around them belong to the sentence. */
const pieces = /[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}._:-]*|::[0-9a-f][0-9a-f:.]*/giu;

function* assetsIn(text: string, assets: Protected<string>): Generator<Place> {
  let done = 0;
  for (const match of text.matchAll(pieces)) {
    if (match.index < done) continue;
    const from = match.index;
    // Nothing without one of them is an address or a name with a parent.
    if (!/[.:]/.test(match[0])) continue;
    const end = from + match[0].length;
    const width = text[end] === '/' ? (/^\/\d{1,3}/.exec(text.slice(end, end + 4))?.[0].length ?? 0) : 0;
    const found = (width > 0 ? assetOf(text.slice(from, end + width), assets) : undefined) ?? assetInPiece(match[0], assets);
    if (found === undefined) continue;
    const place = widen(text, from, end, done);
    done = place.to;
    yield { ...place, reason: 'own_asset', found };
  }
}

/** `alba.es:8443` and `45.90.12.7.` at the end of a sentence. */
function assetInPiece(piece: string, assets: Protected<string>): string | undefined {
  const plain = trimMarks(piece);
  const found = assetOf(plain, assets);
  if (found !== undefined || !plain.includes(':')) return found;
  for (const part of plain.split(':')) {
    const inPart = assetOf(trimMarks(part), assets);
    if (inPart !== undefined) return inPart;
  }
  return undefined;
}

/** A mailbox at an own domain and a page on an own host are as much the sender's as the name itself: the whole word goes. */
function widen(text: string, from: number, to: number, notBefore: number): { from: number; to: number } {
  let start = from;
  while (start > notBefore && beforeHost.test(text[start - 1] ?? '')) start--;
  let end = to;
  if (/[/?#@]/.test(text[end] ?? '')) while (end < text.length && afterHost.test(text[end] ?? '')) end++;
  while (end > from + 1 && /[.,:;?!-]/.test(text[end - 1] ?? '')) end--;
  return { from: start, to: end };
}
const beforeHost = /[\p{L}\p{M}\p{N}._%+~@:/-]/u;
const afterHost = /[\p{L}\p{M}\p{N}._%+~@:/?#&=;!-]/u;

/** Full stops, hyphens and colons at the ends belong to the sentence, but for the two colons of a short IPv6 address. */
function trimMarks(text: string): string {
  let end = text.length;
  while (end > 0 && (isMark(text.charCodeAt(end - 1)) || (text.charCodeAt(end - 1) === 58 && text.charCodeAt(end - 2) !== 58))) end--;
  return text.slice(0, end);
}

const isMark = (c: number): boolean => c === 46 || c === 45;

function assetOf(text: string, assets: Protected<string>): string | undefined {
  const net = parseNet(text.toLowerCase());
  if (net) {
    const size = 1n << BigInt((net.family === 4 ? 32 : 128) - net.prefix);
    if (net.family === 4) return assets.ranges.v4(Number(net.bytes), Number(net.bytes + size - 1n));
    return assets.ranges.v6(net.bytes, net.bytes + size - 1n);
  }
  if (!text.includes('.')) return undefined;
  const suffixes = suffixesOf(text.toLowerCase()) ?? suffixesOf(asciiName(text));
  return suffixes === undefined ? undefined : assets.names.find(suffixes);
}

/** Declared names are in the form of the name system, and people write them with their accents. */
function asciiName(text: string): string {
  if (!/\P{ASCII}/u.test(text)) return '';
  const name = canonicaliseKind('domain', text);
  return name.ok ? name.value : '';
}
