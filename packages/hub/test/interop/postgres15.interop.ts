import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPool } from '#platform/db';
import { startTestHub, type TestHub } from '#test/hub';
import { type Cluster, startCluster15 } from './cluster15.ts';
import { without } from './peers.ts';

const skip = without('postgresql15');

/** As docs/operations/database.md tells an operator to prepare a server. */
async function addDatabase(cluster: Cluster, name: string, rights = 'createrole'): Promise<string> {
  const admin = openPool(cluster.adminUrl, { max: 1, application: 'test' });
  await admin.script(`create role ${name} login ${rights} password 'interop'`);
  await admin.script(`create database ${name} owner ${name}`);
  await admin.close();
  return cluster.urlOf(name, name);
}

async function report(hub: TestHub, address: string): Promise<{ event: string; seen: (key: string) => Promise<unknown> }> {
  const alice = await hub.member(`Reporter of ${address}`);
  const sent = await alice.post<{ events: string[] }>('/api/v1/reports', {
    title: `About ${address}`,
    text: `seen ${address} and evil-login.example-bank.xyz`,
  });
  assert.equal(sent.status, 202, sent.text);
  await hub.settled();
  const [event = ''] = sent.body.events;
  const seen = async (key: string): Promise<unknown> => {
    const reader = hub.as(key);
    const events = await reader.get<{ events: { id: string }[] }>('/api/v1/events');
    const decisions = await reader.get<{ decisions: { value: string }[] }>('/api/v1/decisions');
    const list = await reader.get<string>('/feeds/ip.txt');
    assert.deepEqual([events.status, decisions.status, list.status], [200, 200, 200]);
    return {
      event: events.body.events.some((one) => one.id === event),
      decision: decisions.body.decisions.some((one) => one.value === address),
      list: list.text.split('\n').includes(address),
    };
  };
  return { event, seen };
}

test('on PostgreSQL 15, a login without superuser rights migrates, and reports become decisions for those who may have them', {
  skip,
}, async () => {
  await using cluster = await startCluster15();
  const databaseUrl = await addDatabase(cluster, 'rebato');
  const dataDir = await mkdtemp(join(tmpdir(), 'rebato-interop-'));
  const everything = { event: true, decision: true, list: true };
  const nothing = { event: false, decision: false, list: false };
  let keys = { bob: '', carol: '' };
  try {
    {
      await using hub = await startTestHub({ databaseUrl, dataDir });
      const version = await hub.db.one<{ n: number }>`select current_setting('server_version_num')::int / 10000 as n`;
      assert.equal(version?.n, 15);
      const rights = await hub.db.one<{ super: boolean }>`select rolsuper as super from pg_roles where rolname = current_user`;
      assert.equal(rights?.super, false);
      keys = { bob: (await hub.member('Hospital de Boira')).key, carol: (await hub.member('Carol Security', 'provider')).key };
      const one = await report(hub, '185.220.101.7');
      assert.deepEqual([await one.seen(keys.bob), await one.seen(keys.carol)], [everything, nothing]);

      // The wall between audiences is the database's: a shelf's login reads its own schema and nothing else.
      const informed = hub.pools.get('informed');
      assert.ok(informed);
      for (const table of ['shelf_immediate.event', 'intel.event', 'members.key', 'platform.secret'])
        await assert.rejects(
          informed.rows`select 1 from ${informed.name(table.split('.')[0] ?? '')}.${informed.name(table.split('.')[1] ?? '')}`,
          /permission denied/,
          table,
        );
      await informed.rows`select 1 from event`;

      assert.equal((await hub.admin.post(`/api/v1/events/${one.event}/consolidation`, {})).status, 200);
      await hub.settled();
      assert.deepEqual(await one.seen(keys.carol), everything);
      assert.equal((await hub.admin.post(`/api/v1/events/${one.event}/retraction`, { reason: 'a mistake' })).status, 200);
      await hub.settled();
      assert.deepEqual([await one.seen(keys.bob), await one.seen(keys.carol)], [nothing, nothing]);
      const trail = await hub.admin.get<{ ok: boolean }>('/api/v1/trail/verification');
      assert.equal(trail.body.ok, true, trail.text);
    }
    // The same database again: nothing to migrate, and keys still open.
    await using hub = await startTestHub({ databaseUrl, dataDir, testing: { checkReplies: true, passwordRounds: 1_000 } });
    const two = await report(hub, '185.220.101.8');
    assert.deepEqual([await two.seen(keys.bob), await two.seen(keys.carol)], [everything, nothing]);
    assert.equal((await fetch(`${hub.url}/readyz`)).status, 200);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('on PostgreSQL 15, two hubs on one server keep apart, and a login that may not create roles is told so', { skip }, async () => {
  await using cluster = await startCluster15();
  await using north = await startTestHub({ databaseUrl: await addDatabase(cluster, 'north') });
  await using south = await startTestHub({ databaseUrl: await addDatabase(cluster, 'south') });
  const bob = await south.member('Hospital de Boira');
  const { event, seen } = await report(north, '185.220.101.7');
  assert.deepEqual(await seen((await north.member('Puerto')).key), { event: true, decision: true, list: true });
  await south.settled();
  assert.equal((await bob.get(`/api/v1/events/${event}`)).status, 404);
  assert.deepEqual((await bob.get<{ events: unknown[] }>('/api/v1/events')).body.events, []);
  await assert.rejects(
    startTestHub({ databaseUrl: await addDatabase(cluster, 'weak', 'nocreaterole') }),
    /may not create roles.*alter role "weak" createrole/,
  );
});
