import type { Batch, ChannelMode } from '@rebato/contract';
import type { ChannelHead } from '../trust/ring.ts';
import { timeMs } from '../trust/shape.ts';
import { DecisionSet, type EntryExtra, type EntryKey, keyOf } from './decisions.ts';

/** Hashes of so many recent versions are remembered, to recognise a repetition of them. A reconnect repeats a handful. */
const rememberedVersions = 32;

/** One channel: the set that the hub has signed, and where in its sequence that is. */
export class Channel {
  head: ChannelHead;
  mode: ChannelMode;
  /** Signing time of the newest message about this channel; nothing older is listened to. */
  createdMs: number;
  readonly set: DecisionSet;
  readonly seen = new Map<number, string>();

  constructor(head: ChannelHead, mode: ChannelMode, createdMs: number, set: DecisionSet) {
    this.head = head;
    this.mode = mode;
    this.createdMs = createdMs;
    this.set = set;
  }

  /** Makes the changes of a batch that was judged to be the next. Adding over an entry keeps its age: an extension is not news. */
  apply(batch: Batch, hash: string): void {
    const sinceMs = timeMs(batch.created);
    // A heartbeat that was signed later may have come first, and knows better.
    if (sinceMs >= this.createdMs) this.setMode(batch.mode, sinceMs);
    for (const change of batch.changes) {
      const key = keyOf(change.kind, change.value);
      if (change.op === 'remove') this.set.delete(key);
      else this.set.put(key, change, extraFor(this, key, sinceMs, this.mode));
    }
    this.head = { ...this.head, version: batch.version, hash };
    this.seen.set(batch.version, hash);
    if (this.seen.size > rememberedVersions) this.seen.delete(batch.version - rememberedVersions);
  }

  /** Returns whether anything changes for the entries: the end of a halt lets in what waited. */
  setMode(mode: ChannelMode, createdMs: number): boolean {
    this.createdMs = Math.max(this.createdMs, createdMs);
    if (this.mode === mode) return false;
    this.mode = mode;
    if (mode === 'normal') for (let slot = 0; slot < this.set.slotEnd; slot++) this.set.release(slot);
    return true;
  }
}

/** Age and waiting state of an entry that arrives: those of the entry that it replaces, if there is one. */
export function extraFor(held: Channel | undefined, key: EntryKey, sinceMs: number, mode: ChannelMode): EntryExtra {
  const slot = held?.set.slot(key);
  if (held === undefined || slot === undefined) return { sinceMs, held: mode === 'halt' };
  return { sinceMs: held.set.sinceMs(slot), held: mode === 'halt' && held.set.isHeld(slot) };
}

export function emptyChannel(channel: string, epoch: number, hash: string): Channel {
  return new Channel({ channel, epoch, version: 0, hash }, 'normal', 0, new DecisionSet());
}
