/** For the tests of this folder: a server on loopback with callers of known rights. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { Actor, Scope } from '#platform/actor';
import { systemClock } from '#platform/clock';
import { createHttp, type Http, type HttpDeps, type HttpServer } from '#platform/http';
import { systemIds } from '#platform/ids';
import { createMetrics } from '#platform/metrics';

export function actorWith(id: string, changes: Partial<Actor> = {}): Actor {
  const entityId = '00000000-0000-4000-8000-000000000001';
  return {
    kind: 'key',
    id,
    label: id,
    entityId,
    socId: null,
    roles: [],
    scopes: ['read'],
    viewer: { entityId, shelf: 'immediate', lanes: ['c'] },
    personId: null,
    maxTlp: 'amber',
    from: null,
    requestId: null,
    ...changes,
  };
}

/** Keys are `kind:name:scope,scope:role,role`. */
function actorOf(key: string): Actor | undefined {
  const [kind, id, scopes, roles] = key.split(':');
  if ((kind !== 'person' && kind !== 'key' && kind !== 'agent') || id === undefined) return undefined;
  return actorWith(id, {
    kind,
    scopes: (scopes ?? '').split(',') as Scope[],
    roles: (roles ?? '').split(',').filter((role) => role !== '') as Actor['roles'],
  });
}

export const reader = { authorization: 'Bearer key:reader:read' };
export const writer = { authorization: 'Bearer key:writer:read,report' };

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  json(): Record<string, unknown>;
};
export type Ask = { readonly method?: string; readonly headers?: Record<string, string | string[]>; readonly body?: string | Buffer };

export type TestServer = AsyncDisposable & {
  readonly server: HttpServer;
  readonly port: number;
  readonly logged: { readonly fields: Readonly<Record<string, unknown>>; readonly message: string }[];
  /** Sends the path as it is written, without a client's tidying up. */
  ask(path: string, ask?: Ask): Promise<Answer>;
};

export async function startHttp(declare: (http: Http) => void, changes: Partial<HttpDeps> = {}): Promise<TestServer> {
  const logged: TestServer['logged'] = [];
  const keep = (fields: Readonly<Record<string, unknown>>, message: string): void => void logged.push({ fields, message });
  const server = createHttp({
    log: { info: keep, warn: keep, error: keep },
    metrics: createMetrics(),
    clock: systemClock,
    ids: systemIds,
    authenticate: async ({ headers }) => actorOf((headers.authorization ?? '').replace('Bearer ', '')),
    anonymous: actorWith('anonymous', { kind: 'system', scopes: [] }),
    publicUrl: 'http://127.0.0.1:7373',
    checkReplies: true,
    ...changes,
  });
  declare(server);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    server,
    port,
    logged,
    ask: (path, { method = 'GET', headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const request = httpRequest(
          { host: '127.0.0.1', port, path, method, headers, agent: false, setHost: !('host' in headers) },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () => {
              const bytes = Buffer.concat(chunks);
              const text = bytes.toString();
              resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, text, json: () => JSON.parse(text) });
            });
          },
        );
        request.on('error', reject);
        request.end(body);
      }),
    [Symbol.asyncDispose]: () => server.drain(),
  };
}
