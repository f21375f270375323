import { type ReceiptState, type ValueKind, valueKinds } from '@rebato/contract';
import { type Static, Type } from 'typebox';
import type { Actor } from '#platform/actor';
import type { Http } from '#platform/http';
import type { Control } from './control.ts';
import type { Controls } from './controls.ts';
import { fail } from './errors.ts';
import { limits } from './limits.ts';
import { receiptStates } from './receipt-store.ts';
import type { ControlStatus } from './status.ts';

const uuid = Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' });
const time = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$', maxLength: 32 });
const kind = Type.Unsafe<ValueKind>(Type.String({ enum: [...valueKinds] }));
const channelName = Type.String({ minLength: 1, maxLength: 128 });
const hex64 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const whole = (maximum: number) => Type.Integer({ minimum: 0, maximum });
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
const name = Type.String({ minLength: 1, maxLength: limits.nameMaxChars });

const policyFields = {
  kinds: Type.Array(kind, { maxItems: valueKinds.length }),
  minConfidence: whole(100),
  capacity: Type.Integer({ minimum: 1, maximum: limits.capacityMax }),
  allow: Type.Array(Type.Object({ kind, value: Type.String({ minLength: 1, maxLength: 300 }) }), { maxItems: limits.allowMax }),
  delayMs: nullable(whole(limits.delayMaxMs)),
};
const policy = Type.Object(policyFields);
const policyInput = Type.Partial(policy);

const controlView = Type.Object({
  id: Type.String(),
  entityId: Type.String(),
  name: Type.String(),
  target: Type.String(),
  feed: Type.String(),
  policy,
  orderVersion: Type.Integer(),
  channels: Type.Array(Type.String()),
  agent: nullable(Type.String()),
  createdAt: Type.String(),
  createdBy: Type.String(),
  enrolledAt: nullable(Type.String()),
  revokedAt: nullable(Type.String()),
  colour: Type.String(),
  seenAt: nullable(Type.String()),
  loaded: nullable(
    Type.Object({
      reportedAt: Type.String(),
      versions: Type.Record(Type.String(), Type.Integer()),
      wanted: Type.Integer(),
      loaded: Type.Integer(),
      agrees: Type.Boolean(),
      driftRepaired: Type.Integer(),
    }),
  ),
  alarms: Type.Array(
    Type.Object({ code: Type.String(), detail: Type.String(), at: Type.String(), count: Type.Integer(), by: Type.String() }),
  ),
});

const timesView = {
  count: Type.Integer(),
  p50: nullable(Type.Integer()),
  p95: nullable(Type.Integer()),
  p99: nullable(Type.Integer()),
};

function present(control: Control, status: ControlStatus | undefined): Static<typeof controlView> {
  const report = status?.report ?? null;
  const own = (status?.alarms ?? []).map((alarm) => ({
    code: alarm.code,
    detail: alarm.detail,
    at: alarm.lastAt.toISOString(),
    count: alarm.count,
    by: 'hub',
  }));
  const said = (report?.alarms ?? []).map((alarm) => ({ ...alarm, count: 1, by: 'agent' }));
  return {
    id: control.id,
    entityId: control.entityId,
    name: control.name,
    target: control.target,
    feed: control.feed,
    policy: { ...control.policy, kinds: [...control.policy.kinds], allow: [...control.policy.allow] },
    orderVersion: control.orderVersion,
    channels: [...control.channels],
    agent: control.agent,
    createdAt: control.createdAt.toISOString(),
    createdBy: control.createdBy,
    enrolledAt: control.enrolledAt?.toISOString() ?? null,
    revokedAt: control.revokedAt?.toISOString() ?? null,
    colour: status?.colour ?? 'none',
    seenAt: status?.seenAt?.toISOString() ?? null,
    loaded: report?.reportedAt
      ? {
          reportedAt: report.reportedAt.toISOString(),
          versions: { ...report.versions },
          wanted: report.wantedCount ?? 0,
          loaded: report.loadedCount ?? 0,
          agrees: status?.agrees ?? false,
          driftRepaired: report.driftRepaired ?? 0,
        }
      : null,
    alarms: [...own, ...said],
  };
}

/** Controls as their owners manage them, and the ledger of time to block. */
export function controlRoutes(http: Http, controls: Controls): void {
  const show = async (control: Control): Promise<Static<typeof controlView>> =>
    present(control, (await controls.statusOf([control])).get(control.id));
  const params = Type.Object({ controlId: uuid });

  http.get('/api/v1/controls', {
    summary: 'List controls: own ones, or all for coordinators',
    tag: 'controls',
    scope: 'read',
    limit: 'read',
    query: Type.Object({
      entity: Type.Optional(uuid),
      after: Type.Optional(uuid),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageMax })),
    }),
    reply: Type.Object({ controls: Type.Array(controlView), next: nullable(Type.String()) }),
    async handle({ actor, query }) {
      const limit = query.limit ?? limits.pageMax;
      const page = await controls.controlPage(actor, { entityId: query.entity, after: query.after, limit });
      const status = await controls.statusOf(page);
      return {
        controls: page.map((control) => present(control, status.get(control.id))),
        next: page.length === limit ? (page.at(-1)?.id ?? null) : null,
      };
    },
  });
  http.post('/api/v1/controls', {
    summary: 'Add a control; one that an agent feeds comes with a one-time token',
    tag: 'controls',
    scope: 'control',
    limit: 'write',
    status: 201,
    body: Type.Object({
      entityId: Type.Optional(uuid),
      name,
      target: Type.String({ minLength: 1, maxLength: limits.targetMaxChars }),
      feed: Type.Unsafe<'agent' | 'list'>(Type.String({ enum: ['agent', 'list'] })),
      policy: Type.Optional(policyInput),
    }),
    reply: Type.Object({ control: controlView, token: nullable(Type.String()) }),
    fails: ['controls.entity_not_found', 'controls.limit', 'controls.policy_invalid', 'controls.allow_invalid'],
    async handle({ actor, body }) {
      const { control, token } = await controls.addControl(actor, body);
      return { control: await show(control), token };
    },
  });
  http.get('/api/v1/controls/silent', {
    summary: 'Enrolled agents that have not been heard for a minute',
    tag: 'controls',
    scope: 'read',
    limit: 'read',
    reply: Type.Object({
      controls: Type.Array(
        Type.Object({
          id: Type.String(),
          entityId: Type.String(),
          name: Type.String(),
          seenAt: nullable(Type.String()),
          silentMs: Type.Integer(),
        }),
      ),
    }),
    async handle({ actor }) {
      const silent = await controls.silentControls(actor);
      return { controls: silent.map((each) => ({ ...each, seenAt: each.seenAt?.toISOString() ?? null })) };
    },
  });
  http.get('/api/v1/controls/:controlId', {
    summary: 'Show a control',
    tag: 'controls',
    scope: 'read',
    limit: 'read',
    params,
    reply: controlView,
    fails: ['controls.not_found'],
    handle: async ({ actor, params: { controlId } }) => show(await controls.showControl(actor, controlId)),
  });
  http.patch('/api/v1/controls/:controlId', {
    summary: 'Change name or policy of a control',
    tag: 'controls',
    scope: 'control',
    limit: 'write',
    params,
    body: Type.Object({ name: Type.Optional(name), policy: Type.Optional(policyInput) }),
    reply: controlView,
    fails: ['controls.not_found', 'controls.revoked', 'controls.policy_invalid', 'controls.allow_invalid'],
    handle: async ({ actor, params: { controlId }, body }) => show(await controls.updateControl(actor, controlId, body)),
  });
  http.post('/api/v1/controls/:controlId/token', {
    summary: 'Make another one-time token for a control',
    tag: 'controls',
    scope: 'control',
    limit: 'write',
    status: 201,
    params,
    reply: Type.Object({ token: Type.String() }),
    fails: ['controls.not_found', 'controls.revoked', 'controls.not_an_agent'],
    handle: async ({ actor, params: { controlId } }) => ({ token: await controls.renewToken(actor, controlId) }),
  });
  http.delete('/api/v1/controls/:controlId', {
    summary: 'Revoke a control: its key ends at once',
    tag: 'controls',
    scope: 'control',
    limit: 'write',
    params,
    fails: ['controls.not_found', 'controls.revoked'],
    async handle({ actor, params: { controlId } }) {
      await controls.revokeControl(actor, controlId);
    },
  });
  ledgerRoutes(http, controls);
}

const ledgerMaxDays = 400;
const daysDefault = 30;

function ledgerRoutes(http: Http, controls: Controls): void {
  const whoseQuery = { control: Type.Optional(uuid), entity: Type.Optional(uuid), network: Type.Optional(Type.Boolean()) };
  const whose = (actor: Actor, query: { control?: string; entity?: string; network?: boolean }) =>
    query.network === true
      ? null
      : query.control !== undefined
        ? { controlId: query.control }
        : { entityId: query.entity ?? actor.entityId };

  http.get('/api/v1/ledger/decisions/:decisionId', {
    summary: 'Time to block of one decision, in milliseconds, over the controls that you may see',
    tag: 'ledger',
    scope: 'read',
    limit: 'read',
    params: Type.Object({ decisionId: uuid }),
    query: Type.Object(whoseQuery),
    reply: Type.Object({ ...timesView, applied: Type.Integer(), refused: Type.Integer(), withdrawn: Type.Integer() }),
    fails: ['controls.network_only', 'controls.not_found'],
    handle: async ({ actor, params, query }) => controls.decisionTimes(actor, params.decisionId, whose(actor, query)),
  });
  http.get('/api/v1/ledger', {
    summary: 'Time to block over time, in milliseconds: own controls, one control, or the network',
    tag: 'ledger',
    scope: 'read',
    limit: 'read',
    query: Type.Object({
      ...whoseQuery,
      days: Type.Optional(Type.Integer({ minimum: 1, maximum: ledgerMaxDays })),
      stepMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 60 * 24 * 31 })),
    }),
    reply: Type.Object({ total: Type.Object(timesView), steps: Type.Array(Type.Object({ at: Type.String(), ...timesView })) }),
    fails: ['controls.network_only', 'controls.not_found'],
    async handle({ actor, query }) {
      const days = query.days ?? daysDefault;
      const total = await controls.times(actor, whose(actor, query), days);
      const steps = await controls.timesOver(actor, whose(actor, query), days, (query.stepMinutes ?? 60 * 24) * 60_000);
      return { total, steps: steps.map((step) => ({ ...step, at: step.at.toISOString() })) };
    },
  });
}

const receipt = Type.Object({
  decision: uuid,
  channel: channelName,
  version: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  state: Type.Unsafe<ReceiptState>(Type.String({ enum: [...receiptStates] })),
  at: time,
  reason: Type.Optional(Type.String({ maxLength: limits.reasonMaxChars })),
});
const set = Type.Object({ count: whole(2_147_483_647), digest: hex64 });
const report = Type.Object({
  versions: Type.Record(channelName, Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  wanted: set,
  loaded: set,
  driftRepaired: whole(Number.MAX_SAFE_INTEGER),
  alarms: Type.Array(Type.Object({ code: Type.String({ maxLength: 60 }), detail: Type.String({ maxLength: 1_000 }), at: time }), {
    maxItems: limits.reportAlarmsMax,
  }),
});
const versionsMax = 64;

/** What agents send: enrolment and receipts. What they read is the stream edge's. */
export function agentWriteRoutes(http: Http, controls: Controls): void {
  const envelope = Type.Object({ body: Type.String(), keyId: Type.String(), sig: Type.String() });
  http.post('/api/v1/agent/enrol', {
    summary: 'Turn a one-time token into the key of a control',
    tag: 'agent',
    scope: 'public',
    limit: 'sign-in',
    body: Type.Object({
      token: Type.String({ maxLength: 200 }),
      agent: Type.String({ maxLength: 60 }),
      target: Type.String({ maxLength: limits.targetMaxChars }),
    }),
    bodyMaxBytes: 4096,
    reply: Type.Object({
      control: Type.String(),
      name: Type.String(),
      key: Type.String(),
      hub: Type.String(),
      root: Type.String(),
      certificate: envelope,
      order: envelope,
    }),
    fails: ['controls.token_invalid'],
    handle: async ({ body, request }) => controls.enrol({ ip: request.ip, requestId: request.id }, body),
  });
  http.post('/api/v1/agent/receipts', {
    summary: 'Say what was applied, refused or withdrawn, and what is really loaded',
    tag: 'agent',
    scope: 'agent',
    limit: 'write',
    unknown: 'ignore',
    body: Type.Object({ receipts: Type.Array(receipt, { maxItems: limits.receiptsPerPost }), report: Type.Optional(report) }),
    reply: Type.Object({ recorded: Type.Integer() }),
    fails: ['controls.busy', 'controls.not_found', 'controls.receipt_invalid'],
    async handle({ actor, body }) {
      for (const [index, { at }] of body.receipts.entries()) {
        if (Number.isNaN(Date.parse(at)))
          throw fail('controls.receipt_invalid', 'A time does not exist.', [{ field: `receipts[${index}].at`, message: 'no such time' }]);
      }
      if (Object.keys(body.report?.versions ?? {}).length > versionsMax)
        throw fail('controls.receipt_invalid', 'Too many channels are reported.');
      return { recorded: await controls.takeReceipts(actor, body.receipts, body.report) };
    },
  });
}
