import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Batch, signaturePrefix } from '@rebato/contract';
import { assembleTables, builtinTables, ownData } from '#guard';
import { createVkeys, type Draft, registerIntel, submitDrafts } from '#intel';
import type { Actor } from '#platform/actor';
import { manualClock } from '#platform/clock';
import { openPool, type Pool, type Tx } from '#platform/db';
import { ensureIdentity } from '#platform/identity';
import { systemIds } from '#platform/ids';
import { createKeys } from '#platform/keys';
import { createLeader, type Leader } from '#platform/leader';
import { migrate } from '#platform/migrate';
import { sharedTestPostgres } from '#platform/postgres/scratch';
import { type Audience, openShelfPools, prepareShelves } from '#platform/shelf';
import { defaultPolicy } from './fold.ts';
import { registerDecisions } from './projection.ts';
import { createRulings } from './rule.ts';
import type { Decided } from './store.ts';

const hourMs = 3_600_000;
const tables = assembleTables(builtinTables(), {});
const audiences: readonly Audience[] = [
  { name: 'immediate', delayMs: 0, onConsolidation: false, maxTlp: 'amber+strict' },
  { name: 'informed', delayMs: 24 * hourMs, onConsolidation: true, maxTlp: 'amber+strict' },
];
const names = audiences.map(({ name }) => name);
const log = {
  info() {},
  warn() {},
  error(fields: object, message: string) {
    console.error(message, fields);
  },
};
const migrations = join(import.meta.dirname, '../../../migrations');

/** The whole way from a draft to signed batches, on a database of its own, with the clock in our hand. */
async function startBench() {
  const server = await sharedTestPostgres();
  const admin = openPool(server.url, { max: 1, application: 'test' });
  const name = `t_${systemIds.token(10)}`;
  await admin.script(`create database ${name}`);
  await admin.close();
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const db = openPool(url.href, { max: 6, application: 'test' });
  await migrate(db, migrations, () => {});
  await ensureIdentity(db, systemIds, 'test');
  await prepareShelves(db, audiences, join(migrations, 'shelf'), () => {});
  const pools = await openShelfPools(db, url.href, audiences, 2);
  const clock = manualClock(new Date('2026-11-23T10:00:00Z'));
  const dataDir = await mkdtemp(join(tmpdir(), 'rebato-bench-'));
  const keys = await createKeys({ db, dataDir, clock, log });
  const leader = createLeader({ db, clock, log, shelves: names, audiences: async () => audiences });
  const shelves = new Map<string, string>();
  const shelfOf = async () => shelves;
  registerIntel(leader, shelfOf, async () => new Map());
  registerDecisions({ leader, signer: keys.signer, policy: () => defaultPolicy, shelves: names });
  await leader.start();
  const trail = { record: async () => {} };
  const deps = {
    db,
    bus: leader.bus,
    trail,
    clock,
    ids: systemIds,
    reporterOf: async (id: string) => ({
      name: id.slice(0, 4),
      kind: 'public',
      level: 'gold',
      voice: id,
      own: ownData({ assets: [], people: [] }),
      ownDomains: [],
      ownPeople: [],
      shelf: 'now',
      waits: false,
    }),
    trusts: async () => ({ passes: () => true, feed: false, perHour: undefined }),
    pace: { judge: () => undefined, count: () => {} },
    guardTables: () => tables,
    vkeyOf: createVkeys('test'),
    blockableValue: (tx: Tx, vkey: string) =>
      tx.one<Decided>`select vkey, kind, value from shelf_immediate.decision where vkey = ${vkey} limit 1`,
  };
  const rulings = createRulings(deps);
  const member = (shelf: string): Actor => {
    const entityId = systemIds.uuid();
    shelves.set(entityId, shelf);
    return {
      kind: 'key',
      id: entityId,
      label: 'test',
      entityId,
      socId: null,
      roles: [],
      scopes: ['report'],
      viewer: { entityId, shelf, lanes: ['c', `e:${entityId}`] },
      personId: null,
      maxTlp: 'red',
      from: null,
      requestId: null,
    };
  };
  return {
    db,
    clock,
    leader,
    rulings,
    keys,
    member,
    pool(name: string): Pool {
      const pool = pools.get(name);
      if (pool === undefined) throw new Error(`no shelf ${name}`);
      return pool;
    },
    report: (actor: Actor, values: readonly string[], more: Partial<Draft> = {}) =>
      submitDrafts(
        deps,
        actor,
        [
          {
            info: 'test',
            tags: [],
            objects: [],
            attachments: [],
            sightings: [],
            attributes: values.map((value) => ({ type: 'ip-dst', value, tags: [] })),
            ...more,
          },
        ],
        { channel: 'api', markings: {}, digest: 'x' },
      ),
    async [Symbol.asyncDispose]() {
      await leader.stop();
      for (const pool of pools.values()) await pool.close();
      await db.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

const inForce = async (pool: Pool, lane = 'c'): Promise<string[]> =>
  (
    await pool.rows<{ value: string }>`select value from decision where lane = ${lane} and gone is null and lift_id is null order by value`
  ).map((row) => row.value);

const failed = async (leader: Leader, db: Pool): Promise<unknown[]> => {
  await leader.settled();
  return db.rows`select topic, error from bus.failed`;
};

test('a trusted report is decided at once for the immediate shelf, and the delayed one holds nothing of it', async () => {
  await using bench = await startBench();
  await bench.report(bench.member('immediate'), ['185.10.10.1', '185.10.10.2']);
  assert.deepEqual(await failed(bench.leader, bench.db), []);
  assert.deepEqual(await inForce(bench.pool('immediate')), ['185.10.10.1', '185.10.10.2']);
  assert.deepEqual(await inForce(bench.pool('informed')), []);
  bench.clock.advance(24 * hourMs);
  assert.deepEqual(await failed(bench.leader, bench.db), []);
  assert.deepEqual(await inForce(bench.pool('informed')), ['185.10.10.1', '185.10.10.2']);
});

test("a delayed member's own report is in force at home at once, and for nobody else of its audience", async () => {
  await using bench = await startBench();
  const provider = bench.member('informed');
  await bench.report(provider, ['185.10.10.1']);
  assert.deepEqual(await failed(bench.leader, bench.db), []);
  assert.deepEqual(await inForce(bench.pool('informed'), `e:${provider.entityId}`), ['185.10.10.1']);
  assert.deepEqual(await inForce(bench.pool('informed')), []);
  bench.clock.advance(24 * hourMs);
  assert.deepEqual(await failed(bench.leader, bench.db), []);
  assert.deepEqual(await inForce(bench.pool('informed'), `e:${provider.entityId}`), []);
  assert.deepEqual(await inForce(bench.pool('informed')), ['185.10.10.1']);
});

test('two independent voices consolidate, and a lease on one voice dies by itself', async () => {
  await using bench = await startBench();
  await bench.report(bench.member('immediate'), ['185.10.10.1', '185.10.10.2']);
  await bench.report(bench.member('immediate'), ['185.10.10.1']);
  assert.deepEqual(await failed(bench.leader, bench.db), []);
  const strengths = await bench.pool('immediate').rows<{
    value: string;
    strength: number;
  }>`select value, strength from decision order by value`;
  assert.deepEqual(
    strengths.map((row) => row.strength),
    [1, 0],
  );
  bench.clock.advance(defaultPolicy.leaseMs + 1);
  await bench.leader.onShelves([], async () => {});
  while ((await inForce(bench.pool('immediate'))).length > 1) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(await inForce(bench.pool('immediate')), ['185.10.10.1']);
});

test('a retraction takes the value back everywhere, and a later report does not bring it back; without a ruling it does', async () => {
  await using bench = await startBench();
  const alice = bench.member('immediate');
  await bench.report(alice, ['185.10.10.1']);
  await bench.leader.settled();
  const row = await bench.pool('immediate').one<{ id: string }>`select vkey as id from decision`;
  await bench.rulings.rule(alice, { decisionId: row?.id ?? '', ruling: 'retracted', reason: 'a printer' });
  await bench.leader.settled();
  assert.deepEqual(await inForce(bench.pool('immediate')), []);
  await bench.report(bench.member('immediate'), ['185.10.10.1']);
  await bench.leader.settled();
  assert.deepEqual(await inForce(bench.pool('immediate')), []);
  await bench.rulings.rule(alice, { decisionId: row?.id ?? '', ruling: null, reason: 'it was not' });
  assert.deepEqual(await failed(bench.leader, bench.db), []);
  assert.deepEqual(await inForce(bench.pool('immediate')), ['185.10.10.1']);
});

test('lifting at home touches the own lane only, and is undone', async () => {
  await using bench = await startBench();
  const alice = bench.member('immediate');
  await bench.report(bench.member('immediate'), ['185.10.10.1']);
  await bench.leader.settled();
  const seen = await bench.pool('immediate').one<{ vkey: string; kind: number; value: string }>`select vkey, kind, value from decision`;
  assert.ok(seen);
  const lift = await bench.rulings.lift(alice, { decision: seen, reason: 'our partner', until: null, falsePositive: true });
  assert.deepEqual(await failed(bench.leader, bench.db), []);
  const own = () =>
    bench.pool('immediate')
      .rows`select case when lift_id is null then 'block' else 'allow' end as action, gone from decision where lane = ${`e:${alice.entityId}`}`;
  assert.deepEqual(await own(), [{ action: 'allow', gone: null }]);
  assert.deepEqual(await inForce(bench.pool('immediate')), ['185.10.10.1']);
  assert.equal((await bench.rulings.declared()).length, 1);
  await bench.rulings.restore(alice, lift.id);
  assert.deepEqual(await failed(bench.leader, bench.db), []);
  assert.deepEqual(await own(), [{ action: 'allow', gone: 'superseded' }]);
});

test('batches chain, verify, and count the set that is in force', async () => {
  await using bench = await startBench();
  for (let i = 0; i < 5; i += 1) {
    await bench.report(bench.member('immediate'), [`185.10.10.${i}`, `185.10.11.${i}`]);
    await bench.leader.settled();
  }
  const batches = await bench.pool('immediate').rows<{
    version: number;
    body: string;
    sig: string;
    hash: string;
  }>`select version, body, sig, hash from batch where lane = 'c' order by version`;
  assert.equal(batches.length, 5);
  let prev = '0'.repeat(64);
  const certificate = JSON.parse(bench.keys.certificate().body) as { publicKey: string };
  const key = createPublicKey({ key: Buffer.from(certificate.publicKey, 'base64'), format: 'der', type: 'spki' });
  for (const [index, row] of batches.entries()) {
    const batch = JSON.parse(row.body) as Batch;
    assert.equal(batch.version, index + 1);
    assert.equal(batch.prev, prev);
    assert.equal(batch.count, 2 * (index + 1));
    assert.ok(
      verify('sha256', Buffer.from(signaturePrefix + row.body), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(row.sig, 'base64')),
    );
    assert.ok(
      !verify('sha256', Buffer.from(`${signaturePrefix}${row.body} `), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(row.sig, 'base64')),
    );
    prev = row.hash;
  }
});

test('the login of one shelf may read neither another shelf nor the write side', async () => {
  await using bench = await startBench();
  const informed = bench.pool('informed');
  await informed.rows`select * from decision`;
  await assert.rejects(informed.rows`select * from shelf_immediate.decision`, /permission denied/);
  await assert.rejects(informed.rows`select * from intel.event`, /permission denied/);
  await assert.rejects(informed.rows`select * from bus.entry`, /permission denied/);
  await assert.rejects(informed.rows`delete from decision`, /permission denied/);
});
