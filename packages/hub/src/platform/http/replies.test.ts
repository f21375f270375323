import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { Type } from 'typebox';
import { type Http, Reply } from '#platform/http';
import { reader, startHttp } from './harness.ts';

const long = JSON.stringify({ text: 'abc '.repeat(1000) });

function routes(http: Http): void {
  const common = { scope: 'public', limit: 'read' } as const;
  const sizes: Record<string, Reply> = {
    short: Reply.bytes('x'.repeat(1024), { type: 'application/json' }),
    long: Reply.bytes(long, { type: 'application/json', headers: { etag: '"v1"' } }),
    image: Reply.bytes(long, { type: 'image/png' }),
    packed: Reply.bytes(gzipSync(long), { type: 'application/json', headers: { 'content-encoding': 'gzip' } }),
    cached: Reply.bytes('x', { headers: { 'cache-control': 'max-age=60', 'content-security-policy': "default-src 'self'" } }),
    moved: Reply.redirect('/elsewhere'),
  };
  for (const [name, reply] of Object.entries(sizes)) http.get(`/${name}`, { ...common, summary: name, handle: async () => reply });
  http.get('/stream', {
    ...common,
    summary: 'Stream',
    handle: async () => Reply.stream(Readable.from([long.slice(0, 100), long.slice(100)]), { type: 'text/plain' }),
  });
  http.get('/broken-stream', {
    ...common,
    summary: 'Stream that fails',
    handle: async () =>
      Reply.stream(
        (async function* () {
          yield 'half';
          throw new Error('inner secret');
        })(),
      ),
  });
  http.get('/cookies', {
    ...common,
    summary: 'Cookies',
    reply: Type.Unknown(),
    async handle({ request }) {
      request.setHeader('Set-Cookie', 'a=1; HttpOnly');
      request.setHeader('set-cookie', 'b=2; HttpOnly');
      return { ...request.cookies };
    },
  });
  http.get('/split', {
    ...common,
    summary: 'Header with a line break',
    async handle({ request }) {
      request.setHeader('x-name', 'a\r\nx-evil: 1');
      return undefined;
    },
  });
  http.get('/misp/known', { ...common, summary: 'Foreign', scope: 'read', handle: async () => undefined });
  http.get('/undeclared', { ...common, summary: 'Returns without a shape', handle: async () => ({ secret: 1 }) });
  http.get('/wrong', {
    ...common,
    summary: 'Returns another shape',
    reply: Type.Object({ n: Type.Integer() }),
    handle: async () => ({ n: 'text' }) as never,
  });
  http.failuresBelow('/misp/', (failure) =>
    Reply.json({ name: failure.title, url: failure.requestId }, { status: failure.status === 401 ? 403 : failure.status }),
  );
}

test('bigger texts are compressed as the client likes best', async () => {
  await using http = await startHttp(routes);
  const get = (path: string, accept: string) => http.ask(path, { headers: { 'accept-encoding': accept } });
  for (const [accept, encoding] of [
    ['gzip', 'gzip'],
    ['br', 'br'],
    ['gzip, br', 'br'],
    ['gzip;q=1, br;q=0.5', 'gzip'],
    ['*', 'br'],
    ['*, br;q=0', 'gzip'],
    ['identity', undefined],
    ['gzip;q=0', undefined],
    ['', undefined],
    ['gzip;q=x', undefined],
  ] as const) {
    for (const path of ['/long', '/stream']) {
      const answer = await get(path, accept);
      assert.equal(answer.headers['content-encoding'], encoding, `${path} ${accept}`);
      assert.equal(answer.headers.vary, 'accept-encoding');
      const text = encoding === 'gzip' ? gunzipSync(answer.bytes) : encoding === 'br' ? brotliDecompressSync(answer.bytes) : answer.bytes;
      assert.equal(text.toString(), long);
    }
  }
});

test('what is small, already packed or not text is sent as it is', async () => {
  await using http = await startHttp(routes);
  for (const path of ['/short', '/image'])
    assert.equal((await http.ask(path, { headers: { 'accept-encoding': 'gzip, br' } })).headers['content-encoding'], undefined, path);
  const packed = await http.ask('/packed', { headers: { 'accept-encoding': 'br' } });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.equal(gunzipSync(packed.bytes).toString(), long);
});

test('a known version is answered with 304, another one is not', async () => {
  await using http = await startHttp(routes);
  for (const tag of ['"v1"', 'W/"v1"', '"v0", "v1"', '*']) {
    const answer = await http.ask('/long', { headers: { 'if-none-match': tag } });
    assert.deepEqual([answer.status, answer.text, answer.headers.etag], [304, '', '"v1"'], tag);
  }
  assert.equal((await http.ask('/long', { headers: { 'if-none-match': '"v2"' } })).status, 200);
  assert.equal((await http.ask('/long', { headers: { 'accept-encoding': 'gzip' } })).headers.etag, 'W/"v1"');
});

test('HEAD answers like GET without the body', async () => {
  await using http = await startHttp(routes);
  for (const path of ['/short', '/long', '/stream', '/nowhere']) {
    const [get, head] = [await http.ask(path), await http.ask(path, { method: 'HEAD' })];
    assert.deepEqual(
      [head.status, head.text, head.headers['content-type'], head.headers['content-length']],
      [get.status, '', get.headers['content-type'], get.headers['content-length']],
      path,
    );
  }
});

test('replies are not kept, framed, sniffed or rendered unless the route says so', async () => {
  await using http = await startHttp(routes);
  for (const path of ['/short', '/nowhere', '/misp/known', '/stream']) {
    const { headers } = await http.ask(path);
    assert.equal(headers['cache-control'], 'no-store', path);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.match(String(headers['content-security-policy']), /^default-src 'none'/);
    assert.equal(headers['strict-transport-security'], undefined);
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.equal(headers['server'], undefined);
  }
  const cached = await http.ask('/cached');
  assert.equal(cached.headers['cache-control'], 'max-age=60');
  assert.equal(cached.headers['content-security-policy'], "default-src 'self'");
  await using secure = await startHttp(routes, { publicUrl: 'https://hub.example' });
  assert.match(String((await secure.ask('/short')).headers['strict-transport-security']), /max-age/);
});

test('each reply has an id of our making, which the client cannot choose', async () => {
  await using http = await startHttp(routes);
  const ids = [
    await http.ask('/short', { headers: { 'x-request-id': 'mine' } }),
    await http.ask('/nowhere', { headers: { 'request-id': 'mine' } }),
  ].map(({ headers }) => String(headers['x-request-id']));
  assert.equal(new Set(ids).size, 2);
  for (const id of ids) assert.match(id, /^[0-9a-f-]{36}$/);
});

test('cookies are read, and several can be set', async () => {
  await using http = await startHttp(routes);
  const answer = await http.ask('/cookies', { headers: { cookie: 'x=1; y="a=b"; x=2; __proto__=p; bare' } });
  assert.deepEqual(answer.headers['set-cookie'], ['a=1; HttpOnly', 'b=2; HttpOnly']);
  assert.equal(answer.text, '{"x":"1","y":"\\"a=b\\"","__proto__":"p"}');
});

test('a stream that fails half way is cut, so that half is not taken for the whole', async () => {
  await using http = await startHttp(routes);
  await assert.rejects(http.ask('/broken-stream'), /aborted|socket hang up|ECONNRESET/);
  assert.equal(http.logged[0]?.message, 'reply failed');
});

test('a header value with a line break does not split the reply', async () => {
  await using http = await startHttp(routes);
  const answer = await http.ask('/split').catch(() => undefined);
  assert.equal(answer?.headers['x-evil'], undefined);
});

test('what a route returns without declaring it, or unlike its declaration, does not leave', async () => {
  await using http = await startHttp(routes);
  for (const path of ['/undeclared', '/wrong']) {
    const answer = await http.ask(path);
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.text, /secret|text"/);
  }
});

test('failures below a prefix take its form, elsewhere they are problem documents', async () => {
  await using http = await startHttp(routes);
  for (const path of ['/misp/known', '/misp/unknown', '/misp/known?x=1'])
    assert.deepEqual(Object.keys((await http.ask(path)).json()), ['name', 'url'], path);
  assert.equal((await http.ask('/misp/known')).status, 403);
  assert.equal((await http.ask('/misp/known', { headers: reader })).status, 204);
  const problem = await http.ask('/mispx');
  assert.equal(problem.headers['content-type'], 'application/problem+json');
  assert.deepEqual(problem.json(), {
    type: '/api/docs/errors#http.not_found',
    title: 'Not found',
    status: 404,
    detail: 'no such path',
    code: 'http.not_found',
    instance: problem.headers['x-request-id'],
    errors: [],
  });
});
