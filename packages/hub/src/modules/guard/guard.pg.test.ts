import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Actor } from '#platform/actor';
import { manualClock } from '#platform/clock';
import { openPool, type Pool } from '#platform/db';
import { systemIds } from '#platform/ids';
import type { Log, Outbound, Trail } from '#platform/ports';
import { sharedTestPostgres } from '#platform/postgres/scratch';
import { createGuard, type GuardDeps } from './guard.ts';
import { findRelease } from './store.ts';

const start = new Date('2026-11-23T10:00:00.000Z');
const day = 24 * 60 * 60 * 1000;
let url: string;
let server: Pool;
const closers: (() => Promise<void>)[] = [];

before(async () => {
  url = (await sharedTestPostgres()).url;
  server = openPool(url, { max: 1, application: 'test' });
});
after(async () => {
  for (const close of closers.reverse()) await close();
  await server.close();
});

function actor(personId: string | null, more: Partial<Actor> = {}): Actor {
  return {
    kind: personId === null ? 'key' : 'person',
    id: personId ?? randomUUID(),
    label: 'somebody',
    entityId: randomUUID(),
    socId: null,
    roles: ['assessor'],
    scopes: ['read', 'assess', 'rule', 'admin'],
    viewer: { entityId: '', shelf: 'immediate', lanes: [] },
    personId,
    maxTlp: 'red',
    from: null,
    requestId: null,
    ...more,
  };
}
const ana = actor(randomUUID());
const berta = actor(randomUUID());

async function world(more: Partial<GuardDeps> = {}) {
  const name = `guard_${randomUUID().slice(0, 8)}`;
  await server.script(`create database ${name}`);
  const at = new URL(url);
  at.pathname = `/${name}`;
  const db = openPool(at.href, { max: 4, application: 'test' });
  closers.push(() => db.close());
  for (const file of ['202611231920_guard.sql', '202611231921_guard_pace.sql'])
    await db.script(await readFile(new URL(`../../../migrations/${file}`, import.meta.url), 'utf8'));
  const clock = manualClock(start);
  const trailed: string[] = [];
  const trail: Trail = { record: async (_tx, _actor, action) => void trailed.push(action) };
  const log: Log = { info() {}, warn() {}, error() {} };
  const answer = { status: 200, contentType: 'application/json', body: Buffer.from('') };
  const outbound: Outbound = { get: async () => answer };
  const assets: { entityId: string; kind: string; value: string }[] = [
    { entityId: randomUUID(), kind: 'mail_domain', value: 'hospital-uno.es' },
  ];
  const deps: GuardDeps = {
    ...{ db, clock, trail, log, outbound, ids: systemIds },
    memberAssets: async () => assets,
    ownHosts: () => ['hub.rebato-red.es', 'localhost', '127.0.0.1'],
    ...more,
  };
  const guard = createGuard(deps);
  await guard.start();
  closers.push(() => guard.stop());
  const rule = (kind: 'ip' | 'domain', value: string): string => {
    const [result] = guard.check([{ kind, value }]);
    assert.ok(result);
    return result.verdict.verdict === 'pass' ? 'pass' : `${result.verdict.verdict} ${result.verdict.rule}`;
  };
  return { guard, deps, db, clock, trailed, answer, assets, rule };
}

const listOf = (list: readonly string[], more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    name: 'Popular names',
    description: '',
    version: 1,
    type: 'hostname',
    list,
    matching_attributes: ['domain', 'hostname'],
    ...more,
  });
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `name${i}.com`);

test('guard: guards its own hosts and what members declared, from the start', async () => {
  const { rule, guard, assets } = await world();
  assert.equal(rule('domain', 'HUB.rebato-red.es.'), 'refuse own_host');
  assert.equal(rule('domain', 'correo.hospital-uno.es'), 'hold member_asset');
  assert.equal(rule('ip', '130.206.1.1'), 'pass');
  assets.push({ entityId: randomUUID(), kind: 'net', value: '130.206.0.0/16' });
  assert.equal(rule('ip', '130.206.1.1'), 'pass');
  await guard.reload();
  assert.equal(rule('ip', '130.206.1.1'), 'hold member_asset');
});

test('check: never tells whose an asset is', async () => {
  const { guard, assets } = await world();
  const [result] = guard.check([{ kind: 'domain', value: 'www.hospital-uno.es' }]);
  assert.equal(JSON.stringify(result).includes(assets[0]?.entityId ?? ''), false);
  assert.deepEqual(Object.keys(result?.verdict ?? {}).sort(), ['action', 'message', 'rule', 'verdict']);
});

test('importList: guards its entries at once, and no longer when it is disabled', async () => {
  const { guard, rule, trailed } = await world();
  assert.equal(rule('domain', 'name1.com'), 'pass');
  const row = await guard.importList(ana, listOf(names(3)));
  assert.equal(row.entryCount, 3);
  assert.equal(rule('domain', 'www.name1.com'), 'hold warning_list');
  await guard.enableList(ana, row.id, false);
  assert.equal(rule('domain', 'www.name1.com'), 'pass');
  await guard.enableList(ana, row.id, true);
  assert.equal(rule('domain', 'www.name1.com'), 'hold warning_list');
  assert.deepEqual(trailed, ['guard.list_import', 'guard.list_disable', 'guard.list_enable']);
  await assert.rejects(guard.enableList(ana, randomUUID(), true), { code: 'guard.list_not_found' });
});

test('C29: an error page, an emptied, tripled, shrunken or older list is refused, and the last good one stays', async () => {
  const { guard, rule } = await world();
  await guard.importList(ana, listOf(names(100), { version: 5 }));
  const wrong: [string, string][] = [
    ['<!doctype html><title>503</title>', 'guard.list_format'],
    ['[]', 'guard.list_format'],
    [listOf([]), 'guard.list_format'],
    [listOf(names(301), { version: 6 }), 'guard.list_jump'],
    [listOf(names(33), { version: 6 }), 'guard.list_jump'],
    [listOf(names(100), { version: 4 }), 'guard.list_stale'],
    [listOf(['<html>', '<body>', 'Service unavailable', '</body>'], { version: 6 }), 'guard.list_format'],
  ];
  for (const [text, code] of wrong) await assert.rejects(guard.importList(ana, text), { code });
  assert.equal(rule('domain', 'name99.com'), 'hold warning_list');
  const [kept] = await guard.readLists();
  assert.equal(kept?.entryCount, 100);
  assert.match(kept?.problem ?? '', /entries are no values|older/);
  const forced = await guard.importList(ana, listOf(names(301), { version: 6 }), { force: true });
  assert.equal(forced.entryCount, 301);
  assert.equal(forced.problem, null);
  assert.equal(forced.id, kept?.id);
});

test('importList: a wrong entry is named by its index', async () => {
  const { guard } = await world();
  await assert.rejects(guard.importList(ana, listOf(['a.com', 7 as unknown as string])), { code: 'guard.list_format', message: /Entry 1/ });
  const patterns = { type: 'regex', matching_attributes: ['email-src'] };
  await assert.rejects(guard.importList(ana, listOf(['ok', '(?=x)'], patterns)), { code: 'guard.list_format', message: /Entry 1/ });
  await assert.rejects(guard.importList(ana, listOf(['.*'], patterns)), { code: 'guard.list_format', message: /everything/ });
  await assert.rejects(guard.importList(ana, listOf(['ok-this', 'co'], { type: 'substring' })), {
    code: 'guard.list_format',
    message: /Entry 1/,
  });
});

test('importListFrom: goes through the one door out, and remembers why a source failed', async () => {
  const { guard, answer, rule } = await world();
  const from = 'https://lists.rebato-red.es/popular.json';
  answer.body = Buffer.from(listOf(names(5)));
  const row = await guard.importListFrom(ana, from);
  assert.equal(row.source, from);
  answer.status = 503;
  await assert.rejects(guard.importListFrom(ana, from), { code: 'guard.list_fetch' });
  answer.status = 200;
  answer.body = Buffer.from('<html>');
  await assert.rejects(guard.importListFrom(ana, from), { code: 'guard.list_format' });
  await assert.rejects(guard.importListFrom(ana, 'https://user:secret@lists.es/a.json'), { code: 'guard.list_fetch' });
  assert.match((await guard.readLists())[0]?.problem ?? '', /web page/);
  assert.equal(rule('domain', 'name4.com'), 'hold warning_list');
});

test('release: two people release a held value, for all spellings of it and for nothing else', async () => {
  const { guard, rule, trailed } = await world();
  const asked = await guard.requestRelease(ana, { kind: 'ip', value: ' 8.8.8.8 ', reason: 'sinkhole exercise' });
  assert.equal(asked.value, '8.8.8.8');
  assert.equal(asked.rule, 'well_known');
  assert.equal(rule('ip', '8.8.8.8'), 'hold well_known');
  const done = await guard.approveRelease(berta, asked.id, { kind: 'ip', value: '8.8.8.8' });
  assert.equal(done.state, 'approved');
  assert.equal(rule('ip', '::ffff:8.8.8.8'), 'pass');
  assert.equal(rule('ip', '8.8.4.4'), 'hold well_known');
  assert.equal(rule('ip', '64:ff9b::808:808'), 'hold well_known');
  await guard.endRelease(ana, asked.id);
  assert.equal(rule('ip', '8.8.8.8'), 'hold well_known');
  assert.deepEqual(trailed, ['guard.release_request', 'guard.release_approve', 'guard.release_end']);
});

test('release: one person alone, with another key or session, or a machine, never releases', async () => {
  const { guard, rule } = await world();
  const asked = await guard.requestRelease(ana, { kind: 'ip', value: '8.8.8.8', reason: 'x' });
  const seen = { kind: 'ip', value: '8.8.8.8' } as const;
  await assert.rejects(guard.approveRelease(ana, asked.id, seen), { code: 'guard.second_person' });
  await assert.rejects(guard.approveRelease(actor(ana.personId, { kind: 'key', id: randomUUID() }), asked.id, seen), {
    code: 'guard.second_person',
  });
  for (const machine of [actor(null), actor(null, { kind: 'system' }), actor(null, { kind: 'agent' })]) {
    await assert.rejects(guard.approveRelease(machine, asked.id, seen), { code: 'guard.person_needed' });
    await assert.rejects(guard.requestRelease(machine, { ...seen, reason: 'x' }), { code: 'guard.person_needed' });
  }
  // Asking for what somebody else has asked for is no approval.
  const again = await guard.requestRelease(berta, { ...seen, reason: 'me too' });
  assert.equal(again.id, asked.id);
  assert.equal(again.state, 'open');
  assert.equal(rule('ip', '8.8.8.8'), 'hold well_known');
});

test('release: an approval is for one value, once, and within a day', async () => {
  const { guard, clock } = await world();
  const asked = await guard.requestRelease(ana, { kind: 'ip', value: '8.8.8.8', reason: 'x' });
  await assert.rejects(guard.approveRelease(berta, asked.id, { kind: 'ip', value: '9.9.9.9' }), { code: 'guard.release_mismatch' });
  await assert.rejects(guard.approveRelease(berta, randomUUID(), { kind: 'ip', value: '8.8.8.8' }), { code: 'guard.release_not_found' });
  clock.advance(day);
  await assert.rejects(guard.approveRelease(berta, asked.id, { kind: 'ip', value: '8.8.8.8' }), { code: 'guard.release_expired' });
  const anew = await guard.requestRelease(ana, { kind: 'ip', value: '8.8.8.8', reason: 'x' });
  assert.notEqual(anew.id, asked.id);
  await guard.approveRelease(berta, anew.id, { kind: 'ip', value: '8.8.8.8' });
  await assert.rejects(guard.approveRelease(berta, anew.id, { kind: 'ip', value: '8.8.8.8' }), { code: 'guard.release_closed' });
});

test('release: what is refused, passes, or is no value cannot be asked for', async () => {
  const { guard, deps, assets } = await world();
  for (const value of ['10.0.0.1', '198.41.0.4', '127.0.0.1']) {
    await assert.rejects(guard.requestRelease(ana, { kind: 'ip', value, reason: 'x' }), { code: 'guard.not_releasable' });
  }
  await assert.rejects(guard.requestRelease(ana, { kind: 'domain', value: 'hub.rebato-red.es', reason: 'x' }), {
    code: 'guard.not_releasable',
  });
  await assert.rejects(guard.requestRelease(ana, { kind: 'ip', value: '45.95.147.236', reason: 'x' }), { code: 'guard.not_held' });
  await assert.rejects(guard.requestRelease(ana, { kind: 'ip', value: '010.0.0.1', reason: 'x' }), { code: 'guard.value_invalid' });
  // Held when asked for, refused when approved: the newer tables decide.
  const asked = await guard.requestRelease(ana, { kind: 'domain', value: 'www.hospital-uno.es', reason: 'x' });
  const strict = createGuard({ ...deps, ownHosts: () => ['www.hospital-uno.es'], memberAssets: async () => assets });
  await strict.reload();
  await assert.rejects(strict.approveRelease(berta, asked.id, { kind: 'domain', value: 'www.hospital-uno.es' }), {
    code: 'guard.not_releasable',
  });
});

test('release: two approvals at once make one release, and its listener runs in the same transaction', async () => {
  const heard: string[] = [];
  const { guard, db } = await world({ onReleased: async (tx, id) => void heard.push((await findRelease(tx, id))?.value ?? '') });
  const asked = await guard.requestRelease(ana, { kind: 'ip', value: '8.8.8.8', reason: 'x' });
  const seen = { kind: 'ip', value: '8.8.8.8' } as const;
  const outcomes = await Promise.allSettled([
    guard.approveRelease(berta, asked.id, seen),
    guard.approveRelease(actor(randomUUID()), asked.id, seen),
  ]);
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.deepEqual(heard, ['8.8.8.8']);
  // The database keeps the rule as well.
  await assert.rejects(db.run`update guard.release set approved_person = requested_person`);
});

test('release: a listener that fails undoes the approval', async () => {
  const { guard, rule } = await world({
    onReleased: async () => {
      throw new Error('queue is down');
    },
  });
  const asked = await guard.requestRelease(ana, { kind: 'ip', value: '8.8.8.8', reason: 'x' });
  await assert.rejects(guard.approveRelease(berta, asked.id, { kind: 'ip', value: '8.8.8.8' }), /queue is down/);
  assert.equal((await guard.readReleases())[0]?.state, 'open');
  assert.equal(rule('ip', '8.8.8.8'), 'hold well_known');
});

test('reload: another process on the same database gets the same tables, and a release ends by itself', async () => {
  const { guard, deps, clock, rule } = await world();
  await guard.importList(ana, listOf(names(3)));
  const asked = await guard.requestRelease(ana, { kind: 'domain', value: 'name1.com', reason: 'x', forMs: 3_600_000 });
  await guard.approveRelease(berta, asked.id, { kind: 'domain', value: 'name1.com' });
  const other = createGuard(deps);
  assert.throws(() => other.tables());
  await other.reload();
  const seen = other.check([
    { kind: 'domain', value: 'name1.com' },
    { kind: 'domain', value: 'name2.com' },
  ]);
  assert.deepEqual(
    seen.map(({ verdict }) => verdict.verdict),
    ['pass', 'hold'],
  );
  const before = guard.tables();
  clock.advance(3_600_000);
  await guard.reload();
  assert.equal(rule('domain', 'name1.com'), 'hold warning_list');
  // Tables are replaced, never changed: whoever holds the old ones finishes a batch with them.
  assert.equal(before.overrides.size, 1);
  assert.equal(before.lists, guard.tables().lists);
});

test('start: a change made by another process is noticed without being told', async () => {
  const { deps, guard } = await world();
  const other = createGuard({ ...deps, pollMs: 5 });
  await other.start();
  closers.push(() => other.stop());
  await guard.importList(ana, listOf(names(3)));
  const held = () => other.check([{ kind: 'domain', value: 'name1.com' }])[0]?.verdict.verdict === 'hold';
  for (let round = 0; round < 1000 && !held(); round++) await deps.db.rows`select pg_sleep(0.005)`;
  assert.ok(held());
});
