import assert from 'node:assert/strict';
import { connect, createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { openPool, type Pool } from './db.ts';
import type { Log } from './ports.ts';
import { sharedTestPostgres } from './postgres/scratch.ts';
import { type DatabaseFacts, problemOf, reachDatabase } from './reach-database.ts';
import { openShelfPools, prepareShelves, shelfLogin } from './shelf.ts';

let url = '';
let admin: Pool;
before(async () => {
  url = (await sharedTestPostgres()).url;
  admin = openPool(url, { max: 1, application: 'test' });
});
after(() => admin.close());

/** A log that keeps what it is told. */
function keptLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (_fields: object, message: string): void => void lines.push(message);
  return { lines, info: keep, warn: keep, error: keep };
}

const addressed = (changes: Readonly<Record<string, string>>): string => Object.assign(new URL(url), changes).href;
const refuses = (address: string, message: RegExp): Promise<void> =>
  assert.rejects(reachDatabase(address, keptLog(), 5_000), (error: Error) => {
    assert.equal(error.name, 'StartRefused');
    assert.match(error.message, message);
    assert.ok(!error.message.includes(new URL(address).password), 'the password is not told');
    return true;
  });

/** A port before the database at which the first callers meet `refuse`, and later ones the database. */
async function doorBefore(
  refusals: number,
  answer: Buffer | undefined,
): Promise<{ readonly server: Server; readonly url: string; met(): number }> {
  let met = 0;
  const real = new URL(url);
  const server = createServer((socket) => {
    met += 1;
    socket.on('error', () => {});
    if (met <= refusals) {
      if (answer === undefined) socket.destroy();
      else socket.once('data', () => socket.end(answer));
      return;
    }
    const onward = connect(Number(real.port), real.hostname);
    onward.on('error', () => socket.destroy());
    socket.on('close', () => onward.destroy());
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = server.address();
  assert.ok(at !== null && typeof at === 'object');
  return { server, url: addressed({ port: String(at.port) }), met: () => met };
}

/** An error as a server tells it. */
function fatal(state: string, message: string): Buffer {
  const body = Buffer.from(`SFATAL\0VFATAL\0C${state}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

for (const [name, answer] of [
  ['is still starting', fatal('57P03', 'the database system is starting up')],
  ['has too many connections', fatal('53300', 'sorry, too many clients already')],
] as const) {
  test(`a database that ${name} is asked again, with one line in the log`, async () => {
    const door = await doorBefore(3, answer);
    const log = keptLog();
    await reachDatabase(door.url, log);
    door.server.close();
    assert.equal(door.met(), 4);
    assert.equal(log.lines.length, 1, log.lines.join('\n'));
    assert.match(log.lines[0] ?? '', /is not there yet\. Trying again for 60 seconds/);
  });
}

test('a database that does not come is given up at the limit, with what it said last', async () => {
  const door = await doorBefore(Number.POSITIVE_INFINITY, fatal('57P03', 'the database system is starting up'));
  await assert.rejects(reachDatabase(door.url, keptLog(), 300), { name: 'StartRefused', message: /within 0 seconds.*is starting up/ });
  door.server.close();
  const shut = await doorBefore(Number.POSITIVE_INFINITY, undefined);
  await assert.rejects(reachDatabase(shut.url, keptLog(), 300), { name: 'StartRefused', message: /no answer/ });
  shut.server.close();
  await assert.rejects(reachDatabase(door.url, keptLog(), 300), { name: 'StartRefused', message: /ECONNREFUSED/ });
});

test('a database that the hub can use is used at once, and says nothing', async () => {
  const log = keptLog();
  await reachDatabase(url, log);
  assert.deepEqual(log.lines, []);
});

test('what waiting does not mend is told at once: wrong password, unknown login, no such database', async () => {
  const login = new URL(url).username;
  await refuses(addressed({ password: 'wrong' }), new RegExp(`refuses the login "${login}".*REBATO_DATABASE_URL`));
  await refuses(addressed({ username: 'nobody_here', password: 'wrong' }), /refuses the login "nobody_here"/);
  await refuses(
    addressed({ pathname: '/no_such' }),
    new RegExp(`There is no database "no_such".*create database "no_such" owner "${login}"`),
  );
});

test('a login without the rights that the hub needs is told which one, and with them it is taken', async () => {
  const login = 'reach_test_login';
  const database = 'reach_test_database';
  const as = addressed({ username: login, password: 'reach-test-secret', pathname: `/${database}` });
  // Other tests leave logins of shelves on the same server, so this right is judged by itself below.
  await admin.script(`create role ${login} login password 'reach-test-secret' createrole`);
  try {
    await admin.script(`create database ${database}`);
    await refuses(as, /may not create schemas in the database "reach_test_database".*owner to "reach_test_login"/);
    await admin.script(`alter database ${database} owner to ${login}`);
    await reachDatabase(as, keptLog());
    await admin.script(`alter role ${login} set default_transaction_read_only = on`);
    await refuses(as, /may only be read.*primary/);
    await admin.script(`revoke connect on database ${database} from public, ${login}; alter role ${login} reset all`);
    await refuses(as, /may not connect to the database/);
  } finally {
    await admin.script(`drop database if exists ${database} with (force)`);
    await admin.script(`drop role ${login}`);
  }
});

test('an old server, a standby and a login without CREATEROLE are refused; all else is taken', () => {
  const good: DatabaseFacts = { user: 'u', database: 'd', version: 150_000, readOnly: false, maySchemas: true, mayRoles: true };
  assert.equal(problemOf(good), undefined);
  assert.match(problemOf({ ...good, version: 140_012 }) ?? '', /PostgreSQL 14, and Rebato needs 15 or later/);
  assert.match(problemOf({ ...good, mayRoles: false }) ?? '', /alter role "u" createrole;/);
  assert.match(problemOf({ ...good, user: 'a"b', mayRoles: false }) ?? '', /alter role "a""b" createrole;/);
});

const audience = { name: 'immediate', delayMs: 0, onConsolidation: false, maxTlp: 'amber' as const };

test('logins of databases with long names that begin alike differ, fit, and short ones are readable', () => {
  const long = 'the_name_of_a_database_that_is_as_long_as_postgresql_allows';
  const names = [`${long}_1`, `${long}_2`, `${'ñ'.repeat(30)}1`, `${'ñ'.repeat(30)}2`].map((name) => shelfLogin('immediate', name));
  assert.equal(new Set(names).size, 4);
  for (const name of names) assert.ok(Buffer.byteLength(name) <= 63, name);
  assert.equal(shelfLogin('immediate', 'rebato'), 'rebato_shelf_immediate_rebato');
});

test('databases with long names, dashes and capitals each have a login of their own that opens their shelf and no other', async () => {
  const databases = [
    'My-network_with-a-name-that-is-rather-long_and-beginning-alike-1',
    'My-network_with-a-name-that-is-rather-long_and-beginning-alike-2',
  ].map((name) => name.slice(-63));
  const folder = new URL('../../migrations/shelf', import.meta.url).pathname;
  const logins: string[] = [];
  try {
    for (const database of databases) {
      await admin.script(`create database "${database}"`);
      const at = addressed({ pathname: `/${encodeURIComponent(database)}` });
      const db = openPool(at, { max: 2, application: 'test' });
      try {
        await db.script('create schema platform; create table platform.secret (name text primary key, value text not null)');
        await prepareShelves(db, [audience], folder, () => {});
        const pools = await openShelfPools(db, at, [audience], 1);
        const [shelf] = pools.values();
        assert.ok(shelf);
        const row = await shelf.one<{ name: string; secrets: boolean }>`
          select current_user as name, has_schema_privilege('platform', 'usage') as secrets`;
        assert.equal(row?.secrets, false);
        logins.push(row?.name ?? '');
        for (const pool of pools.values()) await pool.close();
      } finally {
        await db.close();
      }
    }
    assert.equal(new Set(logins).size, 2, logins.join(' '));
    // The login's password is changed behind the hub's back.
    await admin.script(`alter role "${logins[0]}" password 'other'`);
    const at = addressed({ pathname: `/${encodeURIComponent(databases[0] ?? '')}` });
    const db = openPool(at, { max: 2, application: 'test' });
    await assert.rejects(openShelfPools(db, at, [audience], 1), {
      name: 'StartRefused',
      message: /refuses the login "rebato_shelf_immediate_/,
    });
    await db.close();
  } finally {
    for (const database of databases) await admin.script(`drop database if exists "${database}" with (force)`);
    for (const login of logins) await admin.script(`drop role if exists "${login}"`);
  }
});

test('a login without CREATEROLE that must make a login of a shelf is told so', async () => {
  const login = 'reach_test_roleless';
  await admin.script(`create role ${login} login password 'reach-test-secret'`);
  await admin.script(`create database ${login} owner ${login}`);
  const at = addressed({ username: login, password: 'reach-test-secret', pathname: `/${login}` });
  const db = openPool(at, { max: 2, application: 'test' });
  try {
    await db.script('create schema platform; create table platform.secret (name text primary key, value text not null)');
    const folder = new URL('../../migrations/shelf', import.meta.url).pathname;
    await assert.rejects(
      prepareShelves(db, [audience], folder, () => {}),
      { name: 'StartRefused', message: /may not create roles.*createrole;/ },
    );
  } finally {
    await db.close();
    await admin.script(`drop database ${login} with (force)`);
    await admin.script(`drop role ${login}`);
  }
});
