import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestHub } from './hub.ts';

test('one reports, and everybody else reads it and has the decision; the delayed member does not', async () => {
  await using hub = await startTestHub();
  const alice = await hub.member('Ayuntamiento de Alba');
  const bob = await hub.member('Hospital de Boira');
  const carol = await hub.member('Carol Security', 'provider');
  const sent = await alice.post<{ id: string; events: string[] }>('/api/v1/reports', {
    title: 'Phishing',
    text: 'seen hxxp://evil-login[.]example-bank[.]xyz/a and 185.220.101[.]7 today',
  });
  assert.equal(sent.status, 202, sent.text);
  await hub.settled();
  const events = await bob.get<{ events: { title: string; indicators: number }[] }>('/api/v1/events');
  assert.equal(events.status, 200, events.text);
  assert.deepEqual(
    events.body.events.map((event) => event.title),
    ['Phishing'],
  );
  const decisions = await bob.get<{ decisions: { value: string; strength: string }[] }>('/api/v1/decisions');
  assert.ok(
    decisions.body.decisions.some((decision) => decision.value === '185.220.101.7'),
    decisions.text,
  );
  assert.deepEqual((await carol.get<{ events: unknown[] }>('/api/v1/events')).body.events, []);
  assert.deepEqual((await carol.get<{ decisions: unknown[] }>('/api/v1/decisions')).body.decisions, []);
  const own = await alice.get<{ events: { state: string }[] }>(`/api/v1/reports/${sent.body.id}`);
  assert.equal(own.body.events[0]?.state, 'published', own.text);
  assert.equal((await bob.get(`/api/v1/reports/${sent.body.id}`)).status, 404);
});
