import { hash } from 'node:crypto';
import { digestModulus, strengths, type ValueKind, valueKinds, type WireChange, type WireDecision } from '@rebato/contract';
import { timeMs } from '../trust/shape.ts';

/** Names an entry: one character for its kind, then the value. One flat string per entry, shared by every structure that speaks of it. */
export type EntryKey = string;

const kindNumbers: ReadonlyMap<string, number> = new Map(valueKinds.map((kind, index) => [kind, index]));
const firstLetter = 97;

export function keyOf(kind: ValueKind, value: string): EntryKey {
  return String.fromCharCode(firstLetter + (kindNumbers.get(kind) ?? 0)) + value;
}
export function kindOf(key: EntryKey): ValueKind {
  return valueKinds[key.charCodeAt(0) - firstLetter] ?? 'other';
}
export function textOf(key: EntryKey): string {
  return key.slice(1);
}

/** What one entry adds to the digest of its set. */
export function digestOf(kind: ValueKind, value: string, id: string, until: string | null): bigint {
  return BigInt(`0x${hash('sha256', `${kind}\n${value}\n${id}\n${until ?? ''}`, 'hex')}`);
}

export function digestText(digest: bigint): string {
  return digest.toString(16).padStart(64, '0');
}

/** One entry as it is handed in and out. */
export type Decision = Omit<WireDecision, 'kind' | 'value'>;

/** `since`: hub time from which a delayed control counts. `held`: came in under a halt and waits for its end. */
export type EntryExtra = { readonly sinceMs: number; readonly held: boolean };

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const allowBit = 1;
const consolidatedBit = 2;
const heldBit = 4;

/** The outcome of a batch, worked out before anything is touched. */
export type PlannedSet = { readonly count: number; readonly digest: string };

/**
 * A set of decisions in columns: 100,000 of them take about 11 MB, a third of what one object each would take. A slot keeps its number while
 * its entry stays, so a walk over the slots may be interrupted by changes.
 */
export class DecisionSet {
  #slots = new Map<EntryKey, number>();
  #keys: (EntryKey | undefined)[] = [];
  #ids: Buffer = Buffer.alloc(0);
  #untilMs: Float64Array = new Float64Array(0);
  #sinceMs: Float64Array = new Float64Array(0);
  #flags: Uint8Array = new Uint8Array(0);
  #confidence: Uint8Array = new Uint8Array(0);
  #free: number[] = [];
  // Ids that are no UUIDs and times that a Date would print otherwise are kept as they came, since the digest is over their text.
  #oddIds = new Map<number, string>();
  #oddUntils = new Map<number, string>();
  #digest = 0n;

  get size(): number {
    return this.#slots.size;
  }
  get digest(): bigint {
    return this.#digest;
  }
  /** Slots in use lie below this. */
  get slotEnd(): number {
    return this.#keys.length;
  }

  slot(key: EntryKey): number | undefined {
    return this.#slots.get(key);
  }
  has(key: EntryKey): boolean {
    return this.#slots.has(key);
  }
  keys(): IterableIterator<EntryKey> {
    return this.#slots.keys();
  }
  keyAt(slot: number): EntryKey | undefined {
    return this.#keys[slot];
  }
  id(slot: number): string {
    const odd = this.#oddIds.get(slot);
    if (odd !== undefined) return odd;
    const hex = this.#ids.toString('hex', slot * 16, slot * 16 + 16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
  /** Milliseconds of hub time, Infinity for "until removed". */
  untilMs(slot: number): number {
    return this.#untilMs[slot] ?? Number.POSITIVE_INFINITY;
  }
  until(slot: number): string | null {
    const ms = this.untilMs(slot);
    return this.#oddUntils.get(slot) ?? (ms === Number.POSITIVE_INFINITY ? null : new Date(ms).toISOString());
  }
  sinceMs(slot: number): number {
    return this.#sinceMs[slot] ?? 0;
  }
  confidence(slot: number): number {
    return this.#confidence[slot] ?? 0;
  }
  isAllow(slot: number): boolean {
    return ((this.#flags[slot] ?? 0) & allowBit) !== 0;
  }
  isConsolidated(slot: number): boolean {
    return ((this.#flags[slot] ?? 0) & consolidatedBit) !== 0;
  }
  isHeld(slot: number): boolean {
    return ((this.#flags[slot] ?? 0) & heldBit) !== 0;
  }
  release(slot: number): void {
    this.#flags[slot] = (this.#flags[slot] ?? 0) & ~heldBit;
  }
  decision(slot: number): Decision {
    return {
      id: this.id(slot),
      action: this.isAllow(slot) ? 'allow' : 'block',
      strength: this.isConsolidated(slot) ? strengths[1] : strengths[0],
      confidence: this.confidence(slot),
      until: this.until(slot),
    };
  }

  /** Adds or replaces. */
  put(key: EntryKey, decision: Decision, extra: EntryExtra): void {
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = this.#free.pop() ?? this.#grow();
      this.#slots.set(key, slot);
      this.#keys[slot] = key;
    } else {
      this.#subtract(key, slot);
      this.#oddIds.delete(slot);
      this.#oddUntils.delete(slot);
    }
    const { id, until } = decision;
    if (uuidPattern.test(id)) this.#ids.write(id.replaceAll('-', ''), slot * 16, 'hex');
    else this.#oddIds.set(slot, id);
    const untilMs = until === null ? Number.POSITIVE_INFINITY : timeMs(until);
    this.#untilMs[slot] = untilMs;
    if (until !== null && new Date(untilMs).toISOString() !== until) this.#oddUntils.set(slot, until);
    this.#sinceMs[slot] = extra.sinceMs;
    this.#confidence[slot] = decision.confidence;
    this.#flags[slot] =
      (decision.action === 'allow' ? allowBit : 0) |
      (decision.strength === strengths[1] ? consolidatedBit : 0) |
      (extra.held ? heldBit : 0);
    this.#digest = BigInt.asUintN(256, this.#digest + digestOf(kindOf(key), textOf(key), id, until));
  }

  delete(key: EntryKey): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    this.#subtract(key, slot);
    this.#slots.delete(key);
    this.#keys[slot] = undefined;
    this.#oddIds.delete(slot);
    this.#oddUntils.delete(slot);
    this.#untilMs[slot] = Number.POSITIVE_INFINITY;
    this.#free.push(slot);
    return true;
  }

  /** What an entry of this set adds to its digest. */
  digestAt(slot: number): bigint {
    const key = this.#keys[slot];
    return key === undefined ? 0n : digestOf(kindOf(key), textOf(key), this.id(slot), this.until(slot));
  }

  /** Count and digest after `changes`, without making them: a batch that lies about either leaves no trace. */
  plan(changes: readonly WireChange[]): PlannedSet {
    const touched = new Map<EntryKey, bigint | undefined>();
    let digest = this.#digest;
    let count = this.size;
    for (const change of changes) {
      const key = keyOf(change.kind, change.value);
      let before = touched.get(key);
      if (before === undefined && !touched.has(key)) {
        const slot = this.#slots.get(key);
        before = slot === undefined ? undefined : this.digestAt(slot);
      }
      const after = change.op === 'add' ? digestOf(change.kind, change.value, change.id, change.until) : undefined;
      digest += (after ?? 0n) - (before ?? 0n);
      count += (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
      touched.set(key, after);
    }
    // Reduced as unsigned, since a difference may be negative on the way.
    return { count, digest: digestText(((digest % digestModulus) + digestModulus) % digestModulus) };
  }

  #subtract(key: EntryKey, slot: number): void {
    this.#digest = BigInt.asUintN(256, this.#digest - digestOf(kindOf(key), textOf(key), this.id(slot), this.until(slot)));
  }

  #grow(): number {
    const slot = this.#keys.length;
    this.#keys.push(undefined);
    if (slot >= this.#flags.length) {
      // Half as much again: a set that doubled would hold twice its memory at the worst moment.
      const capacity = Math.max(16, Math.ceil(slot * 1.5));
      const ids = Buffer.alloc(capacity * 16);
      this.#ids.copy(ids);
      this.#ids = ids;
      this.#untilMs = grown(this.#untilMs, new Float64Array(capacity));
      this.#sinceMs = grown(this.#sinceMs, new Float64Array(capacity));
      this.#flags = grown(this.#flags, new Uint8Array(capacity));
      this.#confidence = grown(this.#confidence, new Uint8Array(capacity));
    }
    return slot;
  }
}

function grown<T extends Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
