import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, type TestContext, test } from 'node:test';
import postgres from 'postgres';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded.ts';
import { clusterProcesses, processStartTime, waitUntil } from './processes.ts';
import { canTraverse, postgresUser } from './system-user.ts';

const isRoot = process.getuid?.() === 0;
/** A user that every system knows; PostgreSQL looks its name up. */
const ordinary = { name: 'nobody', uid: 65_534, gid: 65_534 };
const quick = { fsync: 'off', shared_buffers: '16MB' };
const patienceMs = 20_000;

function temporaryDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'rebato-embedded-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A data directory whose cluster exists already, shared by the tests that do not need a new one: creating one takes a second. */
let usedDataDir: string;
before(async () => {
  usedDataDir = mkdtempSync(join(tmpdir(), 'rebato-embedded-'));
  const server = await startEmbeddedPostgres({ dataDir: usedDataDir, log() {}, settings: quick, reserve: 0 });
  await server.stop();
});
after(() => rmSync(usedDataDir, { recursive: true, force: true }));

/** Starts a server that is stopped before its folder is removed, whatever the test does. */
async function start(t: TestContext, dataDir: string, log: (line: string) => void = () => {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, log, settings: quick, reserve: 0 });
  t.after(() => server.stop());
  return server;
}

async function query(url: string, text: string): Promise<readonly postgres.Row[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await sql.unsafe(text);
  } finally {
    await sql.end();
  }
}

type Owner = { readonly process: ChildProcess; readonly url: string; readonly pid: number };

/** Another process that starts a server on the data directory and then does nothing. */
async function startOwner(t: TestContext, dataDir: string, user?: { uid: number; gid: number }): Promise<Owner> {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(import.meta.resolve('./embedded.ts'))};
    try {
      const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log() {}, settings: ${JSON.stringify(quick)}, reserve: 0 });
      console.log(JSON.stringify({ url: server.url, pid: server.pid }));
    } catch (error) {
      console.log(JSON.stringify({ refused: error.message }));
    }
    process.stdin.resume().once('end', () => process.exit());`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/', ...user });
  t.after(() => owner.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: owner.stdout }), 'line');
  const said: { url?: string; pid?: number; refused?: string } = JSON.parse(String(line));
  if (said.refused !== undefined) throw new Error(said.refused);
  assert.ok(said.url !== undefined && said.pid !== undefined);
  return { process: owner, url: said.url, pid: said.pid };
}

/** The shell that watches over a server for its owner. */
function guardOf(owner: ChildProcess): number {
  const parentOf = (pid: string): number => Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  for (const pid of readdirSync('/proc').filter((name) => Number(name) > 0)) {
    try {
      if (parentOf(pid) === owner.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('/bin/sh')) return Number(pid);
    } catch {
      // Ended while the list was read.
    }
  }
  throw new Error('no guard found');
}

test('what was written is there after a stop and a start, and nothing runs in between', async (t) => {
  const dataDir = usedDataDir;
  const first = await start(t, dataDir);
  await query(first.url, "create table kept (value text); insert into kept values ('ñandú')");
  await first.stop();
  assert.deepEqual(clusterProcesses(realpathSync(join(dataDir, 'postgres'))), []);
  const second = await start(t, dataDir);
  assert.deepEqual([...(await query(second.url, 'select value from kept'))], [{ value: 'ñandú' }]);
});

test('the cluster is UTF-8 with checksums, and its owner is the superuser rebato', async (t) => {
  const server = await start(t, temporaryDir(t));
  const [row] = await query(
    server.url,
    `select current_setting('data_checksums') as checksums, current_setting('server_encoding') as encoding, current_user as name,
            current_database() as database, lower('ÁRBOL') as lowered, (select rolsuper from pg_roles where rolname = current_user) as super`,
  );
  assert.deepEqual({ ...row }, { checksums: 'on', encoding: 'UTF8', name: 'rebato', database: 'rebato', lowered: 'árbol', super: true });
});

test('the password is in no argument list, in no log line, and readable by the owner alone; without it there is no way in', async (t) => {
  const dataDir = usedDataDir;
  const lines: string[] = [];
  const server = await start(t, dataDir, (line) => lines.push(line));
  const password = readFileSync(join(dataDir, 'postgres.password'), 'utf8').trim();
  assert.equal(new URL(server.url).password, password);
  assert.equal(statSync(join(dataDir, 'postgres.password')).mode & 0o777, 0o600);
  if (process.platform === 'linux') assert.ok(!readFileSync(`/proc/${server.pid}/cmdline`, 'utf8').includes(password));
  assert.ok(!lines.join('\n').includes(password));
  await assert.rejects(query(server.url.replace(password, 'wrong'), 'select 1'), { code: '28P01' });
});

test('a statement that fails leaves no values in the log', async (t) => {
  const lines: string[] = [];
  const server = await start(t, usedDataDir, (line) => lines.push(line));
  await query(server.url, "drop table if exists one; create table one (value text unique); insert into one values ('198.51.100.7')");
  await assert.rejects(query(server.url, "insert into one values ('198.51.100.7')"), { code: '23505' });
  await server.stop();
  assert.ok(!lines.join('\n').includes('198.51.100.7'));
});

test('a server that dies is noticed, and the next start recovers its data', async (t) => {
  const dataDir = usedDataDir;
  const first = await start(t, dataDir);
  await query(first.url, 'drop table if exists kept; create table kept (value int); insert into kept values (1)');
  process.kill(first.pid, 'SIGKILL');
  assert.deepEqual(await first.exited, { code: null });
  await first.stop();
  const second = await start(t, dataDir);
  assert.deepEqual([...(await query(second.url, 'select value from kept'))], [{ value: 1 }]);
});

test('a server ends by itself when its owner is killed, and the data is there at the next start', { skip: notLinux() }, async (t) => {
  const dataDir = usedDataDir;
  const owner = await startOwner(t, dataDir);
  await query(owner.url, 'drop table if exists kept; create table kept (value int); insert into kept values (2)');
  owner.process.kill('SIGKILL');
  assert.ok(await waitUntil(() => processStartTime(owner.pid) === undefined, patienceMs));
  const second = await start(t, dataDir);
  assert.deepEqual([...(await query(second.url, 'select value from kept'))], [{ value: 2 }]);
});

test('a server that outlived its killed owner is stopped before the next one starts', { skip: notLinux() }, async (t) => {
  const dataDir = usedDataDir;
  const owner = await startOwner(t, dataDir);
  await query(owner.url, 'drop table if exists kept; create table kept (value int); insert into kept values (3)');
  process.kill(guardOf(owner.process), 'SIGKILL');
  owner.process.kill('SIGKILL');
  await once(owner.process, 'exit');
  assert.notEqual(processStartTime(owner.pid), undefined);
  const lines: string[] = [];
  const second = await start(t, dataDir, (line) => lines.push(line));
  assert.equal(processStartTime(owner.pid), undefined);
  assert.ok(lines.some((line) => line.includes(`process ${owner.pid}`)));
  assert.deepEqual([...(await query(second.url, 'select value from kept'))], [{ value: 3 }]);
});

test('a data directory in use is refused, naming the process that has it, and is free again after the stop', async (t) => {
  const dataDir = usedDataDir;
  const server = await start(t, dataDir);
  await assert.rejects(start(t, dataDir), { name: 'StartRefused', message: new RegExp(`in use by process ${process.pid}\\.`) });
  await assert.rejects(startOwner(t, dataDir), { message: new RegExp(`in use by process ${process.pid}\\.`) });
  await query(server.url, 'select 1');
  await server.stop();
  await (await start(t, dataDir)).stop();
});

test('leftovers of a crash do not prevent a start, even when their process ids are in use again', async (t) => {
  const dataDir = usedDataDir;
  writeFileSync(join(dataDir, 'lock.holder'), JSON.stringify({ pid: process.ppid, startTime: '1' }));
  const cluster = realpathSync(join(dataDir, 'postgres'));
  writeFileSync(join(cluster, 'postmaster.pid'), `${process.ppid}\n${cluster}\n1\n5432\n\n127.0.0.1\n\nready\n`);
  const server = await start(t, dataDir);
  await query(server.url, 'select 1');
});

test('an interrupted first start is done again', async (t) => {
  const dataDir = temporaryDir(t);
  mkdirSync(join(dataDir, 'postgres.init'));
  writeFileSync(join(dataDir, 'postgres.init', 'PG_VERSION'), '18\n');
  await query((await start(t, dataDir)).url, 'select 1');
  assert.ok(!existsSync(join(dataDir, 'postgres.init')));
});

test('a lost password file is replaced by a new password', async (t) => {
  const dataDir = usedDataDir;
  rmSync(join(dataDir, 'postgres.password'));
  await query((await start(t, dataDir)).url, 'select 1');
});

test('a cluster of another PostgreSQL version and a folder that is no cluster are refused, and stay as they are', async (t) => {
  const dataDir = temporaryDir(t);
  mkdirSync(join(dataDir, 'postgres'));
  writeFileSync(join(dataDir, 'postgres', 'notes.txt'), 'mine');
  await assert.rejects(start(t, dataDir), { name: 'StartRefused', message: /is not a PostgreSQL cluster/ });
  assert.ok(existsSync(join(dataDir, 'postgres', 'notes.txt')));
  writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '15\n');
  await assert.rejects(start(t, dataDir), { name: 'StartRefused', message: /made by PostgreSQL 15, and this is PostgreSQL 18/ });
});

test('a setting that PostgreSQL refuses is told in its words', async (t) => {
  const dataDir = usedDataDir;
  await assert.rejects(startEmbeddedPostgres({ dataDir, log() {}, settings: { shared_buffers: 'plenty' } }), {
    name: 'StartRefused',
    message: /did not start: .*shared_buffers/,
  });
  await (await start(t, dataDir)).stop();
});

test('root runs the server as another user, who cannot list the data directory', { skip: notRoot() }, async (t) => {
  const dataDir = temporaryDir(t);
  const server = await start(t, dataDir);
  const user = postgresUser();
  assert.ok(user !== undefined && user.uid !== 0);
  assert.equal(statSync(`/proc/${server.pid}`).uid, user.uid);
  assert.equal(statSync(dataDir).mode & 0o777, 0o710);
  assert.equal(statSync(dataDir).uid, 0);
});

test('below a folder that only root may enter, the cluster lives elsewhere and is found again', { skip: notRoot() }, async (t) => {
  const closed = temporaryDir(t);
  chmodSync(closed, 0o700);
  const dataDir = join(closed, 'data');
  const first = await start(t, dataDir);
  const target = realpathSync(join(dataDir, 'postgres'));
  t.after(() => rmSync(target, { recursive: true, force: true }));
  assert.ok(lstatSync(join(dataDir, 'postgres')).isSymbolicLink());
  await query(first.url, 'drop table if exists kept; create table kept (value int)');
  await first.stop();
  const second = await start(t, dataDir);
  assert.deepEqual([...(await query(second.url, 'select value from kept'))], []);
  await second.stop();

  // A new data directory at the same place is a new database; the old one is put aside, not deleted.
  rmSync(dataDir, { recursive: true });
  const lines: string[] = [];
  const third = await start(t, dataDir, (line) => lines.push(line));
  await assert.rejects(query(third.url, 'select value from kept'), { code: '42P01' });
  const aside = lines.map((line) => / was moved to (\S+);/.exec(line)?.[1]).find((found) => found !== undefined);
  assert.ok(aside !== undefined && existsSync(join(aside, 'PG_VERSION')));
  t.after(() => rmSync(aside, { recursive: true, force: true }));
});

test('an ordinary user runs the server alone, and may not use the data directory of another', { skip: notRoot() }, async (t) => {
  const user = ordinary;
  if (!canTraverse(import.meta.dirname, user) || !canTraverse(process.execPath.replace(/\/[^/]+$/, ''), user)) {
    t.skip('the repository is in a folder that ordinary users cannot enter');
    return;
  }
  const dataDir = temporaryDir(t);
  chownSync(dataDir, user.uid, user.gid);
  const owner = await startOwner(t, dataDir, user);
  assert.equal(statSync(`/proc/${owner.pid}`).uid, user.uid);
  await query(owner.url, 'drop table if exists kept; create table kept (value int); insert into kept values (4)');
  owner.process.stdin?.end();
  assert.ok(await waitUntil(() => processStartTime(owner.pid) === undefined, patienceMs));

  await assert.rejects(startOwner(t, dataDir, { uid: 1, gid: 1 }), /EACCES|unable to open|belongs to another user/);

  // Root may help out: it serves the cluster as the user that owns it, who can then go on.
  const asRoot = await start(t, dataDir);
  assert.equal(statSync(`/proc/${asRoot.pid}`).uid, user.uid);
  assert.deepEqual([...(await query(asRoot.url, 'select value from kept'))], [{ value: 4 }]);
  await asRoot.stop();
  const again = await startOwner(t, dataDir, user);
  assert.deepEqual([...(await query(again.url, 'select value from kept'))], [{ value: 4 }]);
  again.process.stdin?.end();
  assert.ok(await waitUntil(() => processStartTime(again.pid) === undefined, patienceMs));
});

function notRoot(): string | false {
  return isRoot ? false : 'needs root, to start processes as several users';
}

function notLinux(): string | false {
  return process.platform === 'linux' ? false : 'reads /proc';
}
