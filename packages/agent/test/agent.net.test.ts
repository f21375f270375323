import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, FakeHub, remove } from './fake-hub.ts';
import { startTestAgent } from './running.ts';

test('an agent applies what its hub has decided and says so after reading it back', async () => {
  await using hub = await new FakeHub().start();
  const first = add(1);
  hub.next([first]);
  await using agent = await startTestAgent(hub);
  await hub.until(() => hub.last(first.id)?.state === 'applied');
  assert.ok(agent.target.has('ip', first.value));

  await hub.until(() => hub.listeners === 1);
  const second = add(2);
  hub.publish([second]);
  await hub.until(() => hub.last(second.id)?.state === 'applied');
  assert.ok(agent.target.has('ip', second.value));
  assert.equal(hub.last(second.id)?.version, 2);

  hub.publish([remove(first)]);
  await hub.until(() => hub.last(first.id)?.state === 'withdrawn');
  assert.deepEqual([...agent.target.loaded], [`a${second.value}`]);
});

test('the report carries the digest of what is really loaded', async () => {
  await using hub = await new FakeHub().start();
  hub.next([add(1), add(2), add('evil.test-domain.com', { kind: 'domain' })]);
  await using agent = await startTestAgent(hub);
  await hub.until(() => hub.reports.at(-1)?.loaded.count === 3);
  const report = hub.reports.at(-1);
  assert.equal(report?.wanted.digest, report?.loaded.digest);
  assert.deepEqual(report?.versions, { 'immediate/c': 1 });
  assert.deepEqual(report?.alarms, []);
  assert.ok(agent.status().settled);
});
