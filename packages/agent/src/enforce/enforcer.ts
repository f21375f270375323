import type { Receipt, RemoveReason } from '@rebato/contract';
import type { Alarms } from '../alarms.ts';
import { reasonOf } from '../log.ts';
import type { Channel } from '../state/channel.ts';
import { digestOf, digestText, type EntryKey, keyOf, kindOf, textOf } from '../state/decisions.ts';
import { type LoadedEntry, type Target, type TargetChanges, TargetError } from './target.ts';
import { Wanted, type WantedSources } from './wanted.ts';

/** A change whose outcome the hub is to learn. */
export type Awaited = {
  readonly channel: string;
  readonly version: number;
  readonly id: string;
  readonly key: EntryKey;
  /** For removals the reason, for additions undefined; `ended`: its lease ran out here. */
  readonly removed: RemoveReason | 'ended' | undefined;
};

export type LoadedState = { readonly count: number; readonly digest: string };

export type EnforcerDeps = {
  readonly target: Target;
  readonly sources: WantedSources;
  readonly alarms: Alarms;
  /** Hub time at which an earlier process last looked for leases that end; those that ended since are news. */
  readonly endedSinceMs: number | undefined;
  hubNowMs(): number;
  wallMs(): number;
  /** Resolves when everything taken so far would survive a power cut. */
  durable(): Promise<void>;
  /** Receipts for what has been seen in force, or gone. */
  report(receipts: Receipt[]): void;
  /** What is loaded has changed. */
  changed(): void;
};

const retryFirstMs = 500;
const retryMaxMs = 30_000;
/** The kernel's timeouts may fire this long before the agent's clock says so; that is no drift. */
const expirySlackMs = 3_000;
/** Foreign entries removed at a time; the next comparison finds the rest. */
const foreignMax = 100_000;

/**
 * Brings the control in line with the wanted set, one step at a time: take what has changed, apply it as one, look at the control, and only
 * then say so. What arrives during a step shares the next one, so under load the steps grow instead of queueing.
 */
export class Enforcer {
  readonly wanted: Wanted;
  readonly #deps: EnforcerDeps;
  #touched = new Set<EntryKey>();
  #awaited: Awaited[] = [];
  #refresh = false;
  #reconcile = false;
  #hold = true;
  #emptyIsIntended = false;
  #stopped = false;
  #wake: (() => void) | undefined;
  #finished: Promise<void> | undefined;
  #unenforced = new Set<EntryKey>();
  #opened = false;
  #compared = false;
  #nextEventMs = Number.NEGATIVE_INFINITY;
  #scannedMs = Number.NEGATIVE_INFINITY;
  #busy = false;
  loaded: LoadedState = { count: 0, digest: digestText(0n) };
  driftRepaired = 0;

  constructor(deps: EnforcerDeps) {
    this.#deps = deps;
    this.wanted = new Wanted(deps.target, deps.sources);
    this.#scannedMs = deps.endedSinceMs ?? Number.NEGATIVE_INFINITY;
  }

  start(): void {
    this.#finished = this.#run();
  }
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wakeUp();
    await this.#finished;
    await this.#deps.target.close();
  }

  /** While held the control keeps what it has: the state is not known well enough to remove anything. */
  hold(): void {
    this.#hold = true;
  }
  get held(): boolean {
    return this.#hold;
  }
  /** Everything may have changed: order, guard, a whole channel, the off switch. */
  refresh(sources: WantedSources, options: { readonly emptyIsIntended: boolean }): void {
    this.wanted.setSources(sources);
    this.#emptyIsIntended = options.emptyIsIntended;
    this.#hold = false;
    this.#refresh = true;
    this.#nextEventMs = Number.NEGATIVE_INFINITY;
    this.#wakeUp();
  }
  /** These have changed. */
  take(changes: readonly Awaited[], untilMs: Iterable<number>): void {
    for (const change of changes) {
      this.#touched.add(change.key);
      this.#awaited.push(change);
    }
    for (const ms of untilMs) if (ms < this.#nextEventMs) this.#nextEventMs = ms;
    this.#wakeUp();
  }
  reconcile(): void {
    this.#reconcile = true;
    this.#wakeUp();
  }
  /** True when nothing is under way and all that is wanted was seen in force. */
  get settled(): boolean {
    return !this.#busy && !this.#hold && !this.#refresh && !this.#reconcile && this.#touched.size === 0 && this.wanted.dirty.size === 0;
  }

  /** Leases that end, delays that are over. Walks the channels only when the next such moment has come. */
  tick(channels: Iterable<Channel>, delayMs: number): void {
    const now = this.#deps.hubNowMs();
    if (this.#hold || now < this.#nextEventMs) return;
    const awaited: Awaited[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const channel of channels) {
      const { set } = channel;
      for (let slot = 0; slot < set.slotEnd; slot++) {
        const key = set.keyAt(slot);
        if (key === undefined) continue;
        const untilMs = set.untilMs(slot);
        const dueMs = set.sinceMs(slot) + delayMs;
        const version = channel.head.version;
        if (untilMs <= now) {
          if (untilMs > this.#scannedMs) awaited.push({ channel: channel.head.channel, version, id: set.id(slot), key, removed: 'ended' });
        } else if (untilMs < next) next = untilMs;
        if (delayMs === 0 || untilMs <= now) continue;
        if (dueMs > now) next = Math.min(next, dueMs);
        else if (dueMs > this.#scannedMs)
          awaited.push({ channel: channel.head.channel, version, id: set.id(slot), key, removed: undefined });
      }
    }
    // The first walk only finds out when the next one is due: what ended before is no news.
    const first = this.#scannedMs === Number.NEGATIVE_INFINITY;
    this.#scannedMs = now;
    this.#nextEventMs = next;
    if (!first && awaited.length > 0) this.take(awaited, []);
  }

  /** Receipts for a stretch of a channel, for hubs that have to be told everything: after a snapshot. */
  sweep(channel: Channel, fromSlot: number, max: number): { readonly receipts: Receipt[]; readonly next: number | undefined } {
    const receipts: Receipt[] = [];
    let slot = fromSlot;
    for (; slot < channel.set.slotEnd && receipts.length < max; slot++) {
      const key = channel.set.keyAt(slot);
      if (key === undefined) continue;
      const id = channel.set.id(slot);
      const receipt = this.#receiptFor(
        { channel: channel.head.channel, version: channel.head.version, id, key, removed: undefined },
        channel,
      );
      if (receipt) receipts.push(receipt);
    }
    return { receipts, next: slot < channel.set.slotEnd ? slot : undefined };
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  async #run(): Promise<void> {
    let retryMs = retryFirstMs;
    while (!this.#stopped) {
      const idle =
        this.#hold ||
        (!this.#refresh && !this.#reconcile && this.#touched.size === 0 && this.#awaited.length === 0 && this.wanted.dirty.size === 0);
      if (idle) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      try {
        this.#busy = true;
        await this.#step();
        this.#busy = false;
        retryMs = retryFirstMs;
        this.#deps.alarms.clear('target_failed', this.#deps.target.name);
      } catch (error) {
        this.#busy = false;
        const code = error instanceof TargetError ? error.code : 'target_failed';
        this.#deps.alarms.raise('target_failed', this.#deps.target.name, `${code}: ${reasonOf(error)}`);
        // Whatever was done half is found by reading back.
        this.#reconcile = true;
        await this.#pauseFor(retryMs);
        retryMs = Math.min(retryMaxMs, retryMs * 2);
      }
    }
  }

  async #pauseFor(ms: number): Promise<void> {
    for (let waited = 0; waited < ms && !this.#stopped; waited += 100)
      await new Promise((resolve) => setTimeout(resolve, Math.min(100, ms)));
  }

  async #step(): Promise<void> {
    const { target } = this.#deps;
    if (!this.#opened) {
      await target.open();
      this.#opened = true;
      this.#reconcile = true;
    }
    const awaited = this.#awaited;
    this.#awaited = [];
    try {
      if (this.#refresh) {
        this.#refresh = false;
        this.#touched.clear();
        await this.wanted.refresh(() => this.#deps.hubNowMs(), pause);
      }
      const touched = this.#touched;
      this.#touched = new Set();
      const now = this.#deps.hubNowMs();
      let clear = true;
      for (const key of touched) clear = this.wanted.touch(key, now) && clear;
      if (!clear) await this.wanted.refresh(() => this.#deps.hubNowMs(), pause);
      if (this.wanted.overflowing)
        this.#deps.alarms.raise('capacity', target.name, `more is decided than the ${this.wanted.capacity} entries that fit`);
      else this.#deps.alarms.clear('capacity', target.name);

      const reconcile = this.#reconcile;
      this.#reconcile = false;
      if (reconcile) await this.#compareAndRepair(true);
      else if (this.wanted.dirty.size > 0) await this.#applyDirty();
      // Seen in force; now it also has to be known after a power cut, or a restart would undo it in good faith.
      if (awaited.length > 0) await this.#deps.durable();
    } catch (error) {
      // Nothing is said about these until a later step has succeeded.
      this.#awaited = [...awaited, ...this.#awaited];
      throw error;
    }
    const receipts = awaited.map((one) => this.#receiptFor(one, this.#channelOf(one.channel))).filter((one) => one !== undefined);
    if (receipts.length > 0) this.#deps.report(receipts);
  }

  #channels: ReadonlyMap<string, Channel> | undefined;
  setChannels(channels: ReadonlyMap<string, Channel>): void {
    this.#channels = channels;
  }
  #channelOf(name: string): Channel | undefined {
    return this.#channels?.get(name);
  }

  /** Applies what has changed, and looks; where a cheap look does not convince, everything is read. */
  async #applyDirty(): Promise<void> {
    const { target } = this.#deps;
    const dirty = [...this.wanted.dirty];
    const changes = this.#changesFor(dirty, []);
    await target.apply(changes);
    if (target.confirm && (await target.confirm(changes))) {
      for (const key of dirty) {
        this.wanted.dirty.delete(key);
        this.#unenforced.delete(key);
      }
      this.#setLoaded(
        this.#unenforced.size === 0 ? { count: this.wanted.set.size, digest: digestText(this.wanted.set.digest) } : this.loaded,
      );
      return;
    }
    await this.#compareAndRepair(false);
  }

  #changesFor(keys: Iterable<EntryKey>, foreign: readonly LoadedEntry[]): TargetChanges {
    const now = this.#deps.hubNowMs();
    const add: TargetChanges['add'][number][] = [];
    const remove: LoadedEntry[] = [...foreign];
    for (const key of keys) {
      const slot = this.wanted.set.slot(key);
      if (slot === undefined) remove.push({ kind: kindOf(key), value: textOf(key) });
      else add.push(this.wanted.entry(key, slot, now));
    }
    return { add, remove, all: () => this.wanted.entries(now), count: this.wanted.set.size, emptyIsIntended: this.#emptyIsIntended };
  }

  /** Reads the control, repairs what differs, and reads it again. `periodic`: differences that nobody ordered are drift. */
  async #compareAndRepair(periodic: boolean): Promise<void> {
    const { target, alarms } = this.#deps;
    if (periodic && target.intact && !(await target.intact())) await target.open();
    let difference = await this.#compare();
    if (difference.missing.size > 0 || difference.foreign.length > 0 || this.wanted.dirty.size > 0) {
      const ordered = this.wanted.dirty;
      const unordered = [...difference.missing, ...difference.foreign.map(({ kind, value }) => keyOf(kind, value))].filter(
        (key) => !ordered.has(key),
      );
      await target.apply(this.#changesFor(new Set([...difference.missing, ...ordered]), difference.foreign));
      // The first comparison finds what an earlier process left, which is no drift.
      if (periodic && this.#compared) this.driftRepaired += unordered.length;
      difference = await this.#compare();
    }
    this.#compared = true;
    this.#unenforced = difference.missing;
    this.wanted.dirty.clear();
    if (difference.missing.size > 0 || difference.foreign.length > 0) {
      alarms.raise(
        'not_enforced',
        target.name,
        `${difference.missing.size} entries missing and ${difference.foreign.length} too many after a repair`,
      );
    } else alarms.clear('not_enforced', target.name);
    this.#setLoaded(difference.loaded);
  }

  async #compare(): Promise<{ missing: Set<EntryKey>; foreign: LoadedEntry[]; loaded: LoadedState }> {
    const { set } = this.wanted;
    const seen = new Uint8Array(set.slotEnd);
    const foreign: LoadedEntry[] = [];
    let count = 0;
    let digest = set.digest;
    for await (const entries of this.#deps.target.readBack()) {
      for (const entry of entries) {
        const slot = set.slot(keyOf(entry.kind, entry.value));
        if (slot !== undefined && seen[slot] === 1) continue;
        count++;
        if (slot !== undefined) seen[slot] = 1;
        else {
          digest += digestOf(entry.kind, entry.value, '', null);
          if (foreign.length < foreignMax) foreign.push(entry);
        }
      }
    }
    const missing = new Set<EntryKey>();
    const now = this.#deps.hubNowMs();
    for (let slot = 0; slot < set.slotEnd; slot++) {
      const key = set.keyAt(slot);
      if (key === undefined || seen[slot] === 1) continue;
      digest -= set.digestAt(slot);
      if (set.untilMs(slot) - now > expirySlackMs) missing.add(key);
    }
    return { missing, foreign, loaded: { count, digest: digestText(BigInt.asUintN(256, digest)) } };
  }

  #setLoaded(loaded: LoadedState): void {
    const changed = loaded.digest !== this.loaded.digest || loaded.count !== this.loaded.count;
    this.loaded = loaded;
    if (changed) this.#deps.changed();
  }

  #receiptFor(one: Awaited, channel: Channel | undefined): Receipt | undefined {
    const base = { decision: one.id, channel: one.channel, version: one.version, at: new Date(this.#deps.wallMs()).toISOString() };
    const inForce = this.wanted.set.has(one.key) && !this.#unenforced.has(one.key);
    if (one.removed !== undefined) {
      const state = one.removed === 'expired' || one.removed === 'ended' ? 'expired' : 'withdrawn';
      return inForce ? { ...base, state, reason: 'held_by_other' } : { ...base, state };
    }
    const slot = channel?.set.slot(one.key);
    // Replaced or removed since: that change has a receipt of its own.
    if (!channel || slot === undefined || channel.set.id(slot) !== one.id) return undefined;
    if (channel.set.isAllow(slot))
      return { ...base, state: inForce ? 'refused' : 'applied', ...(inForce ? { reason: 'not_removed' } : {}) };
    if (inForce) return { ...base, state: 'applied' };
    if (this.#unenforced.has(one.key)) return { ...base, state: 'refused', reason: 'not_loaded' };
    const resolution = this.wanted.resolve(one.key, this.#deps.hubNowMs());
    if (!('reason' in resolution)) return { ...base, state: 'refused', reason: 'capacity' };
    const { reason } = resolution;
    if (reason === undefined || reason === 'delayed') return undefined;
    return reason === 'expired' ? { ...base, state: 'expired' } : { ...base, state: 'refused', reason };
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
