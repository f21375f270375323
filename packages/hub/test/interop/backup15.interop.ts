import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPool } from '#platform/db';
import { asAdminOf, rebato, scratchFolder } from '../backup/bed.ts';
import { startTestHub } from '../hub.ts';
import { type Cluster, startCluster15 } from './cluster15.ts';
import { without } from './peers.ts';

async function addDatabase(cluster: Cluster, name: string): Promise<string> {
  const admin = openPool(cluster.adminUrl, { max: 1, application: 'test' });
  await admin.script(`create role ${name} login createrole password 'interop'`);
  await admin.script(`create database ${name} owner ${name}`);
  await admin.close();
  return cluster.urlOf(name, name);
}

test('a backup of a hub on the embedded PostgreSQL is restored on PostgreSQL 15 by a login without superuser rights', {
  skip: without('postgresql15'),
}, async () => {
  await using cluster = await startCluster15();
  await using folder = await scratchFolder();
  const report = { title: 'kept', indicators: [{ value: 'kept-and-kept.com', type: 'domain' }] };
  let key = '';
  {
    await using hub = await startTestHub();
    const alice = await hub.member('Alice');
    key = alice.key;
    assert.equal((await alice.post('/api/v1/reports', report)).status, 202);
    await hub.settled();
    assert.equal((await rebato(['backup', 'create', folder.file('18'), ...folder.lock], asAdminOf(hub))).code, 0);
  }
  const databaseUrl = await addDatabase(cluster, 'rebato');
  const dataDir = folder.file('data');
  const done = await rebato(['backup', 'restore', folder.file('18'), ...folder.lock], {
    ...{ REBATO_DATABASE_URL: databaseUrl, REBATO_DATA_DIR: dataDir },
  });
  assert.equal(done.code, 0, done.err);
  await using hub = await startTestHub({ databaseUrl, dataDir, log: { info() {}, warn() {}, error() {} } });
  const events = await hub.as(key).get<{ events: { title: string }[] }>('/api/v1/events');
  assert.deepEqual(
    events.body.events.map(({ title }) => title),
    ['kept'],
  );
});
