import type { Actor } from '#platform/actor';
import type { Db, Tx } from '#platform/db';
import type { Bus, Clock } from '#platform/ports';
import { limits } from '../limits.ts';
import { type EventRow, eventColumns, onlySaid } from '../store.ts';
import type { StoredAttribute, StoredObject } from './diff.ts';

/** SQL of revisions on the write side. */

/** One's own event by the UUID that its source gave it. */
export async function findOwnEvent(db: Db, ownerId: string, uuid: string): Promise<EventRow | undefined> {
  return db.one<EventRow>`
    select ${eventColumns(db)} from intel.event e where e.owner_id = ${ownerId} and e.uuid = ${uuid} and e.state <> 'rejected'`;
}

export async function listStored(db: Db, eventId: string): Promise<StoredAttribute[]> {
  return db.rows<StoredAttribute>`
    select id, chunk, revision, vkey, vkey2, object_id, timestamp, state, to_ids, blockable, own_only, type, value, category, relation, comment, rule, reason,
           tags, extra
      from intel.attribute where event_id = ${eventId} order by chunk, id limit ${limits.attributesPerReport}`;
}

export async function listStoredObjects(db: Db, eventId: string): Promise<StoredObject[]> {
  return db.rows<StoredObject>`
    select id, own_only, chunk, name, meta_category, comment, timestamp, refs, extra from intel.object where event_id = ${eventId} order by id limit 50000`;
}

export async function deleteAttributes(tx: Tx, eventId: string, ids: readonly string[]): Promise<void> {
  await tx.run`delete from intel.attribute where event_id = ${eventId} and id = any (${ids as string[]}::uuid[])`;
}

/** They are kept, for their author's history; nobody reads them any more. */
export async function retractAttributes(
  tx: Tx,
  eventId: string,
  rows: readonly { readonly id: string; readonly revision: number }[],
): Promise<void> {
  await tx.run`
    update intel.attribute a set state = 'retracted', blockable = false, revision = g.revision
      from unnest(${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => row.revision)}::integer[]) as g (id, revision)
     where a.event_id = ${eventId} and a.id = g.id`;
}

export async function deleteObjects(tx: Tx, eventId: string, ids: readonly string[]): Promise<void> {
  await tx.run`delete from intel.object where event_id = ${eventId} and id = any (${ids as string[]}::uuid[])`;
}

/** Files of attributes that are gone go with them; and of an attribute that is marked for its owner now, so is its file. */
export async function followAttributes(tx: Tx, eventId: string): Promise<void> {
  await tx.run`
    delete from intel.attachment f using intel.attribute a
     where f.event_id = ${eventId} and a.event_id = ${eventId} and a.id = f.attribute_id and a.state = 'retracted'`;
  await tx.run`
    update intel.attachment f set own_only = a.own_only from intel.attribute a
     where f.event_id = ${eventId} and a.event_id = ${eventId} and a.id = f.attribute_id and f.own_only <> a.own_only`;
}

export async function listStoredFiles(db: Db, eventId: string): Promise<{ attributeId: string | null; sha256: string }[]> {
  return db.rows`select attribute_id, sha256 from intel.attachment where event_id = ${eventId}`;
}

export async function updateHead(tx: Tx, row: EventRow): Promise<void> {
  await tx.run`
    update intel.event
       set info = ${row.info}, date = ${row.date}, threat_level = ${row.threatLevel}, analysis = ${row.analysis}, tlp = ${row.tlp}, pap = ${row.pap},
           distribution = ${row.distribution}, group_id = ${row.groupId}, timestamp = ${row.timestamp}, rounds = ${row.rounds}, revision = ${row.revision},
           review = ${row.review}, attribute_count = (select count(*) from intel.attribute a where a.event_id = ${row.id} and a.state <> 'retracted'),
           tags = ${row.tags === null ? null : tx.json(row.tags)}, extra = ${row.extra === null ? null : tx.json(row.extra)},
           told = ${row.told === null ? null : tx.json(onlySaid(row.told))}
     where id = ${row.id}`;
}

export type NewRevision = {
  readonly eventId: string;
  readonly round: number;
  readonly rounds: number;
  readonly arrivedAt: Date;
  readonly at: Date;
  readonly reportId: string | null;
  readonly before: Pick<EventRow, 'tlp' | 'distribution' | 'groupId'>;
  readonly changes: Readonly<Record<string, unknown>>;
};

export async function insertRevision(tx: Tx, actor: Actor, row: NewRevision): Promise<void> {
  await tx.run`
    insert into intel.revision (event_id, round, rounds, arrived_at, at, report_id, entity_id, actor_kind, actor_label, tlp, distribution, group_id, changes)
    values (${row.eventId}, ${row.round}, ${row.rounds}, ${row.arrivedAt}, ${row.at}, ${row.reportId}, ${actor.entityId}, ${actor.kind}, ${actor.label},
            ${row.before.tlp}, ${row.before.distribution}, ${row.before.groupId}, ${tx.json(row.changes)})`;
}

/**
 * Announces a revision: what narrows at once, and each round in the lane of the log in which its event went, so that it cannot overtake it.
 * `size`: attributes of the event, or of the change, whichever are more.
 */
export async function announceRevision(bus: Bus, tx: Tx, eventId: string, revision: number, rounds: number, size: number): Promise<void> {
  await bus.append(tx, 'intel.revised', { eventId, revision, chunk: null });
  const lane = size <= limits.urgentAttributes ? 'urgent' : 'bulk';
  for (let chunk = revision; chunk < revision + rounds; chunk += 1)
    await bus.append(tx, 'intel.revised', { eventId, revision, chunk }, lane);
}

/** A round in which somebody else than the author lets parts of the event go: they have waited, and are published now. */
export async function addRound(
  deps: { readonly bus: Bus; readonly clock: Clock },
  tx: Tx,
  actor: Actor,
  event: EventRow,
  changes: { readonly accepted: number },
  rounds = 1,
): Promise<void> {
  const now = deps.clock.now();
  const last = await tx.one<{ arrivedAt: Date }>`select max(arrived_at) as arrived_at from intel.revision where event_id = ${event.id}`;
  await tx.run`update intel.event set rounds = ${event.rounds + rounds} where id = ${event.id}`;
  await insertRevision(tx, actor, {
    eventId: event.id,
    round: event.rounds,
    rounds,
    arrivedAt: last?.arrivedAt ?? now,
    at: now,
    reportId: null,
    before: event,
    changes,
  });
  await announceRevision(deps.bus, tx, event.id, event.rounds, rounds, Math.max(event.attributeCount, changes.accepted));
}

export async function listPending(tx: Tx, eventId: string): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>`select id from intel.attribute where event_id = ${eventId} and state = 'pending' order by id`;
  return rows.map((row) => row.id);
}

/** What waited comes in rounds from `round` on, as if it were new. Returns how many. */
export async function acceptRounds(tx: Tx, eventId: string, ids: readonly string[], round: number, perRound: number): Promise<number> {
  return tx.run`
    with picked as (
      select id, ${round}::integer + ((row_number() over (order by id) - 1) / ${perRound}::integer)::integer as round
        from intel.attribute where event_id = ${eventId} and state = 'pending' and id = any (${ids as string[]}::uuid[])
    )
    update intel.attribute a set state = 'accepted', chunk = p.round, revision = null
      from picked p where a.event_id = ${eventId} and a.id = p.id and a.state = 'pending'`;
}

export type RevisionRow = {
  readonly round: number;
  readonly at: Date;
  readonly arrivedAt: Date;
  readonly entityId: string;
  readonly actorKind: string;
  readonly actorLabel: string;
  readonly reportId: string | null;
  readonly changes: Readonly<Record<string, unknown>>;
};

/** Newest first. */
export async function listRevisions(db: Db, eventId: string, limit: number): Promise<RevisionRow[]> {
  return db.rows<RevisionRow>`
    select round, at, arrived_at, entity_id, actor_kind, actor_label, report_id, changes from intel.revision
     where event_id = ${eventId} order by round desc limit ${limit}`;
}
