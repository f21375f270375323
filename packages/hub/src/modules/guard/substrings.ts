import { substringMinChars } from './limits.ts';

/** Which of many short texts occurs somewhere in a value. */
export type SubstringIndex<T> = { find(value: string, wanted: (item: T) => boolean): T | undefined; readonly size: number };

/** 2^18 marks, so that the largest list allowed (50,000 texts) fills a fifth of them and most positions cost one array access. */
const markBits = 18;

/**
 * Texts filed under their first four characters. A table of marks tells, for each position of a value, whether any text can start there;
 * only then is the file opened. Comparison ignores ASCII case. Texts shorter than four characters must not come here.
 */
export function indexSubstrings<T>(texts: Iterable<{ readonly text: string; readonly item: T }>): SubstringIndex<T> {
  const buckets = new Map<string, { readonly text: string; readonly item: T }[]>();
  const marks = new Uint8Array(2 ** markBits);
  let size = 0;
  for (const { text, item } of texts) {
    const lower = text.toLowerCase();
    const key = lower.slice(0, substringMinChars);
    const bucket = buckets.get(key);
    if (bucket) bucket.push({ text: lower, item });
    else buckets.set(key, [{ text: lower, item }]);
    let four = 0;
    for (let i = 0; i < substringMinChars; i++) four = (four >>> 8) | (lower.charCodeAt(i) << 24);
    marks[markOf(four)] = 1;
    size++;
  }
  return {
    size,
    find(value, wanted) {
      if (size === 0) return undefined;
      const lower = value.toLowerCase();
      let four = 0;
      for (let end = 1; end <= lower.length; end++) {
        four = (four >>> 8) | (lower.charCodeAt(end - 1) << 24);
        if (end < substringMinChars || marks[markOf(four)] === 0) continue;
        const at = end - substringMinChars;
        const bucket = buckets.get(lower.slice(at, end));
        for (const one of bucket ?? []) if (lower.startsWith(one.text, at) && wanted(one.item)) return one.item;
      }
      return undefined;
    },
  };
}

/** The place of four characters, one in each byte, in the table (multiplicative hashing). Characters beyond Latin-1 may share a place. */
function markOf(four: number): number {
  return Math.imul(four, 0x9e3779b1) >>> (32 - markBits);
}
