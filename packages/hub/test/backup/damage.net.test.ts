import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BackupRefused, readContainer, restoreBackup, verifyBackup, writeContainer } from '#platform/backup';
import { systemClock } from '#platform/clock';
import { systemIds } from '#platform/ids';
import { startTestHub } from '../hub.ts';
import { asAdminOf, countRelations, emptyDatabase, passphrase, rebato, scratchFolder, withPool } from './bed.ts';

const migrationsFolder = join(import.meta.dirname, '../../migrations');
/** Cheap to derive: the same code, and two hundred derivations in a test. */
const lock = { passphrase, cost: 14 };

let folder: Awaited<ReturnType<typeof scratchFolder>>;
/** One backup of a hub with some work in it, without a lock and with one. */
let plain: Buffer;
let locked: Buffer;

async function* pieces(bytes: Buffer, size = 10_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const gather = async (source: AsyncIterable<Buffer>): Promise<Buffer> => Buffer.concat(await Array.fromAsync(source));

before(async () => {
  folder = await scratchFolder();
  await using hub = await startTestHub();
  const alice = await hub.member('Alice');
  const indicators = Array.from({ length: 1_500 }, (_, n) => ({ value: `${systemIds.token(12).toLowerCase()}-${n}.com`, type: 'domain' }));
  assert.equal((await alice.post('/api/v1/reports', { title: 'many', indicators })).status, 202);
  await hub.settled();
  assert.equal((await hub.admin.post('/api/v1/trail/checkpoint')).status, 200);
  const file = folder.file('plain.backup');
  assert.equal((await rebato(['backup', 'create', file, '--plain'], asAdminOf(hub))).code, 0);
  plain = await readFile(file);
  locked = await gather(writeContainer(readContainer(pieces(plain), undefined), lock));
});
after(() => folder[Symbol.asyncDispose]());

/** Small steps of a generator with a seed, so that a failure can be repeated. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A backup as a bad disk, a short copy or a hand might leave it. */
function mutate(whole: Buffer, n: number): Buffer {
  const next = numbers(n + 1);
  const at = next(whole.length);
  const span = 1 + next(2_000);
  const bytes = Buffer.from(whole);
  switch (n % 6) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8));
      return bytes;
    case 1:
      return bytes.subarray(0, at);
    case 2: // A part is missing.
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(at + span, bytes.length))]);
    case 3: // A part is there twice.
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - span), at), bytes.subarray(Math.max(0, at - 1))]);
    case 4:
      return Buffer.concat([bytes, Buffer.alloc(span, at)]);
    default: // Other bytes of the same length, as from a block of another file.
      for (let i = at; i < Math.min(at + span, bytes.length); i += 1) bytes[i] = next(256);
      return bytes;
  }
}

const mutations = 240;
const refused = (error: unknown): boolean => error instanceof BackupRefused;

async function missed(whole: Buffer, key: typeof lock | undefined, testing = {}): Promise<number[]> {
  const found: number[] = [];
  for (let n = 0; n < mutations; n += 1) {
    const bytes = mutate(whole, n);
    if (bytes.equals(whole)) continue;
    const outcome = await verifyBackup(pieces(bytes), key, testing).then(
      () => 'passed',
      (error: unknown) => {
        // Anything but a refusal would be a crash.
        if (!refused(error)) throw error;
        return 'refused';
      },
    );
    if (outcome === 'passed') found.push(n);
  }
  return found;
}

test('a whole backup verifies, and each of 480 mutations of a plain and a locked one is found', { timeout: 110_000 }, async () => {
  assert.ok((await verifyBackup(pieces(plain, 7), undefined)).trail.ok);
  assert.ok((await verifyBackup(pieces(locked), lock)).trail.checkpoints > 0);
  assert.deepEqual(await missed(plain, undefined), []);
  assert.deepEqual(await missed(locked, lock), []);
});

test('control: without the digests the same mutations get through', async () => {
  assert.notDeepEqual(await missed(plain, undefined, { skipDigests: true }), []);
});

test('a restore of a damaged backup leaves nothing in the database, wherever the damage is', { timeout: 110_000 }, async () => {
  const database = await emptyDatabase();
  try {
    await withPool(database.url, async (db) => {
      const untouched = await countRelations(db);
      for (let n = 0; n < 18; n += 1) {
        const source = pieces(mutate(plain, n * 7));
        const dataDir = folder.path;
        await assert.rejects(
          restoreBackup({ ...{ db, dataDir, source, lock: undefined, migrationsFolder }, clock: systemClock, ids: systemIds }),
          refused,
        );
        assert.equal(await countRelations(db), untouched);
        assert.ok(!existsSync(join(folder.path, 'seal.key')));
      }
    });
    // And it takes a whole one afterwards.
    const file = folder.file('whole.backup');
    await writeFile(file, plain);
    const env = { REBATO_DATABASE_URL: database.url, REBATO_DATA_DIR: join(folder.path, 'data') };
    assert.equal((await rebato(['backup', 'restore', file], env)).code, 0);
  } finally {
    await database.drop();
  }
});

test('verify ends with another code for a damaged backup, a wrong passphrase and a whole one, and takes no file for a backup that is none', async () => {
  const write = async (name: string, bytes: Buffer | string): Promise<string> => {
    await writeFile(folder.file(name), bytes);
    return folder.file(name);
  };
  const whole = await write('locked.backup', locked);
  const bad = await write('bad.backup', mutate(locked, 6));
  const wrong = await write('wrong', 'another passphrase\n');
  const code = async (...argv: string[]): Promise<number> => (await rebato(['backup', 'verify', ...argv])).code;
  assert.equal(await code(whole, ...folder.lock), 0);
  assert.equal(await code(whole), 2);
  assert.equal(await code(whole, '--passphrase-file', wrong), 2);
  assert.equal(await code(bad, ...folder.lock), 5);
  assert.equal(await code(await write('empty', '')), 5);
  assert.equal(await code(await write('text', 'hello\n')), 5);
  assert.equal(await code(await write('newer', '{"rebatoBackup":2}\n')), 1);
  assert.equal(await code(folder.file('absent')), 2);
});
