import { parseNet } from '#values';

/**
 * An immutable set of networks that answers "does this address or network touch one of them, and which". Two networks either nest or are
 * apart, so only the outermost ones are kept: they are disjoint, sorted, and a look-up is one binary search.
 */
export type RangeIndex<T> = {
  /** Numbers for IPv4: first and last address. */
  v4(first: number, last: number): T | undefined;
  v6(first: bigint, last: bigint): T | undefined;
  readonly size: number;
};

export type RangeEntry<T> = { readonly net: string; readonly item: T };

/** Builds an index. Entries that are no canonical network are left out and counted: the caller says so. */
export function indexRanges<T>(entries: Iterable<RangeEntry<T>>): RangeIndex<T> & { readonly left: number } {
  const items: T[] = [];
  const known = new Map<T, number>();
  const v4: number[] = [];
  const v6: { first: bigint; last: bigint; item: number }[] = [];
  let left = 0;
  for (const { net: text, item } of entries) {
    const net = parseNet(text);
    if (!net) {
      left++;
      continue;
    }
    let at = known.get(item);
    if (at === undefined) {
      at = items.length;
      known.set(item, at);
      items.push(item);
    }
    if (net.family === 4) v4.push(packV4(Number(net.bytes), net.prefix, at));
    else v6.push({ first: net.bytes, last: net.bytes | ((1n << BigInt(128 - net.prefix)) - 1n), item: at });
  }
  const four = sortV4(v4);
  const six = sortV6(v6);
  return {
    left,
    size: four.firsts.length + six.length,
    v4(first, last) {
      const at = findV4(four.firsts, four.lasts, first, last);
      return at < 0 ? undefined : items[four.items[at] ?? 0];
    },
    v6(first, last) {
      const at = findV6(six, first, last);
      return at < 0 ? undefined : items[six[at]?.item ?? 0];
    },
  };
}

/** 15 bits name the item: more distinct items than this would not fit into the 53 bits of one sortable number. */
const maxItems = 32_768;

/** Start, prefix and item in one float, so that a typed array sorts 100,000 of them in some milliseconds; wider nets first. */
function packV4(first: number, prefix: number, item: number): number {
  if (item >= maxItems) throw new RangeError(`more than ${maxItems} different owners in one range index`);
  return (first * 64 + prefix) * maxItems + item;
}

type V4Table = { readonly firsts: Uint32Array; readonly lasts: Uint32Array; readonly items: Uint16Array };

function sortV4(packed: readonly number[]): V4Table {
  const sorted = Float64Array.from(packed).sort();
  const firsts = new Uint32Array(sorted.length);
  const lasts = new Uint32Array(sorted.length);
  const items = new Uint16Array(sorted.length);
  let kept = 0;
  let end = -1;
  for (const one of sorted) {
    const item = one % maxItems;
    const rest = (one - item) / maxItems;
    const prefix = rest % 64;
    const first = (rest - prefix) / 64;
    if (first <= end) continue;
    end = first + 2 ** (32 - prefix) - 1;
    firsts[kept] = first;
    lasts[kept] = end;
    items[kept] = item;
    kept++;
  }
  return { firsts: firsts.slice(0, kept), lasts: lasts.slice(0, kept), items: items.slice(0, kept) };
}

function findV4(firsts: Uint32Array, lasts: Uint32Array, first: number, last: number): number {
  let low = 0;
  let high = lasts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lasts[middle] as number) < first) low = middle + 1;
    else high = middle;
  }
  return low < firsts.length && (firsts[low] as number) <= last ? low : -1;
}

type V6Row = { readonly first: bigint; readonly last: bigint; readonly item: number };

function sortV6(rows: V6Row[]): V6Row[] {
  // Wider nets first among those that start alike.
  rows.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : a.last > b.last ? -1 : a.last < b.last ? 1 : 0));
  const kept: V6Row[] = [];
  let end = -1n;
  for (const row of rows) {
    if (row.first <= end) continue;
    end = row.last;
    kept.push(row);
  }
  return kept;
}

function findV6(rows: readonly V6Row[], first: bigint, last: bigint): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle] as V6Row).last < first) low = middle + 1;
    else high = middle;
  }
  return low < rows.length && (rows[low] as V6Row).first <= last ? low : -1;
}
