/** What grows, and for how long it is kept. Belongs to the composition root. */
import { cutBatches, cutReceipts } from '#decisions';
import type { Pool } from '#platform/db';
import { cutEntries, cutLog, type Kept } from '#platform/retention';

/** Days; 0 and what is not said are for ever. */
export type KeepDays = { readonly receipts?: number; readonly batches?: number; readonly entries?: number; readonly log?: number };

export function keptFor(db: Pool, shelves: readonly string[], { receipts = 0, batches = 0, entries = 0, log = 0 }: KeepDays): Kept[] {
  return [
    { name: 'log', days: log, step: cutLog(db) },
    { name: 'receipts', days: receipts, step: cutReceipts(db) },
    ...shelves.flatMap((shelf) => [
      { name: `entries of ${shelf}`, days: entries, step: cutEntries(db, shelf) },
      { name: `batches of ${shelf}`, days: batches, step: cutBatches(db, shelf) },
    ]),
  ];
}
