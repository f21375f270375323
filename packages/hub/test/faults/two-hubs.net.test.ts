import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPool, type Pool } from '#platform/db';
import { createTestDatabase, startTestHub } from '../hub.ts';
import { type Child, startChild } from '../kill/child.ts';
import { doubledDecisions, gaps, idle, readViews, setAside } from '../kill/invariants.ts';
import { createSetChecker } from '../kill/set-checker.ts';
import { startLoad } from '../kill/writers.ts';

const script = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

async function startHubProcess(databaseUrl: string, dataDir: string): Promise<{ readonly child: Child; readonly url: string }> {
  const child = await startChild({
    script,
    args: ['serve'],
    env: { REBATO_DATABASE_URL: databaseUrl, REBATO_DATA_DIR: dataDir, REBATO_PORT: '0', REBATO_RATE_LIMIT: '1000000', REBATO_LOG: 'warn' },
    ready: /^Rebato serves at /,
  });
  return { child, url: /^Rebato serves at (\S+)$/m.exec(child.said())?.[1] ?? '' };
}

/** The server's process that holds the leader's lock. */
async function leaderPid(db: Pool): Promise<number | undefined> {
  return (await db.one<{ pid: number }>`select pid from pg_locks where locktype = 'advisory' and objid = 7373003 and granted`)?.pid;
}

async function until(condition: () => Promise<boolean> | boolean, maxMs: number, what: string): Promise<number> {
  const beganAt = performance.now();
  while (!(await condition())) {
    assert.ok(performance.now() - beganAt < maxMs, `waited ${maxMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - beganAt;
}

test('of two hubs on one database one leads; when it is killed the other takes over, both serve, and no entry is lost or doubled', {
  timeout: 120_000,
}, async (t) => {
  const database = await createTestDatabase();
  const folders = [await mkdtemp(join(tmpdir(), 'rebato-two-')), await mkdtemp(join(tmpdir(), 'rebato-two-'))];
  const db = openPool(database.url, { max: 4, application: 'test' });
  const children: Child[] = [];
  try {
    // Members are made before, by a hub that then stops: its keys are in the database.
    const members = await (async () => {
      await using hub = await startTestHub({ databaseUrl: database.url, dataDir: folders[0] ?? '' });
      return [await hub.member('Alice'), await hub.member('Bob')];
    })();
    const one = await startHubProcess(database.url, folders[0] ?? '');
    children.push(one.child);
    await until(async () => (await leaderPid(db)) !== undefined, 10_000, 'the first leads');
    const first = await leaderPid(db);
    // As the second hub of an installation is set up: the sealing key is copied from the first.
    await copyFile(join(folders[0] ?? '', 'seal.key'), join(folders[1] ?? '', 'seal.key'));
    const two = await startHubProcess(database.url, folders[1] ?? '');
    children.push(two.child);
    assert.equal(await leaderPid(db), first, 'the second does not take the lead from the first');

    const set = createSetChecker();
    const loads = [one, two].map(({ url }, n) => startLoad({ url, members, writers: 3, prefix: `two${n}-`, sets: [set] }));
    const acknowledged = (): number => loads.reduce((sum, load) => sum + load.acknowledged(), 0);
    await until(() => acknowledged() > 100, 20_000, 'a hundred reports');
    const stream = await fetch(`${two.url}/api/v1/stream`, { headers: { authorization: `Bearer ${members[1]?.key}` } });
    const reader = stream.body?.getReader();
    const heard = { bytes: 0 };
    const reading = (async () => {
      for (;;) {
        const part = await reader?.read();
        if (part === undefined || part.done) return;
        heard.bytes += part.value.length;
      }
    })().catch(() => undefined);
    await until(() => heard.bytes > 0, 10_000, 'the hub that does not lead serves its stream');

    one.child.kill('SIGKILL');
    const takeoverMs = await until(
      async () => {
        const pid = await leaderPid(db);
        return pid !== undefined && pid !== first;
      },
      10_000,
      'the second takes over',
    );
    t.diagnostic(`taken over after ${Math.round(takeoverMs)} ms`);
    const before = heard.bytes;
    await until(() => heard.bytes > before, 10_000, 'the stream goes on under the new leader');
    await Promise.all([loads[0]?.stop(), loads[1]?.pause()]);
    await until(() => idle(db), 20_000, 'everything is carried out');
    await reader?.cancel();
    await reading;

    assert.deepEqual([...(await gaps(db)), ...(await setAside(db)), ...(await doubledDecisions(db))], []);
    const at = performance.now();
    const views = [await readViews(db, 'two0-'), await readViews(db, 'two1-')];
    set.read(new Map([...(views[0]?.released ?? []), ...(views[1]?.released ?? [])]), at, performance.now());
    const verdict = set.verdict();
    assert.deepEqual([verdict.lost, verdict.neverRead, verdict.duplicated, verdict.unexpected], [[], [], [], []]);
    await loads[1]?.stop();
  } finally {
    for (const child of children) await child.end();
    await db.close();
    await database.drop();
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  }
});

test('a second hub on the same data folder is refused with a sentence that names it; on another folder it starts', {
  timeout: 60_000,
}, async () => {
  const folders = [await mkdtemp(join(tmpdir(), 'rebato-dir-')), await mkdtemp(join(tmpdir(), 'rebato-dir-'))];
  const children: Child[] = [];
  const embedded = (dataDir: string): Promise<Child> =>
    startChild({
      script,
      args: ['serve'],
      env: { REBATO_DATA_DIR: dataDir, REBATO_PORT: '0', REBATO_LOG: 'error' },
      ready: /^Rebato serves at /,
    });
  try {
    children.push(await embedded(folders[0] ?? ''));
    await assert.rejects(embedded(folders[0] ?? ''), (error: Error) => {
      assert.match(error.message, new RegExp(`in use by process ${children[0]?.pid}`));
      return true;
    });
    children.push(await embedded(folders[1] ?? ''));
    assert.ok(children.every((child) => child.running()));
  } finally {
    for (const child of children) {
      child.kill('SIGTERM');
      await child.exited;
    }
    for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
});
