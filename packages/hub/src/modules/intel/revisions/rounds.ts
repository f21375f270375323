import { type Distribution, type Pap, paps, type Tlp, tlps } from '@rebato/contract';
import type { Tx } from '#platform/db';
import { narrowFiles, narrowObjects, type Place, placeObjects } from '../parts-store.ts';
import { breadths } from '../release.ts';
import { readable, told, wanted } from '../release-store.ts';

/**
 * SQL of revisions on their way to a shelf. What stands on the write side is the newest version; what an audience has of an older one is on its
 * shelf. A round brings what was added or changed in it; what was narrowed is found by comparing the two.
 */

/** `at` and `arrivedAt` of what the round adds; undefined: as its event. */
export type Round = { readonly number: number; readonly at: Date | undefined; readonly arrivedAt: Date | undefined };

/** Puts what a round added or changed on the lane, in its newest form. `touched`: values whose evidence is another now. */
export async function placeRound(
  tx: Tx,
  eventId: string,
  { num, lane, own }: Place,
  round: Round,
): Promise<{ readonly touched: readonly string[]; readonly changed: boolean }> {
  const rows = await tx.rows<{ vkey: string; before: string | null; counts: boolean; fresh: boolean }>`
    with source as (
      select a.* from intel.attribute a
       where a.event_id = ${eventId} and (a.chunk = ${round.number} or a.revision = ${round.number}) and ${readable(tx, own)}
    ),
    old as (select i.id, i.vkey, i.blockable from indicator i where i.event_num = ${num} and i.id in (select s.id from source s)),
    put as (
      insert into indicator (id, event_num, vkey, vkey2, object_id, first_seen, last_seen, timestamp, arrived_at, published_at, kind, to_ids, blockable, lane,
                             type, value, canonical, category, relation, comment, tags, extra)
      select a.id, ${num}, a.vkey, a.vkey2, a.object_id, a.first_seen, a.last_seen, a.timestamp,
             case when a.chunk = ${round.number} then ${round.arrivedAt ?? null}::timestamptz end,
             case when a.chunk = ${round.number} then ${round.at ?? null}::timestamptz end,
             a.kind, ${wanted(tx, own)}, a.blockable, ${lane}, a.type, a.value, a.canonical, a.category, a.relation,
             ${told(tx, own, 'a', 'comment', 'text')}, ${told(tx, own, 'a', 'tags', 'jsonb')}, ${told(tx, own, 'a', 'extra', 'jsonb')}
        from source a
      on conflict (event_num, id) do update
         set vkey = excluded.vkey, vkey2 = excluded.vkey2, object_id = excluded.object_id, first_seen = excluded.first_seen, last_seen = excluded.last_seen,
             timestamp = excluded.timestamp, arrived_at = coalesce(excluded.arrived_at, indicator.arrived_at),
             published_at = coalesce(excluded.published_at, indicator.published_at), kind = excluded.kind, to_ids = excluded.to_ids,
             blockable = excluded.blockable, type = excluded.type, value = excluded.value, canonical = excluded.canonical, category = excluded.category,
             relation = excluded.relation, comment = excluded.comment, tags = excluded.tags, extra = excluded.extra
      returning id, vkey, blockable
    )
    select p.vkey, o.vkey as before, p.blockable or coalesce(o.blockable, false) as counts, o.id is null as fresh from put p left join old o using (id)`;
  const fresh = rows.filter((row) => row.fresh).length;
  if (fresh > 0) await tx.run`update event set attribute_count = attribute_count + ${fresh} where num = ${num}`;
  const objects = await placeObjects(tx, eventId, { num, lane, own }, round.number);
  const head = await tx.run`
    update event t set info = ${told(tx, own, 'e', 'info', 'text')}, date = e.date, threat_level = e.threat_level, analysis = e.analysis, tlp = e.tlp, pap = e.pap,
           distribution = e.distribution, group_id = e.group_id, timestamp = e.timestamp, tags = ${told(tx, own, 'e', 'tags', 'jsonb')}, extra = ${told(tx, own, 'e', 'extra', 'jsonb')}
      from intel.event e
     where t.num = ${num} and e.id = ${eventId} and e.revision is not null and (e.revision = ${round.number} or ${own})`;
  return {
    touched: rows.flatMap((row) => (row.counts ? [row.vkey, ...(row.before === null ? [] : [row.before])] : [])),
    changed: rows.length + objects + head > 0,
  };
}

type Marking = { readonly num: number; readonly tlp: Tlp; readonly pap: Pap; readonly distribution: Distribution };

/**
 * Takes at once from one lane what the rounds `from` … `to` - 1 withdrew or narrowed: attributes that are gone, that are another value now or
 * are marked for fewer; what is for detection no more; files and objects that hung on them; the marking itself. Nothing is added here.
 */
export async function narrowOnLane(
  tx: Tx,
  eventId: string,
  lane: string,
  rounds: { readonly from: number; readonly to: number },
): Promise<{ readonly touched: readonly string[]; readonly changed: boolean }> {
  const head = await tx.one<Marking & { ownerId: string }>`
    select num, owner_id, tlp, pap, distribution from event where id = ${eventId} and lane = ${lane}`;
  const now = await tx.one<Marking>`select 0 as num, tlp, pap, distribution from intel.event where id = ${eventId}`;
  if (head === undefined || now === undefined) return { touched: [], changed: false };
  const { num } = head;
  const own = lane === `e:${head.ownerId}`;
  const gone = await tx.rows<{ vkey: string; blockable: boolean }>`
    delete from indicator i
     using intel.attribute t
     where t.event_id = ${eventId} and (t.chunk >= ${rounds.from} and t.chunk < ${rounds.to} or t.revision >= ${rounds.from} and t.revision < ${rounds.to})
       and i.event_num = ${num} and i.id = t.id
       and not exists (select from intel.attribute a where a.event_id = t.event_id and a.chunk = t.chunk and a.id = t.id and a.vkey = i.vkey and ${readable(tx, own)})
    returning i.vkey, i.blockable`;
  const less = await tx.rows<{ vkey: string }>`
    update indicator i set to_ids = i.to_ids and a.to_ids, blockable = i.blockable and a.blockable
      from intel.attribute a
     where a.event_id = ${eventId} and (a.chunk >= ${rounds.from} and a.chunk < ${rounds.to} or a.revision >= ${rounds.from} and a.revision < ${rounds.to})
       and i.event_num = ${num} and i.id = a.id and (i.to_ids and not a.to_ids or i.blockable and not a.blockable)
    returning i.vkey`;
  const marking = {
    tlp: narrower(tlps, head.tlp, now.tlp),
    pap: narrower(paps, head.pap, now.pap),
    distribution: narrower(breadths, head.distribution, now.distribution),
  };
  const marked = marking.tlp !== head.tlp || marking.pap !== head.pap || marking.distribution !== head.distribution;
  if (gone.length > 0 || marked)
    await tx.run`
      update event set tlp = ${marking.tlp}, pap = ${marking.pap}, distribution = ${marking.distribution}, attribute_count = attribute_count - ${gone.length}
       where num = ${num}`;
  const parts = (await narrowObjects(tx, eventId, { num, lane, own })) + (await narrowFiles(tx, eventId, { num, lane, own }));
  return {
    touched: [...gone.filter((row) => row.blockable), ...less].map((row) => row.vkey),
    changed: gone.length + less.length + parts > 0 || marked,
  };
}

/** Of two the one further to the end of a scale that goes from wide to narrow. */
const narrower = <T>(scale: readonly T[], a: T, b: T): T => (scale.indexOf(b) > scale.indexOf(a) ? b : a);

export type RevisionTimes = {
  readonly round: number;
  readonly rounds: number;
  readonly at: Date;
  readonly arrivedAt: Date;
  readonly tlp: Tlp;
  readonly distribution: Distribution;
  readonly groupId: string | null;
};

/** The revisions of an event by their rounds, as planning needs them. */
export async function readRevisions(tx: Tx, eventId: string): Promise<RevisionTimes[]> {
  return tx.rows<RevisionTimes>`
    select round, rounds, at, arrived_at, tlp, distribution, group_id from intel.revision where event_id = ${eventId} order by round`;
}
