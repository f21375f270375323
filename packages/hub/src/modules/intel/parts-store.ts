import type { Db, Tx } from '#platform/db';
import { readable, told, toldComment } from './release-store.ts';

/** SQL that brings what hangs on an event to a lane: objects, files, comments. Unqualified tables are the shelf's. */

/**
 * Where an event is on a shelf. `own`: the lane is its owner's. Somebody else's own lane holds what that one had received before its level
 * changed: what is for the owner alone never goes there.
 */
export type Place = { readonly num: number; readonly lane: string; readonly own: boolean };

/**
 * The objects that may be read on the lane, and references of theirs that lead nowhere else: an object of which no attribute may be read stays
 * back, and whoever may not read something is not told that it is there.
 */
const shownObjects = (db: Db, eventId: string, own: boolean) => db.sql`
  parts as (select a.id, a.object_id, ${readable(db, own)} as shown from intel.attribute a where a.event_id = ${eventId}),
  shown as (
    select o.* from intel.object o
     where o.event_id = ${eventId} and (not o.own_only or ${own})
       and (o.id in (select p.object_id from parts p where p.shown and p.object_id is not null)
            or o.id not in (select p.object_id from parts p where p.object_id is not null))
  ),
  hidden as (
    select p.id::text as id from parts p where not p.shown
    union all
    select o.id::text from intel.object o where o.event_id = ${eventId} and not exists (select from shown s where s.id = o.id)
  ),
  clean as (
    select o.*, case when o.refs is null then null else
             (select jsonb_agg(r.ref order by r.n) from jsonb_array_elements(${told(db, own, 'o', 'refs', 'jsonb')}) with ordinality as r (ref, n)
               where not exists (select from hidden h where h.id = lower(r.ref ->> 'target'))) end as kept
      from shown o
  )`;

/** Puts objects on the lane: those of the publication, or those that a later round added or changed. Returns how many. */
export async function placeObjects(tx: Tx, eventId: string, { num, lane, own }: Place, round: number | undefined): Promise<number> {
  return tx.run`
    with ${shownObjects(tx, eventId, own)}
    insert into object (id, event_num, lane, name, meta_category, comment, timestamp, refs, extra)
    select o.id, ${num}, ${lane}, o.name, o.meta_category, ${told(tx, own, 'o', 'comment', 'text')}, o.timestamp, o.kept, ${told(tx, own, 'o', 'extra', 'jsonb')}
      from clean o
     where ${round === undefined} or o.chunk = ${round ?? -1} or o.revision = ${round ?? -1}
        -- Its attributes were accepted after it had come.
        or (not exists (select from object x where x.event_num = ${num} and x.id = o.id)
            and o.id in (select a.object_id from intel.attribute a where a.event_id = ${eventId} and a.chunk = ${round ?? -1}))
    on conflict (event_num, id) do update
       set name = excluded.name, meta_category = excluded.meta_category, comment = excluded.comment, timestamp = excluded.timestamp,
           refs = excluded.refs, extra = excluded.extra`;
}

/** Takes objects off the lane that may not be read there any more, with the references to them. Returns how many rows that changed. */
export async function narrowObjects(tx: Tx, eventId: string, { num, own }: Place): Promise<number> {
  const there = await tx.one`select 1 from object where event_num = ${num} limit 1`;
  if (there === undefined) return 0;
  const gone = await tx.run`
    with ${shownObjects(tx, eventId, own)}
    delete from object o where o.event_num = ${num} and not exists (select from shown s where s.id = o.id)`;
  const cut = await tx.run`
    with ${shownObjects(tx, eventId, own)},
    less as (
      select o.id, (select jsonb_agg(r.ref order by r.n) from jsonb_array_elements(o.refs) with ordinality as r (ref, n)
                     where not exists (select from hidden h where h.id = lower(r.ref ->> 'target'))) as refs
        from object o where o.event_num = ${num} and o.refs is not null
    )
    update object o set refs = l.refs from less l where o.event_num = ${num} and o.id = l.id and o.refs is distinct from l.refs`;
  return gone + cut;
}

/**
 * Puts files on the lane that came no later than this round: those that stand by themselves, and those of attributes that have been accepted and
 * are there. Asked again with every chunk, because an attribute may come later than its event.
 */
export async function placeFiles(tx: Tx, eventId: string, { num, lane, own }: Place, round: number): Promise<number> {
  return tx.run`
    insert into attachment (id, lane, event_id, attribute_id, name, bytes, sha256, malware)
    select a.id, ${lane}, a.event_id, a.attribute_id, a.name, a.bytes, a.sha256, a.malware
      from intel.attachment a
     where a.event_id = ${eventId} and a.chunk <= ${round} and (not a.own_only or ${own})
       and (a.attribute_id is null
            or a.attribute_id in (select i.id from indicator i where i.event_num = ${num})
               and a.attribute_id in (select t.id from intel.attribute t where t.event_id = ${eventId} and t.state = 'accepted'))
    on conflict do nothing`;
}

/** Takes files off the lane whose attribute is not there any more, or that are gone altogether. */
export async function narrowFiles(tx: Tx, eventId: string, { num, lane }: Place): Promise<number> {
  return tx.run`
    delete from attachment f
     where f.event_id = ${eventId} and f.lane = ${lane}
       and (f.attribute_id is not null and not exists (select from indicator i where i.event_num = ${num} and i.id = f.attribute_id)
            or not exists (select from intel.attachment a where a.id = f.id))`;
}

/** Comments of times that are not in `waiting`, a `tstzmultirange`: the others come by themselves, when the audience has waited for them as well. */
export async function placeComments(tx: Tx, eventId: string, lane: string, waiting: string): Promise<void> {
  await tx.run`
    insert into comment (id, lane, event_id, entity_name, at, text)
    select c.id, ${lane}, c.event_id, c.entity_name, c.at, ${toldComment(tx, lane)} from intel.comment c where c.event_id = ${eventId} and not c.at <@ ${waiting}::tstzmultirange
    on conflict do nothing`;
}
