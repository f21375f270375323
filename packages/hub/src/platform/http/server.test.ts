import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { type Http, Reply } from '#platform/http';
import { reader, startHttp, writer } from './harness.ts';

function routes(http: Http): void {
  http.get('/api/v1/things/:id', {
    summary: 'One thing',
    scope: 'read',
    limit: 'read',
    params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
    query: Type.Object({ verbose: Type.Optional(Type.Boolean()), kind: Type.Optional(Type.Array(Type.String())) }),
    reply: Type.Object({ id: Type.Integer(), verbose: Type.Boolean(), kind: Type.Array(Type.String()) }),
    async handle({ params, query }) {
      return { id: params.id, verbose: query.verbose ?? false, kind: query.kind ?? [], secret: 'undeclared' };
    },
  });
  http.post('/api/v1/things', {
    summary: 'Add a thing',
    scope: 'report',
    limit: 'write',
    body: Type.Object({ name: Type.String({ minLength: 1 }), parts: Type.Optional(Type.Array(Type.Object({ size: Type.Integer() }))) }),
    reply: Type.Object({ name: Type.String() }),
    status: 201,
    async handle({ body }) {
      return { name: body.name };
    },
  });
  http.get('/crash', {
    summary: 'Fails',
    scope: 'public',
    limit: 'read',
    handle: async () => {
      throw new Error('secret inner text');
    },
  });
  http.get('/file', {
    summary: 'A file',
    scope: 'public',
    limit: 'read',
    handle: async () => Reply.bytes('x'.repeat(5000), { headers: { etag: '"1"' } }),
  });
}

test('a declared route answers with what its schema names, and with nothing else', async () => {
  await using http = await startHttp(routes);
  const answer = await http.ask('/api/v1/things/7?verbose=true&kind=a&kind=b', { headers: reader });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json(), { id: 7, verbose: true, kind: ['a', 'b'] });
  assert.match(String(answer.headers['x-request-id']), /^[0-9a-f-]{36}$/);
});

test('a body is validated, and each wrong field is named', async () => {
  await using http = await startHttp(routes);
  const good = await http.ask('/api/v1/things', {
    method: 'POST',
    headers: { ...writer, 'content-type': 'application/json' },
    body: '{"name":"a"}',
  });
  assert.equal(good.status, 201, good.text);
  const bad = await http.ask('/api/v1/things', {
    method: 'POST',
    headers: { ...writer, 'content-type': 'application/json' },
    body: '{"name":"","parts":[{"size":1},{"size":"2"}],"more":1}',
  });
  assert.equal(bad.status, 400);
  assert.equal(bad.headers['content-type'], 'application/problem+json');
  assert.deepEqual((bad.json()['errors'] as { field: string }[]).map(({ field }) => field).toSorted(), ['more', 'name', 'parts[1].size']);
});

test('a bug of ours leaves as 500 without its text, and is logged with the request id', async () => {
  await using http = await startHttp(routes);
  const answer = await http.ask('/crash');
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.text, /secret|Error:|at /);
  assert.equal(http.logged[0]?.fields['requestId'], answer.json()['instance']);
});
