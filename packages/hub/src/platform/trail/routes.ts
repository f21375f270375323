import { Type } from 'typebox';
import type { Http } from '#platform/http';
import { instant, nullable } from '#platform/schema';
import type { TrailLog } from './create.ts';

const text = Type.String({ minLength: 1, maxLength: 500 });
const entryView = Type.Object({
  seq: Type.Integer(),
  at: instant,
  actorKind: Type.String(),
  actorId: Type.String(),
  actorLabel: Type.String(),
  entityId: Type.String(),
  personId: nullable(Type.String()),
  origin: nullable(Type.String({ description: 'Remote address.' })),
  requestId: nullable(Type.String()),
  action: Type.String(),
  target: Type.String(),
  detail: Type.String({ description: 'Canonical JSON, as it was hashed.' }),
  prevHash: Type.String(),
  hash: Type.String(),
});

/** Entries in one page. */
const pageMax = 200;

/** Reading the trail is the administrators' right alone: it names everybody and everything. */
export function trailRoutes(http: Http, trail: TrailLog): void {
  const tag = 'trail';
  http.get('/api/v1/trail', {
    summary: 'Who did what, when, from where; newest first',
    tag,
    scope: 'admin',
    limit: 'read',
    query: Type.Object({
      actorId: Type.Optional(text),
      entityId: Type.Optional(text),
      target: Type.Optional(text),
      action: Type.Optional(text),
      before: Type.Optional(Type.Integer({ minimum: 1, description: 'Entries before this position: the next page.' })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageMax })),
    }),
    reply: Type.Object({ items: Type.Array(entryView) }),
    handle: async ({ query: { limit, ...filter } }) => ({ items: await trail.search(filter, limit ?? 100) }),
  });
}
