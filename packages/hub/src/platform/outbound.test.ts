import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { createOutbound, type OutboundOptions } from './outbound.ts';

type Site = AsyncDisposable & {
  readonly port: number;
  readonly hits: { readonly url: string; readonly headers: Readonly<Record<string, unknown>> }[];
};

async function listening(server: Server | ReturnType<typeof createTcpServer>, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  return (server.address() as AddressInfo).port;
}

/** A web server on an address of the loopback net. 127.0.0.2 plays the public side: the tests allow it by configuration. */
async function site(handler: RequestListener, host = '127.0.0.2', port = 0): Promise<Site> {
  const hits: Site['hits'] = [];
  const server = createServer((request, response) => {
    hits.push({ url: request.url ?? '', headers: request.headers });
    handler(request, response);
  });
  const at = await listening(server, host, port);
  return {
    port: at,
    hits,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server that says exactly these bytes. */
async function rawSite(speak: (socket: Socket) => void): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => speak(socket));
  });
  const port = await listening(server, '127.0.0.2', 0);
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const public2 = { allow: ['127.0.0.2/32'], resolve: async () => ['127.0.0.2'] } satisfies OutboundOptions;
const refused = { code: 'outbound.failed', message: 'the address could not be fetched' };

test('a page is fetched, with its type, and without telling more than needed', async () => {
  await using page = await site((_request, response) => response.setHeader('content-type', 'text/csv').end('a,b'));
  const outbound = createOutbound(public2);
  const { status, contentType, body } = await outbound.get(`http://feed.example:${page.port}/list?x=1`, { accept: 'text/csv' });
  assert.deepEqual({ status, contentType, body: body.toString() }, { status: 200, contentType: 'text/csv', body: 'a,b' });
  const [hit] = page.hits;
  assert.equal(hit?.url, '/list?x=1');
  assert.equal(hit?.headers.host, `feed.example:${page.port}`);
  assert.equal(hit?.headers.accept, 'text/csv');
});

test('S01: what is not allowed is not connected to', async () => {
  await using inside = await site((_request, response) => response.end('secret'), '127.0.0.1');
  const outbound = createOutbound({ ...public2, resolve: async () => ['127.0.0.1'] });
  for (const host of ['127.0.0.1', '127.1', '2130706433', '0x7f000001', '[::ffff:127.0.0.1]', 'localhost', 'intern.example']) {
    await assert.rejects(outbound.get(`http://${host}:${inside.port}/`), refused, host);
  }
  assert.equal(inside.hits.length, 0);
});

test('S02: the name is resolved once, and what was checked is what is connected to', async () => {
  await using outside = await site((_request, response) => response.end('outside'));
  await using inside = await site((_request, response) => response.end('inside'), '127.0.0.1', outside.port);
  let asked = 0;
  const outbound = createOutbound({ ...public2, resolve: async () => (asked++ === 0 ? ['127.0.0.2'] : ['127.0.0.1']) });
  assert.equal((await outbound.get(`http://rebind.example:${outside.port}/`)).body.toString(), 'outside');
  assert.equal(asked, 1);
  await assert.rejects(outbound.get(`http://rebind.example:${outside.port}/`), refused);
  assert.equal(inside.hits.length, 0);
});

test('S02: an answer with one allowed and one private address is refused as a whole', async () => {
  await using outside = await site((_request, response) => response.end('outside'));
  for (const answer of [
    ['127.0.0.2', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.2'],
    ['127.0.0.2', '::1'],
    ['127.0.0.2', 'fe80::1%lo'],
    ['127.0.0.2', 'nonsense'],
    [],
  ]) {
    const outbound = createOutbound({ ...public2, resolve: async () => answer });
    await assert.rejects(outbound.get(`http://mixed.example:${outside.port}/`), refused, answer.join());
  }
  assert.equal(outside.hits.length, 0);
});

test('S03: a redirect is a failure unless hops are allowed, and then each is checked like the first', async () => {
  let location = '/there';
  await using page = await site((request, response) =>
    request.url === '/there' ? response.end('there') : response.writeHead(302, { location }).end(),
  );
  await using inside = await site((_request, response) => response.end('secret'), '127.0.0.1');
  const outbound = createOutbound(public2);
  const start = `http://feed.example:${page.port}/`;
  await assert.rejects(outbound.get(start), refused);
  assert.equal((await outbound.request(start, { maxRedirects: 1 })).body.toString(), 'there');
  for (location of [
    `http://127.0.0.1:${inside.port}/`,
    `//127.0.0.1:${inside.port}/`,
    'file:///etc/passwd',
    'gopher://x/',
    'http://u:p@feed.example/',
    '\\\\127.0.0.1\\x',
    '/',
  ]) {
    await assert.rejects(outbound.request(start, { maxRedirects: 20 }), refused, location);
  }
  assert.equal(inside.hits.length, 0);
});

test('S03: a circle of redirects ends after five hops, whatever was asked for', async () => {
  await using page = await site((_request, response) => response.writeHead(302, { location: '/' }).end());
  await assert.rejects(createOutbound(public2).request(`http://feed.example:${page.port}/`, { maxRedirects: 20 }), refused);
  assert.equal(page.hits.length, 6);
});

test('S03: credentials stay with the origin that they were meant for', async () => {
  await using other = await site((_request, response) => response.end('other'));
  await using page = await site((request, response) =>
    request.url === '/same'
      ? response.writeHead(302, { location: `http://other.example:${other.port}/` }).end()
      : response.writeHead(302, { location: '/same' }).end(),
  );
  const headers = { authorization: 'Bearer s3cret', 'x-api-key': 's3cret', 'x-plain': 'yes' };
  await createOutbound(public2).request(`http://feed.example:${page.port}/`, { maxRedirects: 3, headers });
  assert.deepEqual(
    page.hits.map((hit) => hit.headers.authorization),
    ['Bearer s3cret', 'Bearer s3cret'],
  );
  const [last] = other.hits;
  assert.deepEqual([last?.headers.authorization, last?.headers['x-api-key'], last?.headers['x-plain']], [undefined, undefined, 'yes']);
});

test('S04, S05: a caller cannot set the host, hop-by-hop headers, or break out of a header', async () => {
  await using page = await site((_request, response) => response.end('x'));
  const outbound = createOutbound(public2);
  for (const headers of [
    { host: 'other' },
    { connection: 'upgrade' },
    { 'proxy-authorization': 'x' },
    { 'x-a': 'b\r\nx-c: d' },
    { 'x-a\r\nx-b': 'c' },
  ]) {
    await assert.rejects(outbound.request(`http://feed.example:${page.port}/`, { headers }), refused);
  }
  assert.equal(page.hits.length, 0);
});

test('S05: proxy variables of the environment change nothing', async (context) => {
  await using proxy = await site((_request, response) => response.end('proxy'), '127.0.0.1');
  await using page = await site((_request, response) => response.end('page'));
  for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']) {
    const before = process.env[name];
    context.after(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
    process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://127.0.0.1:${proxy.port}`;
  }
  assert.equal((await createOutbound(public2).get(`http://feed.example:${page.port}/`)).body.toString(), 'page');
  assert.equal(proxy.hits.length, 0);
});

test('S06: what is too large is cut off, also when it only becomes so by unpacking', async () => {
  const zeros = Buffer.alloc(1 << 20);
  const bodies: Record<string, [string, Buffer]> = {
    '/plain': ['identity', zeros],
    '/gzip': ['gzip', gzipSync(zeros)],
    '/br': ['br', brotliCompressSync(zeros)],
  };
  await using page = await site((request, response) => {
    const [encoding, body] = bodies[request.url ?? ''] ?? ['identity', Buffer.from('small')];
    response.writeHead(200, { 'content-encoding': encoding, 'transfer-encoding': 'chunked' });
    response.end(body);
  });
  const outbound = createOutbound(public2);
  for (const path of Object.keys(bodies)) {
    await assert.rejects(outbound.get(`http://feed.example:${page.port}${path}`, { maxBytes: 100_000 }), refused, path);
    assert.equal((await outbound.get(`http://feed.example:${page.port}${path}`)).body.length, zeros.length);
  }
});

test('S06: endless, slow, mislabelled, cut short and over-headed replies all end the same way', async () => {
  const speakers: Record<string, (socket: Socket) => void> = {
    endless: (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 0x61)));
        if (!socket.destroyed) socket.once('drain', more);
      };
      more();
    },
    silent: () => undefined,
    'slow body': (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'),
    short: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'),
    'cut chunk': (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc'),
    'many headers': (socket) => socket.end(`HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(100_000)}\r\n`),
    'not http': (socket) => socket.end('220 mail.example ESMTP\r\n'),
    'not gzip': (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc'),
    'unknown encoding': (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Encoding: x-own\r\nContent-Length: 3\r\n\r\nabc'),
    upgrade: (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    'both lengths': (socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'),
  };
  for (const [name, speak] of Object.entries(speakers)) {
    await using server = await rawSite(speak);
    const outbound = createOutbound(public2);
    await assert.rejects(outbound.get(`http://feed.example:${server.port}/`, { timeoutMs: 400, maxBytes: 1_000_000 }), refused, name);
  }
});

test('S06: chunks with trailers are read, and the trailers dropped', async () => {
  await using server = await rawSite((socket) =>
    socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-t\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n'),
  );
  assert.equal((await createOutbound(public2).get(`http://feed.example:${server.port}/`)).body.toString(), 'abc');
});

test('a name that is never resolved ends with the time limit', async () => {
  const outbound = createOutbound({ ...public2, resolve: () => new Promise(() => undefined) });
  await assert.rejects(outbound.get('http://slow.example/', { timeoutMs: 50 }), refused);
});

test('S09: every failure reads the same to the caller, and only the log knows why', async () => {
  await using open = await rawSite((socket) => socket.end('SSH-2.0-x\r\n'));
  const reasons: unknown[] = [];
  const log = {
    info: () => undefined,
    warn: (fields: Readonly<Record<string, unknown>>) => void reasons.push(fields.reason),
    error: () => undefined,
  };
  const outbound = createOutbound({
    ...public2,
    log,
    resolve: async (name) => (name === 'private.example' ? ['10.0.0.1'] : ['127.0.0.2']),
  });
  const texts = new Set<string>();
  for (const url of [
    `http://open.example:${open.port}/`,
    'http://closed.example:1023/',
    'http://private.example/',
    'nonsense',
    'http://u:p@x/',
  ]) {
    await outbound
      .get(url, { timeoutMs: 500 })
      .catch((error: Error & { code: string }) => texts.add(`${error.name} ${error.code} ${error.message} ${error.cause}`));
  }
  assert.equal(texts.size, 1);
  assert.equal(new Set(reasons).size, 5);
});
