import type { Pool } from '#platform/db';
import { shelfSchema } from '#platform/shelf';

/**
 * Signed batches of before a time, from each lane's beginning. The newest of a lane stays, however old: its hash and mode are what the next one
 * and every heartbeat build on.
 */
export const cutBatches = (db: Pool, shelf: string) => {
  const schema = db.name(shelfSchema(shelf));
  return (before: Date, limit: number) => db.run`
    delete from ${schema}.batch b
     using (select l.lane, o.version from ${schema}.lane l
             cross join lateral (select at < ${before} as old from ${schema}.batch where lane = l.lane order by version limit 1) first
             cross join lateral (select version, bool_and(at < ${before}) over (order by version) as old
                                   from (select version, at from ${schema}.batch where lane = l.lane and version < l.version
                                          order by version limit ${limit}) f) o
             where first.old and o.old limit ${limit}) gone
     where b.lane = gone.lane and b.version = gone.version`;
};

/** Receipts that came before a time. What a decision's sums on its shelf say of them stays. */
export const cutReceipts = (db: Pool) => (before: Date, limit: number) =>
  db.run`
  delete from decisions.receipt
   where ctid = any (array(
     select r.ctid from decisions.control c
      cross join lateral (select ctid from decisions.receipt where control_num = c.num and received_at < ${before} limit ${limit}) r
      limit ${limit}))`;

/** Tokens that enrol nobody any more. */
export const deleteExpiredTokens = (db: Pool, now: Date) => db.run`delete from decisions.enrol_token where expires_at < ${now}`;
