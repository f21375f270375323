import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '#platform/clock';
import { startTestHub, type TestMember } from './hub.ts';

const titles = async (member: TestMember): Promise<string[]> =>
  (await member.get<{ events: { title: string }[] }>('/api/v1/events')).body.events.map((event) => event.title);
const report = (member: TestMember, title: string) => member.post('/api/v1/reports', { title, indicators: [{ value: '185.220.101.7' }] });

test('two independent members who read at once end the waiting of the delayed audience', async () => {
  await using hub = await startTestHub({ clock: manualClock(new Date('2026-11-23T10:00:00Z')) });
  const alice = await hub.member('Alice');
  const bob = await hub.member('Bob');
  const carol = await hub.member('Carol', 'provider');
  await report(alice, 'first');
  await hub.settled();
  assert.deepEqual(await titles(carol), []);
  await report(bob, 'second');
  await hub.settled();
  await hub.settled();
  assert.deepEqual((await titles(carol)).toSorted(), ['first', 'second']);
});

test('who waits cannot end his own waiting by reporting what he guesses', async () => {
  await using hub = await startTestHub({ clock: manualClock(new Date('2026-11-23T10:00:00Z')) });
  const alice = await hub.member('Alice');
  const carol = await hub.member('Carol', 'provider');
  await report(alice, 'first');
  await hub.settled();
  await report(carol, 'guess');
  const queue = await hub.admin.get<{ items: { id: string }[] }>('/api/v1/queue');
  assert.equal(queue.body.items.length, 1, queue.text);
  assert.equal((await hub.admin.post(`/api/v1/queue/${queue.body.items[0]?.id}/verdict`, { outcome: 'accept' })).status, 200);
  await hub.settled();
  await hub.settled();
  assert.deepEqual(await titles(carol), ['guess']);
});
