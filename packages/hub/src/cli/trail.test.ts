import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chain, genesisHash, type TrailRecord } from '#platform/trail/chain';
import { signCheckpoint } from '#platform/trail/checkpoint';
import { fakeHub } from './testing/fake-hub.ts';
import { run } from './testing/run.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keys = { items: [{ keyId: 'key-1', publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64') }] };
const signer = {
  keyId: 'key-1',
  sign: (text: string) => sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64'),
};

/** An export of three entries with one checkpoint after the second. */
async function exported() {
  const at = '2026-11-23T20:00:00.000Z';
  const record: TrailRecord = {
    at,
    actorKind: 'key',
    actorId: 'k',
    actorLabel: 'l',
    entityId: 'e',
    personId: null,
    origin: null,
    requestId: null,
    action: 'a',
    target: 't',
    detail: '{}',
  };
  const entries = chain([record, record, record], { seq: 0, hash: genesisHash });
  const checkpoint = await signCheckpoint(signer, { hub: 'hub-1', seq: 2, hash: entries[1]?.hash ?? '', at, prev: genesisHash });
  const lines = [
    { type: 'trail-export', v: 1, hub: 'hub-1', at },
    ...entries.slice(0, 2).map((entry) => ({ entry })),
    { checkpoint },
    { entry: entries[2] },
    { type: 'trail-end', entries: 3, checkpoints: 1 },
  ];
  return { text: lines.map((line) => `${JSON.stringify(line)}\n`).join(''), entries };
}

test('trail verify: checks the download on this machine; a changed entry is damage, a broken connection is not', async () => {
  const { text, entries } = await exported();
  let body: { text: string; cut?: boolean } = { text };
  await using hub = await fakeHub({ 'GET /api/v1/trail/keys': { json: keys }, 'GET /api/v1/trail/export': () => body });
  const whole = await run(hub.url, ['trail', 'verify']);
  assert.equal(whole.code, 0, whole.out);
  assert.match(whole.out, /^The trail is whole: 3 entries, 1 checkpoint, 1 of the entries not signed yet/);
  assert.equal((await run(hub.url, ['trail', 'verify', '--witness', `3:${entries[2]?.hash}`])).code, 0);
  assert.equal((await run(hub.url, ['trail', 'verify', '--witness', `3:${entries[1]?.hash}`])).code, 5);

  body = { text: text.replace('"action":"a"', '"action":"b"') };
  const changed = await run(hub.url, ['trail', 'verify', '--json']);
  assert.equal(changed.code, 5);
  assert.equal((JSON.parse(changed.out) as { firstBad: { seq: number } }).firstBad.seq, 1);

  body = { text: text.slice(0, 400), cut: true };
  const broken = await run(hub.url, ['trail', 'verify']);
  assert.equal(broken.code, 3, broken.out);
});

test('trail verify: a file with kept keys needs no hub; a cut file, another key and a missing file are told apart', async () => {
  const { text } = await exported();
  const folder = await mkdtemp(join(tmpdir(), 'rebato-trail-'));
  const nowhere = 'http://127.0.0.1:9';
  try {
    const [file, kept, strange] = ['trail.jsonl', 'keys.json', 'strange.json'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(file, text);
    await writeFile(kept, JSON.stringify(keys));
    await writeFile(strange, JSON.stringify({ items: [{ ...keys.items[0], keyId: 'key-2' }] }));
    assert.equal((await run(nowhere, ['trail', 'verify', file, '--keys', kept])).code, 0);
    assert.equal((await run(nowhere, ['trail', 'verify', file, '--keys', strange])).code, 5);
    assert.equal((await run(nowhere, ['trail', 'verify', join(folder, 'none'), '--keys', kept])).code, 2);
    assert.equal((await run(nowhere, ['trail', 'verify', file, '--keys', file])).code, 2);
    assert.equal((await run(nowhere, ['trail', 'verify', file])).code, 3);
    await writeFile(file, text.split('\n').slice(0, -2).join('\n'));
    assert.equal((await run(nowhere, ['trail', 'verify', file, '--keys', kept])).code, 5);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('trail verify: a hub that does not hand its keys out is asked to check itself, and that is said', async () => {
  await using hub = await fakeHub({ 'GET /api/v1/trail/verification': { json: { ok: true, entries: 5, checkpoints: 1, unsigned: 0 } } });
  const { code, out } = await run(hub.url, ['trail', 'verify']);
  assert.equal(code, 0);
  assert.match(out, /The hub checked itself/);
});
