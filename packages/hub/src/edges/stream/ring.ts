import { limits } from './limits.ts';

/** The newest frames of a sequence, numbered without gaps, bounded in number and bytes. */
export type Ring<T> = {
  push(number: number, item: T, bytes: number): void;
  /** Items after `number`, or undefined when some of them are not here any more. */
  after(number: number): readonly T[] | undefined;
  clear(): void;
};

export function createRing<T>(): Ring<T> {
  let items: { readonly item: T; readonly bytes: number }[] = [];
  let first = 0;
  let size = 0;
  return {
    push(number, item, bytes) {
      if (items.length === 0 || number !== first + items.length) {
        items = [];
        size = 0;
        first = number;
      }
      items.push({ item, bytes });
      size += bytes;
      let drop = 0;
      while (items.length - drop > limits.ringFrames || (size > limits.ringBytes && items.length - drop > 0)) {
        size -= items[drop]?.bytes ?? 0;
        drop += 1;
      }
      if (drop > 0) {
        items = items.slice(drop);
        first += drop;
      }
    },
    after(number) {
      if (items.length === 0 || number + 1 < first || number >= first + items.length) return undefined;
      return items.slice(number + 1 - first).map(({ item }) => item);
    },
    clear() {
      items = [];
      size = 0;
    },
  };
}
