import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { Type } from 'typebox';
import type { Http } from '#platform/http';
import { type Ask, startHttp, type TestServer, writer } from './harness.ts';

function routes(http: Http): void {
  const common = { scope: 'report', limit: 'write' } as const;
  http.post('/echo', {
    ...common,
    summary: 'Echo',
    body: Type.Object({ text: Type.String(), n: Type.Optional(Type.Integer()), level: Type.Optional(Type.String({ default: 'low' })) }),
    reply: Type.Object({ text: Type.String(), level: Type.Optional(Type.String()) }),
    handle: async ({ body }) => ({ text: body.text, ...(body.level === undefined ? {} : { level: body.level }) }),
  });
  http.post('/none', { ...common, summary: 'No body', handle: async () => undefined });
  http.post('/loose', {
    ...common,
    summary: 'Foreign clients',
    unknown: 'ignore',
    query: Type.Object({ page: Type.Optional(Type.Integer()) }),
    body: Type.Object({ a: Type.Object({ b: Type.Integer() }) }),
    reply: Type.Unknown(),
    handle: async ({ body, query }) => ({ body, query }),
  });
  http.post('/raw', {
    ...common,
    summary: 'Raw',
    bodyType: 'raw',
    bodyMaxBytes: 2000,
    reply: Type.Object({ size: Type.Integer() }),
    handle: async ({ request }) => ({ size: request.rawBody?.length ?? -1 }),
  });
  http.post('/stream', {
    ...common,
    summary: 'Stream',
    bodyType: 'stream',
    bodyMaxBytes: 5_000_000,
    reply: Type.Object({ size: Type.Integer() }),
    async handle({ request }) {
      let size = 0;
      for await (const chunk of request.bodyStream ?? []) size += (chunk as Buffer).length;
      return { size };
    },
  });
}

const post = (
  http: TestServer,
  path: string,
  body: string | Buffer | undefined,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) => http.ask(path, { method: 'POST', headers: { ...writer, ...headers }, ...(body === undefined ? {} : { body }) } satisfies Ask);

test('types are not converted in bodies, defaults are filled in, unknown members are refused by name', async () => {
  await using http = await startHttp(routes);
  assert.deepEqual((await post(http, '/echo', '{"text":"a"}')).json(), { text: 'a', level: 'low' });
  for (const [body, field] of [
    ['{"text":1}', 'text'],
    ['{"text":"a","n":"1"}', 'n'],
    ['{"text":"a","n":1.5}', 'n'],
    ['{"text":"a","x":1}', 'x'],
    ['{}', 'text'],
    ['[]', ''],
    ['null', ''],
  ] as const) {
    const answer = await post(http, '/echo', body);
    assert.equal(answer.status, 400, body);
    assert.equal(answer.json()['code'], 'http.invalid_body');
    assert.equal((answer.json()['errors'] as { field: string }[])[0]?.field, field, body);
  }
});

test('a missing body is refused where one is declared; where none is, only an empty object passes', async () => {
  await using http = await startHttp(routes);
  for (const headers of [{}, { 'content-type': 'application/json' }]) {
    assert.equal((await post(http, '/echo', undefined, headers)).json()['code'], 'http.invalid_body');
    assert.equal((await post(http, '/none', undefined, headers)).status, 204);
  }
  assert.equal((await post(http, '/none', '{}')).status, 204);
  assert.equal((await post(http, '/none', '{"a":1}')).status, 400);
});

test('JSON comes under its own media type; forms and texts are not taken for it', async () => {
  await using http = await startHttp(routes);
  for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/stix+json;version=2.1'])
    assert.equal((await post(http, '/echo', '{"text":"a"}', { 'content-type': type })).status, 200, type);
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'json',
    'text/json',
    '/',
    ';;;',
    'application/json, text/plain',
  ]) {
    const answer = await post(http, '/echo', '{"text":"a"}', { 'content-type': type });
    assert.equal(answer.status, 415, type);
  }
});

test('compressed bodies are unpacked, and bounded by what they unpack to', async () => {
  await using http = await startHttp(routes);
  const text = JSON.stringify({ text: 'a'.repeat(900_000) });
  const bomb = JSON.stringify({ text: 'a'.repeat(30_000_000) });
  for (const [encoding, pack] of [
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const) {
    const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
    assert.equal((await post(http, '/echo', pack(text), headers)).status, 200, encoding);
    assert.equal((await post(http, '/echo', pack(bomb), headers)).status, 413, encoding);
    assert.equal((await post(http, '/echo', pack(text).subarray(0, pack(text).length >> 1), headers)).status, 400, encoding);
    assert.equal((await post(http, '/echo', 'not packed', headers)).json()['code'], 'http.invalid_encoding', encoding);
  }
  for (const encoding of ['gzip, gzip', 'zstd', 'x'])
    assert.equal(
      (await post(http, '/echo', text, { 'content-type': 'application/json', 'content-encoding': encoding })).status,
      415,
      encoding,
    );
});

test('the limit holds with and without a declared length, and what just fits passes', async () => {
  await using http = await startHttp(routes);
  assert.deepEqual((await post(http, '/raw', Buffer.alloc(2000))).json(), { size: 2000 });
  assert.equal((await post(http, '/raw', Buffer.alloc(2001))).status, 413);
  assert.equal((await post(http, '/raw', Buffer.alloc(2001), { 'transfer-encoding': 'chunked' })).status, 413);
  assert.deepEqual((await post(http, '/raw', undefined)).json(), { size: 0 });
  assert.deepEqual((await post(http, '/stream', gzipSync(Buffer.alloc(5_000_000)), { 'content-encoding': 'gzip' })).json(), {
    size: 5_000_000,
  });
  assert.equal((await post(http, '/stream', gzipSync(Buffer.alloc(5_000_001)), { 'content-encoding': 'gzip' })).status, 413);
  assert.equal((await post(http, '/stream', 'broken', { 'content-encoding': 'gzip' })).status, 400);
});

test('routes for foreign clients drop what they do not know, at any depth, and still check the rest', async () => {
  await using http = await startHttp(routes);
  assert.deepEqual((await post(http, '/loose?page=2&x=1', '{"a":{"b":1,"c":2},"d":3}')).json(), {
    body: { a: { b: 1 } },
    query: { page: 2 },
  });
  assert.equal((await post(http, '/loose', '{"a":{"b":"1"}}')).status, 400);
});

test('a query is read strictly: declared types, declared names, once unless a list', async () => {
  await using http = await startHttp((door) => {
    door.get('/q', {
      summary: 'Query',
      scope: 'public',
      limit: 'read',
      query: Type.Object({
        n: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 10 })),
        on: Type.Optional(Type.Boolean()),
        kind: Type.Optional(Type.Union([Type.Literal('a'), Type.Literal('b')])),
        list: Type.Optional(Type.Array(Type.Integer())),
        'match[type]': Type.Optional(Type.String()),
      }),
      reply: Type.Unknown(),
      handle: async ({ query }) => query,
    });
  });
  const good: Record<string, unknown> = {
    '': { n: 10 },
    '?n=5': { n: 5 },
    '?n=5&on=true&kind=a&list=1&list=2': { n: 5, on: true, kind: 'a', list: [1, 2] },
    '?list=3': { n: 10, list: [3] },
    '?match%5Btype%5D=a+b%2Bc': { n: 10, 'match[type]': 'a b+c' },
    '?match[type]=x&': { n: 10, 'match[type]': 'x' },
  };
  for (const [query, value] of Object.entries(good)) assert.deepEqual((await http.ask(`/q${query}`)).json(), value, query);
  for (const query of [
    '?n=',
    '?n=0',
    '?n=101',
    '?n=1e1',
    '?n=0x1',
    '?n=NaN',
    '?n=1&n=2',
    '?n=%201',
    '?n=99999999999999999999',
    '?on=1',
    '?on=TRUE',
    '?kind=c',
    '?list=a',
    '?x=1',
    '?__proto__=1',
    '?%',
    '?n=%ff',
    '?match[type]=%00',
    `?${'list=1&'.repeat(201)}`,
  ]) {
    const answer = await http.ask(`/q${query}`);
    assert.equal(answer.status, 400, query);
    assert.equal(answer.json()['code'], 'http.invalid_query', query);
  }
  assert.match((await http.ask('/q?kind=c')).text, /must be one of \\"a\\", \\"b\\"/);
});
