import { strengths, tlps, valueKinds } from '@rebato/contract';
import { Type } from 'typebox';
import type { Actor, Viewer } from '#platform/actor';
import type { Db } from '#platform/db';
import type { Http } from '#platform/http';
import { instant, literals, nullable, uuid } from '#platform/schema';
import { fail } from './errors.ts';
import { findDecision, listDecisions, listEvidence, listSeen, type ShelfDecision } from './queries.ts';
import type { Rulings } from './rule.ts';
import { kindAt, type LiftRow, strengthAt } from './store.ts';

const byId = Type.Object({ id: uuid });
const reason = Type.String({ minLength: 1, maxLength: 2000 });
const kind = literals(valueKinds);
const ruling = Type.Union([Type.Literal('consolidated'), Type.Literal('retracted'), Type.Null()]);
/** What the database reads as a UUID, and as a time with a year of four digits: nothing that we print is another. */
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const lastYearMs = Date.UTC(10_000, 0);
const assessors = ['admin', 'coordinator', 'assessor'] as const;

const decisionView = Type.Object({
  id: uuid,
  kind,
  value: Type.String(),
  action: Type.Union([Type.Literal('block'), Type.Literal('allow')]),
  strength: literals(strengths),
  confidence: Type.Integer(),
  voices: Type.Integer({ description: 'Independent sources behind it.' }),
  decidedAt: instant,
  changedAt: instant,
  until: nullable(instant),
  /** Whether it is yours alone so far. */
  own: Type.Boolean(),
  gone: nullable(Type.String()),
});

const cardView = Type.Object({
  ...decisionView.properties,
  evidence: Type.Array(
    Type.Object({
      eventId: uuid,
      title: Type.String(),
      owner: Type.String(),
      tlp: literals(tlps),
      publishedAt: instant,
      releasedAt: instant,
      confidence: Type.Integer(),
      consolidated: Type.Boolean(),
      comment: Type.String(),
    }),
  ),
  sightings: Type.Array(Type.Object({ type: Type.String(), at: instant, by: Type.String() })),
  lifted: Type.Boolean({ description: 'Lifted at your own controls.' }),
  enforcement: Type.Array(
    Type.Object({
      control: uuid,
      name: Type.String(),
      state: Type.String(),
      at: instant,
      ms: nullable(Type.Integer({ description: 'From when your shelf had it to the receipt, by the clock of the hub.' })),
      reason: nullable(Type.String()),
    }),
    { description: 'Your own controls, from their receipts.' },
  ),
});

const liftView = Type.Object({
  id: uuid,
  kind,
  value: Type.String(),
  reason: Type.String(),
  falsePositive: Type.Boolean(),
  liftedAt: instant,
  liftedBy: Type.String(),
  until: nullable(instant),
});

export type Enforcement = {
  readonly control: string;
  readonly name: string;
  readonly state: string;
  readonly at: Date;
  readonly ms: number | null;
  readonly reason: string | null;
};
export type DecisionRoutesDeps = {
  readonly rulings: Rulings;
  readonly shelf: (viewer: Viewer) => Db;
  /** Latest receipt per control of the reader's own entity. */
  readonly enforcementOf: (actor: Actor, decisionId: string) => Promise<readonly Enforcement[]>;
};

const present = (row: ShelfDecision) => ({
  id: row.id,
  kind: kindAt(row.kind),
  value: row.value,
  action: row.action,
  strength: strengthAt(row.strength),
  confidence: row.confidence,
  voices: row.voices,
  decidedAt: row.decidedAt.toISOString(),
  changedAt: row.changedAt.toISOString(),
  until: row.until?.toISOString() ?? null,
  own: row.own,
  gone: row.gone,
});

const presentLift = (row: LiftRow) => ({
  id: row.id,
  kind: kindAt(row.kind),
  value: row.value,
  reason: row.reason,
  falsePositive: row.falsePositive,
  liftedAt: row.liftedAt.toISOString(),
  liftedBy: row.liftedBy,
  until: row.until?.toISOString() ?? null,
});

export function decisionRoutes(http: Http, deps: DecisionRoutesDeps): void {
  const { rulings } = deps;

  async function visible(actor: Actor, id: string): Promise<ShelfDecision> {
    const row = await findDecision(deps.shelf(actor.viewer), actor.viewer, id);
    if (row === undefined) throw fail('decisions.not_found', `No decision ${id} is visible to you.`);
    return row;
  }

  http.get('/api/v1/decisions', {
    summary: 'Decisions in force for you, newest change first',
    tag: 'decisions',
    scope: 'read',
    limit: 'read',
    query: Type.Object({
      kind: Type.Optional(kind),
      q: Type.Optional(Type.String({ maxLength: 255 })),
      gone: Type.Optional(Type.Boolean({ description: 'Those no longer in force, instead.' })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
      after: Type.Optional(Type.String({ maxLength: 128 })),
    }),
    reply: Type.Object({ decisions: Type.Array(decisionView), next: nullable(Type.String()) }),
    async handle({ actor, query }) {
      const limit = query.limit ?? 100;
      const [changedAt, vkey] = query.after?.split('_') ?? [];
      const at = new Date(changedAt ?? '');
      if (query.after !== undefined && (!(at.getTime() >= 0 && at.getTime() < lastYearMs) || !uuidPattern.test(vkey ?? '')))
        throw fail('decisions.bad_cursor', 'The cursor is not one of ours.', [
          { field: 'after', message: 'pass the value of `next` unchanged' },
        ]);
      const filter = {
        gone: query.gone ?? false,
        ...(query.kind === undefined ? {} : { kind: valueKinds.indexOf(query.kind) }),
        ...(query.q === undefined ? {} : { text: query.q }),
      };
      const rows = await listDecisions(
        deps.shelf(actor.viewer),
        actor.viewer,
        filter,
        query.after === undefined ? undefined : { changedAt: at, vkey: vkey ?? '' },
        limit,
      );
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return { decisions: rows.map(present), next: last === undefined ? null : `${last.changedAt.toISOString()}_${last.vkey}` };
    },
  });

  http.get('/api/v1/decisions/declared', {
    summary: 'Blocks that members declared false positives and nobody has ruled on, oldest first',
    tag: 'assessment',
    scope: 'rule',
    roles: assessors,
    limit: 'read',
    reply: Type.Object({ declared: Type.Array(Type.Object({ ...liftView.properties, decisionId: uuid, entityId: uuid })) }),
    async handle() {
      return {
        declared: (await rulings.declared()).map((row) => ({ ...presentLift(row), decisionId: row.vkey, entityId: row.entityId })),
      };
    },
  });

  http.get('/api/v1/decisions/:id', {
    summary: 'The provenance card: why, on whose evidence, until when, and where it is in force',
    tag: 'decisions',
    scope: 'read',
    limit: 'read',
    params: byId,
    reply: cardView,
    fails: ['decisions.not_found'],
    async handle({ actor, params }) {
      const row = await visible(actor, params.id);
      const shelf = deps.shelf(actor.viewer);
      const lift = (await rulings.lifts(actor)).find((each) => each.vkey === row.vkey);
      const [evidence, seen, receipts, lifted] = await Promise.all([
        listEvidence(shelf, actor.viewer, row.vkey, 100),
        listSeen(shelf, actor.viewer, row.vkey, 100),
        deps.enforcementOf(actor, row.id),
        lift === undefined ? [] : deps.enforcementOf(actor, lift.id),
      ]);
      // A control that has said that the lifting is in force does not block any more, whatever its last receipt for the block was.
      const freed = new Map(lifted.filter((each) => each.state === 'applied').map((each) => [each.control, { ...each, state: 'lifted' }]));
      const enforcement = receipts.map((each) => freed.get(each.control) ?? each);
      return {
        ...present(row),
        evidence: evidence.map((each) => ({
          ...each,
          tlp: each.tlp as (typeof tlps)[number],
          publishedAt: each.publishedAt.toISOString(),
          releasedAt: each.releasedAt.toISOString(),
          comment: each.comment ?? '',
        })),
        sightings: seen.map((each) => ({ type: each.type, at: each.at.toISOString(), by: each.entityName })),
        lifted: lift !== undefined,
        enforcement: enforcement.map((each) => ({ ...each, at: each.at.toISOString() })),
      };
    },
  });

  http.post('/api/v1/decisions/:id/ruling', {
    summary: 'Consolidate or retract for the whole network, or take the ruling back',
    tag: 'assessment',
    scope: 'rule',
    roles: assessors,
    limit: 'write',
    params: byId,
    body: Type.Object({ ruling, reason }),
    reply: Type.Object({ id: uuid, value: Type.String(), ruling }),
    fails: ['decisions.not_found'],
    async handle({ actor, params, body }) {
      const ruled = await rulings.rule(actor, { decisionId: params.id, ...body });
      return { id: ruled.vkey, value: ruled.value, ruling: ruled.ruling };
    },
  });

  http.post('/api/v1/decisions/:id/lift', {
    summary: 'Lift a block at your own controls; as a false positive it also goes to an assessor',
    tag: 'decisions',
    scope: 'control',
    limit: 'write',
    params: byId,
    body: Type.Object({ reason, until: Type.Optional(instant), falsePositive: Type.Optional(Type.Boolean()) }),
    reply: liftView,
    status: 201,
    fails: ['decisions.not_found', 'decisions.lifted_already', 'decisions.until_past'],
    async handle({ actor, params, body }) {
      const { vkey, kind, value } = await visible(actor, params.id);
      return presentLift(
        await rulings.lift(actor, {
          decision: { vkey, kind, value },
          reason: body.reason,
          until: body.until === undefined ? null : new Date(body.until),
          falsePositive: body.falsePositive ?? false,
        }),
      );
    },
  });

  http.get('/api/v1/lifts', {
    summary: 'What your entity has lifted at home',
    tag: 'decisions',
    scope: 'control',
    limit: 'read',
    reply: Type.Object({ lifts: Type.Array(liftView) }),
    async handle({ actor }) {
      return { lifts: (await rulings.lifts(actor)).map(presentLift) };
    },
  });

  http.delete('/api/v1/lifts/:id', {
    summary: 'Put a lifted block back into force at home',
    tag: 'decisions',
    scope: 'control',
    limit: 'write',
    params: byId,
    reply: liftView,
    fails: ['decisions.lift_not_found'],
    async handle({ actor, params }) {
      return presentLift(await rulings.restore(actor, params.id));
    },
  });

  http.get('/api/v1/halt', {
    summary: 'Whether new blocks are halted',
    tag: 'decisions',
    scope: 'read',
    limit: 'read',
    reply: Type.Object({ on: Type.Boolean(), at: instant, reason: Type.String() }),
    async handle() {
      const halted = await rulings.halted();
      return { on: halted.on, at: halted.at.toISOString(), reason: halted.reason };
    },
  });

  http.put('/api/v1/halt', {
    summary: 'Stop every new block in the network, or let them go on; removals are never stopped',
    tag: 'assessment',
    scope: 'rule',
    roles: assessors,
    limit: 'write',
    body: Type.Object({ on: Type.Boolean(), reason }),
    reply: Type.Object({ on: Type.Boolean() }),
    async handle({ actor, body }) {
      await rulings.halt(actor, body);
      return { on: body.on };
    },
  });
}
