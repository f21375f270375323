import type { Db, Tx } from '#platform/db';
import type { EventRow } from './store.ts';
import { eventColumns } from './store.ts';

/** SQL of the way from the write side to a shelf. Unqualified tables are the shelf's: the search path is set by the leader. */

export async function readEventRows(db: Db, ids: readonly string[]): Promise<Map<string, EventRow>> {
  const rows = await db.rows<EventRow>`select ${eventColumns(db)} from intel.event e where e.id = any (${ids as string[]}::uuid[])`;
  return new Map(rows.map((row) => [row.id, row]));
}

/** What an event lends to each of its indicators as evidence. */
export type PlacedEvent = {
  readonly num: number;
  readonly voice: string;
  readonly confidence: number;
  readonly publishedAt: Date;
  readonly arrivedAt: Date;
  readonly consolidated: boolean;
};

/**
 * Puts the event's head on the lane, or finds it there. `created` is false when an earlier chunk has done it. `own`: the lane is its owner's;
 * somebody else's own lane holds what that one had received before its level changed.
 */
export async function placeEvent(
  tx: Tx,
  eventId: string,
  lane: string,
  own: boolean,
  now: Date,
): Promise<{ event: PlacedEvent; created: boolean } | undefined> {
  const there = await tx.one<PlacedEvent>`
    select num, voice, confidence, published_at, arrived_at, consolidated from event where id = ${eventId} and lane = ${lane}`;
  if (there !== undefined) return { event: there, created: false };
  const [row] = await tx.rows<PlacedEvent>`
    insert into event (id, uuid, lane, owner_id, owner_name, voice, confidence, arrived_at, author_name, author_uuid, info, date, threat_level, analysis, tlp,
                       pap, distribution, group_id, timestamp, published_at, released_at, consolidated, attribute_count, tags, extra)
    select e.id, e.uuid, ${lane}, e.owner_id, e.owner_name, e.voice, e.confidence, e.arrived_at, e.author_name, e.author_uuid, ${told(tx, own, 'e', 'info', 'text')}, e.date,
           e.threat_level, e.analysis, e.tlp, e.pap, e.distribution, e.group_id, e.timestamp, e.published_at, ${now}, e.consolidated_at is not null,
           (select count(*) from intel.attribute a where a.event_id = e.id and a.chunk < e.chunks and ${readable(tx, own)}), ${told(tx, own, 'e', 'tags', 'jsonb')},
           ${told(tx, own, 'e', 'extra', 'jsonb')}
      from intel.event e
     where e.id = ${eventId} and e.state = 'published'
    returning num, voice, confidence, published_at, arrived_at, consolidated`;
  return row && { event: row, created: true };
}

/** What an author wrote is for his own lane; the others get it without what says something of his own side. */
export const told = (tx: Db, own: boolean, of: 'e' | 'a' | 'o', column: string, type: 'text' | 'jsonb') => {
  const written = tx.sql`${tx.name(of)}.${tx.name(column)}`;
  if (own) return written;
  const part = tx.name(of);
  return type === 'text'
    ? tx.sql`coalesce(${part}.told ->> ${column}::text, ${written})`
    : tx.sql`coalesce(${part}.told -> ${column}::text, ${written})`;
};
export const toldComment = (tx: Db, lane: string) =>
  tx.sql`case when 'e:' || c.entity_id = ${lane} then c.text else coalesce(c.told, c.text) end`;

/** Other programs block by `to_ids` alone: of what the guard refuses or holds only the author keeps it. */
export const wanted = (tx: Db, own: boolean) => (own ? tx.sql`a.to_ids` : tx.sql`a.to_ids and a.state = 'accepted'`);

/** A value that may become a decision, with the evidence for it that has just been placed: `rows` indicators of one event. */
export type PlacedValue = {
  readonly vkey: string;
  readonly kind: number;
  readonly value: string;
  readonly rows: number;
  readonly event: PlacedEvent;
};

/**
 * What the guard refuses or holds may be read like the rest: it only is no block. Data about victims stays back, and so does what is marked for
 * its owner alone.
 */
export const readable = (tx: Db, own: boolean) =>
  tx.sql`a.state in ('accepted', 'held', 'refused') and a.rule is distinct from 'victim_data' and (not a.own_only or ${own})`;

/** Copies the readable attributes of one chunk and returns the values that may become decisions, each once. */
export async function placeIndicators(
  tx: Tx,
  eventId: string,
  chunk: number,
  event: PlacedEvent,
  lane: string,
  own: boolean,
): Promise<PlacedValue[]> {
  const rows = await tx.rows<{ vkey: string; kind: number; value: string }>`
    with placed as (
      insert into indicator (id, event_num, vkey, vkey2, object_id, first_seen, last_seen, timestamp, kind, to_ids, blockable, lane, type, value, canonical,
                             category, relation, comment, tags, extra)
      select a.id, ${event.num}, a.vkey, a.vkey2, a.object_id, a.first_seen, a.last_seen, a.timestamp, a.kind, ${wanted(tx, own)}, a.blockable, ${lane}, a.type, a.value,
             a.canonical, a.category, a.relation, ${told(tx, own, 'a', 'comment', 'text')}, ${told(tx, own, 'a', 'tags', 'jsonb')},
             ${told(tx, own, 'a', 'extra', 'jsonb')}
        from intel.attribute a
       where a.event_id = ${eventId} and a.chunk = ${chunk} and ${readable(tx, own)}
      -- What two people have let go was here to be read already.
      on conflict (event_num, id) do update set blockable = true, to_ids = excluded.to_ids where not indicator.blockable and excluded.blockable
      returning vkey, kind, coalesce(canonical, value) as value, blockable
    )
    select vkey, kind, value from placed where blockable`;
  const values = new Map<string, PlacedValue>();
  for (const row of rows) values.set(row.vkey, { ...row, rows: (values.get(row.vkey)?.rows ?? 0) + 1, event });
  return [...values.values()];
}

/** Takes the event off a lane with all that hangs on it, and returns the keys whose decisions have lost evidence. */
export async function removeEvent(tx: Tx, eventId: string, lane: string): Promise<{ found: boolean; touched: string[] }> {
  const row = await tx.one<{ num: number }>`delete from event where id = ${eventId} and lane = ${lane} returning num`;
  if (row === undefined) return { found: false, touched: [] };
  const gone = await tx.rows<{ vkey: string }>`
    with gone as (delete from indicator where event_num = ${row.num} returning vkey, blockable)
    select distinct vkey from gone where blockable`;
  await tx.run`delete from object where event_num = ${row.num}`;
  await tx.run`delete from comment where event_id = ${eventId} and lane = ${lane}`;
  await tx.run`delete from attachment where event_id = ${eventId} and lane = ${lane}`;
  return { found: true, touched: gone.map((each) => each.vkey) };
}

/** Lanes of the present shelf that hold the event. */
export async function lanesHolding(tx: Tx, eventId: string): Promise<string[]> {
  return (await tx.rows<{ lane: string }>`select lane from event where id = ${eventId} order by lane`).map((row) => row.lane);
}

/** Where consolidation does not end the waiting (`hastens` false), it says nothing to who only keeps what was received elsewhere. */
export async function markConsolidatedOnShelf(tx: Tx, eventId: string, hastens: boolean): Promise<{ lane: string; touched: string[] }[]> {
  const rows = await tx.rows<{ lane: string; vkeys: string[] }>`
    with changed as (
      update event set consolidated = true
       where id = ${eventId} and not consolidated and (${hastens} or lane not like 'e:%' or lane = 'e:' || owner_id)
      returning num, lane)
    select c.lane, array(select distinct i.vkey from indicator i where i.event_num = c.num and i.blockable) as vkeys from changed c`;
  return rows.map((row) => ({ lane: row.lane, touched: row.vkeys }));
}

/** Takes the blocks of an event off the present shelf that are held on the write side. */
export async function withholdBlocks(tx: Tx, eventId: string): Promise<{ lane: string; touched: string[] }[]> {
  const rows = await tx.rows<{ lane: string; vkey: string }>`
    update indicator i set blockable = false, to_ids = i.to_ids and i.lane = 'e:' || e.owner_id
      from intel.attribute a, event e
     where e.id = ${eventId} and i.event_num = e.num and i.blockable and a.event_id = e.id and a.id = i.id and a.state = 'held'
    returning i.lane, i.vkey`;
  const lanes = Map.groupBy(rows, (row) => row.lane);
  return [...lanes].map(([lane, gone]) => ({ lane, touched: [...new Set(gone.map((row) => row.vkey))] }));
}

export type SightingRow = {
  readonly id: string;
  readonly vkey: string;
  readonly kind: number;
  readonly value: string;
  readonly type: 'seen' | 'false_positive' | 'expired';
  readonly at: Date;
  readonly recordedAt: Date;
  readonly entityId: string;
  readonly entityName: string;
  readonly voice: string;
  readonly eventId: string | null;
  readonly source: string | null;
};

export async function readSightings(db: Db, ids: readonly string[]): Promise<SightingRow[]> {
  return db.rows<SightingRow>`
    select id, vkey, kind, value, type, at, recorded_at, entity_id, entity_name, voice, event_id, source from intel.sighting where id = any (${ids as string[]}::uuid[])`;
}

/** A sighting hangs on a value: where no indicator of that value has been released, it does not appear. */
export async function placeSighting(tx: Tx, row: SightingRow, lane: string): Promise<boolean> {
  return (
    (await tx.run`
      insert into sighting (id, lane, vkey, type, at, entity_id, entity_name, voice, source)
      select ${row.id}, ${lane}, ${row.vkey}, ${row.type}, ${row.at}, ${row.entityId}, ${row.entityName}, ${row.voice}, ${row.source}
       where exists (select from indicator i where (i.vkey = ${row.vkey} or i.vkey2 = ${row.vkey}) and i.lane = ${lane})
      on conflict do nothing`) > 0
  );
}

/**
 * The sightings of the values of one chunk that a reader had received where it read before, those of its own whenever they were made. They hang
 * on indicators that have just been placed on its lane.
 */
export async function placeKeptSightings(tx: Tx, eventId: string, chunk: number, lane: string, unreceived: string): Promise<void> {
  await tx.run`
    insert into sighting (id, lane, vkey, type, at, entity_id, entity_name, voice, source)
    select s.id, ${lane}, s.vkey, s.type, s.at, s.entity_id, s.entity_name, s.voice, s.source
      from intel.sighting s
     where s.vkey in (select a.vkey from intel.attribute a where a.event_id = ${eventId} and a.chunk = ${chunk})
       and (not s.recorded_at <@ ${unreceived}::tstzmultirange or ${lane} = 'e:' || s.entity_id)
       and not exists (select from sighting c where c.id = s.id and c.lane = 'c')
       and exists (select from indicator i where i.vkey = s.vkey and i.lane = ${lane})
    on conflict do nothing`;
}

/** Events of an owner that are out, but not on the present lanes of a shelf: newest first. */
export async function ownNotOn(
  tx: Tx,
  shelf: string,
  ownerId: string,
  limit: number,
): Promise<{ id: string; chunks: number; rounds: number }[]> {
  return tx.rows`
    select e.id, e.chunks, e.rounds from intel.event e
     where e.owner_id = ${ownerId} and e.state = 'published'
       and not exists (select from ${tx.name(shelf)}.event s where s.id = e.id and s.lane in ('c', 'e:' || e.owner_id))
     order by e.arrived_at desc, e.id limit ${limit}`;
}

/** Which of these events some lanes of a shelf hold, and since when. */
export async function heldOn(
  tx: Tx,
  shelf: string,
  eventIds: readonly string[],
): Promise<{ id: string; lane: string; releasedAt: Date }[]> {
  return tx.rows`select id, lane, released_at from ${tx.name(shelf)}.event where id = any (${eventIds as string[]}::uuid[])`;
}

/** When comments were made, by the hub's clock. */
export async function readCommentTimes(db: Db, ids: readonly string[]): Promise<Map<string, Date>> {
  const rows = await db.rows<{ id: string; at: Date }>`select id, at from intel.comment where id = any (${ids as string[]}::uuid[])`;
  return new Map(rows.map((row) => [row.id, row.at]));
}

export async function placeComment(tx: Tx, commentId: string, lane: string): Promise<boolean> {
  return (
    (await tx.run`
      insert into comment (id, lane, event_id, entity_name, at, text)
      select c.id, ${lane}, c.event_id, c.entity_name, c.at, ${toldComment(tx, lane)}
        from intel.comment c
       where c.id = ${commentId} and exists (select from event e where e.id = c.event_id and e.lane = ${lane})
      on conflict do nothing`) > 0
  );
}
