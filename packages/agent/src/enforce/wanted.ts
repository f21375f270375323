import type { ControlOrder } from '@rebato/contract';
import type { Guard } from '../guard/guard.ts';
import { limits } from '../limits.ts';
import type { Channel } from '../state/channel.ts';
import { DecisionSet, type EntryKey, kindOf, textOf } from '../state/decisions.ts';
import type { Target, TargetEntry } from './target.ts';

/** What the wanted set follows from, at one moment. */
export type WantedSources = {
  readonly channels: ReadonlyMap<string, Channel>;
  readonly order: ControlOrder | undefined;
  readonly guard: Guard;
  readonly off: boolean;
};

/** Why a value of a channel is not in force. `undefined`: the order does not ask for it, so nothing is said about it. */
export type NotTaken = { readonly reason: string | undefined; readonly dueMs: number };
export type Resolution = { readonly channel: Channel; readonly slot: number } | NotTaken;

const keysPerSlice = 4_000;
const notAsked: NotTaken = { reason: undefined, dueMs: Number.POSITIVE_INFINITY };

/**
 * The set that should be in force: the union of the ordered channels, minus what is lifted, expired, waiting, refused by the guard or beyond
 * the capacity. Of several decisions on one value the one that lasts longest speaks for it, since the value stays blocked that long.
 */
export class Wanted {
  readonly set = new DecisionSet();
  /** Keys whose place in the control has to change, or was changed and not yet confirmed. */
  readonly dirty = new Set<EntryKey>();
  #sources: WantedSources;
  readonly #target: Pick<Target, 'kinds' | 'capacity'>;
  #nets = 0;
  #overflowing = false;

  constructor(target: Pick<Target, 'kinds' | 'capacity'>, sources: WantedSources) {
    this.#target = target;
    this.#sources = sources;
  }

  get capacity(): number {
    return Math.min(this.#target.capacity, this.#sources.order?.capacity ?? 0);
  }
  /** More is decided than fits; a change may then move others in or out. */
  get overflowing(): boolean {
    return this.#overflowing;
  }
  setSources(sources: WantedSources): void {
    this.#sources = sources;
  }

  resolve(key: EntryKey, nowMs: number): Resolution {
    const { channels, order, guard, off } = this.#sources;
    const kind = kindOf(key);
    if (!order?.kinds.includes(kind)) return notAsked;
    let best: { channel: Channel; slot: number } | undefined;
    let reason: string | undefined;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const name of order.channels) {
      const channel = channels.get(name);
      const slot = channel?.set.slot(key);
      if (!channel || slot === undefined) continue;
      const { set } = channel;
      if (set.untilMs(slot) <= nowMs) reason ??= 'expired';
      else if (set.isAllow(slot)) return { reason: 'lifted', dueMs };
      else if (set.confidence(slot) < order.minConfidence) continue;
      else if (set.isHeld(slot)) reason = 'halt';
      else if (set.sinceMs(slot) + order.delayMs > nowMs) {
        reason = 'delayed';
        dueMs = Math.min(dueMs, set.sinceMs(slot) + order.delayMs);
      } else if (!best || isBetter(set, slot, best.channel.set, best.slot)) best = { channel, slot };
    }
    if (!best) return { reason, dueMs };
    if (off) return { reason: 'switched_off', dueMs };
    if (!this.#target.kinds.has(kind)) return { reason: 'kind_not_supported', dueMs };
    const refused = guard.judge(kind, textOf(key));
    return refused === undefined ? best : { reason: refused, dueMs };
  }

  /** Brings one key up to date. False when only a look at everything can tell, because the control is full. */
  touch(key: EntryKey, nowMs: number): boolean {
    const resolution = this.resolve(key, nowMs);
    if ('reason' in resolution) {
      this.#drop(key);
      return !this.#overflowing;
    }
    if (!this.set.has(key) && !this.#hasRoom(key)) {
      this.#overflowing = true;
      return false;
    }
    this.#take(key, resolution);
    return true;
  }

  /** Looks at every key again, in slices, so that a large set does not hold up what arrives meanwhile. */
  async refresh(nowMs: () => number, pause: () => Promise<void>): Promise<void> {
    let looked = 0;
    const breathe = async (): Promise<void> => {
      if (++looked % keysPerSlice === 0) await pause();
    };
    for (let slot = 0; slot < this.set.slotEnd; slot++) {
      const key = this.set.keyAt(slot);
      if (key === undefined) continue;
      const resolution = this.resolve(key, nowMs());
      if ('reason' in resolution) this.#drop(key);
      else this.#take(key, resolution);
      await breathe();
    }
    this.#overflowing = false;
    for (const name of this.#sources.order?.channels ?? []) {
      const channel = this.#sources.channels.get(name);
      for (let slot = 0; channel && slot < channel.set.slotEnd; slot++) {
        const key = channel.set.keyAt(slot);
        if (key === undefined || this.set.has(key)) continue;
        const resolution = this.resolve(key, nowMs());
        if ('reason' in resolution) continue;
        if (this.#hasRoom(key)) this.#take(key, resolution);
        else this.#overflowing = true;
        await breathe();
      }
    }
    if (this.#overflowing || this.set.size > this.capacity) this.#rank(nowMs());
  }

  /** Everything, as a control takes it. */
  *entries(nowMs: number): Generator<TargetEntry> {
    for (let slot = 0; slot < this.set.slotEnd; slot++) {
      const key = this.set.keyAt(slot);
      if (key !== undefined) yield this.entry(key, slot, nowMs);
    }
  }
  entry(key: EntryKey, slot: number, nowMs: number): TargetEntry {
    const untilMs = this.set.untilMs(slot);
    return {
      kind: kindOf(key),
      value: textOf(key),
      seconds: untilMs === Number.POSITIVE_INFINITY ? undefined : Math.max(0, untilMs - nowMs) / 1_000,
    };
  }

  /** The strongest and newest stay. The wire carries no age, so of equals the one that lasts longer counts as the newer. */
  #rank(nowMs: number): void {
    const best: { key: EntryKey; channel: Channel; slot: number }[] = [];
    const seen = new Set<EntryKey>();
    for (const name of this.#sources.order?.channels ?? []) {
      const channel = this.#sources.channels.get(name);
      for (let slot = 0; channel && slot < channel.set.slotEnd; slot++) {
        const key = channel.set.keyAt(slot);
        if (key === undefined || seen.has(key)) continue;
        seen.add(key);
        const resolution = this.resolve(key, nowMs);
        if (!('reason' in resolution)) best.push({ key, ...resolution });
      }
    }
    best.sort((a, b) => compareRank(a.channel.set, a.slot, b.channel.set, b.slot));
    const kept = new Map<EntryKey, { channel: Channel; slot: number }>();
    let nets = 0;
    for (const one of best) {
      if (kept.size >= this.capacity) break;
      if (kindOf(one.key) === 'net' && ++nets > limits.nets) continue;
      kept.set(one.key, one);
    }
    this.#overflowing = kept.size < best.length;
    for (const key of [...this.set.keys()]) if (!kept.has(key)) this.#drop(key);
    for (const [key, one] of kept) this.#take(key, one);
  }

  #hasRoom(key: EntryKey): boolean {
    return this.set.size < this.capacity && (kindOf(key) !== 'net' || this.#nets < limits.nets);
  }

  #take(key: EntryKey, { channel, slot }: { channel: Channel; slot: number }): void {
    const mine = this.set.slot(key);
    if (mine !== undefined && this.set.untilMs(mine) === channel.set.untilMs(slot) && this.set.id(mine) === channel.set.id(slot)) return;
    if (mine === undefined && kindOf(key) === 'net') this.#nets++;
    this.set.put(key, channel.set.decision(slot), { sinceMs: 0, held: false });
    this.dirty.add(key);
  }

  #drop(key: EntryKey): void {
    if (!this.set.delete(key)) return;
    if (kindOf(key) === 'net') this.#nets--;
    this.dirty.add(key);
  }
}

function isBetter(a: DecisionSet, aSlot: number, b: DecisionSet, bSlot: number): boolean {
  const later = a.untilMs(aSlot) - b.untilMs(bSlot);
  // Infinity minus infinity is no number: both last for ever.
  if (later > 0 || later < 0) return later > 0;
  return compareRank(a, aSlot, b, bSlot) < 0;
}

/** Negative if `a` ranks before `b`: consolidated first, then the surer, then the one that lasts longer, then by id, so that all agree. */
function compareRank(a: DecisionSet, aSlot: number, b: DecisionSet, bSlot: number): number {
  const strength = Number(b.isConsolidated(bSlot)) - Number(a.isConsolidated(aSlot));
  if (strength !== 0) return strength;
  const confidence = b.confidence(bSlot) - a.confidence(aSlot);
  if (confidence !== 0) return confidence;
  if (a.untilMs(aSlot) !== b.untilMs(bSlot)) return a.untilMs(aSlot) > b.untilMs(bSlot) ? -1 : 1;
  return a.id(aSlot) < b.id(bSlot) ? -1 : 1;
}
