import { Type } from 'typebox';
import type { Actor } from '#platform/actor';
import { type Http, Reply } from '#platform/http';
import { attributeOf } from './indicator-input.ts';
import type { Intel } from './intel.ts';
import { limits } from './limits.ts';
import { parsePartCursor, parseTimeCursor, printCursor } from './page.ts';
import { presentFound, presentHead, presentIndicator, presentParts, presentSighting } from './present.ts';
import * as s from './schemas.ts';

const byId = Type.Object({ id: s.uuid });
const listLimit = (asked: number | undefined): number => asked ?? 100;

/** What has been released to the reader: events, their parts, values. And sightings and comments on them. */
export function eventRoutes(http: Http, intel: Intel): void {
  http.get('/api/v1/events', {
    summary: 'Events that have been released to you, newest first',
    tag: 'events',
    scope: 'read',
    limit: 'read',
    query: Type.Object({
      ...s.page,
      q: Type.Optional(Type.String({ maxLength: 255 })),
      tag: Type.Optional(Type.String({ maxLength: 255 })),
      owner: Type.Optional(s.uuid),
    }),
    reply: Type.Object({ events: Type.Array(s.eventHead), next: s.next }),
    async handle({ actor, query }) {
      const after = parseTimeCursor(query.after);
      const limit = listLimit(query.limit);
      const filter = {
        ...(query.q === undefined ? {} : { text: query.q }),
        ...(query.tag === undefined ? {} : { tag: query.tag }),
        ...(query.owner === undefined ? {} : { ownerId: query.owner }),
      };
      const rows = await intel.events(actor, filter, after && { releasedAt: after.at, id: after.id }, limit);
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return { events: rows.map(presentHead), next: last === undefined ? null : printCursor([last.releasedAt, last.id]) };
    },
  });

  http.get('/api/v1/events/:id', {
    summary: 'One event with its parts',
    tag: 'events',
    scope: 'read',
    limit: 'read',
    params: byId,
    reply: s.eventView,
    fails: ['intel.event_not_found'],
    async handle({ actor, params }) {
      const event = await intel.visibleEvent(actor, params.id);
      const { items, objects, comments, attachments } = await intel.eventParts(actor, event);
      return { ...presentHead(event), items: items.map(presentIndicator), ...presentParts(objects, comments, attachments) };
    },
  });

  http.get('/api/v1/events/:id/indicators', {
    summary: 'The indicators of an event, by pages',
    tag: 'events',
    scope: 'read',
    limit: 'read',
    params: byId,
    query: Type.Object(s.page),
    reply: Type.Object({ indicators: Type.Array(s.indicatorView), next: s.next }),
    fails: ['intel.event_not_found', 'intel.bad_input'],
    async handle({ actor, params, query }) {
      const event = await intel.visibleEvent(actor, params.id);
      const after = parsePartCursor(query.after, event.ownerId === actor.entityId);
      const limit = listLimit(query.limit);
      const { rows, last } = await intel.indicators(actor, event, after, limit);
      return { indicators: rows.map(presentIndicator), next: rows.length < limit || last === undefined ? null : printCursor(last) };
    },
  });

  http.get('/api/v1/events/:id/export', {
    summary: 'The event in the form of MISP or as a STIX 2.1 bundle',
    tag: 'events',
    scope: 'read',
    limit: 'heavy',
    params: byId,
    query: Type.Object({ format: Type.Optional(Type.Union([Type.Literal('misp'), Type.Literal('stix')])) }),
    fails: ['intel.event_not_found'],
    async handle({ actor, params, query }) {
      return Reply.bytes(JSON.stringify(await intel.exportEvent(actor, params.id, query.format ?? 'misp')), { type: 'application/json' });
    },
  });

  http.post('/api/v1/events/:id/comments', {
    summary: 'Comment on an event that you can see',
    tag: 'events',
    scope: 'report',
    limit: 'write',
    adds: true,
    params: byId,
    body: Type.Object({ text: Type.String({ minLength: 1, maxLength: limits.commentChars }) }),
    reply: Type.Object({ id: s.uuid }),
    status: 201,
    fails: ['intel.event_not_found'],
    async handle({ actor, params, body }) {
      return { id: await intel.comment(actor, params.id, body.text) };
    },
  });

  http.get('/api/v1/attachments/:id', {
    summary: 'The bytes of an attachment, never to be rendered',
    tag: 'events',
    scope: 'read',
    limit: 'heavy',
    params: byId,
    fails: ['intel.attachment_not_found'],
    async handle({ actor, params }) {
      const file = await intel.attachment(actor, params.id);
      return Reply.bytes(file.bytes, {
        type: 'application/octet-stream',
        headers: { 'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}` },
      });
    },
  });

  http.post('/api/v1/sightings', {
    summary: 'Say that you have seen values, or that they are false positives here',
    tag: 'values',
    scope: 'report',
    limit: 'write',
    body: s.sightingInput,
    reply: Type.Object({ ids: Type.Array(s.uuid) }),
    status: 202,
    fails: ['intel.value_invalid'],
    async handle({ actor, body }) {
      const inputs = body.sightings.map((each, index) => {
        const { type, value } = attributeOf(
          { value: each.value, ...(each.type === undefined ? {} : { type: each.type }) },
          `sightings[${index}]`,
        );
        return {
          type,
          value,
          sighting: each.sighting ?? ('seen' as const),
          ...(each.at === undefined ? {} : { at: new Date(each.at) }),
          ...(each.source === undefined ? {} : { source: each.source }),
        };
      });
      return { ids: await intel.sight(actor, inputs) };
    },
  });

  http.get('/api/v1/values', {
    summary: 'What your shelf has on one value, in any spelling',
    tag: 'values',
    scope: 'read',
    limit: 'read',
    query: Type.Object({ value: Type.String({ minLength: 1, maxLength: 8192 }), type: Type.Optional(Type.String({ maxLength: 64 })) }),
    reply: s.lookupReply,
    handle: ({ actor, query }) => lookup(intel, actor, [query]),
  });

  http.post('/api/v1/values/lookup', {
    summary: 'What your shelf has on up to 1,000 values',
    tag: 'values',
    scope: 'read',
    limit: 'heavy',
    body: Type.Object({
      values: Type.Array(Type.String({ minLength: 1, maxLength: 8192 }), { minItems: 1, maxItems: limits.lookupValues }),
    }),
    reply: s.lookupReply,
    handle: ({ actor, body }) =>
      lookup(
        intel,
        actor,
        body.values.map((value) => ({ value })),
      ),
  });
}

async function lookup(intel: Intel, actor: Actor, values: readonly { readonly value: string; readonly type?: string | undefined }[]) {
  const rows = await intel.lookup(actor, values);
  return {
    values: rows.map((row) => ({
      value: row.value,
      canonical: row.canonical ?? null,
      kind: row.kind ?? null,
      problem: row.problem ?? null,
      events: row.events.map(presentFound),
      sightings: row.sightings.map(presentSighting),
    })),
  };
}
