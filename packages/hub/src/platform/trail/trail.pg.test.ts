import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Actor } from '#platform/actor';
import { manualClock } from '#platform/clock';
import { openPool, type Pool, type Tx } from '#platform/db';
import { startHttp } from '#platform/http/harness';
import { systemIds } from '#platform/ids';
import { readMigrations } from '#platform/migrate';
import { sharedTestPostgres } from '#platform/postgres/scratch';
import { createTrail, type TrailLog, trailRoutes, verifyExport } from '#platform/trail';
import { canonicalJson } from './canonical-json.ts';
import { chain, entryHash } from './chain.ts';
import { checkpointPrefix } from './checkpoint.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const signer = {
  keyId: 'key-1',
  sign: (text: string) => sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64'),
};
const keys = new Map([['key-1', publicKey]]);
const hub = '99999999-9999-4999-8999-999999999999';
const clock = manualClock(new Date('2026-11-23T12:00:00.123Z'));

const actor: Actor = {
  kind: 'person',
  id: 'p1',
  label: 'Ana Ñ. 🦉',
  entityId: 'e1',
  socId: null,
  roles: ['analyst'],
  scopes: ['report'],
  viewer: { entityId: 'e1', shelf: 'immediate', lanes: ['c'] },
  personId: 'p1',
  maxTlp: 'red',
  from: '192.0.2.1',
  requestId: 'r1',
};

let admin: Pool;
let name: string;
let db: Pool;
let trail: TrailLog;

before(async () => {
  const server = await sharedTestPostgres();
  name = `trail_${systemIds.token(10)}`;
  admin = openPool(server.url, { max: 1, application: 'test' });
  await admin.script(`create database ${name}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  db = openPool(url.href, { max: 4, application: 'test' });
  const files = await readMigrations(join(import.meta.dirname, '../../../migrations'));
  for (const file of files) if (file.name.includes('_trail')) await db.script(file.text);
  trail = createTrail({ db, clock, hub, signer, keys: () => keys });
});
after(async () => {
  await db.close();
  await admin.script(`drop database ${name} with (force)`);
  await admin.close();
});

/** Forty entries, a checkpoint after every eighth, nothing unsigned. */
async function fill(): Promise<void> {
  await db.script('truncate trail.inbox, trail.entry, trail.checkpoint');
  for (let part = 0; part < 5; part += 1) {
    await db.transaction(async (tx) => {
      for (let n = 0; n < 8; n += 1) await trail.record(tx, actor, 'test.act', `t${part}.${n}`, { n, part, text: 'ß "quoted" \\ ' });
    });
    clock.advance(1_000);
    assert.equal(await trail.chainOnce(), 8);
    await trail.checkpoint();
  }
}

const exported = async (): Promise<string[]> => {
  const lines: string[] = [];
  await trail.export((line) => void lines.push(line));
  return lines;
};
async function* chunked(text: string, size = 1_000) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('control: an untouched trail passes, in storage and as an export in any pieces', async () => {
  await fill();
  assert.deepEqual(await trail.verify(), { ok: true, entries: 40, checkpoints: 5, unsigned: 0 });
  const text = (await exported()).join('');
  for (const size of [1, 7, 100_000])
    assert.deepEqual(await verifyExport(chunked(text, size), keys), { ok: true, entries: 40, checkpoints: 5, unsigned: 0 });
});

test('records of a transaction that is rolled back never happened; others keep a dense order', async () => {
  await fill();
  await assert.rejects(
    db.transaction(async (tx) => {
      await trail.record(tx, actor, 'test.undone', 't');
      throw new Error('undone');
    }),
    /undone/,
  );
  await db.transaction((tx) => trail.record(tx, actor, 'test.done', 't'));
  assert.equal(await trail.chainOnce(), 1);
  assert.equal(await trail.chainOnce(), 0);
  assert.deepEqual(await trail.verify(), { ok: true, entries: 41, checkpoints: 5, unsigned: 1 });
  assert.deepEqual(
    (await trail.search({ target: 't' }, 10)).map((entry) => [entry.seq, entry.action]),
    [[41, 'test.done']],
  );
});

test('two leaders at once make one chain', async () => {
  await fill();
  await db.transaction(async (tx) => {
    for (let n = 0; n < 50; n += 1) await trail.record(tx, actor, 'test.act', `x${n}`);
  });
  const moved = await Promise.all([trail.chainOnce(), trail.chainOnce(), trail.chainOnce()]);
  assert.equal(moved[0] + moved[1] + moved[2], 50);
  assert.equal((await trail.verify()).ok, true);
});

test('a checkpoint is made of what is new, and refused when the storage does not hold what it held', async () => {
  await fill();
  assert.equal(await trail.checkpoint(), undefined, 'nothing new');
  await db.transaction((tx) => trail.record(tx, actor, 'test.act', 't'));
  await trail.chainOnce();
  await db.run`update trail.entry set target = 'other' where seq = 41`;
  await assert.rejects(trail.checkpoint(), /damaged at 41/);
});

test('what the actor sent cannot break the record: NUL, lone surrogates, too much detail', async () => {
  await fill();
  const odd = { ...actor, label: `a\u0000b\ud800${'x'.repeat(600)}` };
  await db.transaction((tx) => trail.record(tx, odd, 'test.odd', 'z\u0000', { 'k\u0000': '\ud800', at: new Date(0), gone: undefined }));
  await db.transaction((tx) => trail.record(tx, odd, 'test.long', 'z', { text: 'x'.repeat(9_000) }));
  await trail.chainOnce();
  assert.equal((await trail.verify()).ok, true);
  const [long, first] = await trail.search({ actorId: 'p1' }, 2);
  assert.match(long?.detail ?? '', /^\{"omittedBytes":90\d\d\}$/);
  assert.equal(first?.detail, '{"at":"1970-01-01T00:00:00.000Z","k\uFFFD":"\uFFFD"}');
});

const columns = [
  'at',
  'actor_kind',
  'actor_id',
  'actor_label',
  'entity_id',
  'person_id',
  'origin',
  'request_id',
  'action',
  'target',
  'detail',
  'prev_hash',
  'hash',
] as const;

/** One act of somebody who owns the database. `seq` 1..40. */
const tampering = fc.oneof(
  fc.record({ act: fc.constant('edit' as const), seq: fc.integer({ min: 1, max: 40 }), column: fc.constantFrom(...columns) }),
  fc.record({
    act: fc.constant('null' as const),
    seq: fc.integer({ min: 1, max: 40 }),
    column: fc.constantFrom('person_id', 'origin', 'request_id'),
  }),
  fc.record({ act: fc.constant('edit and mend' as const), seq: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ act: fc.constant('delete' as const), seq: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ act: fc.constant('delete and mend' as const), seq: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ act: fc.constant('insert' as const), seq: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ act: fc.constant('swap' as const), seq: fc.integer({ min: 1, max: 39 }), by: fc.integer({ min: 1, max: 39 }) }),
  fc.record({ act: fc.constant('truncate' as const), seq: fc.integer({ min: 0, max: 39 }) }),
  fc.record({
    act: fc.constant('checkpoint edit' as const),
    at: fc.integer({ min: 1, max: 5 }),
    part: fc.constantFrom('body', 'sig', 'key_id'),
  }),
  fc.record({ act: fc.constant('checkpoint delete' as const), at: fc.integer({ min: 1, max: 4 }) }),
);
type Tampering = typeof tampering extends fc.Arbitrary<infer T> ? T : never;

/** Rewrites everything from `from` on with fresh hashes, as somebody would who knows the format but has no key. */
async function mend(tx: Tx, from: number): Promise<void> {
  const rows = await tx.rows<{ seq: number; at: Date } & Record<string, string | null>>`
    select seq, at, actor_kind, actor_id, actor_label, entity_id, person_id, origin, request_id, action, target, detail from trail.entry order by seq`;
  const records = rows.map(({ seq: _seq, at, ...rest }) => ({ ...rest, at: at.toISOString() })) as unknown as Parameters<typeof chain>[0];
  const entries = chain(records, { seq: 0, hash: '0'.repeat(64) });
  await tx.run`update trail.entry set seq = -seq`;
  for (const [index, entry] of entries.entries()) {
    if (entry.seq < from) await tx.run`update trail.entry set seq = ${entry.seq} where seq = ${-(rows[index]?.seq ?? 0)}`;
    else
      await tx.run`update trail.entry set seq = ${entry.seq}, prev_hash = ${entry.prevHash}, hash = ${entry.hash} where seq = ${-(rows[index]?.seq ?? 0)}`;
  }
}

async function carryOut(tx: Tx, t: Tampering): Promise<void> {
  switch (t.act) {
    case 'edit':
      if (t.column === 'at') await tx.run`update trail.entry set at = at + interval '1 millisecond' where seq = ${t.seq}`;
      else if (t.column === 'hash' || t.column === 'prev_hash')
        await tx.run`update trail.entry set ${tx.name(t.column)} = repeat('a', 64) where seq = ${t.seq}`;
      else await tx.run`update trail.entry set ${tx.name(t.column)} = ${tx.name(t.column)} || 'x' where seq = ${t.seq}`;
      return;
    case 'null':
      await tx.run`update trail.entry set ${tx.name(t.column)} = null where seq = ${t.seq}`;
      return;
    case 'edit and mend':
      await tx.run`update trail.entry set target = target || 'x' where seq = ${t.seq}`;
      return mend(tx, t.seq);
    case 'delete':
      await tx.run`delete from trail.entry where seq = ${t.seq}`;
      return;
    case 'delete and mend':
      await tx.run`delete from trail.entry where seq = ${t.seq}`;
      return mend(tx, t.seq);
    case 'insert':
      await tx.run`update trail.entry set seq = -seq where seq >= ${t.seq}`;
      await tx.run`update trail.entry set seq = 1 - seq where seq < 0`;
      await tx.run`
        insert into trail.entry
        select ${t.seq}, at, actor_kind, 'mallory', actor_label, entity_id, person_id, origin, request_id, action, target, detail, prev_hash, hash
          from trail.entry where seq = (select min(seq) from trail.entry where seq <> ${t.seq})`;
      return mend(tx, t.seq);
    case 'swap': {
      const other = ((t.seq + t.by - 1) % 40) + 1;
      await tx.run`update trail.entry set seq = -1 where seq = ${t.seq}`;
      await tx.run`update trail.entry set seq = ${t.seq} where seq = ${other}`;
      await tx.run`update trail.entry set seq = ${other} where seq = -1`;
      return;
    }
    case 'truncate':
      await tx.run`delete from trail.entry where seq > ${t.seq}`;
      return;
    case 'checkpoint edit':
      await tx.run`update trail.checkpoint set ${tx.name(t.part)} = overlay(${tx.name(t.part)} placing 'Zz' from 5) where seq = ${t.at * 8}`;
      return;
    case 'checkpoint delete':
      await tx.run`delete from trail.checkpoint where seq = ${t.at * 8}`;
  }
}

test('300 random tamperings of storage are all detected, each in its own rolled-back transaction', async () => {
  await fill();
  const acts = new Map<string, number>();
  for (const act of fc.sample(tampering, { numRuns: 300, seed: 1910 })) {
    const report = await db
      .transaction(async (tx) => {
        await carryOut(tx, act);
        throw Object.assign(new Error('rolled back'), { report: await trail.verify({ db: tx }) });
      })
      .catch((error: { report?: { ok: boolean } }) => error.report ?? Promise.reject(error));
    assert.equal(report.ok, false, JSON.stringify(act));
    acts.set(act.act, (acts.get(act.act) ?? 0) + 1);
  }
  assert.equal(acts.size, 10, 'every kind was tried');
  assert.deepEqual(await trail.verify(), { ok: true, entries: 40, checkpoints: 5, unsigned: 0 });
});

test('300 random tamperings of an export are all detected', async () => {
  await fill();
  const lines = await exported();
  const at = fc.nat(lines.length - 1);
  const tamper = fc.oneof(
    fc.tuple(fc.constant('drop'), at, at),
    fc.tuple(fc.constant('double'), at, at),
    fc.tuple(fc.constant('swap'), at, at),
    fc.tuple(fc.constant('cut'), at, at),
    fc.tuple(fc.constant('flip'), at, fc.nat(200)),
    fc.tuple(fc.constant('extra'), at, at),
  );
  for (const [how, a, b] of fc.sample(tamper, { numRuns: 300, seed: 1911 })) {
    const out = [...lines];
    const line = out[a] ?? '';
    if (how === 'drop') out.splice(a, 1);
    if (how === 'double') out.splice(a, 0, line);
    if (how === 'swap') [out[a], out[b]] = [out[b] ?? '', line];
    if (how === 'cut') out.length = a;
    if (how === 'flip')
      out[a] = line.slice(0, b % line.length) + (line[b % line.length] === 'Q' ? 'W' : 'Q') + line.slice((b % line.length) + 1);
    if (how === 'extra') out.splice(a, 0, '{"note":"trust me"}\n');
    const text = out.join('');
    if (text === lines.join('')) continue;
    // The header's own time is shown to nobody and covered by nothing.
    if (how === 'flip' && a === 0 && (await verifyExport(chunked(text), keys)).ok)
      assert.match(line.slice(0, b % line.length), /"at":"|hub":"/);
    else assert.equal((await verifyExport(chunked(text), keys)).ok, false, `${how} ${a} ${b}`);
  }
});

test('whoever owns the database may cut off the end with its checkpoints: a witness shows it, and a fork too', async () => {
  await fill();
  const head = await db.one<{ seq: number; hash: string }>`select seq, hash from trail.entry order by seq desc limit 1`;
  assert.ok(head);
  const lines = (await exported()).slice(0, 1 + 8 + 1);
  const shorter = [...lines, '{"type":"trail-end","entries":8,"checkpoints":1}\n'].join('');
  assert.equal((await verifyExport(chunked(shorter), keys)).ok, true, 'nothing inside can tell');
  assert.equal((await verifyExport(chunked(shorter), keys, [head])).ok, false);
  assert.equal((await trail.verify({ witnesses: [head] })).ok, true);
  assert.equal((await trail.verify({ witnesses: [{ seq: 7, hash: 'a'.repeat(64) }] })).ok, false);
});

test('an export of another key, of another hub, or of no key at all is refused', async () => {
  await fill();
  const text = (await exported()).join('');
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  assert.equal((await verifyExport(chunked(text), new Map([['key-1', stranger]]))).ok, false);
  assert.equal((await verifyExport(chunked(text), new Map())).ok, false);
  assert.equal((await verifyExport(chunked(text.replace(hub, hub.replaceAll('9', '8'))), keys)).ok, false);
  for (const junk of ['', '\n', 'x', '[]\n', '{"type":"trail-export","v":1,"hub":"x"}', '\xff'.repeat(300_000)])
    assert.equal((await verifyExport(chunked(junk), keys)).ok, false);
});

test('the signature of a checkpoint stands for its text with the prefix of checkpoints only', async () => {
  await fill();
  const last = await db.one<{ body: string; sig: string }>`select body, sig from trail.checkpoint order by seq desc limit 1`;
  assert.ok(last);
  const holds = (text: string) =>
    verify('sha256', Buffer.from(text), { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(last.sig, 'base64'));
  assert.equal(holds(checkpointPrefix + last.body), true);
  assert.equal(holds(last.body), false);
  assert.equal(holds(`rebato-wire-1\n${last.body}`), false);
});

test('canonicalJson: order of members does not matter, order of items does, and every field is in the hash', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const shuffled = Object.fromEntries(Object.entries(value).reverse());
      assert.equal(canonicalJson(value), canonicalJson(shuffled));
      JSON.parse(canonicalJson(value));
    }),
    { numRuns: 200 },
  );
  assert.throws(() => canonicalJson(Number.NaN));
  const entry = {
    ...chain(
      [
        {
          at: 'a',
          actorKind: 'b',
          actorId: 'c',
          actorLabel: 'd',
          entityId: 'e',
          personId: null,
          origin: null,
          requestId: null,
          action: 'f',
          target: 'g',
          detail: '{}',
        },
      ],
      { seq: 0, hash: '0'.repeat(64) },
    )[0],
  };
  for (const key of Object.keys(entry).filter((field) => field !== 'hash'))
    assert.notEqual(entryHash({ ...entry, [key]: 'other' } as Parameters<typeof entryHash>[0]), entry.hash, key);
});

test('over HTTP: administrators search; nobody else gets a word', async () => {
  await fill();
  await using door = await startHttp((http) => trailRoutes(http, trail));
  const as = (scopes: string) => ({ headers: { authorization: `Bearer key:k:${scopes}` } });
  assert.equal((await door.ask('/api/v1/trail')).status, 401);
  assert.equal((await door.ask('/api/v1/trail', as('read,members,rule'))).status, 403);
  const said = await door.ask('/api/v1/trail?limit=2&before=10', as('admin'));
  const page = JSON.parse(said.text) as { items: { seq: number }[] };
  assert.deepEqual(
    page.items.map((entry) => entry.seq),
    [9, 8],
  );
});
