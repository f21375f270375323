import type { ValueKind } from '@rebato/contract';

/** One value of a list. */
export type Entry = {
  readonly kind: ValueKind;
  readonly value: string;
  /** 0 lease, 1 consolidated. */
  readonly strength: number;
  readonly confidence: number;
  /** Milliseconds of the last change. */
  readonly at: number;
  /** Milliseconds; Infinity: until removed. */
  readonly until: number;
};

export const keyOf = (kind: ValueKind, value: string): string => `${kind} ${value}`;

/** 32 bits for finding a value among a million; equality is checked on the value. FNV-1a. */
export function hashOf(value: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < value.length; at++) hash = Math.imul(hash ^ value.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** Strongest first, then surest, then newest: devices cut off the end. By value at last, so that the order is one; of one value the longest. */
export function compare(a: Entry, b: Entry): number {
  return (
    b.strength - a.strength ||
    b.confidence - a.confidence ||
    b.at - a.at ||
    (a.value < b.value
      ? -1
      : a.value > b.value
        ? 1
        : a.kind < b.kind
          ? -1
          : a.kind > b.kind
            ? 1
            : a.until > b.until
              ? -1
              : a.until < b.until
                ? 1
                : 0)
  );
}
