import type { ControlOrder, Envelope } from '@rebato/contract';
import type { Alarms } from './alarms.ts';
import type { HubClock, MachineClock } from './clock.ts';
import type { Awaited } from './enforce/enforcer.ts';
import { type Log, reasonOf } from './log.ts';
import { Channel, extraFor } from './state/channel.ts';
import { keyOf } from './state/decisions.ts';
import type { JournalRecord, LoadedState } from './state/store.ts';
import { bodyHash } from './trust/envelope.ts';
import {
  type ChannelHead,
  judgeBatchEnvelope,
  judgeCertificate,
  judgeHeartbeat,
  judgeNext,
  judgeOrder,
  type KeyRing,
} from './trust/ring.ts';
import { timeMs } from './trust/shape.ts';
import { readSnapshot } from './trust/snapshot.ts';
import { accept, type RefusalCode, refuse } from './verdict.ts';

export type IntakeDeps = {
  readonly ring: KeyRing;
  readonly control: string;
  readonly loaded: LoadedState;
  readonly hubClock: HubClock;
  readonly clock: MachineClock;
  readonly alarms: Alarms;
  readonly log: Log;
  readonly heartbeatMs: number;
  append(record: JournalRecord, durable: boolean): Promise<void>;
  rewrite(): Promise<void>;
  /** These entries have changed; `times` are moments at which something will happen to them. */
  changed(changes: readonly Awaited[], times: readonly number[]): void;
  /** Everything has to be looked at again. */
  sourcesChanged(): void;
  installed(channel: string): void;
};

/** What to do after a message: `behind` asks for the batches in between, `lost` for a snapshot. */
export type Taken = 'taken' | 'repeated' | 'refused' | 'behind' | 'lost';

/** Intervals without a sign of life after which a channel counts as frozen: the protocol's own number. */
const silentIntervals = 3;

/** The one door through which the hub's words reach the state: everything is judged here, and what is refused changes nothing. */
export class Intake {
  ring: KeyRing;
  order: ControlOrder | undefined;
  orderEnvelope: Envelope | undefined;
  readonly channels: Map<string, Channel>;
  readonly #deps: IntakeDeps;
  readonly #floors: Map<string, ChannelHead>;
  /** When, by the monotonic clock, a channel last gave a valid sign of life, and how often it should. */
  readonly #alive = new Map<string, { atMs: number; everyMs: number }>();
  #writes: Promise<void> = Promise.resolve();

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
    this.ring = deps.ring;
    this.channels = deps.loaded.channels;
    this.#floors = new Map(deps.loaded.floors);
    // Expiry is not asked here: what was in force stays in force without the hub.
    if (deps.loaded.certificate) {
      const certified = judgeCertificate(this.ring, deps.loaded.certificate, Number.NEGATIVE_INFINITY);
      if (certified.ok) this.ring = { ...this.ring, certified: certified.value };
    }
    if (deps.loaded.order) this.#restoreOrder(deps.loaded.order);
  }

  #restoreOrder(envelope: Envelope): void {
    const certified = this.ring.certified;
    if (!certified) return;
    // The order may be older than the last rotation or epoch, and was verified when it came; only its text is read again.
    const judged = judgeOrder(this.ring, envelope, Number.NEGATIVE_INFINITY);
    const body = judged.ok ? judged.value.body : (JSON.parse(envelope.body) as ControlOrder);
    if (body.control === this.#deps.control) {
      this.order = body;
      this.orderEnvelope = envelope;
    }
  }

  /** True when every ordered channel is there, in the certified epoch. */
  get complete(): boolean {
    return this.order?.channels.every((name) => this.channels.has(name)) ?? false;
  }

  /** Resolves when all that was taken so far is on the disk. A journal that cannot be written is replaced as a whole. */
  async durable(): Promise<void> {
    try {
      await this.#writes;
      this.#deps.alarms.clear('state_not_durable', 'disk');
    } catch (error) {
      this.#deps.alarms.raise('state_not_durable', 'disk', reasonOf(error));
      this.#keep(this.#deps.rewrite());
      await this.#writes;
      this.#deps.alarms.clear('state_not_durable', 'disk');
    }
  }
  #keep(write: Promise<void>): void {
    const both = Promise.all([this.#writes, write]).then(() => {});
    // A rewrite holds everything, so what failed before it is made good.
    const next = this.#failed ? write : both;
    this.#failed = false;
    next.catch(() => {
      this.#failed = true;
    });
    this.#writes = next;
  }
  #failed = false;

  takeCertificate(input: unknown): Taken {
    const judged = judgeCertificate(this.ring, input, this.#deps.hubClock.nowMs());
    if (!judged.ok) return this.#refused(judged, 'hub');
    const held = this.ring.certified;
    if (held?.envelope.body === judged.value.envelope.body) return 'repeated';
    const raised = held !== undefined && judged.value.body.epoch > held.body.epoch;
    this.ring = { ...this.ring, certified: judged.value };
    this.#keep(this.#deps.append({ t: 'certificate', envelope: judged.value.envelope }, true));
    if (raised) this.#deps.log('warn', 'the root key has begun a new epoch', { epoch: judged.value.body.epoch });
    this.#deps.alarms.clear('certificate_expired', 'hub');
    return raised ? 'lost' : 'taken';
  }

  takeOrder(input: unknown): Taken {
    const judged = judgeOrder(this.ring, input, this.#deps.hubClock.nowMs());
    if (!judged.ok) return this.#refused(judged, 'hub');
    const { body, envelope } = judged.value;
    const held = this.order;
    if (body.control !== this.#deps.control) return this.#refused(refuse('wrong_control', `an order for ${body.control}`), 'hub');
    if (held && held.epoch === body.epoch) {
      if (body.version < held.version) return this.#refused(refuse('older', `order ${body.version}, ${held.version} is held`), 'hub');
      if (body.version === held.version) {
        if (envelope.body === this.orderEnvelope?.body) return 'repeated';
        // A hub may sign the same order anew when its expiry comes near; anything else under one version is a second history.
        const same = JSON.stringify({ ...body, created: '', expires: '' }) === JSON.stringify({ ...held, created: '', expires: '' });
        if (!same) return this.#refused(refuse('forked', `order ${body.version} with other content`), 'hub');
      }
    }
    this.order = body;
    this.orderEnvelope = envelope;
    this.#deps.hubClock.learn(timeMs(body.created));
    this.#keep(this.#deps.append({ t: 'order', envelope }, true));
    for (const name of [...this.channels.keys()]) {
      if (body.channels.includes(name)) continue;
      this.channels.delete(name);
      this.#alive.delete(name);
      this.#keep(this.#deps.append({ t: 'drop', channel: name }, true));
      this.#keep(this.#deps.rewrite());
    }
    this.#deps.alarms.clearAll('hub');
    this.#deps.sourcesChanged();
    return 'taken';
  }

  takeHeartbeat(input: unknown): { readonly taken: Taken; readonly channel: string | undefined } {
    const judged = judgeHeartbeat(this.ring, input, this.#deps.hubClock.nowMs());
    if (!judged.ok) return { taken: this.#refused(judged, 'hub'), channel: undefined };
    const { body } = judged.value;
    const name = body.channel;
    if (!this.order?.channels.includes(name)) return { taken: 'repeated', channel: name };
    const createdMs = timeMs(body.created);
    const channel = this.channels.get(name);
    if (!channel || channel.head.epoch !== body.epoch) return { taken: 'lost', channel: name };
    // An old one proves nothing about now.
    if (createdMs <= channel.createdMs) return { taken: 'repeated', channel: name };
    if (body.version < channel.head.version) {
      return {
        taken: this.#refused(refuse('older', `heartbeat of version ${body.version}, ${channel.head.version} is held`), name),
        channel: name,
      };
    }
    if (body.version === channel.head.version && body.hash !== channel.head.hash) {
      return { taken: this.#refused(refuse('forked', `another batch ${body.version} than the one that is held`), name), channel: name };
    }
    this.#deps.hubClock.learn(createdMs);
    this.#isAlive(name, body.everyMs);
    if (channel.setMode(body.mode, createdMs)) this.#modeChanged(channel);
    this.#deps.alarms.clearAll('hub');
    if (body.version > channel.head.version) return { taken: 'behind', channel: name };
    this.#deps.alarms.clearAll(name);
    return { taken: 'taken', channel: name };
  }

  takeBatch(input: unknown): { readonly taken: Taken; readonly channel: string | undefined } {
    const judged = judgeBatchEnvelope(this.ring, input, this.#deps.hubClock.nowMs());
    if (!judged.ok) return { taken: this.#refused(judged, 'hub'), channel: undefined };
    const { body, envelope } = judged.value;
    const name = body.channel;
    if (!this.order?.channels.includes(name)) return { taken: 'repeated', channel: name };
    const channel = this.channels.get(name);
    const hash = bodyHash(envelope.body);
    const next = judgeNext(channel?.head, body, hash, channel?.seen ?? new Map());
    if (!next.ok) {
      const taken = this.#refused(next, name);
      const followed: Partial<Record<RefusalCode, Taken>> = { gap: 'behind', no_state: 'lost', wrong_epoch: 'lost', broken_chain: 'lost' };
      return { taken: followed[next.code] ?? taken, channel: name };
    }
    if (next.value === 'repeated' || !channel) return { taken: 'repeated', channel: name };
    const planned = channel.set.plan(body.changes);
    if (planned.count !== body.count) {
      this.#refused(refuse('count_mismatch', `batch ${body.version}: ${planned.count} entries, ${body.count} announced`), name);
      return { taken: 'lost', channel: name };
    }
    if (planned.digest !== body.digest) {
      this.#refused(refuse('digest_mismatch', `batch ${body.version} does not add up`), name);
      return { taken: 'lost', channel: name };
    }
    this.#deps.hubClock.learn(timeMs(body.created));
    this.#isAlive(name, undefined);
    const modeBefore = channel.mode;
    this.#keep(this.#deps.append({ t: 'batch', body: envelope.body }, true));
    const replaced = body.changes.map((change) => idAt(channel, keyOf(change.kind, change.value)));
    channel.apply(body, hash);
    if (modeBefore !== channel.mode) this.#modeChanged(channel);
    const times: number[] = [];
    const changes: Awaited[] = [];
    body.changes.forEach((change, index) => {
      const key = keyOf(change.kind, change.value);
      const base = { channel: name, version: body.version, key };
      if (change.op === 'remove') changes.push({ ...base, id: change.id, removed: change.reason });
      else {
        const former = replaced[index];
        if (former !== undefined && former !== change.id) changes.push({ ...base, id: former, removed: 'superseded' });
        changes.push({ ...base, id: change.id, removed: undefined });
        if (change.until !== null) times.push(timeMs(change.until));
        const delayMs = this.order?.delayMs ?? 0;
        if (delayMs > 0) times.push(timeMs(body.created) + delayMs);
      }
    });
    this.#deps.alarms.clearAll(name);
    this.#deps.changed(changes, times);
    return { taken: 'taken', channel: name };
  }

  /** Reads a snapshot of `name`. On refusal nothing has changed. */
  async takeSnapshot(name: string, chunks: AsyncIterable<Uint8Array>): Promise<Taken> {
    const held = this.channels.get(name);
    const read = await readSnapshot(this.ring, chunks, this.#deps.hubClock.nowMs(), (header) => {
      if (header.channel !== name) return refuse('wrong_channel', `a snapshot of ${header.channel}, asked for ${name}`);
      const floor = held?.head ?? this.#floors.get(name);
      if (floor && floor.epoch > header.epoch) return refuse('wrong_epoch', `snapshot of epoch ${header.epoch}, ${floor.epoch} is held`);
      if (floor && floor.epoch === header.epoch) {
        if (header.version < floor.version) return refuse('older', `snapshot of version ${header.version}, ${floor.version} is held`);
        if (header.version === floor.version && header.hash !== floor.hash) return refuse('forked', `another version ${header.version}`);
      }
      const sinceMs = timeMs(header.created);
      return accept((key) => extraFor(held, key, sinceMs, header.mode));
    });
    if (!read.ok) return this.#refused(read, name);
    // A batch that came in while the snapshot was read may have overtaken it.
    if (
      this.channels.get(name) !== held ||
      (held && held.head.epoch === read.value.header.epoch && held.head.version > read.value.header.version)
    ) {
      return 'repeated';
    }
    const { header, set } = read.value;
    const head = { channel: name, epoch: header.epoch, version: header.version, hash: header.hash };
    const createdMs = Math.max(timeMs(header.created), held?.head.epoch === header.epoch ? held.createdMs : 0);
    const channel = new Channel(head, header.mode, createdMs, set);
    this.channels.set(name, channel);
    this.#floors.set(name, head);
    this.#deps.hubClock.learn(timeMs(header.created));
    this.#isAlive(name, undefined);
    // Batches of the old history must not be taken for the new one, should the power fail before the rewrite is complete.
    this.#keep(this.#deps.append({ t: 'drop', channel: name }, false));
    this.#keep(this.#deps.rewrite());
    const gone: Awaited[] = [];
    for (let slot = 0; held && slot < held.set.slotEnd; slot++) {
      const key = held.set.keyAt(slot);
      if (key === undefined || idAt(channel, key) === held.set.id(slot)) continue;
      gone.push({ channel: name, version: header.version, id: held.set.id(slot), key, removed: 'retracted' });
    }
    this.#deps.alarms.clearAll(name);
    this.#deps.sourcesChanged();
    this.#deps.installed(name);
    if (gone.length > 0) this.#deps.changed(gone, []);
    return 'taken';
  }

  /** Raises or clears the alarms about silence. */
  watch(connected: boolean): void {
    const now = this.#deps.clock.monotonicMs();
    for (const name of this.order?.channels ?? []) {
      const alive = this.#alive.get(name) ?? { atMs: now, everyMs: this.#deps.heartbeatMs };
      this.#alive.set(name, alive);
      const silentMs = now - alive.atMs;
      const frozen = silentMs > silentIntervals * alive.everyMs;
      if (frozen)
        this.#deps.alarms.raise(connected ? 'frozen' : 'hub_silent', name, `no sign of life for ${Math.round(silentMs / 1_000)} s`);
    }
    const certified = this.ring.certified;
    if (certified && timeMs(certified.body.expires) <= this.#deps.hubClock.nowMs()) {
      this.#deps.alarms.raise('certificate_expired', 'hub', `the hub's certificate ended ${certified.body.expires}`);
    }
  }

  #isAlive(name: string, everyMs: number | undefined): void {
    const known = this.#alive.get(name)?.everyMs ?? this.#deps.heartbeatMs;
    this.#alive.set(name, { atMs: this.#deps.clock.monotonicMs(), everyMs: everyMs !== undefined && everyMs > 0 ? everyMs : known });
  }

  #modeChanged(channel: Channel): void {
    const { mode, createdMs, head } = channel;
    this.#keep(this.#deps.append({ t: 'mode', channel: head.channel, mode, createdMs }, true));
    this.#deps.log('warn', mode === 'halt' ? 'the hub has halted a channel' : 'a halt has ended', { channel: head.channel });
    if (mode === 'normal') {
      this.#deps.sourcesChanged();
      this.#deps.installed(head.channel);
    }
  }

  #refused(verdict: { readonly code: RefusalCode; readonly detail: string }, subject: string): Taken {
    this.#deps.alarms.raise(verdict.code, subject, verdict.detail);
    return 'refused';
  }
}

function idAt(channel: Channel, key: string): string | undefined {
  const slot = channel.set.slot(key);
  return slot === undefined ? undefined : channel.set.id(slot);
}
