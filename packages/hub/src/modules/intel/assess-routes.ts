import { Type } from 'typebox';
import type { Http } from '#platform/http';
import type { Intel } from './intel.ts';
import { limits } from './limits.ts';
import { presentJudged, presentOwn } from './present.ts';
import * as s from './schemas.ts';

const byId = Type.Object({ id: s.uuid });
const reason = Type.String({ minLength: 1, maxLength: 2000 });
const assessors = ['admin', 'coordinator', 'assessor'] as const;

const verdict = {
  outcome: Type.Union([Type.Literal('accept'), Type.Literal('reject'), Type.Literal('hold')]),
  only: Type.Optional(Type.Array(s.uuid, { minItems: 1, maxItems: 10_000, description: 'Indicators; absent: all that wait.' })),
  reason: Type.Optional(reason),
};

type QueueRow = Awaited<ReturnType<Intel['queue']>>[number];

/** The assessors' side: the queue, and the word on published events. */
export function assessRoutes(http: Http, intel: Intel): void {
  const present = ({ event, counts, record }: QueueRow) => ({
    ...presentOwn(event, counts),
    owner: { id: event.ownerId, name: event.ownerName, ...record },
    waitingMs: Math.max(0, intel.clock.now().getTime() - event.arrivedAt.getTime()),
    danger: event.danger,
    claimedBy: event.claimedBy,
  });

  http.get('/api/v1/queue', {
    summary: 'What waits for assessment: most dangerous first, then oldest',
    tag: 'assessment',
    scope: 'assess',
    roles: assessors,
    limit: 'read',
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
      held: Type.Optional(Type.Boolean({ description: 'Events in which the guard holds values, instead.' })),
    }),
    reply: Type.Object({ items: Type.Array(s.queueItem) }),
    async handle({ query }) {
      return { items: (await intel.queue(query.limit ?? 50, query.held ?? false)).map(present) };
    },
  });

  http.get('/api/v1/queue/:id', {
    summary: 'One waiting event with its indicators, what the guard says, and who else reported them',
    tag: 'assessment',
    scope: 'assess',
    roles: assessors,
    limit: 'read',
    params: byId,
    reply: s.queueEvent,
    fails: ['intel.event_not_found'],
    async handle({ params }) {
      const found = await intel.queueEvent(params.id);
      const voices = new Map(found.voices.map((row) => [row.vkey, row]));
      return {
        ...present(found),
        items: found.rows.map((row) => ({
          ...presentJudged(row),
          voices: voices.get(row.vkey)?.voices ?? 0,
          events: voices.get(row.vkey)?.events ?? 0,
        })),
      };
    },
  });

  http.post('/api/v1/queue/:id/claim', {
    summary: 'Take a waiting event, so that two assessors do not work on one',
    tag: 'assessment',
    scope: 'assess',
    roles: assessors,
    limit: 'write',
    params: byId,
    reply: s.okReply,
    fails: ['intel.not_waiting'],
    async handle({ actor, params }) {
      await intel.claim(actor, params.id);
      return { ok: true };
    },
  });

  http.post('/api/v1/queue/:id/verdict', {
    summary: 'Accept, accept in part, hold or reject',
    tag: 'assessment',
    scope: 'assess',
    roles: assessors,
    limit: 'write',
    params: byId,
    body: Type.Object(verdict),
    reply: s.okReply,
    fails: ['intel.event_not_found', 'intel.not_waiting', 'intel.reason_needed'],
    async handle({ actor, params, body }) {
      await intel.decide(actor, { eventId: params.id, ...body });
      return { ok: true };
    },
  });

  http.post('/api/v1/queue/verdicts', {
    summary: 'Decide on several events; each by itself, and each answer by itself',
    tag: 'assessment',
    scope: 'assess',
    roles: assessors,
    limit: 'write',
    body: Type.Object({ verdicts: Type.Array(Type.Object({ id: s.uuid, ...verdict }), { minItems: 1, maxItems: limits.batchDecisions }) }),
    reply: Type.Object({
      results: Type.Array(Type.Object({ id: s.uuid, ok: Type.Boolean(), code: Type.Union([Type.String(), Type.Null()]) })),
    }),
    async handle({ actor, body }) {
      const results: { id: string; ok: boolean; code: string | null }[] = [];
      for (const { id, ...rest } of body.verdicts) {
        try {
          await intel.decide(actor, { eventId: id, ...rest });
          results.push({ id, ok: true, code: null });
        } catch (error) {
          const code =
            error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('intel.')
              ? error.code
              : undefined;
          if (code === undefined) throw error;
          results.push({ id, ok: false, code });
        }
      }
      return { results };
    },
  });

  http.post('/api/v1/events/:id/retraction', {
    summary: 'Take back an event: its author, or an assessor',
    tag: 'events',
    scope: 'report',
    limit: 'write',
    params: byId,
    body: Type.Object({ reason }),
    reply: s.okReply,
    fails: ['intel.event_not_found', 'intel.not_published', 'intel.reason_needed'],
    async handle({ actor, params, body }) {
      await intel.retract(actor, { eventId: params.id, reason: body.reason });
      return { ok: true };
    },
  });

  http.post('/api/v1/events/:id/consolidation', {
    summary: 'Confirm an event: its blocks last, and delayed audiences have it now',
    tag: 'assessment',
    scope: 'rule',
    roles: assessors,
    limit: 'write',
    params: byId,
    body: Type.Object({ reason: Type.Optional(reason) }),
    reply: s.okReply,
    fails: ['intel.event_not_found', 'intel.not_published'],
    async handle({ actor, params, body }) {
      await intel.consolidate(actor, { eventId: params.id, reason: body.reason ?? '' });
      return { ok: true };
    },
  });
}
