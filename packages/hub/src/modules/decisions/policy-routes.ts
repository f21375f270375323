import { type ValueKind, valueKinds } from '@rebato/contract';
import { Type } from 'typebox';
import type { Http } from '#platform/http';
import { instant } from '#platform/schema';
import type { DecisionPolicy, PolicyVersion } from './fold.ts';
import type { Policies } from './policy.ts';

const ms = Type.Integer({ description: 'Milliseconds.' });
const kinds = Object.fromEntries(valueKinds.filter((kind) => kind !== 'other').map((kind) => [kind, Type.Optional(ms)])) as Record<
  Exclude<ValueKind, 'other'>,
  ReturnType<typeof Type.Optional<typeof ms>>
>;
const policyShape = Type.Object({
  leaseMs: ms,
  consolidatedMs: Type.Object({ ...kinds, other: ms }),
  voicesToConsolidate: Type.Integer(),
});
const versionView = Type.Object({ version: Type.Integer(), validFrom: instant, reason: Type.String(), policy: policyShape });
const present = ({ validFrom, ...row }: PolicyVersion) => ({ ...row, validFrom: validFrom.toISOString() });

export function policyRoutes(http: Http, policies: Policies): void {
  http.get('/api/v1/decision-policy', {
    summary: 'How long decisions last, and the versions before',
    tag: 'decisions',
    scope: 'read',
    limit: 'read',
    reply: Type.Object({ ...versionView.properties, history: Type.Array(versionView) }),
    handle: async () => ({ ...present(await policies.current()), history: (await policies.history()).map(present) }),
  });
  http.put('/api/v1/decision-policy', {
    summary: 'A new version of it, for what is decided from now on; the old ones are kept',
    tag: 'assessment',
    scope: 'rule',
    roles: ['admin', 'coordinator'],
    limit: 'write',
    body: Type.Object({ policy: policyShape, reason: Type.String({ minLength: 3, maxLength: 1_000, pattern: '^[^\\u0000]*$' }) }),
    reply: versionView,
    fails: ['decisions.policy_invalid'],
    handle: async ({ actor, body }) => present(await policies.change(actor, body.policy as DecisionPolicy, body.reason)),
  });
}
