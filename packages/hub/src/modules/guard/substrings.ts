import { substringMinChars } from './limits.ts';

/** Which of many short texts occurs somewhere in a value. */
export type SubstringIndex<T> = { find(value: string, wanted: (item: T) => boolean): T | undefined; readonly size: number };

/**
 * Texts filed under their first four characters: a look-up takes one map access per character of the value, not one search per text.
 * Comparison ignores ASCII case. Texts shorter than four characters must not come here.
 */
export function indexSubstrings<T>(texts: Iterable<{ readonly text: string; readonly item: T }>): SubstringIndex<T> {
  const buckets = new Map<string, { readonly text: string; readonly item: T }[]>();
  let size = 0;
  for (const { text, item } of texts) {
    const lower = text.toLowerCase();
    const key = lower.slice(0, substringMinChars);
    const bucket = buckets.get(key);
    if (bucket) bucket.push({ text: lower, item });
    else buckets.set(key, [{ text: lower, item }]);
    size++;
  }
  return {
    size,
    find(value, wanted) {
      if (size === 0) return undefined;
      const lower = value.toLowerCase();
      for (let i = 0; i + substringMinChars <= lower.length; i++) {
        const bucket = buckets.get(lower.slice(i, i + substringMinChars));
        for (const one of bucket ?? []) if (lower.startsWith(one.text, i) && wanted(one.item)) return one.item;
      }
      return undefined;
    },
  };
}
