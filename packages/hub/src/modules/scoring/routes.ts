import { tlps } from '@rebato/contract';
import { Type } from 'typebox';
import type { Http } from '#platform/http';
import { instant, literals, uuid } from '#platform/schema';
import type { Policy } from './levels.ts';
import { delayMaxMs, levelsMax } from './limits.ts';
import type { Scoring } from './scoring.ts';
import type { AssignmentRow } from './store.ts';

const id = Type.String({ pattern: '^[a-z][a-z0-9-]{0,39}$' });
const reason = Type.String({ minLength: 3, maxLength: 1_000, pattern: '^[^\\u0000]*$' });
const level = Type.Object({
  id,
  name: Type.String({ minLength: 1, maxLength: 80, pattern: '^[^\\u0000-\\u001f]*$' }),
  shelf: id,
  delayMs: Type.Integer({ minimum: 0, maximum: delayMaxMs, description: 'Milliseconds after publication.' }),
  onConsolidation: Type.Boolean({ description: 'What was consolidated need not wait any longer.' }),
  maxTlp: literals(tlps),
});
const policyView = Type.Object({ version: Type.Integer(), validFrom: instant, reason: Type.String(), levels: Type.Array(level) });
const assignmentView = Type.Object({ level: Type.String(), previous: Type.String(), reason: Type.String(), setAt: instant });

const presentPolicy = (policy: Policy) => ({ ...policy, validFrom: policy.validFrom.toISOString(), levels: [...policy.levels] });
const presentAssignment = (row: AssignmentRow) => ({
  level: row.level,
  previous: row.previous,
  reason: row.reason,
  setAt: row.setAt.toISOString(),
});

export function scoringRoutes(http: Http, scoring: Scoring): void {
  const tag = 'levels';
  const byId = Type.Object({ id: uuid });
  http.get('/api/v1/levels', {
    summary: 'The level policy in force: who reads what, and when',
    tag,
    scope: 'read',
    limit: 'read',
    reply: policyView,
    handle: async () => presentPolicy(await scoring.policy()),
  });
  http.put('/api/v1/levels', {
    summary: 'A new version of the level policy; the old ones are kept',
    tag,
    scope: 'admin',
    limit: 'write',
    body: Type.Object({ levels: Type.Array(level, { minItems: 1, maxItems: levelsMax }), reason }),
    reply: policyView,
    fails: ['scoring.forbidden', 'scoring.policy_invalid'],
    handle: async ({ actor, body }) => presentPolicy(await scoring.changePolicy(actor, body.levels, body.reason)),
  });
  http.get('/api/v1/entities/:id/level', {
    summary: 'The levels of an entity so far, newest first, with the reason of each',
    tag,
    scope: 'read',
    limit: 'read',
    params: byId,
    reply: Type.Object({ items: Type.Array(assignmentView) }),
    fails: ['scoring.entity_not_found'],
    handle: async ({ actor, params }) => ({ items: (await scoring.history(actor, params.id)).map(presentAssignment) }),
  });
  http.put('/api/v1/entities/:id/level', {
    summary: 'Give an entity a level, with the reason',
    tag,
    scope: 'members',
    limit: 'write',
    params: byId,
    body: Type.Object({ level: id, reason }),
    reply: assignmentView,
    fails: ['scoring.forbidden', 'scoring.level_unknown', 'scoring.entity_not_found'],
    handle: async ({ actor, params, body }) => presentAssignment(await scoring.setLevel(actor, params.id, body.level, body.reason)),
  });
}
