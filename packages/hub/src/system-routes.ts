import type { KeyCertificate } from '@rebato/contract';
import { Type } from 'typebox';
import type { Pool } from '#platform/db';
import { type Http, Reply } from '#platform/http';
import type { HubIdentity } from '#platform/identity';
import type { Keys } from '#platform/keys';
import { instant, uuid } from '#platform/schema';
import type { TrailLog } from '#platform/trail';

export type SystemDeps = { readonly trail: TrailLog; readonly keys: Keys; readonly db: Pool; readonly hub: HubIdentity };

/** What belongs to no module: who this hub is, and the trail. */
export function systemRoutes(http: Http, deps: SystemDeps): void {
  http.get('/api/v1/hub', {
    summary: 'Who this hub is, and the fingerprint of its root key',
    tag: 'system',
    scope: 'self',
    limit: 'read',
    reply: Type.Object({
      id: uuid,
      name: Type.String(),
      rootFingerprint: Type.String(),
      keyId: Type.String(),
      certificateExpires: instant,
    }),
    async handle() {
      return {
        id: deps.hub.id,
        name: deps.hub.name,
        rootFingerprint: deps.keys.rootFingerprint(),
        keyId: deps.keys.signer.keyId,
        certificateExpires: (JSON.parse(deps.keys.certificate().body) as KeyCertificate).expires,
      };
    },
  });

  http.get('/api/v1/trail/export', {
    summary: 'The whole trail with its checkpoints as JSON lines, for verification elsewhere',
    tag: 'system',
    scope: 'admin',
    roles: ['admin'],
    limit: 'heavy',
    async handle() {
      return Reply.stream(linesOf(deps.trail.exportLines()), { type: 'application/x-ndjson' });
    },
  });

  http.get('/api/v1/trail/keys', {
    summary: 'Every public key that ever signed a checkpoint, for verification elsewhere',
    tag: 'system',
    scope: 'admin',
    roles: ['admin'],
    limit: 'read',
    reply: Type.Object({
      items: Type.Array(Type.Object({ keyId: Type.String(), publicKey: Type.String({ description: 'SPKI DER, base64.' }) })),
    }),
    async handle() {
      return { items: [...deps.keys.publicKeys()].map(([keyId, publicKey]) => ({ keyId, publicKey })) };
    },
  });

  http.get('/api/v1/trail/verification', {
    summary: 'Checks the whole trail in storage: hashes, order, checkpoints',
    tag: 'system',
    scope: 'admin',
    roles: ['admin'],
    limit: 'heavy',
    async handle() {
      return Reply.json(await deps.trail.verify());
    },
  });

  http.post('/api/v1/trail/checkpoint', {
    summary: 'Signs the end of the trail now',
    tag: 'system',
    scope: 'admin',
    roles: ['admin'],
    limit: 'write',
    reply: Type.Object({ signed: Type.Boolean() }),
    async handle() {
      while ((await deps.trail.chainOnce()) > 0);
      return { signed: (await deps.trail.checkpoint()) !== undefined };
    },
  });

  http.get('/api/v1/system', {
    summary: 'How the log and the shelves keep up',
    tag: 'system',
    scope: 'admin',
    roles: ['admin'],
    limit: 'read',
    reply: Type.Object({
      waiting: Type.Integer(),
      planned: Type.Integer(),
      failed: Type.Integer(),
      position: Type.Integer(),
      databaseBytes: Type.Integer(),
    }),
    async handle() {
      const row = await deps.db.one<{ waiting: number; planned: number; failed: number; position: number; databaseBytes: number }>`
        select (select count(*) from bus.outbox) as waiting, (select count(*) from bus.plan) as planned, (select count(*) from bus.failed) as failed,
               (select position from bus.head) as position, pg_database_size(current_database()) as database_bytes`;
      return row ?? { waiting: 0, planned: 0, failed: 0, position: 0, databaseBytes: 0 };
    },
  });
}

async function* linesOf(lines: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const line of lines) yield Buffer.from(line.endsWith('\n') ? line : `${line}\n`);
}
