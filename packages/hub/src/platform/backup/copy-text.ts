import { damaged } from './errors.ts';

/** The trail's longest line: 8 KiB of detail and some texts, each byte escaped at most into two. */
const lineMaxBytes = 256 * 1024;
const lineFeed = 0x0a;

const letters: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** One field of COPY's text form. */
export const fieldOf = (raw: string): string | null =>
  raw === '\\N' ? null : raw.replace(/\\([^0-9x])/g, (_, letter: string) => letters[letter] ?? letter);

/** Puts the rows of a table together from pieces that are cut anywhere, and hands each on. */
export function createLines(columns: readonly string[], take: (row: ReadonlyMap<string, string | null>) => void) {
  let rest = Buffer.alloc(0);
  return {
    add(bytes: Buffer): void {
      let held = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      for (let end = held.indexOf(lineFeed); end !== -1; end = held.indexOf(lineFeed)) {
        const fields = held.toString('utf8', 0, end).split('\t');
        if (fields.length !== columns.length) throw damaged('a row has not as many fields as its table');
        take(new Map(columns.map((name, index) => [name, fieldOf(fields[index] ?? '')])));
        held = held.subarray(end + 1);
      }
      if (held.length > lineMaxBytes) throw damaged('a row is longer than any');
      rest = Buffer.from(held);
    },
  };
}
