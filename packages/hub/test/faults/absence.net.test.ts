import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { manualClock } from '#platform/clock';
import { startFollower, until } from '../follower.ts';
import { createTestDatabase, startTestHub } from '../hub.ts';

const minuteMs = 60_000;

const report = (value: string) => ({ title: value, indicators: [{ value, type: 'domain' }] });

test('the hub is away for an hour: the control keeps what is in force, lets go what ends meanwhile, says so, and converges when the hub is back', {
  timeout: 60_000,
}, async () => {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'rebato-absence-'));
  // One clock for hub and agent: the hour passes for both.
  const clock = manualClock(new Date('2026-11-23T10:00:00.000Z'));
  const common = {
    ...{ databaseUrl: database.url, dataDir, clock },
    decisionPolicy: { leaseMs: 45 * minuteMs, consolidatedMs: { other: 24 * 60 * minuteMs }, voicesToConsolidate: 2 },
  };
  let hub = await startTestHub(common);
  try {
    const [alice, bob] = [await hub.member('Alice'), await hub.member('Bob')];
    const { target, agent } = await startFollower(hub, alice, clock);
    // The control: an agent that does not count the time itself. With nobody to end its lease, it would block for ever.
    const timeless = await startFollower(hub, bob, manualClock(clock.now()));
    try {
      // Two voices make it last, one makes a lease of 45 minutes.
      for (const member of [alice, bob]) assert.equal((await member.post('/api/v1/reports', report('lasts-and-lasts.com'))).status, 202);
      await alice.post('/api/v1/reports', report('ends-by-itself.com'));
      await hub.settled();
      await until(() => target.loaded.size === 2 && timeless.target.loaded.size === 2, 'both blocks are in force');
      const port = hub.port;
      await hub.stop();
      await until(() => !agent.status().connected, 'the agent notices');
      for (let minute = 0; minute < 44; minute++) clock.advance(minuteMs);
      await until(() => agent.status().alarms.length > 0, 'the silence is an alarm');
      assert.ok(target.has('domain', 'ends-by-itself.com'), 'not before its time');
      for (let minute = 44; minute < 60; minute++) clock.advance(minuteMs);
      await until(() => !target.has('domain', 'ends-by-itself.com'), 'the lease ends without the hub');
      assert.ok(target.has('domain', 'lasts-and-lasts.com'), 'what is in force stays');
      assert.ok(timeless.target.has('domain', 'ends-by-itself.com'), 'the check above would find a lease that does not end');

      hub = await startTestHub({ ...common, port });
      const again = hub.as(alice.key);
      assert.equal((await again.post('/api/v1/reports', report('new-after-the-hour.com'))).status, 202);
      await hub.settled();
      await until(() => target.has('domain', 'new-after-the-hour.com'), 'the control has what is new');
      assert.ok(target.has('domain', 'lasts-and-lasts.com') && !target.has('domain', 'ends-by-itself.com'));
      assert.equal(target.loaded.size, 2);
      await until(() => agent.status().wanted.digest === agent.status().loaded.digest && agent.status().settled, 'wanted and loaded agree');
      // The hub itself ends the lease, too: both sides say the same set.
      const lane = await hub.db.one<{ count: number }>`select count from shelf_immediate.lane where lane = 'c'`;
      assert.equal(lane?.count, 2);
    } finally {
      await agent.stop();
      await timeless.agent.stop();
    }
  } finally {
    await hub.stop();
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  }
});
