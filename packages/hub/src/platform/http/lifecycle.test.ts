import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { Type } from 'typebox';
import { Reply } from '#platform/http';
import { createMetrics } from '#platform/metrics';
import { startHttp, type TestServer } from './harness.ts';

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

async function startSlow(
  changes: Parameters<typeof startHttp>[1] = {},
): Promise<TestServer & { entered: Promise<void>; leave(): void; aborted: Promise<void> }> {
  const [entered, left, aborted] = [gate(), gate(), gate()];
  const http = await startHttp((door) => {
    door.get('/slow', {
      summary: 'Slow',
      scope: 'public',
      limit: 'read',
      async handle({ request }) {
        request.signal.addEventListener('abort', () => aborted.open());
        entered.open();
        await left.opened;
        return Reply.bytes('done');
      },
    });
    door.get('/live', {
      summary: 'Live',
      scope: 'public',
      limit: 'read',
      handle: async () => Reply.sse((sink) => sink.send('data: hello\n\n')),
    });
    door.post('/add', { summary: 'Add', scope: 'public', limit: 'write', body: Type.Object({}), handle: async () => undefined });
  }, changes);
  return { ...http, [Symbol.asyncDispose]: http[Symbol.asyncDispose], entered: entered.opened, leave: left.open, aborted: aborted.opened };
}

async function everything(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  await once(socket, 'close');
  return text;
}

test('draining says goodbye to live clients, finishes what is in flight, and takes nothing new', async () => {
  await using http = await startSlow();
  const live = await new Promise<IncomingMessage>((resolve) =>
    httpRequest({ host: '127.0.0.1', port: http.port, path: '/live', agent: false }, resolve).end(),
  );
  const slow = http.ask('/slow');
  await http.entered;
  const drained = http.server.drain();
  let text = '';
  for await (const chunk of live) text += String(chunk);
  assert.match(text, /^data: hello\n\nevent: bye\n/);
  await assert.rejects(http.ask('/healthz'), /ECONNREFUSED|ECONNRESET|hang up/);
  http.leave();
  const answer = await slow;
  assert.deepEqual([answer.status, answer.text, answer.headers.connection], [200, 'done', 'close']);
  await drained;
});

test('draining waits no longer than its limit', async () => {
  await using http = await startSlow({ limits: { drainMs: 50 } });
  const slow = http.ask('/slow');
  await http.entered;
  const gone = assert.rejects(slow, /hang up|ECONNRESET/);
  await http.server.drain();
  await gone;
  http.leave();
});

test('a handler learns that its client has gone', async () => {
  await using http = await startSlow();
  const socket = connect(http.port, '127.0.0.1');
  socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
  await http.entered;
  socket.destroy();
  await http.aborted;
  http.leave();
});

test('who sends header or body too slowly is turned away, and so are headers past the bound', async () => {
  await using http = await startSlow({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200, headerMaxBytes: 4096 } });
  const say = (text: string): Promise<string> => {
    const socket = connect(http.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(text);
    return everything(socket);
  };
  assert.match(await say('GET / HTTP/1.1\r\nHost: x\r\nX-A: '), /^HTTP\/1\.1 408 /);
  assert.match(
    await say('POST /add HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{'),
    /^HTTP\/1\.1 (?:408|400) /,
  );
  const large = await say(`GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(5000)}\r\n\r\n`);
  assert.match(large, /^HTTP\/1\.1 431 /);
  assert.match(large, /application\/problem\+json/);
});

test('two readings of where a request ends are not accepted', async () => {
  await using http = await startSlow();
  const smuggling = [
    'POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
    'POST /add HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: a\r\n folded\r\n\r\n',
    'GET /healthz HTTP/1.1\nHost: x\n\n',
    'GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n',
    'GET /healthz HTTP/1.1\r\n\r\n',
    'nonsense\r\n\r\n',
  ];
  for (const text of smuggling) {
    const socket = connect(http.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end(text);
    assert.match(await everything(socket), /^HTTP\/1\.1 400 /, JSON.stringify(text));
  }
});

test('connections past the bound are closed at once, and the others go on', async () => {
  await using http = await startSlow({ limits: { connectionsMax: 2 } });
  const slow = http.ask('/slow');
  await http.entered;
  const held = connect(http.port, '127.0.0.1');
  await once(held, 'connect');
  await assert.rejects(http.ask('/healthz'));
  held.destroy();
  http.leave();
  assert.equal((await slow).status, 200);
});

test('a body that nobody reads does not block the next request on the connection for ever', async () => {
  await using http = await startSlow();
  const answer = await http.ask('/nowhere', { method: 'POST', body: 'x'.repeat(100_000) });
  assert.deepEqual([answer.status, answer.headers.connection], [404, 'close']);
});

test('health, readiness and figures answer; figures not to strangers', async () => {
  let ready = false;
  const metrics = createMetrics();
  await using http = await startHttp(() => undefined, { metrics, ready: async () => ready });
  assert.equal((await http.ask('/healthz')).text, 'ok\n');
  assert.deepEqual([(await http.ask('/readyz')).status, (await http.ask('/readyz')).headers['retry-after']], [503, '5']);
  ready = true;
  assert.equal((await http.ask('/readyz')).status, 200);
  const figures = await http.ask('/metrics');
  assert.match(figures.text, /rebato_http_request_seconds_count\{route="\/readyz",method="GET",status="5xx"\} 2/);
  assert.match(String(figures.headers['content-type']), /^text\/plain; version=0\.0\.4/);
  assert.equal((await http.ask('/metrics', { headers: { 'x-forwarded-for': '10.0.0.1' } })).status, 401);
  assert.equal((await http.ask('/metrics', { headers: { authorization: 'Bearer key:a:read' } })).status, 403);
  assert.equal((await http.ask('/metrics', { headers: { authorization: 'Bearer key:a:admin', via: 'x' } })).status, 200);
  await using strict = await startHttp(() => undefined, { metricsFor: 'admin' });
  assert.equal((await strict.ask('/metrics')).status, 401);
});

test('paths that a caller makes up do not become label values', async () => {
  const metrics = createMetrics();
  await using http = await startHttp(() => undefined, { metrics });
  for (let i = 0; i < 20; i++) await http.ask(`/made-up-${i}`, { method: i % 2 === 0 ? 'GET' : 'PROPFIND' });
  const text = await metrics.text();
  assert.doesNotMatch(text, /made-up/);
  assert.match(text, /rebato_http_request_seconds_count\{route="none",method="other",status="4xx"\} 20/);
});
