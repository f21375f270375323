import { compare, type Entry, hashOf, keyOf } from './entry.ts';
import { limits } from './limits.ts';
import type { Rendered } from './render.ts';

/**
 * A part of a sorted list, never changed: a new list shares all parts but those that differ, and with them their rendered and compressed
 * texts. That is what makes one change in a million cheap.
 */
export type Chunk = {
  readonly entries: readonly Entry[];
  readonly hashes: Uint32Array;
  /** The first end among the entries. */
  readonly firstUntil: number;
  readonly rendered: Map<string, Promise<Rendered>>;
};

export function chunkOf(entries: readonly Entry[]): Chunk {
  const hashes = new Uint32Array(entries.length);
  let firstUntil = Number.POSITIVE_INFINITY;
  for (const [index, entry] of entries.entries()) {
    hashes[index] = hashOf(entry.value);
    if (entry.until < firstUntil) firstUntil = entry.until;
  }
  return { entries, hashes, firstUntil, rendered: new Map() };
}

/** A handful of values is looked for one by one, more of them in one pass. */
const oneByOneMax = 8;

/** Places where these values stand, by chunk. */
export function find(chunks: readonly Chunk[], keys: ReadonlyMap<string, string>): Map<number, Set<number>> {
  const found = new Map<number, Set<number>>();
  const note = (chunk: number, index: number, entry: Entry | undefined): void => {
    if (entry === undefined || !keys.has(keyOf(entry.kind, entry.value))) return;
    const on = found.get(chunk) ?? new Set<number>();
    on.add(index);
    found.set(chunk, on);
  };
  const hashes = new Set([...keys.values()].map(hashOf));
  for (const [number, chunk] of chunks.entries()) {
    if (hashes.size <= oneByOneMax) {
      for (const hash of hashes)
        for (let at = chunk.hashes.indexOf(hash); at >= 0; at = chunk.hashes.indexOf(hash, at + 1)) note(number, at, chunk.entries[at]);
    } else for (let at = 0; at < chunk.hashes.length; at++) if (hashes.has(chunk.hashes[at] ?? 0)) note(number, at, chunk.entries[at]);
  }
  return found;
}

/** The list without some values and with some entries. Values of `add` that stand in the list already are replaced. */
export function apply(chunks: readonly Chunk[], remove: Iterable<readonly [key: string, value: string]>, add: readonly Entry[]): Chunk[] {
  const gone = new Map(remove);
  for (const entry of add) gone.set(keyOf(entry.kind, entry.value), entry.value);
  const found = gone.size > 0 ? find(chunks, gone) : new Map<number, Set<number>>();
  const incoming = new Map<number, Entry[]>();
  for (const entry of add) {
    const number = chunkFor(chunks, entry);
    incoming.set(number, [...(incoming.get(number) ?? []), entry]);
  }
  if (chunks.length === 0) return split([...(incoming.get(0) ?? [])].sort(compare));
  return chunks.flatMap((chunk, number) => {
    const out = found.get(number);
    const into = incoming.get(number);
    if (out === undefined && into === undefined) return [chunk];
    const kept = out === undefined ? [...chunk.entries] : chunk.entries.filter((_entry, index) => !out.has(index));
    return split(into === undefined ? kept : [...kept, ...into].sort(compare));
  });
}

/** The list at a moment: what has run out is left out, whether or not the hub has come to removing it. */
export function inForce(chunks: readonly Chunk[], nowMs: number): readonly Chunk[] {
  if (!chunks.some((chunk) => chunk.firstUntil <= nowMs)) return chunks;
  return chunks.flatMap((chunk) => (chunk.firstUntil > nowMs ? [chunk] : split(chunk.entries.filter((entry) => entry.until > nowMs))));
}

export function split(sorted: readonly Entry[]): Chunk[] {
  if (sorted.length === 0) return [];
  if (sorted.length <= limits.chunkMaxEntries) return [chunkOf(sorted)];
  const out: Chunk[] = [];
  for (let from = 0; from < sorted.length; from += limits.chunkEntries) out.push(chunkOf(sorted.slice(from, from + limits.chunkEntries)));
  return out;
}

/** The last chunk that begins before the entry. */
function chunkFor(chunks: readonly Chunk[], entry: Entry): number {
  let low = 0;
  let high = chunks.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const first = chunks[middle]?.entries[0];
    if (first !== undefined && compare(first, entry) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

export const sizeOf = (chunks: readonly Chunk[]): number => chunks.reduce((sum, chunk) => sum + chunk.entries.length, 0);
