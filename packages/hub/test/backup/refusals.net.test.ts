import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { BackupRefused, restoreBackup } from '#platform/backup';
import { systemClock } from '#platform/clock';
import { systemIds } from '#platform/ids';
import type { Log } from '#platform/ports';
import { createTestDatabase, startTestHub } from '../hub.ts';
import { asAdminOf, countRelations, emptyDatabase, rebato, scratchFolder, withPool } from './bed.ts';

const migrationsFolder = join(import.meta.dirname, '../../migrations');

/** A backup of a hub with a control, and the folder of that hub with its root key. */
async function backedUp() {
  const folder = await scratchFolder();
  const first = await createTestDatabase();
  const second = await emptyDatabase();
  await using hub = await startTestHub({ databaseUrl: first.url, dataDir: folder.path });
  const alice = await hub.member('Alice');
  const added = await alice.post<{ control: { id: string } }>('/api/v1/controls', {
    ...{ name: 'edge', target: 'memory', feed: 'agent', policy: { minConfidence: 0 } },
  });
  assert.equal(added.status, 201, added.text);
  await hub.db.run`update decisions.control set key_hash = 'known', enrolled_at = now()`;
  const file = folder.file('hub.backup');
  assert.equal((await rebato(['backup', 'create', file, ...folder.lock], asAdminOf(hub))).code, 0);
  const dataDir = folder.file('restored');
  const env = { REBATO_DATABASE_URL: second.url, REBATO_DATA_DIR: dataDir };
  return {
    ...{ folder, file, first, second, dataDir, env, hubId: hub.id },
    restore: (...options: string[]) => rebato(['backup', 'restore', file, ...folder.lock, ...options], env),
    async [Symbol.asyncDispose]() {
      await first.drop();
      await second.drop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A log that keeps what operators are told. */
function listen() {
  const lines: string[] = [];
  const say = (_: unknown, message: string): void => void lines.push(message);
  return { lines, log: { info: say, warn: say, error: say } satisfies Log };
}

test('without the root key the hub says what agents will do, until the key is raised with; a wrong key is refused before anything is done', async () => {
  await using world = await backedUp();
  const { folder, second, dataDir, env } = world;
  const foreign = folder.file('foreign.key');
  await using other = await startTestHub();
  await cp(join(other.dataDir, 'root.key'), foreign);
  const refused = await world.restore('--root-key', foreign);
  assert.equal(refused.code, 2, refused.err);
  assert.match(refused.err, /is not the one of the backup's agents/);
  await withPool(second.url, async (db) => assert.equal(await countRelations(db), 0));

  const done = await world.restore();
  assert.equal(done.code, 0, done.err);
  assert.match(done.err, /there is no new epoch yet/);
  const again = await world.restore();
  assert.equal(again.code, 1);
  assert.match(again.err, /not empty/);

  const epochOf = () =>
    withPool(second.url, (db) => db.one<{ epoch: number; incarnation: string }>`select epoch, incarnation from platform.hub`);
  const before = await epochOf();
  assert.equal(before?.epoch, 1);
  const first = listen();
  {
    await using hub = await startTestHub({ databaseUrl: second.url, dataDir, log: first.log });
    assert.ok(first.lines.some((line) => /no new epoch was begun/.test(line)));
    const running = await rebato(['epoch', 'raise', '--root-key', folder.file('root.key')], env);
    assert.equal(running.code, 1);
    assert.match(running.err, /A hub runs on this database/);
    assert.ok(hub.adminKey === undefined);
  }
  assert.equal((await rebato(['epoch', 'raise'], env)).code, 2);
  const raised = await rebato(['epoch', 'raise', '--root-key', folder.file('root.key')], env);
  assert.equal(raised.code, 0, raised.err);
  const after = await epochOf();
  assert.ok((after?.epoch ?? 0) > 1_000_000 && after?.incarnation !== before?.incarnation);
  const later = listen();
  await using _ = await startTestHub({ databaseUrl: second.url, dataDir, log: later.log });
  assert.ok(!later.lines.some((line) => /no new epoch/.test(line)));
});

test('a root key that comes back into the data folder is enough: the next start raises the epoch, once', async () => {
  await using world = await backedUp();
  assert.equal((await world.restore()).code, 0);
  await cp(world.folder.file('root.key'), join(world.dataDir, 'root.key'));
  const epochs: number[] = [];
  for (let start = 0; start < 2; start += 1) {
    await using hub = await startTestHub({ databaseUrl: world.second.url, dataDir: world.dataDir });
    epochs.push(hub.keys.signer.epoch);
  }
  assert.ok((epochs[0] ?? 0) > 1_000_000);
  assert.equal(epochs[0], epochs[1]);
});

test('a copy has an identity and keys of its own, no credential of a control, and refuses the root key of the original', async () => {
  await using world = await backedUp();
  const { folder, dataDir, second, hubId } = world;
  const withRoot = await world.restore('--as-copy', '--root-key', folder.file('root.key'));
  assert.equal(withRoot.code, 2);
  const done = await world.restore('--as-copy');
  assert.equal(done.code, 0, done.err);
  await using hub = await startTestHub({ databaseUrl: second.url, dataDir, log: listen().log });
  assert.notEqual(hub.id, hubId);
  assert.notEqual(await readFile(join(dataDir, 'root.key'), 'utf8'), await readFile(folder.file('root.key'), 'utf8'));
  const control = await hub.db.one<{ keyHash: string | null }>`select key_hash from decisions.control`;
  assert.equal(control?.keyHash, null);
  const admin = hub.as((await readFile(join(dataDir, 'admin.key'), 'utf8')).trim());
  assert.equal((await admin.post('/api/v1/trail/checkpoint')).status, 200);
  const trail = await admin.get<{ ok: boolean; checkpoints: number }>('/api/v1/trail/verification');
  assert.deepEqual([trail.body.ok, trail.body.checkpoints], [true, 1]);
  assert.equal((await admin.get<{ name: string }>('/api/v1/hub')).body.name, 'Test network (copy)');
});

test('a backup of a newer product is refused and leaves nothing; one of an older product is brought forward', async () => {
  await using world = await backedUp();
  const { folder, second } = world;
  const restoreWith = (migrations: string) =>
    withPool(second.url, async (db) => {
      await mkdir(world.dataDir, { recursive: true });
      const source = (async function* () {
        yield await readFile(world.file);
      })();
      const lock = { passphrase: (await readFile(folder.file('passphrase'), 'utf8')).trim() };
      return restoreBackup({
        ...{ db, dataDir: world.dataDir, source, lock, migrationsFolder: migrations, clock: systemClock, ids: systemIds },
      });
    });
  // An older release lacks a migration that the backup's hub has run.
  const older = folder.file('older');
  await cp(migrationsFolder, older, { recursive: true, filter: (path) => !path.endsWith('_decisions_toque.sql') });
  await assert.rejects(
    restoreWith(older),
    (error) => error instanceof BackupRefused && error.reason === 'newer' && /newer release/.test(error.message),
  );
  await withPool(second.url, async (db) => assert.equal(await countRelations(db), 0));
  // A newer one has one more, for the core and for each shelf, and it finds the rows of the backup.
  const newer = folder.file('newer');
  await cp(migrationsFolder, newer, { recursive: true });
  await writeFile(join(newer, '209901010000_members_later.sql'), 'create table members.later as select id, name from members.entity;');
  await writeFile(join(newer, 'shelf/209901010000_shelf_later.sql'), 'create table later (id integer);');
  await restoreWith(newer);
  await withPool(second.url, async (db) => {
    const rows = await db.rows<{ name: string }>`select name from members.later`;
    assert.ok(rows.some(({ name }) => name === 'Alice'));
    assert.ok((await db.one<{ there: boolean }>`select to_regclass('shelf_informed.later') is not null as there`)?.there);
  });
});
