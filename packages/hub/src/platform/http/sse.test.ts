import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { Reply, type SseSink } from '#platform/http';
import { createMetrics } from '#platform/metrics';
import { startHttp, type TestServer } from './harness.ts';

type Opened = { readonly sink: SseSink; readonly signal: AbortSignal };

async function streaming(
  changes: Parameters<typeof startHttp>[1] = {},
): Promise<{ http: TestServer; opened: Opened[]; next(): Promise<Opened> }> {
  const opened: Opened[] = [];
  const waiting: ((one: Opened) => void)[] = [];
  const http = await startHttp((door) => {
    door.get('/stream', {
      summary: 'Live',
      scope: 'public',
      limit: 'read',
      handle: async () =>
        Reply.sse((sink, signal) => {
          opened.push({ sink, signal });
          waiting.shift()?.({ sink, signal });
        }),
    });
  }, changes);
  return { http, opened, next: () => new Promise((resolve) => waiting.push(resolve)) };
}

const open = (port: number, headers: Record<string, string> = {}): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path: '/stream', headers, agent: false }, resolve).on('error', reject).end();
  });

async function readUntil(response: IncomingMessage, end: string): Promise<string> {
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    if (text.includes(end)) break;
  }
  return text;
}

const until = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));

test('frames arrive as they were made, uncompressed, and text cannot break out of its event', async () => {
  const { http, next } = await streaming();
  await using _ = http;
  const coming = next();
  const response = await open(http.port, { 'accept-encoding': 'gzip, br' });
  const { sink } = await coming;
  assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8');
  assert.equal(response.headers['content-encoding'], undefined);
  assert.equal(response.headers['cache-control'], 'no-store');
  sink.send(Buffer.from('id: 1\ndata: a\n\n'));
  sink.event('alert\nid: 9', 'one\ntwo\r\nevent: evil', '7\n8');
  sink.close();
  assert.equal(
    await readUntil(response, '\0'),
    'id: 1\ndata: a\n\nid: 7 8\nevent: alert id: 9\ndata: one\ndata: two\ndata: event: evil\n\n',
  );
  assert.equal(sink.closed, true);
});

test('a client that goes away ends its stream, and sending to it is harmless', async () => {
  const { http, next } = await streaming();
  await using _ = http;
  const coming = next();
  const response = await open(http.port);
  const { sink, signal } = await coming;
  response.destroy();
  await until(signal);
  assert.equal(sink.closed, true);
  assert.doesNotThrow(() => sink.send('data: x\n\n'));
});

test('a client that does not read is cut off at its bound and counted, and others are not touched', async () => {
  const metrics = createMetrics();
  const { http, next } = await streaming({ metrics });
  await using _ = http;
  const first = next();
  const stuck: Socket = connect(http.port, '127.0.0.1');
  stuck.on('error', () => undefined).pause();
  stuck.write('GET /stream HTTP/1.1\r\nHost: x\r\n\r\n');
  const { sink: slow, signal } = await first;
  const second = next();
  const response = await open(http.port);
  const { sink: quick } = await second;
  const frame = Buffer.from(`data: ${'x'.repeat(64_000)}\n\n`);
  let most = 0;
  // The kernel's own buffers take some megabytes before ours fills.
  for (let i = 0; i < 2000 && !slow.closed; i++) {
    slow.send(frame);
    most = Math.max(most, slow.unsentBytes);
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(signal);
  assert.ok(most <= 1 << 20, `${most} bytes waited`);
  assert.match(await metrics.text(), /^rebato_sse_slow_clients_total 1$/m);
  quick.send('data: still here\n\n');
  assert.match(await readUntil(response, '\n\n'), /still here/);
  assert.equal(quick.closed, false);
  stuck.destroy();
});

test('streams are bounded in number; HEAD opens none', async () => {
  const { http, next, opened } = await streaming({ limits: { sseClientsMax: 1 } });
  await using _ = http;
  assert.equal((await http.ask('/stream', { method: 'HEAD' })).status, 200);
  assert.equal(opened.length, 0);
  const coming = next();
  await open(http.port);
  await coming;
  const refused = await http.ask('/stream');
  assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '30']);
});

test('keep-alive comments reach every client within a round, from one timer', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const { http, next } = await streaming();
  await using _ = http;
  const responses: IncomingMessage[] = [];
  for (let i = 0; i < 20; i++) {
    const coming = next();
    responses.push(await open(http.port));
    await coming;
  }
  context.mock.timers.tick(15_000);
  for (const response of responses) assert.equal(await readUntil(response, '\n\n'), ':\n\n');
});
