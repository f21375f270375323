/**
 * How long to wait after so many failures: doubling, and drawn evenly from the upper half, so that a thousand agents that lost the same hub do
 * not come back in the same moment.
 */
export function backoffMs(failures: number, firstMs: number, maxMs: number, random: () => number): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 20));
  return full / 2 + (full / 2) * random();
}
