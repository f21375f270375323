import type { Tx } from '#platform/db';
import { shelfSchema } from '#platform/shelf';
import { narrowOnLane } from './revisions/rounds.ts';

/** SQL that lets a reader keep what it had received on another shelf. Unqualified tables are the present shelf's. */

/** Where the reader had the event. */
export type KeptFrom = { readonly shelf: string; readonly lane: string };

/**
 * Copies one chunk or round of an event to the reader's lane, as it stood on the shelf where it read: the write side has the newest version,
 * and what was revised may not have reached that shelf yet. What has been withdrawn meanwhile stays back.
 */
export async function placeKept(
  tx: Tx,
  eventId: string,
  lane: string,
  chunk: number,
  from: KeptFrom,
  now: Date,
): Promise<{ readonly num: number; readonly created: boolean; readonly vkeys: readonly string[] } | undefined> {
  const there = tx.name(shelfSchema(from.shelf));
  const old = await tx.one<{ num: number; rounds: number }>`
    select s.num, e.rounds from ${there}.event s join intel.event e on e.id = s.id
     where s.id = ${eventId} and s.lane = ${from.lane} and e.state = 'published'`;
  if (old === undefined) return undefined;
  const [made] = await tx.rows<{ num: number }>`
    insert into event (id, uuid, lane, owner_id, owner_name, voice, confidence, arrived_at, author_name, author_uuid, info, date, threat_level, analysis, tlp,
                       pap, distribution, group_id, timestamp, published_at, released_at, consolidated, attribute_count, tags, extra)
    select id, uuid, ${lane}, owner_id, owner_name, voice, confidence, arrived_at, author_name, author_uuid, info, date, threat_level, analysis, tlp,
           pap, distribution, group_id, timestamp, published_at, ${now}, consolidated, attribute_count, tags, extra
      from ${there}.event where num = ${old.num}
    on conflict (id, lane) do nothing returning num`;
  const num = made?.num ?? (await tx.one<{ num: number }>`select num from event where id = ${eventId} and lane = ${lane}`)?.num;
  if (num === undefined) throw new Error('an event that was just placed is not there');
  const rows = await tx.rows<{ vkey: string; blockable: boolean }>`
    insert into indicator (id, event_num, vkey, vkey2, object_id, first_seen, last_seen, timestamp, arrived_at, published_at, kind, to_ids, blockable, lane,
                           type, value, canonical, category, relation, comment, tags, extra)
    select i.id, ${num}, i.vkey, i.vkey2, i.object_id, i.first_seen, i.last_seen, i.timestamp, i.arrived_at, i.published_at, i.kind,
           i.to_ids and a.state = 'accepted', i.blockable and a.blockable, ${lane}, i.type, i.value, i.canonical, i.category, i.relation, i.comment, i.tags, i.extra
      from ${there}.indicator i join intel.attribute a on a.event_id = ${eventId} and a.chunk = ${chunk} and a.id = i.id
     where i.event_num = ${old.num}
    on conflict do nothing returning vkey, blockable`;
  if (made !== undefined)
    await tx.run`
      insert into object (id, event_num, lane, name, meta_category, comment, timestamp, refs, extra)
      select id, ${num}, ${lane}, name, meta_category, comment, timestamp, refs, extra from ${there}.object where event_num = ${old.num}`;
  await tx.run`
    insert into attachment (id, lane, event_id, attribute_id, name, bytes, sha256, malware)
    select f.id, ${lane}, f.event_id, f.attribute_id, f.name, f.bytes, f.sha256, f.malware
      from ${there}.attachment f
     where f.event_id = ${eventId} and f.lane = ${from.lane}
       and (f.attribute_id is null or exists (select from indicator i where i.event_num = ${num} and i.id = f.attribute_id))
    on conflict do nothing`;
  // The other shelf may not have heard yet of what was narrowed.
  if (old.rounds > 1) await narrowOnLane(tx, eventId, lane, { from: chunk, to: chunk + 1 });
  return { num, created: made !== undefined, vkeys: rows.filter((row) => row.blockable).map((row) => row.vkey) };
}
