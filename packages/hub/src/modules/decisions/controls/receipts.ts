import type { LoadedReport, Receipt } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { Pool } from '#platform/db';
import type { Clock, Log, Metrics } from '#platform/ports';
import type { Control } from './control.ts';
import { fail } from './errors.ts';
import { limits } from './limits.ts';
import {
  type AlarmRow,
  channelNumbers,
  insertReceipts,
  putReports,
  putSeen,
  type ReceiptRow,
  type ReportRow,
  receiptStates,
  ringAlarms,
} from './receipt-store.ts';
import type { Roster } from './roster.ts';
import { createSentLedger } from './sent.ts';
import { markDue } from './toque.ts';

export type ReceiptsDeps = {
  readonly db: Pool;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly roster: Roster;
  /** When the first report of each value that is in force anywhere arrived, by its key. None is known for liftings. */
  readonly firstArrivals: (vkeys: readonly string[]) => Promise<ReadonlyMap<string, Date>>;
};

export type Receipts = {
  /** Resolves with the number of receipts that are on record, after the commit. A repeated receipt counts and changes nothing. */
  take(actor: Actor, receipts: readonly Receipt[], report: LoadedReport | undefined): Promise<number>;
  /** Notes a sign of life; written every few seconds. */
  seen(controlId: string): void;
  /** Signs of life that are not written yet. */
  unwritten(controlId: string): Date | undefined;
  flush(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
};

type Waiting = {
  readonly control: Control;
  readonly receipts: readonly Receipt[];
  readonly report: LoadedReport | undefined;
  readonly at: Date;
  done(recorded: number): void;
  failed(error: unknown): void;
};

type Judged = { readonly row: ReceiptRow } | { readonly alarm: { readonly code: string; readonly detail: string } };

/**
 * Stores receipts. A thousand agents answer one decision within some tens of milliseconds, so what comes together is written together: one
 * statement, one commit, and everybody is answered after it.
 */
export function createReceipts(deps: ReceiptsDeps): Receipts {
  const ledger = createSentLedger(deps);
  const channels = new Map<string, number>();
  const stored = deps.metrics.counter('rebato_receipts_total', 'Receipts of controls by state; "alarm" were not believed', ['state']);
  const timeToBlock = deps.metrics.histogram(
    'rebato_time_to_block_seconds',
    "From a report's arrival to the receipt of a control",
    [],
    [0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600],
  );
  const waiting: Waiting[] = [];
  let waitingReceipts = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  let seen = new Map<string, Date>();
  let seenTimer: NodeJS.Timeout | undefined;

  function schedule(): void {
    if (timer !== undefined || writing !== undefined || waiting.length === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      writing = writeNext().finally(() => {
        writing = undefined;
        schedule();
      });
    }, limits.gatherMs);
  }

  /** One transaction's worth, whole requests only. */
  function nextGroup(): Waiting[] {
    let size = 0;
    let end = 0;
    for (const each of waiting) {
      if (end > 0 && size + each.receipts.length > limits.receiptsPerCommit) break;
      size += each.receipts.length;
      end += 1;
      if (end >= limits.receiptsPerCommit) break;
    }
    waitingReceipts -= size;
    return waiting.splice(0, end);
  }

  async function writeNext(): Promise<void> {
    const group = nextGroup();
    if (group.length === 0) return;
    try {
      const recorded = await write(group);
      for (const [index, each] of group.entries()) each.done(recorded[index] ?? 0);
    } catch (error) {
      deps.log.warn({ err: String(error), requests: group.length }, 'Receipts could not be stored; the agents will send them again.');
      const answer = fail('controls.busy', 'The receipts could not be stored.');
      for (const each of group) each.failed(answer);
    }
  }

  async function write(group: readonly Waiting[]): Promise<number[]> {
    const wanted = group.flatMap(({ control, receipts }) =>
      receipts
        .filter((receipt) => reads(control, receipt.channel))
        .map(({ channel, decision, state, version }) => ({
          channel,
          decision,
          version,
          removal: state === 'withdrawn' || state === 'expired',
        })),
    );
    if (wanted.length > 0) await ledger.load(wanted);
    await loadChannels(new Set(wanted.map(({ channel }) => channel)));
    const first = await deps.firstArrivals([...new Set(wanted.flatMap(({ decision, removal }) => (removal ? [] : [decision])))]);
    const rows: ReceiptRow[] = [];
    const alarms = new Map<string, AlarmRow>();
    const recorded = group.map(({ control, receipts }) => {
      let good = 0;
      for (const receipt of receipts) {
        const judged = judge(control, receipt, first.get(receipt.decision));
        if ('row' in judged) {
          rows.push(judged.row);
          good += 1;
          stored.add({ state: receipt.state });
          continue;
        }
        const key = `${control.id} ${judged.alarm.code}`;
        alarms.set(key, { controlId: control.id, ...judged.alarm, count: (alarms.get(key)?.count ?? 0) + 1 });
        stored.add({ state: 'alarm' });
      }
      return good;
    });
    const reports = new Map<string, ReportRow>();
    for (const { control, report, at } of group) if (report !== undefined) reports.set(control.id, { controlId: control.id, at, report });
    if (rows.length + alarms.size + reports.size === 0) return recorded;
    const times = await deps.db.transaction(async (tx) => {
      const now = deps.clock.now();
      const inserted = rows.length > 0 ? await insertReceipts(tx, rows, now) : [];
      if (inserted.length > 0) await markDue(tx, rows);
      if (reports.size > 0) await putReports(tx, [...reports.values()]);
      if (alarms.size > 0) await ringAlarms(tx, [...alarms.values()], now);
      return inserted;
    });
    for (const { ms } of times) if (ms !== null) timeToBlock.observe(ms / 1000);
    return recorded;
  }

  async function loadChannels(names: ReadonlySet<string>): Promise<void> {
    const missing = [...names].filter((name) => !channels.has(name));
    if (missing.length === 0) return;
    for (const { name, num } of await channelNumbers(deps.db, missing)) channels.set(name, num);
  }

  /** Believed only what can be true: a channel that this control reads, a version that exists, a decision that was sent there. */
  function judge(control: Control, receipt: Receipt, firstAt: Date | undefined): Judged {
    const alarm = (code: string, detail: string): Judged => ({ alarm: { code, detail: detail.slice(0, limits.reasonMaxChars) } });
    const channelNum = reads(control, receipt.channel) ? channels.get(receipt.channel) : undefined;
    if (channelNum === undefined) return alarm('receipt_channel', 'A receipt names a channel that this control does not read.');
    const sent = ledger.sent(receipt.channel, receipt.decision);
    if (sent === undefined)
      return alarm('receipt_unsent', `A receipt names the decision ${receipt.decision}, which was never sent to this control.`);
    if (receipt.version > ledger.version(receipt.channel))
      return alarm('receipt_version', `A receipt names version ${receipt.version}, which does not exist yet.`);
    const removal = receipt.state === 'withdrawn' || receipt.state === 'expired';
    return {
      row: {
        decisionId: receipt.decision,
        controlNum: control.num,
        channelNum,
        state: receiptStates.indexOf(receipt.state),
        version: receipt.version,
        saidAt: receipt.at,
        firstAt: (firstAt ?? sent.arrivedAt).toISOString(),
        laneAt: (removal ? sent.changedAt : sent.arrivedAt).toISOString(),
        enrolledAt: (control.enrolledAt ?? control.createdAt).toISOString(),
        reason: receipt.reason?.slice(0, limits.reasonMaxChars) ?? null,
      },
    };
  }

  async function flushSeen(): Promise<void> {
    if (seen.size === 0) return;
    const taken = seen;
    seen = new Map();
    try {
      await putSeen(deps.db, taken);
    } catch (error) {
      for (const [id, at] of taken) if (!seen.has(id)) seen.set(id, at);
      deps.log.warn({ err: String(error) }, 'Signs of life of controls could not be written; the next try is in a few seconds.');
    }
  }

  async function flush(): Promise<void> {
    while (waiting.length > 0 || writing !== undefined) {
      clearTimeout(timer);
      timer = undefined;
      await (writing ?? writeNext());
    }
    await flushSeen();
  }

  return {
    async take(actor, receipts, report) {
      const control = actor.kind === 'agent' ? await deps.roster.get(actor.id) : undefined;
      if (control === undefined || control.revokedAt !== null) throw fail('controls.not_found', 'Only a control in force sends receipts.');
      const at = deps.clock.now();
      seen.set(control.id, at);
      if (receipts.length === 0 && report === undefined) return 0;
      if (waitingReceipts + receipts.length > limits.receiptsWaiting) throw fail('controls.busy', 'Too many receipts are waiting.');
      waitingReceipts += receipts.length;
      return new Promise<number>((done, failed) => {
        waiting.push({ control, receipts, report, at, done, failed });
        schedule();
      });
    },
    seen: (controlId) => void seen.set(controlId, deps.clock.now()),
    unwritten: (controlId) => seen.get(controlId),
    flush,
    start() {
      seenTimer = setInterval(() => void flushSeen(), limits.seenFlushMs);
      seenTimer.unref();
    },
    async stop() {
      clearInterval(seenTimer);
      await flush();
    },
  };
}

const reads = (control: Control, channel: string): boolean => control.channels.includes(channel) || control.pastChannels.includes(channel);
