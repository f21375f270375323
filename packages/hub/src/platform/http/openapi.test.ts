import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { type Http, Reply } from '#platform/http';
import { startHttp } from './harness.ts';

function routes(http: Http): void {
  http.put('/api/v1/things/:id', {
    summary: 'Change <b>one</b>',
    tag: 'things',
    scope: 'rule',
    roles: ['assessor'],
    limit: 'write',
    params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
    query: Type.Object({ dry: Type.Optional(Type.Boolean({ description: 'Only check' })) }),
    body: Type.Object({ name: Type.String() }),
    reply: Type.Object({ ok: Type.Boolean() }),
    fails: ['things.not_found'],
    handle: async () => ({ ok: true }),
  });
  http.get('/hidden/*', { summary: 'Foreign', scope: 'read', limit: 'read', hidden: true, handle: async () => Reply.bytes('x') });
}

type Operation = {
  parameters: { name: string; in: string; required: boolean }[];
  requestBody: { content: Record<string, { schema: { additionalProperties: boolean } }> };
  responses: Record<string, unknown>;
  security: unknown[];
  'x-fails': string[];
  'x-roles': string[];
};

test('the description is made from the declarations, and hidden routes stay out of it', async () => {
  await using http = await startHttp(routes);
  const document = (await http.ask('/api/openapi.json')).json() as { openapi: string; paths: Record<string, Record<string, Operation>> };
  assert.equal(document.openapi, '3.1.0');
  assert.equal(document.paths['/hidden/{path}'], undefined);
  const put = document.paths['/api/v1/things/{id}']?.['put'];
  assert.ok(put);
  assert.deepEqual(
    put.parameters.map((one) => [one.name, one.in, one.required]),
    [
      ['id', 'path', true],
      ['dry', 'query', false],
    ],
  );
  assert.equal(put.requestBody.content['application/json']?.schema.additionalProperties, false);
  assert.deepEqual(Object.keys(put.responses), ['200', 'default']);
  assert.deepEqual([put['x-fails'], put['x-roles']], [['things.not_found'], ['assessor']]);
  assert.equal(put.security.length, 2);
  assert.deepEqual(document.paths['/healthz']?.['get']?.security, []);
});

test('each listed route is in the description or hidden, under a name of its own', async () => {
  await using http = await startHttp(routes);
  const document = (await http.ask('/api/openapi.json')).json() as { paths: Record<string, Record<string, { operationId: string }>> };
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  assert.equal(operations.length, http.server.routes().filter((route) => route.hidden !== true).length);
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
});

test('the page lists routes and errors without script, and its policy allows nothing from elsewhere', async () => {
  const catalog = { 'things.not_found': { kind: 'not_found', help: 'No such <thing>.' } } as const;
  await using http = await startHttp(routes, { errors: [catalog] });
  const page = await http.ask('/api/docs');
  assert.match(page.text, /PUT \/api\/v1\/things\/:id/);
  assert.match(page.text, /Change &lt;b&gt;one/);
  assert.doesNotMatch(page.text, /<script|<link|src=|https?:\/\/|hidden\//);
  assert.match(String(page.headers['content-security-policy']), /^default-src 'none'; style-src 'sha256-/);
  const errors = await http.ask('/api/docs/errors');
  assert.match(errors.text, /id="things\.not_found"/);
  assert.match(errors.text, /No such &lt;thing&gt;/);
  assert.match(errors.text, /id="http\.invalid_json"/);
});
