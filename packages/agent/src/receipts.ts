import type { LoadedReport, Receipt, ReceiptsRequest } from '@rebato/contract';
import type { Alarms } from './alarms.ts';
import { limits } from './limits.ts';
import { type Log, reasonOf } from './log.ts';
import type { JournalRecord, PendingReceipts } from './state/store.ts';

export type ReceiptSenderDeps = {
  /** Status of the reply; throws when there was none. */
  post(body: ReceiptsRequest): Promise<number>;
  append(record: JournalRecord): void;
  /** The next receipts of a sweep, or undefined while the control is not settled. */
  sweep(
    channel: string,
    fromSlot: number,
    max: number,
  ): { readonly receipts: readonly Receipt[]; readonly next: number | undefined } | undefined;
  report(): LoadedReport;
  reported(report: LoadedReport): void;
  readonly pending: PendingReceipts;
  readonly sweeps: readonly string[];
  readonly reportMs: number;
  readonly backoff: (failures: number) => number;
  readonly alarms: Alarms;
  readonly log: Log;
  monotonicMs(): number;
};

/** Reports that only say that something changed are not sent more often. */
const reportLeastMs = 1_000;

/**
 * Receipts wait in the journal until the hub has them. One request is under way at a time and takes all that has gathered, so a single receipt
 * leaves at once and a flood leaves in thousands. Sending one twice changes nothing at the hub.
 */
export class ReceiptSender {
  readonly #deps: ReceiptSenderDeps;
  #queue: { readonly number: number; readonly receipt: Receipt }[];
  #next: number;
  /** Channel and slot up to which its receipts have been sent. */
  #sweeps = new Map<string, number>();
  #changed = true;
  #reportedMs = Number.NEGATIVE_INFINITY;
  #listening: (() => void) | undefined;
  #interrupt: (() => void) | undefined;
  #stopped = false;
  #finished: Promise<void> | undefined;

  constructor(deps: ReceiptSenderDeps) {
    this.#deps = deps;
    this.#queue = [...deps.pending.receipts];
    this.#next = deps.pending.next;
    for (const channel of deps.sweeps) this.#sweeps.set(channel, 0);
  }

  get waiting(): number {
    return this.#queue.length;
  }
  /** For a rewrite of the state. */
  pending(): PendingReceipts {
    return { next: this.#next, receipts: [...this.#queue] };
  }
  sweeps(): string[] {
    return [...this.#sweeps.keys()];
  }

  start(): void {
    this.#finished = this.#run();
  }
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#interrupt?.();
    await this.#finished;
  }

  push(receipts: readonly Receipt[]): void {
    this.#deps.append({ t: 'receipts', first: this.#next, receipts });
    for (const receipt of receipts) this.#queue.push({ number: this.#next++, receipt });
    if (this.#queue.length > limits.receiptQueue) {
      // The newest say how things stand; the digest in the report shows the hub that it does not know everything.
      this.#queue.splice(0, this.#queue.length - limits.receiptQueue);
      this.#deps.alarms.raise('receipts_dropped', 'hub', `more than ${limits.receiptQueue} receipts were waiting`);
    }
    this.wake();
  }

  /** Everything that is in force of a channel is to be receipted. */
  sweepChannel(channel: string): void {
    this.#sweeps.set(channel, 0);
    this.#deps.append({ t: 'sweep', channel });
    this.wake();
  }
  changed(): void {
    this.#changed = true;
    this.wake();
  }
  wake(): void {
    this.#listening?.();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopped) {
      const now = this.#deps.monotonicMs();
      const sinceReport = now - this.#reportedMs;
      const leastMs = Math.min(reportLeastMs, this.#deps.reportMs);
      const reportDue = sinceReport >= this.#deps.reportMs || (this.#changed && sinceReport >= leastMs);
      const swept = this.#queue.length === 0 ? this.#sweepNext() : undefined;
      if (this.#queue.length === 0 && !swept && !reportDue) {
        await this.#sleep((this.#changed ? leastMs : this.#deps.reportMs) - sinceReport);
        continue;
      }
      const group = this.#queue.slice(0, limits.receiptsPerPost);
      const receipts = swept ? swept.receipts : group.map((one) => one.receipt);
      const report = reportDue || this.#changed ? this.#deps.report() : undefined;
      // Set back before sending: what changes while the request is under way wants a report of its own.
      if (report) this.#changed = false;
      if (await this.#send(report ? { receipts, report } : { receipts })) {
        failures = 0;
        const last = group.at(-1);
        if (last && !swept) {
          this.#queue = this.#queue.filter(({ number }) => number > last.number);
          this.#deps.append({ t: 'sent', upTo: last.number });
        }
        if (swept) this.#sweptTo(swept.channel, swept.from, swept.next);
        if (report) {
          this.#reportedMs = now;
          this.#deps.reported(report);
        }
      } else {
        if (report) this.#changed = true;
        await this.#sleep(this.#deps.backoff(failures++), true);
      }
    }
  }

  #sweepNext(): { channel: string; from: number; receipts: readonly Receipt[]; next: number | undefined } | undefined {
    for (const [channel, from] of this.#sweeps) {
      const found = this.#deps.sweep(channel, from, limits.receiptsPerPost);
      if (!found) continue;
      if (found.receipts.length > 0) return { channel, from, ...found };
      this.#sweptTo(channel, from, found.next);
    }
    return undefined;
  }
  #sweptTo(channel: string, from: number, next: number | undefined): void {
    // A sweep that was started anew meanwhile begins at its beginning.
    if (this.#sweeps.get(channel) !== from) return;
    if (next !== undefined) this.#sweeps.set(channel, next);
    else {
      this.#sweeps.delete(channel);
      this.#deps.append({ t: 'swept', channel });
    }
  }

  async #send(body: ReceiptsRequest): Promise<boolean> {
    const { alarms, log } = this.#deps;
    try {
      const status = await this.#deps.post(body);
      if (status >= 200 && status < 300) {
        alarms.clear('receipts_refused', 'hub');
        return true;
      }
      // The hub will never take these: keeping them would hold back all others for ever.
      if (status === 400 || status === 413 || status === 422) {
        alarms.raise('receipts_refused', 'hub', `the hub answered ${status} to ${body.receipts.length} receipts`);
        return true;
      }
      log('debug', 'receipts not taken', { status });
      return false;
    } catch (error) {
      log('debug', 'receipts not sent', { reason: reasonOf(error) });
      return false;
    }
  }

  /** `deaf`: only the end of the agent ends it, as while backing off. */
  #sleep(ms: number, deaf = false): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#listening = undefined;
        this.#interrupt = undefined;
        resolve();
      };
      const timer = setTimeout(done, Math.max(1, ms));
      this.#interrupt = done;
      if (!deaf) this.#listening = done;
    });
  }
}
