import { valueKinds } from '@rebato/contract';
import { type Static, type TSchema, Type } from 'typebox';
import { type Http, Reply } from '#platform/http';
import { fail } from './errors.ts';
import type { Guard } from './guard.ts';
import { checkMaxValues, listMaxBytes, releaseMaxMs } from './limits.ts';
import { presentList, presentRelease } from './present.ts';

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const kind = Type.Union(valueKinds.map((one) => Type.Literal(one)));
/** What can be released: a value, or the blocks of an event that wait together; its value is the event's id. */
const releaseKind = Type.Union([...valueKinds, 'event' as const].map((one) => Type.Literal(one)));
/** A value in any spelling; longer ones have no canonical form as something that can be blocked. */
const value = Type.String({ minLength: 1, maxLength: 8192 });
const id = Type.Object({ id: Type.String({ format: 'uuid' }) });
const time = Type.String({ format: 'date-time' });

export const listView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  version: Type.Integer(),
  type: Type.String(),
  kinds: Type.Array(Type.String()),
  category: Type.String(),
  beneath: Type.Boolean({ description: 'Whether a listed name protects what is beneath it' }),
  enabled: Type.Boolean(),
  source: nullable(Type.String()),
  entries: Type.Integer(),
  unreadable: Type.Integer({ description: 'Entries that name no value and were left out' }),
  importedBy: Type.String(),
  importedAt: time,
  problem: nullable(Type.String({ description: 'Why a newer content was refused; this one stays' })),
  problemAt: nullable(time),
});

export const releaseView = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  value: Type.String(),
  rule: Type.String(),
  reason: Type.String(),
  state: Type.Union([Type.Literal('open'), Type.Literal('approved'), Type.Literal('ended')]),
  requestedPerson: Type.String(),
  requestedAt: time,
  answerBy: time,
  approvedPerson: nullable(Type.String()),
  approvedAt: nullable(time),
  until: time,
});

const verdictView = Type.Object({
  kind: Type.String(),
  value: Type.String(),
  verdict: Type.Union([Type.Literal('pass'), Type.Literal('hold'), Type.Literal('refuse')]),
  rule: nullable(Type.String()),
  message: nullable(Type.String()),
  action: nullable(Type.String()),
  list: nullable(Type.String()),
});

/** A request that is smaller than any list and says where to fetch one. */
const addressMaxBytes = 4096;

export function guardRoutes(http: Http, guard: Guard): void {
  http.get('/api/v1/guard/lists', {
    summary: 'Warning lists, with their state',
    tag: 'guard',
    scope: 'assess',
    limit: 'read',
    reply: Type.Object({ lists: Type.Array(listView) }),
    handle: async () => ({ lists: (await guard.readLists()).map(presentList) }),
  });

  http.post('/api/v1/guard/lists', {
    summary: 'Import a warning list: its JSON as the body, or { "url": … }',
    tag: 'guard',
    scope: 'admin',
    limit: 'heavy',
    bodyType: 'raw',
    bodyMaxBytes: listMaxBytes,
    query: Type.Object({
      force: Type.Optional(Type.Boolean({ description: 'Take it although it grew or shrank too much, or is older' })),
      beneath: Type.Optional(Type.Boolean({ description: 'Whether names protect what is beneath them' })),
      enabled: Type.Optional(Type.Boolean()),
    }),
    reply: listView,
    status: 201,
    fails: ['guard.list_format', 'guard.list_jump', 'guard.list_stale', 'guard.list_fetch', 'guard.list_limit'],
    async handle({ actor, query, request }) {
      const body = request.rawBody;
      if (!body || body.length === 0) throw fail('guard.list_format', 'The request has no body.');
      const options = definedOf(query);
      const text = body.toString('utf8');
      const url = body.length <= addressMaxBytes ? addressIn(text) : undefined;
      return presentList(
        url === undefined ? await guard.importList(actor, text, options) : await guard.importListFrom(actor, url, options),
      );
    },
  });

  http.patch('/api/v1/guard/lists/:id', {
    summary: 'Enable or disable a warning list',
    tag: 'guard',
    scope: 'admin',
    limit: 'write',
    params: id,
    body: Type.Object({ enabled: Type.Boolean() }),
    reply: listView,
    fails: ['guard.list_not_found'],
    handle: async ({ actor, params, body }) => presentList(await guard.enableList(actor, params.id, body.enabled)),
  });

  http.post('/api/v1/guard/check', {
    summary: 'What the guard would say of these values, without sending them',
    tag: 'guard',
    scope: 'report',
    limit: 'heavy',
    body: Type.Object({ values: Type.Array(Type.Object({ kind, value }), { maxItems: checkMaxValues }) }),
    reply: Type.Object({ values: Type.Array(verdictView) }),
    async handle({ body }) {
      return { values: guard.check(body.values).map(presentCheck) };
    },
  });

  http.get('/api/v1/guard/releases', {
    summary: 'Open and past releases of held values',
    tag: 'guard',
    scope: 'assess',
    limit: 'read',
    reply: Type.Object({ releases: Type.Array(releaseView) }),
    handle: async () => ({ releases: (await guard.readReleases()).map(presentRelease) }),
  });

  http.post('/api/v1/guard/releases', {
    summary: 'Ask for the release of a held value; another person has to approve',
    tag: 'guard',
    scope: 'rule',
    limit: 'write',
    body: Type.Object({
      kind: releaseKind,
      value,
      reason: Type.String({ minLength: 1, maxLength: 2000 }),
      hours: Type.Optional(Type.Integer({ minimum: 1, maximum: releaseMaxMs / 3_600_000 })),
    }),
    reply: releaseView,
    status: 201,
    fails: ['guard.value_invalid', 'guard.not_held', 'guard.not_releasable', 'guard.person_needed'],
    async handle({ actor, body }) {
      const { hours, ...asked } = body;
      return presentRelease(await guard.requestRelease(actor, hours === undefined ? asked : { ...asked, forMs: hours * 3_600_000 }));
    },
  });

  http.post('/api/v1/guard/releases/:id/approval', {
    summary: "Approve another person's request; kind and value repeat what was shown",
    tag: 'guard',
    scope: 'rule',
    limit: 'write',
    params: id,
    body: Type.Object({ kind: releaseKind, value }),
    reply: releaseView,
    fails: [
      ...['guard.person_needed', 'guard.second_person', 'guard.release_not_found', 'guard.release_closed'],
      ...['guard.release_expired', 'guard.release_mismatch', 'guard.not_releasable', 'guard.not_held'],
    ],
    handle: async ({ actor, params, body }) => presentRelease(await guard.approveRelease(actor, params.id, body)),
  });

  http.delete('/api/v1/guard/releases/:id', {
    summary: 'Withdraw a request, or end a release',
    tag: 'guard',
    scope: 'rule',
    limit: 'write',
    params: id,
    fails: ['guard.person_needed', 'guard.release_not_found'],
    async handle({ actor, params }) {
      await guard.endRelease(actor, params.id);
      return Reply.empty();
    },
  });
}

function presentCheck({ kind: of, value: text, verdict }: ReturnType<Guard['check']>[number]): Static<typeof verdictView> {
  if (verdict.verdict === 'pass') return { kind: of, value: text, verdict: 'pass', rule: null, message: null, action: null, list: null };
  const { rule, message, action } = verdict;
  return {
    kind: of,
    value: text,
    verdict: verdict.verdict,
    rule,
    message,
    action,
    list: ('list' in verdict ? verdict.list : undefined) ?? null,
  };
}

/** The address in `{ "url": … }`, or undefined when the body is something else. */
function addressIn(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null || !('url' in body) || 'list' in body) return undefined;
    return typeof body.url === 'string' ? body.url : undefined;
  } catch {
    return undefined;
  }
}

function definedOf(query: {
  readonly force?: boolean | undefined;
  readonly beneath?: boolean | undefined;
  readonly enabled?: boolean | undefined;
}) {
  return {
    ...(query.force === undefined ? {} : { force: query.force }),
    ...(query.beneath === undefined ? {} : { beneath: query.beneath }),
    ...(query.enabled === undefined ? {} : { enabled: query.enabled }),
  };
}
