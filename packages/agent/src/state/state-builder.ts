import type { Envelope, Receipt } from '@rebato/contract';
import type { ClockRecord } from '../clock.ts';
import { bodyHash } from '../trust/envelope.ts';
import { type ChannelHead, judgeNext } from '../trust/ring.ts';
import { readBatch } from '../trust/shape.ts';
import type { Channel } from './channel.ts';
import { digestText } from './decisions.ts';
import type { JournalRecord, LoadedState } from './store.ts';

/** Puts a state together from a set and the records after it. */
export class StateBuilder {
  torn = false;
  damaged: string | undefined;
  #certificate: Envelope | undefined;
  #order: Envelope | undefined;
  #clock: ClockRecord | undefined;
  #channels = new Map<string, Channel>();
  #expected = new Map<string, { count: number; digest: string }>();
  #floors = new Map<string, ChannelHead>();
  #receipts = new Map<number, Receipt>();
  #nextReceipt = 1;
  #sweeps = new Set<string>();

  damage(reason: string): void {
    this.damaged ??= reason;
  }

  raiseFloor(head: ChannelHead): void {
    const floor = this.#floors.get(head.channel);
    if (!floor || head.epoch > floor.epoch || (head.epoch === floor.epoch && head.version > floor.version))
      this.#floors.set(head.channel, head);
  }

  start(
    certificate: Envelope | undefined,
    order: Envelope | undefined,
    clock: ClockRecord | undefined,
    channels: readonly Channel[],
  ): void {
    this.#certificate = certificate;
    this.#order = order;
    this.#clock = clock;
    for (const channel of channels) this.#channels.set(channel.head.channel, channel);
  }

  replay(record: JournalRecord): void {
    switch (record.t) {
      case 'batch':
        this.#replayBatch(record.body);
        break;
      case 'mode':
        this.#channels.get(record.channel)?.setMode(record.mode, record.createdMs);
        break;
      case 'drop':
        this.#channels.delete(record.channel);
        this.#expected.delete(record.channel);
        // Its snapshot should have followed as a new generation.
        this.torn = true;
        break;
      case 'certificate':
        this.#certificate = record.envelope;
        break;
      case 'order':
        this.#order = record.envelope;
        break;
      case 'clock':
        this.#clock = { hubMs: record.hubMs, monotonicMs: record.monotonicMs, wallMs: record.wallMs, boot: record.boot };
        break;
      case 'receipts':
        for (const [index, receipt] of record.receipts.entries()) this.#receipts.set(record.first + index, receipt);
        this.#nextReceipt = Math.max(this.#nextReceipt, record.first + record.receipts.length);
        break;
      case 'sent':
        for (const number of this.#receipts.keys()) if (number <= record.upTo) this.#receipts.delete(number);
        break;
      case 'sweep':
        this.#sweeps.add(record.channel);
        break;
      case 'swept':
        this.#sweeps.delete(record.channel);
        break;
    }
  }

  /** The digest is judged at the end only: a set that was written while changes went on holds some of them before their turn. */
  #replayBatch(body: string): void {
    let batch: ReturnType<typeof readBatch>;
    try {
      batch = readBatch(JSON.parse(body));
    } catch {
      batch = undefined;
    }
    if (!batch) {
      this.damage('a batch in the journal is unreadable');
      return;
    }
    const hash = bodyHash(body);
    this.raiseFloor({ channel: batch.channel, epoch: batch.epoch, version: batch.version, hash });
    const channel = this.#channels.get(batch.channel);
    // Its snapshot did not reach the disk: the hub sends it again.
    if (!channel) {
      this.torn = true;
      return;
    }
    const judged = judgeNext(channel.head, batch, hash, channel.seen);
    if (!judged.ok) this.damage(`journal: ${judged.detail}`);
    if (!judged.ok || judged.value === 'repeated') return;
    channel.apply(batch, hash);
    this.#expected.set(batch.channel, { count: batch.count, digest: batch.digest });
  }

  finish(): LoadedState {
    for (const [name, { count, digest }] of this.#expected) {
      const set = this.#channels.get(name)?.set;
      if (set && (set.size !== count || digestText(set.digest) !== digest)) this.damage(`${name}: the set does not add up to its digest`);
    }
    const receipts = [...this.#receipts].sort(([a], [b]) => a - b).map(([number, receipt]) => ({ number, receipt }));
    return {
      certificate: this.#certificate,
      order: this.#order,
      clock: this.#clock,
      channels: this.damaged === undefined ? this.#channels : new Map(),
      receipts: { next: this.#nextReceipt, receipts },
      sweeps: [...this.#sweeps],
      torn: this.torn,
      damaged: this.damaged,
      floors: this.#floors,
    };
  }
}
