import type { Db } from '#platform/db';
import type { ShelfAttachment, ShelfIndicator, ShelfObject } from './queries.ts';
import type { AttributeState, EventRow } from './store.ts';
import { eventColumns } from './store.ts';

/** A member's own contributions, on the write side: always visible to their author, whatever its audience waits for. And the assessors' queue. */

export type OwnReport = {
  readonly id: string;
  readonly receivedAt: Date;
  readonly channel: string;
  readonly format: string;
  readonly events: readonly string[];
};

export async function listOwnReports(
  db: Db,
  entityId: string,
  after: { receivedAt: Date; id: string } | undefined,
  limit: number,
): Promise<OwnReport[]> {
  return db.rows<OwnReport>`
    select id, received_at, channel, format, events from intel.report
     where entity_id = ${entityId}
       and (${after === undefined} or (received_at, id) < (${after?.receivedAt ?? new Date(0)}, ${after?.id ?? '00000000-0000-0000-0000-000000000000'}::uuid))
     order by received_at desc, id desc limit ${limit}`;
}

export async function findOwnReport(db: Db, entityId: string, id: string): Promise<OwnReport | undefined> {
  return db.one<OwnReport>`select id, received_at, channel, format, events from intel.report where id = ${id} and entity_id = ${entityId}`;
}

export async function listEventsOf(db: Db, ids: readonly string[]): Promise<EventRow[]> {
  return db.rows<EventRow>`select ${eventColumns(db)} from intel.event e where e.id = any (${ids as string[]}::uuid[]) order by e.arrived_at, e.id`;
}

export type StateCount = { readonly eventId: string; readonly state: AttributeState; readonly rule: string | null; readonly n: number };

export async function countStates(db: Db, ids: readonly string[]): Promise<StateCount[]> {
  return db.rows<StateCount>`
    select event_id, state, rule, count(*) as n from intel.attribute where event_id = any (${ids as string[]}::uuid[]) group by event_id, state, rule order by event_id, state, rule`;
}

export type JudgedRow = {
  readonly id: string;
  readonly type: string;
  readonly value: string;
  readonly canonical: string | null;
  readonly kind: number;
  readonly vkey: string;
  readonly state: AttributeState;
  readonly blockable: boolean;
  readonly toIds: boolean;
  readonly rule: string | null;
  readonly reason: string | null;
  readonly comment: string | null;
};

export async function listJudged(db: Db, eventId: string, limit: number): Promise<JudgedRow[]> {
  // What needs a person first.
  return db.rows<JudgedRow>`
    select id, type, value, canonical, kind, vkey, state, blockable, to_ids, rule, reason, comment from intel.attribute
     where event_id = ${eventId}
     order by array_position(array['held', 'pending', 'refused', 'rejected', 'accepted', 'retracted'], state), id limit ${limit}`;
}

/** The same for assessors: they decide on what leaves, and what says something of the sender's own side does not leave. */
export async function listJudgedAsTold(db: Db, eventId: string, limit: number): Promise<JudgedRow[]> {
  return db.rows<JudgedRow>`
    select id, type, value, canonical, kind, vkey, state, blockable, to_ids, rule, reason, coalesce(told ->> 'comment', comment) as comment
      from intel.attribute
     where event_id = ${eventId} and rule is distinct from 'victim_data'
     order by array_position(array['held', 'pending', 'refused', 'rejected', 'accepted', 'retracted'], state), id limit ${limit}`;
}

/**
 * All indicators of an event as its author has them, in the form of a shelf: also what is marked for him alone, and what the guard or an
 * assessor kept from going further; what was taken out again only where `deleted` asks for what
 * the source itself goes on saying so of. The caller has found that the event is the reader's.
 */
export async function listOwnIndicators(
  db: Db,
  eventId: string,
  after: { readonly chunk: number; readonly id: string } | undefined,
  limit: number,
  deleted: boolean,
): Promise<(ShelfIndicator & { readonly chunk: number })[]> {
  return db.rows<ShelfIndicator & { chunk: number }>`
    select id, vkey, object_id, first_seen, last_seen, timestamp, kind, to_ids, blockable and state = 'accepted' as blockable, type, value, canonical, category,
           relation, comment, tags, extra, chunk
      from intel.attribute
     where event_id = ${eventId} and (state <> 'retracted' or ${deleted} and extra @> '{"draft": {"deleted": true}}')
       and (${after === undefined} or (chunk, id) > (${after?.chunk ?? 0}, ${after?.id ?? '00000000-0000-0000-0000-000000000000'}::uuid))
     order by chunk, id limit ${limit}`;
}

export async function listOwnObjects(db: Db, eventId: string): Promise<ShelfObject[]> {
  return db.rows<ShelfObject>`
    select id, name, meta_category, comment, timestamp, refs, extra from intel.object where event_id = ${eventId} order by id limit 50000`;
}

export async function listOwnAttachments(db: Db, eventId: string): Promise<ShelfAttachment[]> {
  return db.rows<ShelfAttachment>`
    select id, attribute_id, name, bytes, sha256, malware from intel.attachment where event_id = ${eventId} order by id limit 1000`;
}

/** A file of an event that the entity has published. */
export async function findOwnAttachment(db: Db, entityId: string, id: string): Promise<ShelfAttachment | undefined> {
  return db.one<ShelfAttachment>`
    select a.id, a.attribute_id, a.name, a.bytes, a.sha256, a.malware
      from intel.attachment a join intel.event e on e.id = a.event_id
     where a.id = ${id} and e.owner_id = ${entityId} and e.state = 'published'`;
}

/** The queue: most dangerous first, then oldest. What only the guard holds waits there too. */
export async function listQueue(db: Db, limit: number): Promise<EventRow[]> {
  return db.rows<EventRow>`select ${eventColumns(db)} from intel.event e where e.state = 'assessing' or e.review order by e.danger desc, e.arrived_at, e.id limit ${limit}`;
}

export async function listHeld(db: Db, limit: number): Promise<EventRow[]> {
  return db.rows<EventRow>`
    select ${eventColumns(db)} from intel.event e
     where e.state in ('assessing', 'published') and exists (select from intel.attribute a where a.event_id = e.id and a.state = 'held')
     order by e.arrived_at, e.id limit ${limit}`;
}

/** How many independent voices the network has for each value: for assessors only. */
export async function countVoices(db: Db, vkeys: readonly string[]): Promise<{ vkey: string; voices: number; events: number }[]> {
  return db.rows`
    select a.vkey, count(distinct e.voice) as voices, count(distinct e.id) as events
      from intel.attribute a join intel.event e on e.id = a.event_id
     where a.vkey = any (${vkeys as string[]}::uuid[]) and e.state in ('published', 'assessing') group by a.vkey`;
}

/** When the first report of each value arrived, of those that are published and would block. On the write side: for the network's own figures. */
export async function readFirstArrivals(db: Db, vkeys: readonly string[]): Promise<Map<string, Date>> {
  if (vkeys.length === 0) return new Map();
  const rows = await db.rows<{ vkey: string; at: Date }>`
    select a.vkey, min(coalesce(r.arrived_at, e.arrived_at)) as at
      from intel.attribute a join intel.event e on e.id = a.event_id
      -- What came to an event later counts from then.
      left join intel.revision r on r.event_id = a.event_id and a.chunk >= e.chunks and a.chunk >= r.round and a.chunk < r.round + r.rounds
     where a.vkey = any (${vkeys as string[]}::uuid[]) and a.blockable and e.state = 'published' group by a.vkey`;
  return new Map(rows.map((row) => [row.vkey, row.at]));
}

/** The value with this key, if anybody has reported it as one to block. */
export async function findBlockable(db: Db, vkey: string): Promise<{ vkey: string; kind: number; value: string } | undefined> {
  return db.one`select vkey, kind, coalesce(canonical, value) as value from intel.attribute where vkey = ${vkey} and blockable limit 1`;
}

/** A source's record: what became of what it sent. */
export async function sourceRecord(
  db: Db,
  ownerId: string,
): Promise<{ published: number; rejected: number; retracted: number } | undefined> {
  return db.one`
    select count(*) filter (where state = 'published') as published, count(*) filter (where state = 'rejected') as rejected,
           count(*) filter (where state = 'retracted') as retracted
      from intel.event where owner_id = ${ownerId}`;
}

export async function claim(db: Db, eventId: string, by: string, at: Date, staleBefore: Date): Promise<boolean> {
  return (
    (await db.run`
      update intel.event set claimed_by = ${by}, claimed_at = ${at}
       where id = ${eventId} and (state = 'assessing' or review) and (claimed_by is null or claimed_by = ${by} or claimed_at < ${staleBefore})`) ===
    1
  );
}

export async function readBlob(db: Db, sha256: string): Promise<Buffer | undefined> {
  return (await db.one<{ bytes: Buffer }>`select bytes from intel.blob where sha256 = ${sha256}`)?.bytes;
}

/** Autorules that can speak for this source, the most particular first. */
export async function listAutoRules(
  db: Db,
  entityId: string,
  entityKind: string,
  level: string,
): Promise<{ kinds: number[]; accept: boolean; feed: boolean; hourlyMax: number | null }[]> {
  return db.rows`
    select kinds, accept, feed, hourly_max from intel.auto_rule
     where entity_id = ${entityId} or (entity_id is null and entity_kind = ${entityKind}) or (entity_id is null and entity_kind is null and level = ${level})
     order by entity_id is null, entity_kind is null, created_at desc limit 100`;
}
