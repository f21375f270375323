import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFollower, until } from '../follower.ts';
import { createTestDatabase, startTestHub, type TestHub, type TestMember } from '../hub.ts';
import { asAdminOf, emptyDatabase, rebato, scratchFolder, tableDigest, withPool } from './bed.ts';

async function report(hub: TestHub, member: TestMember, value: string): Promise<string> {
  const sent = await hub
    .as(member.key)
    .post<{ events: string[] }>('/api/v1/reports', { title: value, indicators: [{ value, type: 'domain' }] });
  assert.equal(sent.status, 202, sent.text);
  await hub.settled();
  return sent.body.events[0] ?? '';
}

async function retract(hub: TestHub, event: string): Promise<void> {
  const done = await hub.admin.post(`/api/v1/events/${event}/retraction`, { reason: 'a mistake' });
  assert.ok(done.status < 300, done.text);
  await hub.settled();
}

/** The first event of a member's stream that continues after `cursor`, with its id. */
async function firstOf(hub: TestHub, key: string, cursor?: string): Promise<{ readonly event: string; readonly id: string }> {
  const abort = new AbortController();
  const reply = await fetch(`${hub.url}/api/v1/stream`, {
    headers: { authorization: `Bearer ${key}`, ...(cursor === undefined ? {} : { 'last-event-id': cursor }) },
    signal: abort.signal,
  });
  let text = '';
  for await (const chunk of reply.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (/\n\n/.test(text) && /^id: /m.test(text)) break;
  }
  abort.abort();
  return { event: /^event: (.*)$/m.exec(text)?.[1] ?? '', id: /^id: (.*)$/m.exec(text)?.[1] ?? '' };
}

/** Changed by every restore: identity of the log, logins of this server, and the note that there was one. */
const adjusted = ['platform.hub', 'platform.secret', 'platform.setting'];

test('a hub is restored while its agent is ahead: tables are equal, the agent converges to the restored set, and nothing comes too early or back', {
  timeout: 120_000,
}, async () => {
  await using folder = await scratchFolder();
  await using restoredFolder = await scratchFolder();
  const first = await createTestDatabase();
  const second = await emptyDatabase();
  let hub = await startTestHub({ databaseUrl: first.url, dataDir: folder.path });
  try {
    const [alice, bob] = [await hub.member('Alice'), await hub.member('Bob')];
    const carol = await hub.member('Carol Security', 'provider');
    const { target, agent } = await startFollower(hub, alice);
    try {
      const kept = await report(hub, alice, 'kept-and-kept.com');
      const before = await report(hub, alice, 'retracted-before.com');
      await until(() => target.loaded.size === 2, 'both blocks');
      await retract(hub, before);
      await until(() => target.loaded.size === 1, 'one retracted');
      await until(async () => (await hub.db.one`select from decisions.receipt where state = 0`) !== undefined, 'a receipt');
      const planned = await hub.db.rows<{ dueAt: Date }>`select due_at from bus.plan order by id`;
      assert.ok(planned.length > 0, 'something waits for the delayed audience');
      const file = folder.file('hub.backup');
      const created = await rebato(['backup', 'create', file, ...folder.lock], asAdminOf(hub));
      assert.equal(created.code, 0, created.err);
      assert.equal((await stat(file)).mode & 0o777, 0o600);

      // More than the backup knows: a block, a retraction, a reader that has read on.
      await report(hub, bob, 'after-the-backup.com');
      await until(() => target.has('domain', 'after-the-backup.com'), 'a block that the backup does not have');
      await retract(hub, kept);
      await until(() => !target.has('domain', 'kept-and-kept.com'), 'a retraction that the backup does not have');
      const { id: cursor } = await firstOf(hub, bob.key);
      const incarnation = (await hub.db.one<{ incarnation: string }>`select incarnation from platform.hub`)?.incarnation ?? '';
      assert.ok(cursor.startsWith(incarnation));
      const { port } = hub;
      await hub.stop();

      const verified = await rebato(['backup', 'verify', file, ...folder.lock, '--json']);
      assert.equal(verified.code, 0, verified.err);
      const { tables } = JSON.parse(verified.out) as { tables: { schema: string; table: string; sha256: string; rows: number }[] };
      const env = { REBATO_DATA_DIR: restoredFolder.path, REBATO_DATABASE_URL: second.url };
      const restored = await rebato(['backup', 'restore', file, ...folder.lock, '--root-key', folder.file('root.key')], env);
      assert.equal(restored.code, 0, restored.err);
      await withPool(second.url, async (db) => {
        for (const { schema, table, sha256 } of tables) {
          if (adjusted.includes(`${schema}.${table}`)) continue;
          const columns = await db.rows<{ name: string }>`
            select column_name as name from information_schema.columns where table_schema = ${schema} and table_name = ${table} order by ordinal_position`;
          assert.equal(
            await tableDigest(
              db,
              `${schema}.${table}`,
              columns.map(({ name }) => name),
            ),
            sha256,
            `${schema}.${table}`,
          );
        }
      });
      assert.ok(tables.find(({ schema, table }) => schema === 'decisions' && table === 'receipt')?.rows, 'the receipt is in the backup');

      hub = await startTestHub({ databaseUrl: second.url, dataDir: restoredFolder.path, port });
      await until(() => target.has('domain', 'kept-and-kept.com') && target.loaded.size === 1, 'the agent has what the restored hub has');
      await until(() => agent.status().settled && agent.status().alarms.length === 0, 'nothing is wrong with the agent');
      assert.ok(!target.has('domain', 'retracted-before.com') && !target.has('domain', 'after-the-backup.com'));
      await report(hub, alice, 'new-after-the-restore.com');
      await until(() => target.has('domain', 'new-after-the-restore.com'), 'life goes on');
      await until(() => agent.status().wanted.digest === agent.status().loaded.digest && agent.status().settled, 'wanted and loaded agree');
      const lane = await hub.db.one<{ count: number }>`select count from shelf_immediate.lane where lane = 'c'`;
      assert.equal(lane?.count, 2);

      // The delayed member still waits, to the same moment.
      assert.deepEqual((await hub.as(carol.key).get<{ events: unknown[] }>('/api/v1/events')).body.events, []);
      const due = await hub.db.rows<{ dueAt: Date }>`select due_at from bus.plan order by id`;
      assert.deepEqual(due.slice(0, planned.length), planned);
      // Readers begin anew, the trail is whole, and somebody can administer.
      assert.equal((await firstOf(hub, bob.key, cursor)).event, 'resync');
      const key = (await readFile(join(restoredFolder.path, 'admin.key'), 'utf8')).trim();
      const admin = hub.as(key);
      assert.equal((await admin.post('/api/v1/trail/checkpoint')).status, 200);
      const trail = await admin.get<{ ok: boolean; unsigned: number }>('/api/v1/trail/verification');
      assert.deepEqual([trail.status, trail.body.ok], [200, true], trail.text);
      const acts = await hub.db.rows<{ action: string }>`select action from trail.entry where action like 'backup.%' order by seq`;
      assert.deepEqual(
        acts.map(({ action }) => action),
        ['backup.create', 'backup.restored'],
      );
    } finally {
      await agent.stop();
    }
  } finally {
    await hub.stop();
    await first.drop();
    await second.drop();
  }
});
