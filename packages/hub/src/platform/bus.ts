import type { Topic, TopicName } from '@rebato/contract';
import type { Pool, Tx } from './db.ts';
import { errorsFor } from './errors.ts';

export const busErrors = {
  'bus.unknown_incarnation': {
    kind: 'gone',
    help: 'The log was restored or moved since this cursor was given out. Resynchronise from the beginning.',
  },
} as const;
export const failBus = errorsFor(busErrors);

export type BusEntry = {
  readonly position: number;
  readonly topic: TopicName;
  readonly payload: Readonly<Record<string, unknown>>;
  /** When the change was announced, by the database's clock. */
  readonly at: Date;
};

/**
 * Announces a change in the transaction that makes it. No lock is taken: the entry has no position yet. The leader numbers visible entries
 * afterwards, so positions are commit order and a reader that has seen n never meets a smaller one later.
 */
export async function append<T extends TopicName>(tx: Tx, topic: T, payload: Topic<T>, lane: 'urgent' | 'bulk' = 'urgent'): Promise<void> {
  await tx.run`insert into bus.outbox (urgent, topic, payload) values (${lane === 'urgent'}, ${topic}, ${tx.json(payload)})`;
}

export type NumberedEntry = BusEntry & { readonly urgent: boolean };

/**
 * Takes what is visible and gives it the next positions: urgent entries, and bulk ones when there are none, or also when there are (`mixed`).
 * Called by the leader only.
 */
export async function numberEntries(tx: Tx, maxUrgent: number, maxBulk: number, mixed = true): Promise<NumberedEntry[]> {
  return tx.rows<NumberedEntry>`
    with taken as (
      delete from bus.outbox o
       using ((select id from bus.outbox where urgent order by id limit ${maxUrgent})
              union all
              (select id from bus.outbox where not urgent and (${mixed} or not exists (select from bus.outbox where urgent)) order by id limit ${maxBulk})) pick
       where o.id = pick.id
      returning o.id, o.urgent, o.topic, o.payload, o.at
    ), head as (
      update bus.head set position = position + (select count(*) from taken)
       where exists (select from taken)
      returning position
    ), numbered as (
      select head.position - count(*) over () + row_number() over (order by taken.urgent desc, taken.id) as position, taken.*
        from taken, head
    ), kept as (
      insert into bus.entry (position, topic, payload, at) select position, topic, payload, at from numbered
    )
    select position, topic, payload, at, urgent from numbered order by position`;
}

/** A cursor of the whole log. Internal: members read their shelf, never this. */
export type BusCursor = { readonly incarnation: string; readonly position: number };

/** The next entries after a cursor, oldest first. A cursor of another incarnation is refused: the caller resynchronises. */
export async function readBus(db: Pool, after: BusCursor, limit: number): Promise<BusEntry[]> {
  const hub = await db.one<{ incarnation: string }>`select incarnation from platform.hub`;
  if (hub?.incarnation !== after.incarnation)
    throw failBus('bus.unknown_incarnation', `The cursor is of incarnation ${after.incarnation}.`);
  return db.rows<BusEntry>`
    select position, topic, payload, at from bus.entry where position > ${after.position} order by position limit ${limit}`;
}
