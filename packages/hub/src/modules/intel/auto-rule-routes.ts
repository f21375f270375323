import { valueKinds } from '@rebato/contract';
import { Type } from 'typebox';
import { paceLimits } from '#guard';
import { type Http, Reply } from '#platform/http';
import { instant, literals, nullable, uuid } from '#platform/schema';
import type { AutoRule } from './auto-rules.ts';
import type { Intel } from './intel.ts';

const tag = 'assessment';
const feedHelp = 'A bulk feed: how many blocks it makes, and how fast, holds nothing.';
const hourlyHelp = `Blocks that pass in an hour, and in one event, without a question. Default: ${paceLimits.sourcePerHour}, and five times the usual.`;
const view = Type.Object({
  id: uuid,
  entityId: nullable(uuid),
  entityKind: nullable(Type.String()),
  level: nullable(Type.String()),
  kinds: Type.Array(literals(valueKinds), { description: 'Kinds of values; empty: all.' }),
  accept: Type.Boolean(),
  feed: Type.Boolean({ description: feedHelp }),
  hourlyMax: nullable(Type.Integer({ description: hourlyHelp })),
  createdAt: instant,
  createdBy: Type.String(),
});

const present = (rule: AutoRule) => ({
  ...rule,
  kinds: rule.kinds.map((index) => valueKinds[index] ?? 'other'),
  createdAt: rule.createdAt.toISOString(),
});

/** Whose reports pass without an assessor. */
export function autoRuleRoutes(http: Http, intel: Intel): void {
  http.get('/api/v1/auto-rules', {
    summary: 'Whose reports pass without an assessor, the most particular rule first',
    tag,
    scope: 'assess',
    roles: ['admin', 'coordinator', 'assessor'],
    limit: 'read',
    reply: Type.Object({ rules: Type.Array(view) }),
    handle: async () => ({ rules: (await intel.autoRules()).map(present) }),
  });

  http.post('/api/v1/auto-rules', {
    summary: 'Let reports of an entity, a kind of entity or a level pass, or make them wait',
    tag,
    scope: 'rule',
    roles: ['admin', 'coordinator'],
    limit: 'write',
    body: Type.Object({
      entityId: Type.Optional(uuid),
      entityKind: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
      level: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
      kinds: Type.Optional(Type.Array(literals(valueKinds), { maxItems: valueKinds.length })),
      accept: Type.Boolean(),
      feed: Type.Optional(Type.Boolean({ description: feedHelp })),
      hourlyMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000_000, description: hourlyHelp })),
    }),
    reply: view,
    status: 201,
    fails: ['intel.rule_subject'],
    handle: async ({ actor, body }) => present(await intel.addAutoRule(actor, { ...body, kinds: body.kinds ?? [] })),
  });

  http.delete('/api/v1/auto-rules/:id', {
    summary: 'Remove such a rule',
    tag,
    scope: 'rule',
    roles: ['admin', 'coordinator'],
    limit: 'write',
    params: Type.Object({ id: uuid }),
    fails: ['intel.rule_not_found'],
    async handle({ actor, params }) {
      await intel.removeAutoRule(actor, params.id);
      return Reply.empty();
    },
  });
}
