import { type ValueKind, valueKinds } from '@rebato/contract';
import { type EntryKey, keyOf, kindOf, textOf } from '../state/decisions.ts';
import type { Target } from './target.ts';

export type MemoryTarget = Target & { readonly loaded: Set<EntryKey>; has(kind: ValueKind, value: string): boolean };

/** A control that only remembers, with an instant read-back: for benches and tests, where the agent is what is measured. */
export function memoryTarget(options: { readonly kinds?: readonly ValueKind[]; readonly capacity?: number } = {}): MemoryTarget {
  const loaded = new Set<EntryKey>();
  return {
    name: 'memory',
    kinds: new Set(options.kinds ?? valueKinds),
    capacity: options.capacity ?? Number.MAX_SAFE_INTEGER,
    loaded,
    has: (kind, value) => loaded.has(keyOf(kind, value)),
    async open() {},
    async apply({ add, remove }) {
      for (const { kind, value } of remove) loaded.delete(keyOf(kind, value));
      for (const { kind, value } of add) loaded.add(keyOf(kind, value));
    },
    async confirm({ add, remove }) {
      return (
        add.every(({ kind, value }) => loaded.has(keyOf(kind, value))) && !remove.some(({ kind, value }) => loaded.has(keyOf(kind, value)))
      );
    },
    async *readBack() {
      yield [...loaded].map((key) => ({ kind: kindOf(key), value: textOf(key) }));
    },
    async close() {},
  };
}
