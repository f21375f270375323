/** A whole door in front of a bed: real requests over loopback. */

import { membersRoutes, systemActor } from '#members';
import { createHttp } from '#platform/http';
import { createMetrics } from '#platform/metrics';
import type { Bed } from './bed.ts';

/** The members of replies that the tests look at; what each holds is theirs to know. */
type Reply = { readonly [K in (typeof names)[number]]?: unknown };
const names = [
  'id',
  'code',
  'level',
  'critical',
  'managerName',
  'members',
  'items',
  'person',
  'key',
  'row',
  'kind',
  'link',
  'purpose',
  'setup',
  'secret',
  'uri',
  'recoveryCodes',
  'mail',
  'recoveryCodesLeft',
  'challenge',
  'user',
] as const;

export type Said = {
  readonly status: number;
  readonly json: Reply;
  readonly cookies: readonly string[];
  readonly location: string | null;
};

export async function openDoor(bed: Bed, more: (http: ReturnType<typeof createHttp>) => void = () => {}) {
  const unlimited = { perSecond: 1_000, burst: 100_000 };
  const server = createHttp({
    log: bed.setup.log,
    metrics: createMetrics(),
    clock: bed.clock,
    ids: bed.setup.ids,
    authenticate: bed.members.authenticateRequest,
    anonymous: systemActor('anonymous'),
    publicUrl: bed.setup.publicUrl(),
    checkReplies: true,
    limits: { rates: { read: unlimited, write: unlimited, heavy: unlimited, 'sign-in': unlimited, failed: unlimited } },
  });
  membersRoutes(server, bed.members);
  more(server);
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    server,
    async ask(
      method: string,
      path: string,
      options: { key?: string; cookie?: string; body?: unknown; headers?: Record<string, string> } = {},
    ): Promise<Said> {
      const response = await fetch(new URL(path, url), {
        method,
        redirect: 'manual',
        headers: {
          ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
          ...(options.cookie === undefined ? {} : { cookie: options.cookie }),
          ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...options.headers,
        },
        ...(options.body === undefined ? {} : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
      });
      const text = await response.text();
      const json = text.startsWith('{') ? (JSON.parse(text) as Reply) : {};
      return { status: response.status, json, cookies: response.headers.getSetCookie(), location: response.headers.get('location') };
    },
    async [Symbol.asyncDispose]() {
      await server.drain();
    },
  };
}
