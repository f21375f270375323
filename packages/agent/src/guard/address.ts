/**
 * Addresses and prefixes, read strictly: what is not the one canonical spelling is no address here. Decimal IPv4 without leading zeros, IPv6
 * as RFC 5952 prints it, a prefix with its host bits zero. IPv4 counts in numbers, IPv6 in bigints.
 */
export type Span =
  | { readonly family: 4; readonly from: number; readonly to: number; readonly bits: number }
  | { readonly family: 6; readonly from: bigint; readonly to: bigint; readonly bits: number };

export function parseV4(text: string): number | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (part.length === 0 || part.length > 3 || (part.length > 1 && part[0] === '0')) return undefined;
    let octet = 0;
    for (let at = 0; at < part.length; at++) {
      const digit = part.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9) return undefined;
      octet = octet * 10 + digit;
    }
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return value;
}

export function printV4(value: number): string {
  return `${Math.floor(value / 2 ** 24)}.${Math.floor(value / 2 ** 16) % 256}.${Math.floor(value / 256) % 256}.${value % 256}`;
}

const groupPattern = /^[0-9a-f]{1,4}$/;

export function parseV6(text: string): bigint | undefined {
  if (text.length < 2 || text.length > 39) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string | undefined): string[] => (half === undefined || half === '' ? [] : half.split(':'));
  const head = groups(halves[0]);
  const tail = groups(halves[1]);
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...head, ...new Array<string>(missing).fill('0'), ...tail]) {
    if (!groupPattern.test(group)) return undefined;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  // Only the one printed form passes: no capitals, no leading zeros, the longest run of zeros shortened.
  return printV6(value) === text ? value : undefined;
}

export function printV6(value: bigint): string {
  const groups: string[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(((value >> shift) & 0xffffn).toString(16));
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === '0') length++;
    if (length > bestLength) {
      bestStart = start;
      bestLength = length;
    }
  }
  if (bestStart < 0) return groups.join(':');
  return `${groups.slice(0, bestStart).join(':')}::${groups.slice(bestStart + bestLength).join(':')}`;
}

export function parseAddress(text: string): Span | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { family: 4, from: v4, to: v4, bits: 32 };
  const v6 = parseV6(text);
  return v6 === undefined ? undefined : { family: 6, from: v6, to: v6, bits: 128 };
}

export function parseNet(text: string): Span | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const length = text.slice(slash + 1);
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(length)) return undefined;
  const bits = Number(length);
  const address = parseAddress(text.slice(0, slash));
  if (!address || bits > address.bits) return undefined;
  if (address.family === 4) {
    const size = 2 ** (32 - bits);
    return address.from % size === 0 ? { family: 4, from: address.from, to: address.from + size - 1, bits } : undefined;
  }
  const size = 1n << BigInt(128 - bits);
  return address.from % size === 0n ? { family: 6, from: address.from, to: address.from + size - 1n, bits } : undefined;
}

export function contains(outer: Span, inner: Span): boolean {
  return outer.family === inner.family && outer.from <= inner.from && outer.to >= inner.to;
}

/** Addresses of many spans, merged, so that a look-up is two binary searches however many there are. */
export class SpanSet {
  readonly #v4: readonly { from: number | bigint; to: number | bigint }[];
  readonly #v6: readonly { from: number | bigint; to: number | bigint }[];

  constructor(spans: Iterable<Span>) {
    const all = [...spans];
    this.#v4 = merged(all.filter((span) => span.family === 4));
    this.#v6 = merged(all.filter((span) => span.family === 6));
  }

  /** True if the two have an address in common: the one inside the other, or the other way round. */
  overlaps(span: Span): boolean {
    const list = span.family === 4 ? this.#v4 : this.#v6;
    let low = 0;
    let high = list.length;
    // The first span that does not end before this one begins.
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = list[middle];
      if (at !== undefined && at.to < span.from) low = middle + 1;
      else high = middle;
    }
    const found = list[low];
    return found !== undefined && found.from <= span.to;
  }
}

function merged(spans: readonly Span[]): { from: number | bigint; to: number | bigint }[] {
  const sorted = spans.map(({ from, to }) => ({ from: from as number | bigint, to: to as number | bigint }));
  sorted.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const result: { from: number | bigint; to: number | bigint }[] = [];
  for (const span of sorted) {
    const last = result.at(-1);
    if (last && span.from <= last.to) last.to = span.to > last.to ? span.to : last.to;
    else result.push(span);
  }
  return result;
}
