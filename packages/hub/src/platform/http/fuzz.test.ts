import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { Type } from 'typebox';
import type { Http } from '#platform/http';
import { startHttp, type TestServer, writer } from './harness.ts';

function routes(http: Http): void {
  const body = Type.Object({
    name: Type.String({ maxLength: 100 }),
    n: Type.Optional(Type.Integer()),
    list: Type.Optional(Type.Array(Type.Union([Type.Object({ kind: Type.Literal('a'), v: Type.String() }), Type.Null()]))),
    map: Type.Optional(Type.Record(Type.String(), Type.Number())),
  });
  http.post('/api/v1/things/:id', {
    summary: 'Add',
    scope: 'report',
    limit: 'write',
    params: Type.Object({ id: Type.String() }),
    query: Type.Object({ n: Type.Optional(Type.Integer()), list: Type.Optional(Type.Array(Type.String())) }),
    body,
    reply: Type.Intersect([body, Type.Object({ id: Type.String() })]),
    handle: async ({ body: { name, n, list, map }, params }) => ({
      id: params.id,
      name,
      ...(n === undefined ? {} : { n }),
      ...(list === undefined ? {} : { list }),
      ...(map === undefined ? {} : { map }),
    }),
  });
}

const unlimited = { perSecond: 1e6, burst: 1e6 };
const limits = { rates: { read: unlimited, write: unlimited, failed: unlimited } };
const calm = (http: TestServer, status: number, text: string, what: string): void => {
  assert.ok(status >= 200 && status < 500, `${status} for ${what}: ${JSON.stringify(http.logged.at(-1)?.fields)}`);
  assert.doesNotMatch(text, /\bat .*\.[jt]s:\d|node:internal|node_modules/, what);
};

test('no body makes the hub fail or show its insides', async () => {
  await using http = await startHttp(routes, { limits });
  const nearly = fc
    .record(
      {
        name: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
        n: fc.jsonValue(),
        list: fc.jsonValue(),
        map: fc.jsonValue(),
        more: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((value) => Buffer.from(JSON.stringify(value)));
  const bodies = fc.oneof(
    nearly,
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  const headers = fc.record({
    'content-type': fc.constantFrom('application/json', 'application/json', 'text/plain', 'x'),
    'content-encoding': fc.constantFrom('identity', 'identity', 'gzip', 'br', 'deflate', 'x'),
  });
  await fc.assert(
    fc.asyncProperty(bodies, headers, async (body, extra) => {
      const answer = await http.ask('/api/v1/things/a', { method: 'POST', headers: { ...writer, ...extra }, body });
      calm(http, answer.status, answer.text, body.toString('base64'));
    }),
    { numRuns: 400 },
  );
});

test('no request line or header makes the hub fail or show its insides', async () => {
  await using http = await startHttp(routes, { limits });
  const piece = fc.oneof(
    fc.constantFrom(
      '/',
      '//',
      '..',
      '%2e',
      '%',
      '%00',
      '%ff',
      ';',
      '?',
      '&',
      '=',
      '#',
      '[',
      '\\',
      'api',
      'v1',
      'things',
      'a',
      '@',
      ':',
      '*',
      '\u00ff',
      '+',
      'n=1',
      'list=',
      '__proto__',
    ),
    fc.string({ unit: 'grapheme-ascii', maxLength: 4 }),
  );
  const target = fc.array(piece, { maxLength: 10 }).map((parts) => `/${parts.join('').replace(/[\s\u0000-\u001f]/g, '')}`);
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH');
  const line = fc.tuple(
    fc.constantFrom(
      'cookie',
      'accept-encoding',
      'if-none-match',
      'authorization',
      'origin',
      'content-type',
      'sec-fetch-site',
      'expect',
      'upgrade',
    ),
    fc.string({ unit: 'grapheme-ascii', maxLength: 20 }),
  );
  await fc.assert(
    fc.asyncProperty(method, target, line, fc.boolean(), async (verb, path, [name, value], known) => {
      const text = await new Promise<string>((resolve, reject) => {
        const socket = connect(http.port, '127.0.0.1');
        let got = '';
        socket.on('data', (chunk) => {
          got += String(chunk);
        });
        socket.on('error', reject);
        socket.on('close', () => resolve(got));
        socket.end(
          `${verb} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${known ? `Authorization: ${writer.authorization}\r\n` : ''}${name}: ${value.replace(/[\r\n\0]/g, '')}\r\n\r\n`,
        );
      });
      calm(http, Number(text.slice(9, 12)), text, `${verb} ${path} ${name}: ${value}`);
    }),
    { numRuns: 400 },
  );
});
