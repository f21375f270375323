import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { openPool, type Pool } from './db.ts';
import { sharedTestPostgres } from './postgres/scratch.ts';

let url = '';
let db: Pool;
before(async () => {
  url = (await sharedTestPostgres()).url;
  db = openPool(url, { max: 1, application: 'test' });
});
after(() => db.close());

test('arrays of what tables hold go in and come out as they are, with nothing, null and awkward texts among them', async () => {
  const texts = ['plain', '', 'a,b', '"quoted"', 'back\\slash', '{braces}', 'NULL', 'ñ\n', null];
  const ids = ['00000000-0000-4000-8000-000000000001'];
  const row = await db.one<Record<string, unknown>>`
    select ${texts}::text[] as texts, ${[]}::text[] as none, ${[1, -2, null]}::smallint[] as small, ${[3]}::integer[] as whole,
           ${[2 ** 53 - 1]}::bigint[] as big, ${[0.5]}::float8[] as real, ${ids}::uuid[] as ids, array[true, false, null] as booleans,
           array['a', 'b']::varchar[] as short, ${['2026-11-23T10:00:00.000Z']}::timestamptz[] as times, array_agg(n order by n) as made
      from generate_series(1::bigint, 3) n`;
  assert.deepEqual(row, {
    ...{ texts, none: [], small: [1, -2, null], whole: [3], big: [2 ** 53 - 1], real: [0.5], ids, booleans: [true, false, null] },
    ...{ short: ['a', 'b'], times: [new Date('2026-11-23T10:00:00.000Z')], made: [1, 2, 3] },
  });
});

/** What a server says that is stopped. */
function stopped(): Buffer {
  const body = Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0');
  const head = Buffer.from('E    ');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** A way to a server that is stopped when the client has sent its first words after it was let in. */
async function cutAfterLogin(): Promise<{ readonly server: Server; readonly url: string }> {
  const real = new URL(url);
  const server = createServer((socket) => {
    let letIn = false;
    const onward = connect(Number(real.port), real.hostname);
    for (const end of [socket, onward]) end.on('error', () => {});
    socket.on('data', (part) => (letIn ? socket.end(stopped()) : onward.write(part)));
    onward.on('data', (part: Buffer) => {
      // ReadyForQuery.
      letIn ||= part.includes(Buffer.from([0x5a, 0, 0, 0, 5]));
      socket.write(part);
    });
    socket.on('close', () => onward.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  assert.ok(at !== null && typeof at === 'object');
  return { server, url: Object.assign(new URL(url), { port: String(at.port) }).href };
}

/** Runs a program that asks one question; what it says, and how it ended. */
async function runAsking(ask: string): Promise<{ readonly said: string; readonly code: number }> {
  const door = await cutAfterLogin();
  const program = `
    import { openPool } from ${JSON.stringify(import.meta.resolve('./db.ts'))};
    import postgres from ${JSON.stringify(import.meta.resolve('postgres'))};
    const url = ${JSON.stringify(door.url)};
    await (${ask}).then(() => console.log('answered'), (error) => console.log('rejected', error.code));
    setTimeout(() => process.exit(0), 200);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'ignore'] });
  const killer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (said += part));
  const [code] = (await once(child, 'exit')) as [number];
  clearTimeout(killer);
  door.server.close();
  return { said: said.trim(), code };
}

test('a connection that is lost while it is being set up is told to who asked, and does not end the process', async () => {
  assert.deepEqual(await runAsking("openPool(url, { max: 1, application: 'test' }).run`select 1`"), {
    said: 'rejected CONNECTION_CLOSED',
    code: 0,
  });
});

test('control: with the library’s question for array types it ends the process', async () => {
  assert.deepEqual(await runAsking('postgres(url, { max: 1 })`select 1`'), { said: 'rejected 57P01', code: 1 });
});
