import { Type } from 'typebox';
import type { Http } from '#platform/http';
import type { Intel } from '../intel.ts';
import { limits } from '../limits.ts';
import * as s from '../schemas.ts';
import type { HandRevision } from './by-hand.ts';

const byId = Type.Object({ id: s.uuid });

/** Newer versions of an event, and what became of it. Files of a newer version come like any report. */
export function revisionRoutes(http: Http, intel: Intel): void {
  http.put('/api/v1/events/:id', {
    summary: 'Replace an event of yours by a newer version',
    tag: 'events',
    scope: 'report',
    limit: 'write',
    bodyMaxBytes: limits.bodyBytes,
    params: byId,
    body: s.revisionInput,
    reply: s.revised,
    fails: [
      'intel.event_not_found',
      'intel.event_exists',
      'intel.tlp_widened',
      'intel.value_invalid',
      'intel.group_unknown',
      'intel.too_many',
    ],
    async handle({ actor, params, body }) {
      return intel.revise(actor, params.id, body as HandRevision);
    },
  });

  http.get('/api/v1/events/:id/history', {
    summary: 'Who changed an event of yours, what, and when; newest first',
    tag: 'events',
    scope: 'report',
    limit: 'read',
    params: byId,
    reply: s.historyReply,
    fails: ['intel.event_not_found'],
    async handle({ actor, params }) {
      const { event, revisions } = await intel.history(actor, params.id);
      return {
        id: event.id,
        revisions: revisions.map((row) => ({
          at: row.at.toISOString(),
          arrivedAt: row.arrivedAt.toISOString(),
          entityId: row.entityId,
          by: row.actorLabel,
          reportId: row.reportId,
          changes: row.changes,
        })),
      };
    },
  });
}
