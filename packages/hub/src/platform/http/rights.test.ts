import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { CodedError } from '#platform/errors';
import { createHttp, type Http, Reply } from '#platform/http';
import { reader, startHttp, writer } from './harness.ts';

function routes(http: Http): void {
  const body = Type.Object({ n: Type.Integer() });
  const handle = async (): Promise<undefined> => undefined;
  http.get('/closed/:id', { summary: 'Closed', scope: 'read', limit: 'read', params: Type.Object({ id: Type.Integer() }), handle });
  http.post('/closed/:id', {
    summary: 'Closed',
    scope: 'report',
    limit: 'write',
    params: Type.Object({ id: Type.Integer() }),
    body,
    handle,
  });
  http.post('/assessors', { summary: 'For a role', scope: 'assess', roles: ['assessor'], limit: 'write', handle });
  http.post('/open', { summary: 'Open', scope: 'public', limit: 'write', body, handle });
  http.post('/sign-in', { summary: 'Sign in', scope: 'public', limit: 'sign-in', handle });
  http.get('/basic', { summary: 'A list', scope: 'read', limit: 'read', challenge: 'basic', handle: async () => Reply.bytes('x') });
}

const json = { 'content-type': 'application/json' };

test('a caller without a credential gets 401 on a closed route, whatever else is wrong', async () => {
  await using http = await startHttp(routes);
  const asks = [
    ['/closed/1', { method: 'GET' }],
    ['/closed/x', { method: 'GET' }],
    ['/closed/1?unknown=1&bad=%', { method: 'GET' }],
    ['/closed/1', { method: 'HEAD' }],
    ['/closed/1', { method: 'POST', body: '{broken', headers: json }],
    ['/closed/1', { method: 'POST', body: '{"n":"x"}', headers: { 'content-type': 'nonsense//;;' } }],
    ['/closed/1', { method: 'POST', body: 'x'.repeat(2_000_000), headers: json }],
    ['/closed/1', { method: 'POST', body: 'x', headers: { 'content-encoding': 'nonsense' } }],
    ['/closed/1', { method: 'DELETE' }],
    ['/closed/1', { method: 'OPTIONS' }],
    ['/closed/1', { method: 'POST', headers: { ...json, origin: 'https://evil.example' } }],
    ['/assessors', { method: 'POST', headers: { authorization: 'Bearer wrong' } }],
  ] as const;
  for (const [path, ask] of asks) {
    const answer = await http.ask(path, ask);
    assert.equal(answer.status, 401, `${ask.method} ${path}`);
    assert.equal(answer.headers['www-authenticate'], 'Bearer realm="rebato"');
    if (ask.method !== 'HEAD') assert.equal(answer.json()['code'], 'http.unauthenticated');
  }
  assert.match(String((await http.ask('/basic')).headers['www-authenticate']), /^Basic /);
});

test('the right is asked for before the request is looked at, and the role after the right', async () => {
  await using http = await startHttp(routes);
  const post = (path: string, key: string, body?: string) =>
    http.ask(path, { method: 'POST', headers: { ...json, authorization: `Bearer ${key}` }, ...(body === undefined ? {} : { body }) });
  assert.equal((await post('/closed/x', 'key:a:read', '{broken')).json()['code'], 'http.scope_missing');
  assert.equal((await post('/closed/1', 'key:a:report', '{broken')).json()['code'], 'http.invalid_json');
  assert.equal((await post('/closed/1', 'key:a:report', '{"n":1}')).status, 204);
  assert.equal((await post('/assessors', 'person:a:assess')).json()['code'], 'http.role_missing');
  assert.equal((await post('/assessors', 'person:a:assess:analyst')).json()['code'], 'http.role_missing');
  assert.equal((await post('/assessors', 'person:a:assess:analyst,assessor')).status, 204);
  assert.equal((await post('/assessors', 'key:a:assess')).status, 204);
  assert.equal((await post('/assessors', 'person:a:read:assessor')).json()['code'], 'http.scope_missing');
});

test('the handler sees the actor with the address and id of the request, and anonymous on open routes', async () => {
  const seen: unknown[] = [];
  await using http = await startHttp((door) => {
    for (const scope of ['read', 'public'] as const) {
      door.get(`/${scope}`, {
        summary: 'Who',
        scope,
        limit: 'read',
        async handle({ actor, request }) {
          seen.push([actor.id, actor.from, actor.requestId === request.id]);
          return undefined;
        },
      });
    }
  });
  await http.ask('/read', { headers: reader });
  await http.ask('/public', {
    headers: { ...reader, 'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6', 'x-real-ip': '6.6.6.6', 'x-request-id': 'mine' },
  });
  assert.deepEqual(seen, [
    ['reader', '127.0.0.1', true],
    ['anonymous', '127.0.0.1', true],
  ]);
});

test('pages of other sites may not act, the own pages and programs may, and reading is not acting', async () => {
  await using http = await startHttp(routes);
  const post = async (headers: Record<string, string>): Promise<number> =>
    (await http.ask('/closed/1', { method: 'POST', headers: { ...writer, ...json, ...headers }, body: '{"n":1}' })).status;
  assert.equal(await post({ origin: 'https://evil.example' }), 403);
  assert.equal(await post({ origin: 'null' }), 403);
  assert.equal(await post({ 'sec-fetch-site': 'cross-site' }), 403);
  assert.equal(await post({ origin: 'http://127.0.0.1:7373' }), 204);
  assert.equal(await post({ origin: `http://127.0.0.1:${http.port}`, 'sec-fetch-site': 'same-origin' }), 204);
  assert.equal(await post({}), 204);
  assert.equal((await http.ask('/closed/1', { headers: { ...reader, origin: 'https://evil.example' } })).status, 204);
});

test('each principal has its own rate; all methods and spellings draw from it; 429 says when to come back', async () => {
  await using http = await startHttp(routes, { limits: { rates: { write: { perSecond: 0.01, burst: 3 } } } });
  const post = (key: string) =>
    http.ask('/closed/1', { method: 'POST', headers: { ...json, authorization: `Bearer key:${key}:report` }, body: '{"n":1}' });
  assert.deepEqual([(await post('a')).status, (await post('a')).status, (await post('a')).status], [204, 204, 204]);
  const refused = await post('a');
  assert.equal(refused.status, 429);
  assert.equal(refused.headers['retry-after'], '100');
  assert.equal(refused.json()['code'], 'http.rate_limited');
  assert.equal((await post('b')).status, 204);
  assert.equal((await http.ask('/closed/1', { headers: { authorization: 'Bearer key:a:read' } })).status, 204);
});

test('open routes count by address, and sign-in is strict whoever asks', async () => {
  await using http = await startHttp(routes, { limits: { rates: { 'sign-in': { perSecond: 0.01, burst: 2 } } } });
  const statuses: number[] = [];
  for (const headers of [{}, reader, writer, { 'x-forwarded-for': '6.6.6.6' }])
    statuses.push((await http.ask('/sign-in', { method: 'POST', headers })).status);
  assert.deepEqual(statuses, [204, 204, 429, 429]);
});

test('wrong credentials are slowed down by address, and right ones from there still pass', async () => {
  await using http = await startHttp(routes, { limits: { rates: { failed: { perSecond: 0.01, burst: 2 } } } });
  const wrong: number[] = [];
  for (let i = 0; i < 4; i++) wrong.push((await http.ask('/closed/1', { headers: { authorization: `Bearer wrong${i}` } })).status);
  assert.deepEqual(wrong, [401, 401, 429, 429]);
  assert.equal((await http.ask('/closed/1', { headers: reader })).status, 204);
});

test('a refusal of the authenticator keeps its code; its failures are ours', async () => {
  const refusal = new CodedError('members.expired', 'unauthenticated', 'help', 'the key has expired', []);
  await using refusing = await startHttp(routes, { authenticate: async () => Promise.reject(refusal) });
  const answer = await refusing.ask('/closed/1');
  assert.deepEqual([answer.status, answer.json()['code']], [401, 'members.expired']);
  await using broken = await startHttp(routes, { authenticate: async () => Promise.reject(new Error('database gone')) });
  assert.equal((await broken.ask('/closed/1')).status, 500);
});

test('a route without scope or rate class does not start', async () => {
  await using http = await startHttp(() => undefined);
  const loose = http.server.get as (path: string, spec: unknown) => void;
  assert.throws(() => loose('/a', { summary: 'x', limit: 'read', handle: async () => undefined }), /scope/);
  assert.throws(() => loose('/a', { summary: 'x', scope: 'everything', limit: 'read', handle: async () => undefined }), /scope/);
  assert.throws(() => loose('/a', { summary: 'x', scope: 'read', handle: async () => undefined }), /rate limit/);
  assert.throws(() => loose('/a//b', { summary: 'x', scope: 'read', limit: 'read', handle: async () => undefined }), /path/);
  // @ts-expect-error a declaration without scope does not compile
  assert.throws(() => http.server.get('/b', { summary: 'x', limit: 'read', handle: async () => undefined }));
  assert.equal(typeof createHttp, 'function');
});

test('a path has one spelling: every other one is not found, with or without a credential', async () => {
  await using http = await startHttp((door) => {
    door.get('/api/v1/items/:name', { summary: 'One', scope: 'read', limit: 'read', handle: async ({ params }) => Reply.json(params) });
    door.get('/api/v1/list/', { summary: 'All', scope: 'read', limit: 'read', handle: async () => Reply.bytes('x') });
    door.get('/api/v1/files/:name.json', {
      summary: 'File',
      scope: 'read',
      limit: 'read',
      handle: async ({ params }) => Reply.json(params),
    });
    door.get('/misp/*', { summary: 'Rest', scope: 'read', limit: 'read', handle: async ({ params }) => Reply.json(params) });
  });
  const good: Record<string, unknown> = {
    '/api/v1/items/a': { name: 'a' },
    '/api/v1/items/10.0.0.0%2F8': { name: '10.0.0.0/8' },
    '/api/v1/items/%C3%A9%3b': { name: 'é;' },
    '/api/v1/items/..a': { name: '..a' },
    '/api/v1/files/a.b.json': { name: 'a.b' },
    '/misp/events/view/1.json': { '*': 'events/view/1.json' },
  };
  for (const [path, params] of Object.entries(good)) {
    const answer = await http.ask(path, { headers: reader });
    assert.equal(answer.status, 200, `${path} ${answer.text}`);
    assert.deepEqual(answer.json(), params, path);
  }
  const odd = [
    '/api/v1/items/a/',
    '//api/v1/items/a',
    '/api//v1/items/a',
    '/api/v1/items//a',
    '/API/v1/items/a',
    '/api/V1/items/a',
    '/%61pi/v1/items/a',
    '/api/v1/it%65ms/a',
    '/api/v1/items/a;x',
    '/api;x/v1/items/a',
    '/api/v1/./items/a',
    '/api/v1/x/../items/a',
    '/api/v1/items/..',
    '/api/v1/items/%2e',
    '/api/v1/items/%2E%2e',
    '/api/v1/%2e/items/a',
    '/api/v1\\items\\a',
    '/api/v1/items/a\\b',
    '/api/v1/items/%00',
    '/api/v1/items/%',
    '/api/v1/items/%ff',
    '/api/v1/items/%c0%ae',
    '/api/v1/items/',
    '/api/v1/items',
    '/api/v1/list',
    '/api/v1/list//',
    '/api/v1/files/.json',
    '/api/v1/files/a.JSON',
    '/misp',
    '/misp/../api/v1/items/a',
    '/misp//x',
    '/misp/%2e%2e/x',
    '/',
    '*',
    `http://127.0.0.1/api/v1/items/a`,
  ];
  for (const path of odd) {
    for (const headers of [reader, {}]) assert.equal((await http.ask(path, { headers })).status, 404, path);
  }
});

test('a path that exists answers 405 with what it allows; one that does not stays 404 for every method', async () => {
  await using http = await startHttp(routes);
  const wrong = await http.ask('/closed/1', { method: 'DELETE', headers: reader });
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers['allow'], 'GET, HEAD, POST');
  assert.equal((await http.ask('/open', { method: 'GET' })).headers['allow'], 'POST');
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])
    assert.equal((await http.ask('/nowhere', { method })).status, 404, method);
  for (const method of ['TRACE', 'PROPFIND', 'QUERY']) assert.equal((await http.ask('/open', { method })).status, 405, method);
});

test('while there is no room, routes that only add are refused with 503 to those who may use them, and others go on', async () => {
  const room = { left: false };
  await using http = await startHttp(
    (door) => {
      const handle = async (): Promise<undefined> => undefined;
      door.post('/reports', { summary: 'Report', scope: 'report', limit: 'write', adds: true, handle });
      door.post('/retraction', { summary: 'Take back', scope: 'report', limit: 'write', handle });
    },
    { hasRoom: () => room.left },
  );
  const refused = await http.ask('/reports', { method: 'POST', headers: writer });
  assert.deepEqual([refused.status, refused.json()['code']], [503, 'http.no_room']);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  assert.equal((await http.ask('/retraction', { method: 'POST', headers: writer })).status, 204);
  assert.equal((await http.ask('/reports', { method: 'POST', headers: reader })).status, 403);
  assert.equal((await http.ask('/reports', { method: 'POST' })).status, 401);
  room.left = true;
  assert.equal((await http.ask('/reports', { method: 'POST', headers: writer })).status, 204);
});
