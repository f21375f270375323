import type { Viewer } from '#platform/actor';
import type { Db } from '#platform/db';
import { entryAction, entryId } from './store.ts';

/** What readers ask of decisions, on their own shelf and in their own lanes. */

export type ShelfDecision = {
  readonly lane: string;
  readonly vkey: string;
  readonly id: string;
  readonly kind: number;
  readonly value: string;
  readonly action: 'block' | 'allow';
  readonly strength: number;
  readonly confidence: number;
  /** How many independent voices; who they are stays here. */
  readonly voices: number;
  readonly evidence: number;
  readonly decidedAt: Date;
  readonly changedAt: Date;
  readonly until: Date | null;
  readonly gone: string | null;
  /** Whether it rests on the reader's own word alone so far. */
  readonly own: boolean;
};

const columns = (db: Db) => db.sql`
  d.lane, d.vkey, ${entryId(db)} as id, d.kind, d.value, ${entryAction(db)} as action, d.strength, d.confidence, d.voices, d.evidence, d.decided_at, d.changed_at, d.until, d.gone,
  -- What somebody else reported lies on a reader's own lane when it had it before its level changed.
  d.lane like 'e:%' and (d.gone is not null or ${entryAction(db)} = 'allow' or exists (
    select from indicator i join event e on e.num = i.event_num where i.vkey = d.vkey and i.lane = d.lane and d.lane = 'e:' || e.owner_id)) as own`;

export type DecisionCursor = { readonly changedAt: Date; readonly vkey: string };

/** Newest change first. `gone` asks for those no longer in force. */
export async function listDecisions(
  db: Db,
  viewer: Viewer,
  filter: { readonly kind?: number; readonly text?: string; readonly gone: boolean },
  after: DecisionCursor | undefined,
  limit: number,
): Promise<ShelfDecision[]> {
  const text = filter.text === undefined ? '' : `%${filter.text.replaceAll(/[\\%_]/g, (c) => `\\${c}`)}%`;
  return db.rows<ShelfDecision>`
    select ${columns(db)} from decision d
     where d.lane = any (${viewer.lanes as string[]})
       and (d.gone is not null) = ${filter.gone}
       and (${filter.kind === undefined} or d.kind = ${filter.kind ?? 0})
       and (${filter.text === undefined} or d.value like ${text})
       and (${after === undefined} or (d.changed_at, d.vkey) < (${after?.changedAt ?? new Date(0)}, ${after?.vkey ?? '00000000-0000-0000-0000-000000000000'}::uuid))
     order by d.changed_at desc, d.vkey desc
     limit ${limit}`;
}

/** In each of the reader's lanes at most one; the community's first. */
export async function findDecision(db: Db, viewer: Viewer, id: string): Promise<ShelfDecision | undefined> {
  return db.one<ShelfDecision>`
    select ${columns(db)} from decision d
     where d.lane = any (${viewer.lanes as string[]}) and (d.vkey = ${id} or d.lift_id = ${id}) and ${entryId(db)} = ${id} order by d.gone is not null, d.lane limit 1`;
}

export type EvidenceRow = {
  readonly eventId: string;
  readonly title: string;
  readonly owner: string;
  readonly tlp: string;
  readonly publishedAt: Date;
  readonly releasedAt: Date;
  readonly confidence: number;
  readonly consolidated: boolean;
  readonly comment: string | null;
};

export async function listEvidence(db: Db, viewer: Viewer, vkey: string, limit: number): Promise<EvidenceRow[]> {
  return db.rows<EvidenceRow>`
    select e.id as event_id, e.info as title, e.owner_name as owner, e.tlp, e.published_at, e.released_at, e.confidence, e.consolidated, i.comment
      from indicator i join event e on e.num = i.event_num
     where i.vkey = ${vkey} and i.blockable and i.lane = any (${viewer.lanes as string[]})
     order by e.published_at, e.id, i.id limit ${limit}`;
}

export async function listSeen(
  db: Db,
  viewer: Viewer,
  vkey: string,
  limit: number,
): Promise<{ type: string; at: Date; entityName: string }[]> {
  return db.rows`
    select type, at, entity_name from sighting where vkey = ${vkey} and lane = any (${viewer.lanes as string[]}) order by at desc, id limit ${limit}`;
}

/** Latest receipt of each control of one entity for a decision, on the write side: an entity's own data. Times count from when its shelf had it. */
export async function enforcementOf(
  db: Db,
  entityId: string,
  decisionId: string,
): Promise<{ control: string; name: string; state: string; at: Date; ms: number | null; reason: string | null }[]> {
  return db.rows`
    select distinct on (c.num) c.id as control, c.name, (array['applied', 'refused', 'withdrawn', 'expired'])[r.state + 1] as state, r.received_at as at,
           r.lane_ms as ms, r.reason
      from decisions.control c join decisions.receipt r on r.control_num = c.num
     where c.entity_id = ${entityId} and r.decision_id = ${decisionId}
     order by c.num, r.received_at desc`;
}
