import type { Db, Tx } from '#platform/db';

/** An entity's time on one shelf, as the leader carried it out. `until` null: today. `settled`: what it keeps has been copied there. */
export type Reading = {
  readonly id: number;
  readonly shelf: string;
  readonly since: Date;
  readonly settled: boolean;
};

/** Where the entity reads today, and where its controls read: the newest time that is settled. Undefined before the leader has heard of it. */
export async function readReading(db: Db, entityId: string): Promise<{ readonly today: Reading; readonly settled: Reading } | undefined> {
  const today = await db.one<Reading>`
    select id, shelf, since, settled from scoring.reading where entity_id = ${entityId} and until is null`;
  if (today === undefined || today.settled) return today && { today, settled: today };
  const settled = await db.one<Reading>`
    select id, shelf, since, settled from scoring.reading where entity_id = ${entityId} and settled order by id desc limit 1`;
  return { today, settled: settled ?? today };
}

/** Ends the time before and begins another one. Called by the leader only. Answers its id. */
export async function startReading(tx: Tx, entityId: string, shelf: string, now: Date, settled: boolean): Promise<number> {
  await tx.run`update scoring.reading set until = ${now} where entity_id = ${entityId} and until is null`;
  const row = await tx.one<{ id: number }>`
    insert into scoring.reading (entity_id, shelf, since, settled) values (${entityId}, ${shelf}, ${now}, ${settled}) returning id`;
  return row?.id ?? 0;
}

export async function settleReading(tx: Tx, id: number): Promise<void> {
  await tx.run`update scoring.reading set settled = true where id = ${id}`;
}

/** Entities that have left a shelf which had something since `releasedAt`: they may have received it there. */
export async function formerReaders(db: Db, shelf: string, releasedAt: Date): Promise<string[]> {
  const rows = await db.rows<{ entityId: string }>`
    select distinct entity_id from scoring.reading r
     where shelf = ${shelf} and until > greatest(since, ${releasedAt})
       and not exists (select from scoring.reading n where n.entity_id = r.entity_id and n.shelf = r.shelf and n.until is null)
     order by entity_id`;
  return rows.map((row) => row.entityId);
}
