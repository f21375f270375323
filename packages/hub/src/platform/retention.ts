import type { Clock } from './clock.ts';
import type { Pool } from './db.ts';
import type { Log } from './ports.ts';
import { shelfSchema } from './shelf.ts';

/** Something that is kept for a time. `step` deletes at most `limit` rows of before a time in a transaction of its own, and tells how many. */
export type Kept = {
  readonly name: string;
  /** Days; 0 is for ever. */
  readonly days: number;
  step(before: Date, limit: number): Promise<number>;
};

const dayMs = 86_400_000;
/** Rows of one transaction: some tens of milliseconds, so that neither locks nor old row versions are held for long. */
const rowsPerStep = 5_000;
/** Steps of one run and kind. A million rows; what is left goes the next day, and other jobs have their turn. */
const stepsMax = 200;

/** Deletes what has been kept for long enough. Answers the rows by name. */
export async function cutOld(deps: { readonly clock: Clock; readonly log: Log }, kept: readonly Kept[]): Promise<Map<string, number>> {
  const gone = new Map<string, number>();
  for (const { name, days, step } of kept) {
    if (days === 0) continue;
    const before = new Date(deps.clock.now().getTime() - days * dayMs);
    for (let steps = 0; steps < stepsMax; steps += 1) {
      const rows = await step(before, rowsPerStep);
      gone.set(name, (gone.get(name) ?? 0) + rows);
      if (rows === 0) break;
    }
  }
  if ([...gone.values()].some((rows) => rows > 0))
    deps.log.info(Object.fromEntries(gone), 'What had been kept for long enough was deleted.');
  return gone;
}

/** Entries of the log that were numbered before a time; from its beginning, so that no gap is ever inside it. */
export const cutLog = (db: Pool) => (before: Date, limit: number) =>
  db.run`
  delete from bus.entry
   where position in (select position from (select position, bool_and(numbered_at < ${before}) over (order by position) as old
                        from (select position, numbered_at from bus.entry order by position limit ${limit}) e) o where old)`;

/** Entries of a shelf of before a time, from each lane's beginning: whoever comes back with an older cursor begins anew. */
export const cutEntries = (db: Pool, shelf: string) => {
  const schema = db.name(shelfSchema(shelf));
  return (before: Date, limit: number) => db.run`
    delete from ${schema}.entry e
     using (select l.lane, o.position from ${schema}.lane l
             cross join lateral (select at < ${before} as old from ${schema}.entry where lane = l.lane order by position limit 1) first
             cross join lateral (select position, bool_and(at < ${before}) over (order by position) as old
                                   from (select position, at from ${schema}.entry where lane = l.lane order by position limit ${limit}) f) o
             where first.old and o.old limit ${limit}) gone
     where e.lane = gone.lane and e.position = gone.position`;
};
