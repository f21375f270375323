/** Time comes from here, so that tests can move it. */
export type Clock = { now(): Date /** Milliseconds that never jump, for durations. */; monotonicMs(): number };

export const systemClock: Clock = { now: () => new Date(), monotonicMs: () => performance.now() };

/** A clock that stands still until it is told to move. */
export function manualClock(start: Date): Clock & { advance(ms: number): void } {
  let at = start.getTime();
  let mono = 0;
  return {
    now: () => new Date(at),
    monotonicMs: () => mono,
    advance(ms) {
      at += ms;
      mono += ms;
    },
  };
}
