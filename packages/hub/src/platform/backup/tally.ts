import { createHash } from 'node:crypto';
import type { Manifest } from './form.ts';

export type Counted = Manifest['tables'][number];

const lineFeed = 0x0a;

/** Counts and hashes the rows of one table as they pass. In COPY's text form a line feed ends a row and stands nowhere else. */
export function createTally(of: { readonly schema: string; readonly table: string }) {
  const digest = createHash('sha256');
  let rows = 0;
  let total = 0;
  return {
    add(bytes: Buffer): void {
      digest.update(bytes);
      total += bytes.length;
      for (let at = bytes.indexOf(lineFeed); at !== -1; at = bytes.indexOf(lineFeed, at + 1)) rows += 1;
    },
    end: (): Counted => ({ schema: of.schema, table: of.table, rows, bytes: total, sha256: digest.digest('hex') }),
  };
}
export type Tally = ReturnType<typeof createTally>;
