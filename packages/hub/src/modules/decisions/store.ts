import { type Strength, type ValueKind, valueKinds } from '@rebato/contract';
import type { Db, Tx } from '#platform/db';
import type { DecisionPolicy, PolicyVersion } from './fold.ts';
import { maxVoices } from './fold.ts';

/** All SQL of decisions. Tables of schema `decisions`; unqualified ones are the shelf's, with the search path set by the leader. */

export const strengthIndex: Readonly<Record<Strength, number>> = { lease: 0, consolidated: 1 };
export const strengthAt = (index: number): Strength => (index === 1 ? 'consolidated' : 'lease');
export const kindAt = (index: number): ValueKind => valueKinds[index] ?? 'other';

/** What a value's entry on a lane was and is. Null id: there was or is none in force. */
export type Transition = {
  readonly vkey: string;
  readonly kind: number;
  readonly value: string;
  readonly oldId: string | null;
  readonly oldUntil: Date | null;
  readonly id: string | null;
  readonly action: 'block' | 'allow';
  readonly strength: number;
  readonly confidence: number;
  readonly until: Date | null;
  readonly gone: string | null;
};

/** The id of an entry `d`, and what it is. */
export const entryId = (db: Db) => db.sql`coalesce(d.lift_id, d.vkey)`;
export const entryAction = (db: Db) => db.sql`case when d.lift_id is null then 'block' else 'allow' end`;

/**
 * Folds the released evidence of the given values anew and writes what changed. The specification is `fold` in fold.ts. A value whose
 * evidence is gone loses its entry with `goneReason`. Entries lifted at home (`allow`) are left alone.
 *
 * A ruling counts where something that had arrived when it was made has been released, and everywhere once the audience has waited for it: its time
 * is not in `waiting`, a `tstzmultirange`. Else who
 * reports a value himself could tell by it that others had reported it before: it would be consolidated, or missing, at once.
 */
export async function refold(
  tx: Tx,
  lane: string,
  vkeys: readonly string[],
  policy: DecisionPolicy,
  goneReason: string,
  now: Date,
  waiting: string,
): Promise<Transition[]> {
  const lease = `${policy.leaseMs} milliseconds`;
  return tx.rows<Transition>`
    with wanted as (select unnest(${vkeys as string[]}::uuid[]) as vkey),
    said as (
      -- What came to an event later counts from then.
      select i.vkey, e.voice, coalesce(i.published_at, e.published_at) as at, e.confidence, e.consolidated, true as indicator,
             coalesce(i.arrived_at, e.arrived_at) as arrived_at, i.kind, coalesce(i.canonical, i.value) as value
        from indicator i join event e on e.num = i.event_num
       where i.vkey = any (${vkeys as string[]}::uuid[]) and i.lane = ${lane} and i.blockable
      union all
      select s.vkey, s.voice, s.at, 0, false, false, null, null, null
        from sighting s
       where s.vkey = any (${vkeys as string[]}::uuid[]) and s.lane = ${lane} and s.type = 'seen'
    ),
    folded as (
      select s.vkey, least(count(distinct s.voice), ${maxVoices})::int as voices, max(s.confidence) as best, min(s.kind) as kind, min(s.value) as value,
             bool_or(s.consolidated) as confirmed, max(s.at) as newest, max(s.at) filter (where s.indicator) as newest_indicator,
             count(*) filter (where s.indicator) as indicators, min(s.arrived_at) as arrived, max(s.arrived_at) as last_arrived
        from said s group by s.vkey
    ),
    new as (
      select w.vkey, f.kind, f.value, f.arrived, f.last_arrived, f.voices, f.indicators, c.strong,
             case when r.ruling = 'consolidated' then 95 else least(95, f.best + 15 * (f.voices - 1)) end as confidence,
             case when c.strong then f.newest + coalesce((${tx.json(ttlByIndex(policy))}::jsonb ->> f.kind::text)::interval, ${`${policy.consolidatedMs.other} milliseconds`}::interval)
                  else f.newest_indicator + ${lease}::interval end as until
        from wanted w
        join folded f using (vkey)
        left join decisions.ruling d using (vkey)
       cross join lateral (select case when not d.ruled_at <@ ${waiting}::tstzmultirange or d.ruled_at >= f.arrived then d.ruling end as ruling) r
       cross join lateral (select r.ruling is not distinct from 'consolidated' or f.voices >= ${policy.voicesToConsolidate} or f.confirmed as strong) c
       where f.indicators > 0 and r.ruling is distinct from 'retracted'
    ),
    old as (
      select d.vkey, ${entryId(tx)} as id, d.until, d.gone, d.lift_id from decision d where d.lane = ${lane} and d.vkey = any (${vkeys as string[]}::uuid[])
    ),
    put as (
      insert into decision as t (lane, vkey, kind, value, strength, confidence, voices, evidence, arrived_at, decided_at, changed_at, until)
      select ${lane}, n.vkey, n.kind, n.value, n.strong::int, n.confidence, n.voices, n.indicators,
             -- What this audience knows, never the first report anywhere. A block that begins anew counts from what brought it back.
             case when o.gone is null then n.arrived else n.last_arrived end, ${now}, ${now}, n.until
        from new n left join old o using (vkey)
       where n.until > ${now}
      on conflict (lane, vkey) do update
         set strength = excluded.strength, confidence = excluded.confidence, voices = excluded.voices, evidence = excluded.evidence,
             arrived_at = case when t.gone is null then t.arrived_at else excluded.arrived_at end,
             decided_at = case when t.gone is null then t.decided_at else excluded.decided_at end,
             changed_at = excluded.changed_at, until = excluded.until, lift_id = null, gone = null
       where t.gone is not null
          or (t.lift_id is null and (t.strength, t.confidence, t.until, t.evidence) is distinct from (excluded.strength, excluded.confidence, excluded.until, excluded.evidence))
      returning t.vkey, t.kind, t.value, t.strength, t.confidence, t.until
    ),
    dropped as (
      update decision t set gone = ${goneReason}, changed_at = ${now}
        from old o
       where t.lane = ${lane} and t.vkey = o.vkey and o.gone is null and o.lift_id is null
         and not exists (select from new n where n.vkey = o.vkey and n.until > ${now})
      returning t.vkey, t.kind, t.value, t.strength, t.confidence, t.until
    )
    select p.vkey, p.kind, p.value, case when o.gone is null then o.id end as old_id, case when o.gone is null then o.until end as old_until,
           p.vkey as id, 'block' as action, p.strength, p.confidence, p.until, null as gone
      from put p left join old o using (vkey)
    union all
    select d.vkey, d.kind, d.value, o.id, o.until, null, 'block', d.strength, d.confidence, d.until, ${goneReason}
      from dropped d join old o using (vkey)`;
}

function ttlByIndex(policy: DecisionPolicy): Record<string, string> {
  return Object.fromEntries(
    valueKinds.flatMap((kind, index) =>
      policy.consolidatedMs[kind] === undefined ? [] : [[String(index), `${policy.consolidatedMs[kind]} milliseconds`]],
    ),
  );
}

/** Entries whose time is over leave. Bounded; called until it returns fewer than `limit`. */
export async function expire(tx: Tx, now: Date, limit: number): Promise<(Transition & { lane: string })[]> {
  return tx.rows<Transition & { lane: string }>`
    update decision d set gone = case when d.lift_id is null then 'expired' else 'superseded' end, changed_at = ${now}
      from (select lane, vkey from decision where gone is null and until <= ${now} order by until, lane, vkey limit ${limit}) due
     where d.lane = due.lane and d.vkey = due.vkey
    returning d.lane, d.vkey, d.kind, d.value, ${entryId(tx)} as old_id, d.until as old_until, null as id, ${entryAction(tx)} as action, d.strength, d.confidence, d.until, d.gone`;
}

/** A member's own `allow` takes the place of the value's entry on its own lane. */
export async function placeAllow(
  tx: Tx,
  lane: string,
  lift: { id: string; vkey: string; kind: number; value: string; until: Date | null },
  now: Date,
): Promise<Transition[]> {
  return tx.rows<Transition>`
    with old as (select d.vkey, ${entryId(tx)} as id, d.until from decision d where d.lane = ${lane} and d.vkey = ${lift.vkey} and d.gone is null),
    put as (
      insert into decision as t (lane, vkey, kind, value, strength, confidence, voices, evidence, arrived_at, decided_at, changed_at, until, lift_id)
      values (${lane}, ${lift.vkey}, ${lift.kind}, ${lift.value}, 1, 100, 0, 0, ${now}, ${now}, ${now}, ${lift.until}, ${lift.id})
      on conflict (lane, vkey) do update set strength = 1, confidence = 100, voices = 0, evidence = 0, changed_at = excluded.changed_at,
             until = excluded.until, lift_id = excluded.lift_id, gone = null
      returning t.vkey, t.kind, t.value, t.strength, t.confidence, t.until
    )
    select p.vkey, p.kind, p.value, o.id as old_id, o.until as old_until, ${lift.id}::uuid as id, 'allow' as action, p.strength, p.confidence, p.until, null as gone
      from put p left join old o using (vkey)`;
}

/** Ends an `allow`; what the evidence then says is folded anew by the caller. */
export async function removeAllow(tx: Tx, lane: string, vkey: string, now: Date): Promise<Transition[]> {
  return tx.rows<Transition>`
    update decision d set gone = 'superseded', changed_at = ${now}
     where d.lane = ${lane} and d.vkey = ${vkey} and d.lift_id is not null and d.gone is null
    returning d.vkey, d.kind, d.value, d.lift_id as old_id, d.until as old_until, null as id, 'allow' as action, d.strength, d.confidence, d.until, d.gone`;
}

/** Lanes of the present shelf on which a value stands or has evidence. */
export async function lanesOf(tx: Tx, vkey: string): Promise<string[]> {
  return (
    await tx.rows<{ lane: string }>`
    select lane from decision where vkey = ${vkey} union select lane from indicator where vkey = ${vkey} and blockable`
  ).map((row) => row.lane);
}

export type LaneState = { readonly version: number; readonly hash: string; readonly count: number; readonly digest: string };

export async function lockLane(tx: Tx, lane: string): Promise<LaneState> {
  await tx.run`insert into lane (lane) values (${lane}) on conflict do nothing`;
  const row = await tx.one<LaneState>`select version, hash, count, digest from lane where lane = ${lane} for update`;
  if (row === undefined) throw new Error(`the lane ${lane} vanished`);
  return row;
}

export async function putBatch(
  tx: Tx,
  lane: string,
  state: LaneState,
  batch: { readonly body: string; readonly keyId: string; readonly sig: string },
  now: Date,
): Promise<void> {
  await tx.run`update lane set version = ${state.version}, hash = ${state.hash}, count = ${state.count}, digest = ${state.digest} where lane = ${lane}`;
  await tx.run`insert into batch (lane, version, body, key_id, sig, hash, at) values (${lane}, ${state.version}, ${batch.body}, ${batch.keyId}, ${batch.sig}, ${state.hash}, ${now})`;
}

/** A value as rulings and liftings name it. */
export type Decided = { readonly vkey: string; readonly kind: number; readonly value: string };
export type Ruling = Decided & { readonly ruling: 'consolidated' | 'retracted' | null };

export async function readRuling(db: Db, vkey: string): Promise<Ruling | undefined> {
  return db.one<Ruling>`select vkey, kind, value, ruling from decisions.ruling where vkey = ${vkey}`;
}

/** When values were ruled on, by their keys. */
export async function readRuledTimes(db: Db, vkeys: readonly string[]): Promise<Map<string, Date>> {
  if (vkeys.length === 0) return new Map();
  const rows = await db.rows<{ vkey: string; ruledAt: Date }>`
    select vkey, ruled_at from decisions.ruling where vkey = any (${vkeys as string[]}::uuid[])`;
  return new Map(rows.map((row) => [row.vkey, row.ruledAt]));
}

export async function putRuling(tx: Tx, on: Decided, ruling: Ruling['ruling'], by: string, reason: string, now: Date): Promise<void> {
  await tx.run`
    insert into decisions.ruling (vkey, kind, value, ruling, ruled_at, ruled_by, reason)
    values (${on.vkey}, ${on.kind}, ${on.value}, ${ruling}, ${now}, ${by}, ${reason})
    on conflict (vkey) do update set ruling = excluded.ruling, ruled_at = excluded.ruled_at, ruled_by = excluded.ruled_by, reason = excluded.reason`;
}

export type LiftRow = {
  readonly id: string;
  readonly entityId: string;
  readonly vkey: string;
  readonly kind: number;
  readonly value: string;
  readonly reason: string;
  readonly falsePositive: boolean;
  readonly liftedAt: Date;
  readonly liftedBy: string;
  readonly until: Date | null;
  readonly endedAt: Date | null;
};

const liftColumns = (db: Db) => db.sql`id, entity_id, vkey, kind, value, reason, false_positive, lifted_at, lifted_by, until, ended_at`;

/** Returns false when the entity has lifted this value already. */
export async function insertLift(tx: Tx, row: LiftRow): Promise<boolean> {
  return (
    (await tx.run`
      insert into decisions.lift (id, entity_id, vkey, kind, value, reason, false_positive, lifted_at, lifted_by, until)
      values (${row.id}, ${row.entityId}, ${row.vkey}, ${row.kind}, ${row.value}, ${row.reason}, ${row.falsePositive}, ${row.liftedAt}, ${row.liftedBy}, ${row.until})
      on conflict do nothing`) === 1
  );
}

export async function endLift(tx: Tx, entityId: string, liftId: string, now: Date): Promise<LiftRow | undefined> {
  return tx.one<LiftRow>`
    update decisions.lift set ended_at = ${now} where id = ${liftId} and entity_id = ${entityId} and ended_at is null returning ${liftColumns(tx)}`;
}

export async function readLifts(db: Db, ids: readonly string[]): Promise<LiftRow[]> {
  return db.rows<LiftRow>`select ${liftColumns(db)} from decisions.lift where id = any (${ids as string[]}::uuid[])`;
}

/** A lift whose time is over ends then, so that the value can be lifted anew. */
export async function endLapsedLifts(tx: Tx, entityId: string, now: Date): Promise<void> {
  await tx.run`update decisions.lift set ended_at = until where entity_id = ${entityId} and ended_at is null and until <= ${now}`;
}

export async function listLifts(db: Db, entityId: string, now: Date): Promise<LiftRow[]> {
  return db.rows<LiftRow>`
    select ${liftColumns(db)} from decisions.lift
     where entity_id = ${entityId} and ended_at is null and (until is null or until > ${now}) order by lifted_at desc, id limit 1000`;
}

/** False positives that members declared and nobody has ruled on, oldest first. */
export async function listDeclared(db: Db): Promise<LiftRow[]> {
  return db.rows<LiftRow>`
    select l.id, l.entity_id, l.vkey, l.kind, l.value, l.reason, l.false_positive, l.lifted_at, l.lifted_by, l.until, l.ended_at
      from decisions.lift l left join decisions.ruling d using (vkey)
     where l.false_positive and l.ended_at is null and d.ruling is distinct from 'retracted'
     order by l.lifted_at limit 500`;
}

export async function readHalt(db: Db): Promise<{ on: boolean; at: Date; by: string; reason: string }> {
  const row = await db.one<{
    on: boolean;
    at: Date;
    by: string;
    reason: string;
  }>`select on_ as "on", at, by_ as "by", reason from decisions.halt`;
  return row ?? { on: false, at: new Date(0), by: 'system', reason: '' };
}

export async function setHalt(tx: Tx, on: boolean, by: string, reason: string, now: Date): Promise<void> {
  await tx.run`update decisions.halt set on_ = ${on}, at = ${now}, by_ = ${by}, reason = ${reason}`;
}

/** Newest first. */
export async function listPolicies(db: Db, limit: number): Promise<PolicyVersion[]> {
  return db.rows<PolicyVersion>`select version, valid_from, reason, policy from decisions.policy order by version desc limit ${limit}`;
}

/** Two changes at once become two versions, one after the other. */
export async function insertPolicy(tx: Tx, row: Omit<PolicyVersion, 'version'>, by: string): Promise<PolicyVersion> {
  await tx.run`lock table decisions.policy in share row exclusive mode`;
  const last = await tx.one<{ version: number }>`select coalesce(max(version), 0) as version from decisions.policy`;
  const version = (last?.version ?? 0) + 1;
  await tx.run`
    insert into decisions.policy (version, valid_from, set_by, reason, policy)
    values (${version}, ${row.validFrom}, ${by}, ${row.reason}, ${tx.json(row.policy)})`;
  return { version, ...row };
}
