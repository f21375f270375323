import { parseNet } from '#values';
import { type GuardHold, hold } from './verdict.ts';

/**
 * Many narrow networks add up to a wide one, so each can pass while the sum cuts off a provider. How much of the address space is blocked, per
 * neighbourhood: IPv4 addresses per /16, IPv6 sites (/48) per /32.
 */
export type SpreadTotals = {
  readonly v4Addresses: number;
  readonly v6Sites: number;
  readonly v4PerNeighbourhood: ReadonlyMap<number, number>;
  readonly v6PerNeighbourhood: ReadonlyMap<bigint, number>;
};

export const emptySpread: SpreadTotals = { v4Addresses: 0, v6Sites: 0, v4PerNeighbourhood: new Map(), v6PerNeighbourhood: new Map() };

export const spreadLimits = {
  /** Sixteen /24, the width (/20) that two people may release, in one /16. */
  v4PerNeighbourhood: 4096,
  /** Sixty-four /24 in one batch: more than any one campaign has announced. */
  v4PerBatch: 16_384,
  /** A quarter of a thousandth of the IPv4 space, a /12: beyond this blocking is no longer the exception. */
  v4Total: 1_048_576,
  /** 256 sites make a /40, the width that two people may release. */
  v6PerNeighbourhood: 256,
  v6PerBatch: 1024,
  v6Total: 65_536,
} as const;

/** Adds addresses and networks to totals. Nested and repeated ones in one call count once; what is no canonical network counts nothing. */
export function addSpread(totals: SpreadTotals, nets: readonly string[]): SpreadTotals {
  const v4: { first: number; size: number }[] = [];
  const v6 = new Set<bigint>();
  let wide = 0;
  for (const text of nets) {
    const net = parseNet(text);
    if (!net) continue;
    if (net.family === 4) v4.push({ first: Number(net.bytes), size: 2 ** (32 - net.prefix) });
    // Wider than a site: refused or held by the prefix rule, but still summed up.
    else if (net.prefix < 48) wide += 2 ** (48 - net.prefix);
    else v6.add(net.bytes >> 80n);
  }
  v4.sort((a, b) => a.first - b.first || b.size - a.size);
  const v4PerNeighbourhood = new Map(totals.v4PerNeighbourhood);
  const v6PerNeighbourhood = new Map(totals.v6PerNeighbourhood);
  let { v4Addresses, v6Sites } = totals;
  let end = 0;
  for (const { first, size } of v4) {
    if (first < end) continue;
    end = first + size;
    v4Addresses += size;
    const at = Math.floor(first / 65_536);
    v4PerNeighbourhood.set(at, (v4PerNeighbourhood.get(at) ?? 0) + size);
  }
  for (const site of v6) {
    v6Sites += 1;
    const at = site >> 16n;
    v6PerNeighbourhood.set(at, (v6PerNeighbourhood.get(at) ?? 0) + 1);
  }
  return { v4Addresses, v6Sites: v6Sites + wide, v4PerNeighbourhood, v6PerNeighbourhood };
}

/**
 * Whether a batch, on top of what is blocked already, becomes too wide. `totals` must not contain the batch. A hold is about the batch as a
 * whole: its values wait together.
 */
export function judgeSpread(nets: readonly string[], totals: SpreadTotals = emptySpread): GuardHold | undefined {
  const batch = addSpread(emptySpread, nets);
  if (batch.v4Addresses > spreadLimits.v4PerBatch || batch.v6Sites > spreadLimits.v6PerBatch) {
    return spread(`This batch blocks ${batch.v4Addresses} IPv4 addresses and ${batch.v6Sites} IPv6 sites at once.`);
  }
  const sum = addSpread(totals, nets);
  if (sum.v4Addresses > spreadLimits.v4Total && batch.v4Addresses > 0) {
    return spread('With what is blocked already, too many IPv4 addresses would be.');
  }
  if (sum.v6Sites > spreadLimits.v6Total && batch.v6Sites > 0) {
    return spread('With what is blocked already, too many IPv6 sites would be.');
  }
  for (const at of batch.v4PerNeighbourhood.keys()) {
    const blocked = sum.v4PerNeighbourhood.get(at) ?? 0;
    if (blocked > spreadLimits.v4PerNeighbourhood) {
      return spread(`Too many addresses of ${Math.floor(at / 256)}.${at % 256}.0.0/16 would be blocked.`);
    }
  }
  for (const at of batch.v6PerNeighbourhood.keys()) {
    const blocked = sum.v6PerNeighbourhood.get(at) ?? 0;
    if (blocked > spreadLimits.v6PerNeighbourhood) return spread('Too many sites of one IPv6 /32 would be blocked.');
  }
  return undefined;
}

/** Says nothing of how much is blocked already: readers of a verdict may not learn that. */
function spread(message: string): GuardHold {
  return hold('spread', message, 'Send fewer or narrower networks; two people may release the batch.');
}
