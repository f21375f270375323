import type { Distribution, Pap, Tlp } from '@rebato/contract';
import type { Viewer } from '#platform/actor';
import type { Db } from '#platform/db';
import type { DraftTag, Extra } from './draft.ts';

/**
 * What readers ask. Every query runs on the reader's own shelf (the connection's search path and login) and names the reader's lanes, so it can
 * only find what has been released to him. Lists page by key.
 */

export type ShelfEvent = {
  readonly num: number;
  readonly id: string;
  readonly uuid: string;
  readonly lane: string;
  readonly ownerId: string;
  readonly ownerName: string;
  readonly authorName: string | null;
  readonly authorUuid: string | null;
  readonly info: string;
  readonly date: string;
  readonly threatLevel: number;
  readonly analysis: number;
  readonly tlp: Tlp;
  readonly pap: Pap;
  readonly distribution: Distribution;
  readonly groupId: string | null;
  readonly timestamp: number;
  readonly publishedAt: Date;
  readonly releasedAt: Date;
  readonly consolidated: boolean;
  readonly attributeCount: number;
  readonly tags: readonly DraftTag[] | null;
  readonly extra: Extra | null;
};

const eventColumns = (db: Db) => db.sql`
  e.num, e.id, e.uuid, e.lane, e.owner_id, e.owner_name, e.author_name, e.author_uuid, e.info, e.date::text as date, e.threat_level, e.analysis, e.tlp, e.pap,
  e.distribution, e.group_id, e.timestamp, e.published_at, e.released_at, e.consolidated, e.attribute_count, e.tags, e.extra`;

export type EventCursor = { readonly releasedAt: Date; readonly id: string };

export async function listEvents(
  db: Db,
  viewer: Viewer,
  filter: { readonly text?: string; readonly tag?: string; readonly ownerId?: string },
  after: EventCursor | undefined,
  limit: number,
): Promise<ShelfEvent[]> {
  const text = filter.text === undefined ? null : `%${filter.text.replaceAll(/[\\%_]/g, (c) => `\\${c}`)}%`;
  return db.rows<ShelfEvent>`
    select ${eventColumns(db)}
      from event e
     where e.lane = any (${viewer.lanes as string[]})
       and (${after === undefined} or (e.released_at, e.id) < (${after?.releasedAt ?? new Date(0)}, ${after?.id ?? '00000000-0000-0000-0000-000000000000'}::uuid))
       and (${text === null} or e.info ilike ${text ?? ''})
       and (${filter.tag === undefined} or e.tags @> ${db.json([{ name: filter.tag ?? '' }])})
       and (${filter.ownerId === undefined} or e.owner_id = ${filter.ownerId ?? '00000000-0000-0000-0000-000000000000'}::uuid)
     order by e.released_at desc, e.id desc
     limit ${limit}`;
}

/** By our id, or else by the source's UUID: senders choose those, so one could name another's event. */
export async function findEvent(db: Db, viewer: Viewer, id: string): Promise<ShelfEvent | undefined> {
  return db.one<ShelfEvent>`
    select ${eventColumns(db)} from event e
     where (e.id = ${id} or e.uuid = ${id}) and e.lane = any (${viewer.lanes as string[]})
     order by e.id = ${id} desc, e.lane, e.released_at, e.id limit 1`;
}

export type ShelfIndicator = {
  readonly id: string;
  readonly vkey: string;
  readonly objectId: string | null;
  readonly firstSeen: Date | null;
  readonly lastSeen: Date | null;
  readonly timestamp: number;
  readonly kind: number;
  readonly toIds: boolean;
  readonly blockable: boolean;
  readonly type: string;
  readonly value: string;
  readonly canonical: string | null;
  readonly category: string | null;
  readonly relation: string | null;
  readonly comment: string | null;
  readonly tags: readonly DraftTag[] | null;
  readonly extra: Extra | null;
};

const indicatorColumns = (db: Db) => db.sql`
  i.id, i.vkey, i.object_id, i.first_seen, i.last_seen, i.timestamp, i.kind, i.to_ids, i.blockable, i.type, i.value, i.canonical, i.category, i.relation,
  i.comment, i.tags, i.extra`;

/** Pages by id; the event has been found for this reader already, so its number suffices. */
export async function listIndicators(db: Db, eventNum: number, afterId: string | undefined, limit: number): Promise<ShelfIndicator[]> {
  return db.rows<ShelfIndicator>`
    select ${indicatorColumns(db)} from indicator i
     where i.event_num = ${eventNum} and (${afterId === undefined} or i.id > ${afterId ?? '00000000-0000-0000-0000-000000000000'}::uuid)
     order by i.id limit ${limit}`;
}

export type ShelfObject = {
  readonly id: string;
  readonly name: string;
  readonly metaCategory: string | null;
  readonly comment: string | null;
  readonly timestamp: number;
  readonly refs: unknown;
  readonly extra: Extra | null;
};

export async function listObjects(db: Db, eventNum: number): Promise<ShelfObject[]> {
  return db.rows<ShelfObject>`select id, name, meta_category, comment, timestamp, refs, extra from object where event_num = ${eventNum} order by id limit 50000`;
}

export type Found = {
  readonly vkey: string;
  readonly eventId: string;
  readonly info: string;
  readonly ownerName: string;
  readonly tlp: Tlp;
  readonly releasedAt: Date;
  readonly type: string;
  readonly comment: string | null;
};

/** Where values appear, newest first, at most `perValue` each. */
export async function findValues(db: Db, viewer: Viewer, vkeys: readonly string[], perValue: number): Promise<Found[]> {
  return db.rows<Found>`
    select w.vkey, f.event_id, f.info, f.owner_name, f.tlp, f.released_at, f.type, f.comment
      from unnest(${vkeys as string[]}::uuid[]) as w(vkey)
     cross join lateral (
       select e.id as event_id, e.info, e.owner_name, e.tlp, e.released_at, i.type, i.comment
         from indicator i join event e on e.num = i.event_num
        where (i.vkey = w.vkey or i.vkey2 = w.vkey) and i.lane = any (${viewer.lanes as string[]})
        order by e.released_at desc, e.id, i.id limit ${perValue}) f`;
}

export type ShelfSighting = {
  readonly id: string;
  readonly vkey: string;
  readonly type: string;
  readonly at: Date;
  readonly entityName: string;
  readonly source: string | null;
};

export async function listSightings(db: Db, viewer: Viewer, vkeys: readonly string[], limit: number): Promise<ShelfSighting[]> {
  return db.rows<ShelfSighting>`
    select id, vkey, type, at, entity_name, source from sighting
     where vkey = any (${vkeys as string[]}::uuid[]) and lane = any (${viewer.lanes as string[]})
     order by at desc, id limit ${limit}`;
}

export type ShelfComment = { readonly id: string; readonly entityName: string; readonly at: Date; readonly text: string };

export async function listComments(db: Db, viewer: Viewer, eventId: string): Promise<ShelfComment[]> {
  return db.rows<ShelfComment>`
    select distinct on (at, id) id, entity_name, at, text from comment
     where event_id = ${eventId} and lane = any (${viewer.lanes as string[]}) order by at, id limit 1000`;
}

export type ShelfAttachment = {
  readonly id: string;
  readonly attributeId: string | null;
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly malware: boolean;
};

export async function listAttachments(db: Db, viewer: Viewer, eventId: string): Promise<ShelfAttachment[]> {
  return db.rows<ShelfAttachment>`
    select distinct on (id) id, attribute_id, name, bytes, sha256, malware from attachment
     where event_id = ${eventId} and lane = any (${viewer.lanes as string[]}) order by id limit 1000`;
}

export async function findAttachment(db: Db, viewer: Viewer, id: string): Promise<ShelfAttachment | undefined> {
  return db.one<ShelfAttachment>`
    select id, attribute_id, name, bytes, sha256, malware from attachment where id = ${id} and lane = any (${viewer.lanes as string[]}) limit 1`;
}
