import { limits } from './limits.ts';

export type Alarm = { readonly code: string; readonly detail: string; readonly at: string };

/**
 * What is wrong now and what went wrong since the last report. One alarm per code and subject, so that a hub that repeats its mistake a
 * thousand times a second fills neither the memory nor the report.
 */
export class Alarms {
  #standing = new Map<string, Alarm>();
  #passed = new Map<string, Alarm>();
  readonly #wallMs: () => number;
  readonly #onRaise: (alarm: Alarm) => void;

  constructor(wallMs: () => number, onRaise: (alarm: Alarm) => void) {
    this.#wallMs = wallMs;
    this.#onRaise = onRaise;
  }

  /** `subject` tells alarms of one code apart: a channel, a target. */
  raise(code: string, subject: string, detail: string): void {
    const name = `${code} ${subject}`;
    const fresh = !this.#standing.has(name);
    if (fresh && this.#standing.size >= limits.alarms) return;
    const alarm = { code, detail: detail.slice(0, 300), at: new Date(this.#wallMs()).toISOString() };
    this.#standing.set(name, alarm);
    if (fresh) this.#onRaise(alarm);
  }

  /** The cause is gone. The alarm still reaches the next report. */
  clear(code: string, subject: string): void {
    const name = `${code} ${subject}`;
    const alarm = this.#standing.get(name);
    if (!alarm) return;
    this.#standing.delete(name);
    if (this.#passed.size < limits.alarms) this.#passed.set(name, alarm);
  }

  /** Everything about one subject is well again. */
  clearAll(subject: string): void {
    for (const [name, { code }] of this.#standing) if (name === `${code} ${subject}`) this.clear(code, subject);
  }

  standing(): Alarm[] {
    return [...this.#standing.values()];
  }
  all(): Alarm[] {
    return [...this.#passed.values(), ...this.#standing.values()].slice(0, limits.alarms);
  }
  /** A report with these has arrived. */
  reported(sent: readonly Alarm[]): void {
    for (const [name, alarm] of this.#passed) if (sent.includes(alarm)) this.#passed.delete(name);
  }
}
