import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Envelope, type KeyCertificate, signaturePrefix } from '@rebato/contract';
import { manualClock } from './clock.ts';
import { openPool, type Pool } from './db.ts';
import { makeKeyPair, pemOf, readKeyPair } from './keys/envelope.ts';
import { createKeys, type Keys } from './keys.ts';
import { migrate } from './migrate.ts';
import type { Log } from './ports.ts';
import { sharedTestPostgres } from './postgres/scratch.ts';

const migrations = new URL('../../migrations', import.meta.url).pathname;
const start = new Date('2026-11-23T10:00:00.000Z');
const hubId = 'b7f6c9de-8a55-4c1f-9d0c-5a8c0a0f7a11';
let server: Pool;
let url: string;
const opened: Pool[] = [];
const folders: string[] = [];

before(async () => {
  url = (await sharedTestPostgres()).url;
  server = openPool(url, { max: 1, application: 'test' });
});
after(async () => {
  for (const pool of opened) await pool.close();
  await server.close();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** An independent reader's check, on the bytes of the protocol's text. */
function genuine(envelope: Envelope, spki: string): boolean {
  const key = createPublicKey({ key: Buffer.from(spki, 'base64'), type: 'spki', format: 'der' });
  const signed = Buffer.concat([Buffer.from(signaturePrefix), Buffer.from(envelope.body)]);
  return verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(envelope.sig, 'base64'));
}
const certificateOf = (keys: Keys): KeyCertificate => JSON.parse(keys.certificate().body) as KeyCertificate;

async function world() {
  const name = `keys_${Math.random().toString(36).slice(2)}`;
  await server.script(`create database ${name}`);
  const at = new URL(url);
  at.pathname = `/${name}`;
  const db = openPool(at.href, { max: 6, application: 'test' });
  opened.push(db);
  await migrate(db, migrations, () => {});
  await db.run`insert into platform.hub (id, name, incarnation) values (${hubId}, 'test', 'a')`;
  const dataDir = await mkdtemp(join(tmpdir(), 'rebato-keys-'));
  folders.push(dataDir);
  const clock = manualClock(start);
  const lines: string[] = [];
  const log: Log = {
    info: (_, text) => void lines.push(text),
    warn: (_, text) => void lines.push(text),
    error: (_, text) => void lines.push(text),
  };
  return { db, dataDir, clock, log, lines };
}

test('keys: the first start makes a root, an online key and a certificate that an outsider can check', async () => {
  const deps = await world();
  const keys = await createKeys(deps);
  const certificate = certificateOf(keys);
  assert.ok(genuine(keys.certificate(), keys.rootPublic()));
  assert.equal(certificate.keyId, keys.signer.keyId);
  assert.equal(certificate.keyId, createHash('sha256').update(Buffer.from(certificate.publicKey, 'base64')).digest('hex').slice(0, 16));
  assert.equal(certificate.hub, hubId);
  assert.equal(certificate.epoch, 1);
  assert.equal(Date.parse(certificate.expires) - start.getTime(), 90 * 86_400_000);
  assert.equal(keys.rootFingerprint(), createHash('sha256').update(Buffer.from(keys.rootPublic(), 'base64')).digest('hex'));
  assert.equal((await stat(join(deps.dataDir, 'root.key'))).mode & 0o777, 0o600);
  assert.ok(deps.lines.some((line) => /offline/.test(line)));
  await keys.stop();
});

test('keys: an envelope verifies with the certified key and with no other body, key or prefix', async () => {
  const deps = await world();
  const keys = await createKeys(deps);
  const spki = certificateOf(keys).publicKey;
  const envelope = keys.signer.envelope({
    ...keys.signer.head('heartbeat', 30_000),
    channel: 'immediate/c',
    version: 3,
    hash: 'ab',
    mode: 'normal',
  });
  assert.ok(genuine(envelope, spki));
  assert.ok(keys.verify(envelope));
  assert.equal(Buffer.from(envelope.sig, 'base64').length, 64);
  assert.ok(!genuine({ ...envelope, body: envelope.body.replace('"version":3', '"version":4') }, spki));
  assert.ok(!genuine(envelope, keys.rootPublic()));
  assert.ok(!keys.verify({ ...envelope, sig: 'AAAA' }));
  assert.ok(!keys.verify({ ...envelope, keyId: '0000000000000000' }));
  assert.deepEqual(Object.keys(JSON.parse(envelope.body) as object).slice(0, 7), [
    'type',
    'v',
    'alg',
    'hub',
    'epoch',
    'created',
    'expires',
  ]);
  await keys.stop();
});

test('keys: several processes that start at once share one key, and a later start finds it', async () => {
  const deps = await world();
  const all = await Promise.all([createKeys(deps), createKeys(deps), createKeys(deps)]);
  const [first] = all;
  assert.ok(first);
  assert.deepEqual(new Set(all.map((keys) => keys.signer.keyId)).size, 1);
  assert.deepEqual(new Set(all.map((keys) => keys.rootPublic())).size, 1);
  await rm(join(deps.dataDir, 'root.key'));
  const later = await createKeys(deps);
  assert.equal(later.signer.keyId, first.signer.keyId);
  assert.deepEqual(later.certificate(), first.certificate());
  for (const keys of [...all, later]) await keys.stop();
});

test('keys: a certificate is renewed in its last 30 days with the root at hand, and only warned about without it', async () => {
  const deps = await world();
  const keys = await createKeys(deps);
  const before = keys.certificate();
  deps.clock.advance(59 * 86_400_000);
  await keys.refresh();
  assert.deepEqual(keys.certificate(), before);
  deps.clock.advance(2 * 86_400_000);
  const pem = await readFile(join(deps.dataDir, 'root.key'), 'utf8');
  await rm(join(deps.dataDir, 'root.key'));
  await keys.refresh();
  assert.deepEqual(keys.certificate(), before);
  assert.ok(deps.lines.some((line) => /ends in 29 days/.test(line)));
  await writeFile(join(deps.dataDir, 'root.key'), pem, { mode: 0o600 });
  let heard = 0;
  keys.onChange(() => (heard += 1));
  await keys.refresh();
  assert.notDeepEqual(keys.certificate(), before);
  assert.ok(genuine(keys.certificate(), keys.rootPublic()));
  assert.equal(certificateOf(keys).keyId, (JSON.parse(before.body) as KeyCertificate).keyId, 'batches signed earlier stay readable');
  assert.ok(heard >= 1);
  await keys.stop();
});

test('keys: a new epoch needs the root, takes a new online key, and reaches the other process', async () => {
  const deps = await world();
  const [one, two] = await Promise.all([createKeys(deps), createKeys(deps)]);
  const old = one.signer.keyId;
  const told = new Promise<void>((resolve) => two.onChange(resolve));
  assert.equal(await one.raiseEpoch(), 2);
  await told;
  assert.notEqual(one.signer.keyId, old);
  assert.equal(two.signer.keyId, one.signer.keyId);
  assert.equal(two.signer.epoch, 2);
  assert.equal(two.signer.head('batch', 1).epoch, 2);
  await rm(join(deps.dataDir, 'root.key'));
  await assert.rejects(one.raiseEpoch(), /needs the root key/);
  assert.equal(one.signer.epoch, 2);
  await one.stop();
  await two.stop();
});

test('keys: a root key of another hub, or one of another kind, stops the start and says why', async () => {
  const deps = await world();
  await (await createKeys(deps)).stop();
  await writeFile(join(deps.dataDir, 'root.key'), pemOf(makeKeyPair()));
  await assert.rejects(createKeys(deps), { name: 'StartRefused', message: /not the one that this database's agents trust/ });
  await writeFile(join(deps.dataDir, 'root.key'), 'not a key');
  await assert.rejects(createKeys(deps), { name: 'StartRefused', message: /not a P-256 private key/ });
  assert.throws(() => readKeyPair('not a key'));
});
