import type { Db, Tx } from '#platform/db';
import { genesisHash, type TrailEntry, type TrailRecord } from './chain.ts';
import type { Checkpoint } from './checkpoint.ts';

type Dated<T extends { at: string }> = Omit<T, 'at'> & { readonly at: Date };
const undate = <T extends { at: string }>(row: Dated<T>): T => ({ ...row, at: row.at.toISOString() }) as unknown as T;

/** Two leaders may overlap for a moment; the chain has one end. Held until the transaction ends. */
const chainLock = 7_373_005;

export async function lockChain(tx: Tx): Promise<void> {
  await tx.run`select pg_advisory_xact_lock(${chainLock})`;
}

export async function takeInbox(tx: Tx, limit: number): Promise<TrailRecord[]> {
  const rows = await tx.rows<Dated<TrailRecord> & { id: number }>`
    with taken as (
      delete from trail.inbox where id in (select id from trail.inbox order by id limit ${limit})
      returning id, at, actor_kind, actor_id, actor_label, entity_id, person_id, origin, request_id, action, target, detail)
    select * from taken order by id`;
  return rows.map(({ id: _id, ...row }) => undate<TrailRecord>(row));
}

export async function readHead(db: Db): Promise<{ seq: number; hash: string }> {
  return (
    (await db.one<{ seq: number; hash: string }>`select seq, hash from trail.entry order by seq desc limit 1`) ?? {
      seq: 0,
      hash: genesisHash,
    }
  );
}

/** One statement for the batch: a COPY of a few rows costs two waits for delayed acknowledgements, measured 86 ms. */
export async function insertEntries(tx: Tx, entries: readonly TrailEntry[]): Promise<void> {
  const rows = entries.map((e) => ({
    seq: e.seq,
    at: e.at,
    actor_kind: e.actorKind,
    actor_id: e.actorId,
    actor_label: e.actorLabel,
    entity_id: e.entityId,
    person_id: e.personId,
    origin: e.origin,
    request_id: e.requestId,
    action: e.action,
    target: e.target,
    detail: e.detail,
    prev_hash: e.prevHash,
    hash: e.hash,
  }));
  await tx.run`
    insert into trail.entry (seq, at, actor_kind, actor_id, actor_label, entity_id, person_id, origin, request_id, action, target, detail, prev_hash, hash)
    select seq, at, actor_kind, actor_id, actor_label, entity_id, person_id, origin, request_id, action, target, detail, prev_hash, hash
      from jsonb_populate_recordset(null::trail.entry, ${tx.json(rows)})`;
}

export async function readEntries(db: Db, after: number, limit: number): Promise<TrailEntry[]> {
  const rows = await db.rows<Dated<TrailEntry>>`
    select seq, at, actor_kind, actor_id, actor_label, entity_id, person_id, origin, request_id, action, target, detail, prev_hash, hash
      from trail.entry where seq > ${after} order by seq limit ${limit}`;
  return rows.map((row) => undate<TrailEntry>(row));
}

export type TrailFilter = {
  readonly actorId?: string | undefined;
  readonly entityId?: string | undefined;
  readonly target?: string | undefined;
  readonly action?: string | undefined;
  /** Entries before this position: the next page. */
  readonly before?: number | undefined;
};

/** Newest first. */
export async function searchEntries(db: Db, filter: TrailFilter, limit: number): Promise<TrailEntry[]> {
  const { actorId = null, entityId = null, target = null, action = null, before = null } = filter;
  const rows = await db.rows<Dated<TrailEntry>>`
    select seq, at, actor_kind, actor_id, actor_label, entity_id, person_id, origin, request_id, action, target, detail, prev_hash, hash
      from trail.entry
     where (${actorId}::text is null or actor_id = ${actorId}::text)
       and (${entityId}::text is null or entity_id = ${entityId}::text)
       and (${target}::text is null or target = ${target}::text)
       and (${action}::text is null or action = ${action}::text)
       and (${before}::bigint is null or seq < ${before}::bigint)
     order by seq desc
     limit ${limit}`;
  return rows.map((row) => undate<TrailEntry>(row));
}

export async function readCheckpoints(db: Db, after: number, limit: number): Promise<Checkpoint[]> {
  return db.rows<Checkpoint>`select seq, body, key_id, sig from trail.checkpoint where seq > ${after} order by seq limit ${limit}`;
}

export async function readLastCheckpoint(db: Db): Promise<Checkpoint | undefined> {
  return db.one<Checkpoint>`select seq, body, key_id, sig from trail.checkpoint order by seq desc limit 1`;
}

export async function insertCheckpoint(tx: Tx, checkpoint: Checkpoint): Promise<void> {
  await tx.run`insert into trail.checkpoint (seq, body, key_id, sig) values (${checkpoint.seq}, ${checkpoint.body}, ${checkpoint.keyId}, ${checkpoint.sig})`;
}
