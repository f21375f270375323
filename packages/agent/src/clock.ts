import { readFileSync } from 'node:fs';

/** The machine's two clocks. `boot` names the run of the machine during which readings of the monotonic clock can be compared. */
export type MachineClock = { monotonicMs(): number; wallMs(): number; boot(): string };

export const machineClock: MachineClock = {
  // CLOCK_MONOTONIC: common to all processes of the machine, so a restarted agent goes on counting where the last one stopped.
  monotonicMs: () => Number(process.hrtime.bigint() / 1_000_000n),
  wallMs: () => Date.now(),
  boot() {
    try {
      return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    } catch {
      // Without a name no two readings are comparable, which is the careful side.
      return `process-${process.pid}-${Math.round(performance.timeOrigin)}`;
    }
  },
};

/** A reading to be continued by a later process. */
export type ClockRecord = { readonly hubMs: number; readonly monotonicMs: number; readonly wallMs: number; readonly boot: string };

/**
 * What time it is at the hub, from signed times and the monotonic clock alone. Leases end by this clock, so setting the machine's wall clock
 * neither lengthens nor shortens one. It never goes back, except from a guess: after a reboot the time that passed is known from the wall
 * clock only, so that guess may be corrected downwards, once, by the first fresh signed time.
 */
export class HubClock {
  #clock: MachineClock;
  #hubMs: number;
  #atMs: number;
  #guessed: boolean;
  // What an earlier process knew for certain: a guess is never corrected below it.
  readonly #knownMs: number;

  constructor(clock: MachineClock, record?: ClockRecord) {
    this.#clock = clock;
    this.#atMs = clock.monotonicMs();
    this.#knownMs = record?.hubMs ?? 0;
    if (!record) {
      this.#hubMs = 0;
      this.#guessed = true;
    } else if (record.boot === clock.boot()) {
      this.#hubMs = record.hubMs + Math.max(0, this.#atMs - record.monotonicMs);
      this.#guessed = false;
    } else {
      // A wall clock that went back counts as no time passed: what remained of a lease then is what remains now, never more.
      this.#hubMs = record.hubMs + Math.max(0, clock.wallMs() - record.wallMs);
      this.#guessed = true;
    }
  }

  nowMs(): number {
    return this.#hubMs + Math.max(0, this.#clock.monotonicMs() - this.#atMs);
  }

  /** Takes a signed time that is known to be new (its message was not seen before). A late one changes nothing. */
  learn(signedMs: number): void {
    const now = this.nowMs();
    if (signedMs <= now && !(this.#guessed && signedMs > this.#knownMs)) return;
    this.#hubMs = signedMs;
    this.#atMs = this.#clock.monotonicMs();
    this.#guessed = false;
  }

  record(): ClockRecord {
    return { hubMs: this.nowMs(), monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallMs(), boot: this.#clock.boot() };
  }
}
