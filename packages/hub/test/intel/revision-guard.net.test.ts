import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMember } from '../hub.ts';
import { dayMs, hand, hourMs, startNetwork } from './network.ts';

/** Revisions where they meet the rest: the guard's holds, what is withheld in words, leases, and changes of level. */
async function startWorld() {
  const network = await startNetwork();
  const { hub } = network;
  const town = await hub.member('Ayuntamiento de Alba');
  const other = await hub.member('Hospital de Boira');
  const late = await hub.member('Proveedor Quieto', 'public', 'informed');
  const put = async (by: TestMember, id: string, body: object): Promise<void> => {
    const answer = await by.call('PUT', `/api/v1/events/${id}`, body);
    assert.equal(answer.status, 200, answer.text);
    await network.settle();
  };
  const values = async (by: TestMember, id: string): Promise<readonly string[]> => {
    const answer = await by.get<{ items: readonly { value: string }[] }>(`/api/v1/events/${id}`);
    return answer.status === 200 ? answer.body.items.map((item) => item.value).sort() : [];
  };
  const blocked = async (by: TestMember) => (await network.decisions(by)).map((row) => row.value).sort();
  const level = async (of: TestMember, name: string): Promise<void> => {
    await hub.scoring.setLevel(hand, of.entityId, name, 'for the test');
    await network.settle();
  };
  return { ...network, network, town, other, late, put, values, blocked, level };
}

const named = (...list: readonly string[]) => list.map((value) => ({ value }));

test('what is added to an event older than a lease is blocked from then on; what was there before is not blocked again', async () => {
  await using world = await startWorld();
  const { network, town, other, late, put, blocked } = world;
  const { event } = await network.tell(town, ['old-evil.xyz']);
  await network.pass(5 * dayMs);
  assert.deepEqual(await blocked(other), []);
  await put(town, event, { indicators: named('old-evil.xyz', 'added-evil.xyz') });
  assert.deepEqual(await blocked(other), ['added-evil.xyz']);
  assert.deepEqual(await blocked(late), []);
  const added = (await network.decision(other, 'added-evil.xyz')) ?? assert.fail();
  assert.equal(Date.parse(added.until) - world.clock.now().getTime(), 2 * dayMs);
  await network.pass(dayMs + hourMs);
  assert.deepEqual(await blocked(late), ['added-evil.xyz']);
  await network.pass(dayMs);
  assert.deepEqual(await blocked(other), [], 'and its lease ends like any other');
});

test('blocks that a revision adds wait together when they are too many, until two people let them go, and then follow each delay', async () => {
  await using world = await startWorld();
  const { network, town, other, late, put, blocked, values } = world;
  const centre = await network.hub.member('Centro');
  const people = [
    await network.person(centre.entityId, 'Ana Assessor', ['assessor']),
    await network.person(centre.entityId, 'Berta Assessor', ['assessor']),
  ] as const;
  const { event } = await network.tell(town, ['first-evil.xyz', '45.96.0.0/24']);
  await network.pass(25 * hourMs);
  const nets = Array.from({ length: 17 }, (_none, n) => `45.95.${n}.0/24`);
  await put(town, event, { indicators: named('first-evil.xyz', '45.96.0.0/24', 'beside-evil.xyz', ...nets) });
  assert.deepEqual(await blocked(other), ['45.96.0.0/24', 'beside-evil.xyz', 'first-evil.xyz'], 'what passed before stays');
  assert.equal((await values(other, event)).length, 20, 'all of it may be read');
  const asked = await people[0].post<{ id: string }>('/api/v1/guard/releases', {
    kind: 'event',
    value: event,
    reason: 'looked at',
    hours: 30,
  });
  assert.equal(asked.status, 201, asked.text);
  const approval = await people[1].post(`/api/v1/guard/releases/${asked.body.id}/approval`, { kind: 'event', value: event });
  assert.equal(approval.status, 200, approval.text);
  await network.settle();
  assert.equal((await blocked(other)).length, 20);
  assert.deepEqual(await blocked(late), ['45.96.0.0/24', 'first-evil.xyz'], 'who waits, waits for them');
  await network.pass(25 * hourMs);
  assert.equal((await blocked(late)).length, 18, 'the lease of the first two is over');
  // The release ends: they are held again, and what was never held is not.
  await network.pass(6 * hourMs);
  for (let round = 0; (await blocked(other)).length > 1 && round < 2_000; round += 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
  await network.settle();
  assert.deepEqual(await blocked(other), ['beside-evil.xyz']);
  assert.deepEqual(await blocked(late), ['beside-evil.xyz']);
});

test("others read of a revision what they would read of a report: its author's own people are withheld, and he has his words whole", async () => {
  await using world = await startWorld();
  const { network, town, other, put } = world;
  await network.person(town.entityId, 'Lucía Ortega', ['analyst'], ['read']);
  await network.settle();
  const { event } = await network.tell(town, ['plain-evil.xyz']);
  await put(town, event, {
    title: 'Phishing against Lucía Ortega',
    tags: [{ name: 'victim:lucia-ortega' }],
    indicators: [
      { value: 'plain-evil.xyz', comment: 'clicked by Lucía Ortega' },
      { value: 'lucia.ortega@people.example', type: 'email-dst' },
    ],
  });
  for (const path of [`/api/v1/events/${event}`, `/api/v1/events/${event}/export?format=misp`, '/api/v1/values?value=plain-evil.xyz']) {
    const { text, status } = await other.get(path);
    assert.equal(status, 200, text);
    assert.ok(text.includes('[withheld]'), path);
    assert.ok(!/ortega/i.test(text), text);
  }
  const mine = (await town.get(`/api/v1/events/${event}/export`)).text;
  assert.ok(mine.includes('Phishing against Lucía Ortega') && mine.includes('clicked by Lucía Ortega'), mine);
});

test('a demoted reader keeps the version that it had, hears at once what is withdrawn, and waits for what is added', async () => {
  await using world = await startWorld();
  const { network, town, other, late, put, values, blocked, level } = world;
  const { event } = await network.tell(town, ['first-evil.xyz', 'leaves-evil.xyz'], { title: 'First' });
  await network.pass(hourMs);
  await put(town, event, { title: 'Second', indicators: named('first-evil.xyz', 'leaves-evil.xyz', 'second-evil.xyz') });
  await level(other, 'informed');
  assert.deepEqual(await network.titles(other), ['Second']);
  assert.deepEqual(await values(other, event), ['first-evil.xyz', 'leaves-evil.xyz', 'second-evil.xyz']);
  assert.deepEqual(await blocked(other), ['first-evil.xyz', 'leaves-evil.xyz', 'second-evil.xyz']);
  assert.deepEqual(await values(late, event), [], 'and nobody else gets it');

  await put(town, event, { title: 'Third', indicators: named('first-evil.xyz', 'second-evil.xyz', 'third-evil.xyz') });
  assert.deepEqual(await network.titles(other), ['Second']);
  assert.deepEqual(await values(other, event), ['first-evil.xyz', 'second-evil.xyz']);
  assert.deepEqual(await blocked(other), ['first-evil.xyz', 'second-evil.xyz']);
  await network.pass(dayMs);
  for (const by of [other, late]) {
    assert.deepEqual(await network.titles(by), ['Third'], 'once');
    assert.deepEqual(await values(by, event), ['first-evil.xyz', 'second-evil.xyz', 'third-evil.xyz']);
  }
});

test('a demoted reader gets no revision that its former audience still waits for', async () => {
  await using world = await startWorld();
  const { network, town, late, put, values, blocked, level } = world;
  const { levels } = await network.hub.scoring.policy();
  const slower = levels.map((each) => (each.id === 'guest' ? { ...each, delayMs: 2 * dayMs } : each));
  const changed = await network.hub.admin.call('PUT', '/api/v1/levels', { levels: slower, reason: 'for the test' });
  assert.equal(changed.status, 200, changed.text);
  await network.pass(1_000);
  const { event } = await network.tell(town, ['first-evil.xyz', 'leaves-evil.xyz'], { title: 'First', tlp: 'green' });
  await network.pass(dayMs + hourMs);
  assert.deepEqual(await network.titles(late), ['First']);
  await put(town, event, {
    title: 'Second',
    indicators: [{ value: 'first-evil.xyz', comment: 'new words' }, { value: 'second-evil.xyz' }],
  });
  await level(late, 'guest');
  assert.deepEqual(await network.titles(late), ['First'], 'as it had it');
  assert.deepEqual(await values(late, event), ['first-evil.xyz'], 'without what was withdrawn');
  assert.deepEqual(await blocked(late), ['first-evil.xyz']);
  assert.ok(!(await late.get(`/api/v1/events/${event}`)).text.includes('new words'));
  await network.pass(dayMs);
  assert.deepEqual(await network.titles(late), ['Second'], 'with everybody there');
  assert.deepEqual(await values(late, event), ['first-evil.xyz', 'second-evil.xyz']);
});

test('a demoted reader loses an event that is narrowed to its owner, and never gets what is marked for him alone', async () => {
  await using world = await startWorld();
  const { network, town, other, put, values, level } = world;
  const uuid = '6f1c2b6e-0000-4000-8000-00000000bb01';
  const event = (timestamp: number, more: readonly object[]) => ({
    Event: {
      ...{ uuid, info: 'parts', timestamp: String(timestamp), distribution: '1' },
      Attribute: [
        { uuid: uuid.replace('bb01', 'bb02'), type: 'domain', category: 'Network activity', value: 'shared-evil.xyz', to_ids: true },
        ...more,
      ],
    },
  });
  const alone = { type: 'domain', category: 'Network activity', value: 'alone-evil.xyz', to_ids: true, distribution: '0' };
  const sent = await network.file(town, event(1000, []));
  assert.equal(sent.status, 202, sent.text);
  await network.settle();
  const id = sent.body.events[0] ?? assert.fail();
  await network.pass(hourMs);
  await level(other, 'informed');
  assert.equal((await network.file(town, event(2000, [alone]))).status, 202);
  await network.settle();
  assert.deepEqual(await values(other, id), ['shared-evil.xyz']);
  assert.ok((await town.get(`/api/v1/events/${id}/export`)).text.includes('alone-evil.xyz'));
  await put(town, id, { tlp: 'red' });
  assert.deepEqual(await network.titles(other), []);
  assert.equal(await network.decision(other, 'shared-evil.xyz'), undefined);
});

test('an author whose level changes has his revised event as he wrote it, and nobody gets it with him', async () => {
  await using world = await startWorld();
  const { network, town, late, put, values, blocked, level } = world;
  const { event } = await network.tell(town, ['first-evil.xyz'], { title: 'First', distribution: 'entity' });
  await network.pass(hourMs);
  await put(town, event, { title: 'Second', indicators: named('first-evil.xyz', 'second-evil.xyz') });
  await level(town, 'informed');
  await put(town, event, { title: 'Third', indicators: named('first-evil.xyz', 'second-evil.xyz', 'third-evil.xyz') });
  assert.deepEqual(await network.titles(town), ['Third']);
  assert.deepEqual(await values(town, event), ['first-evil.xyz', 'second-evil.xyz', 'third-evil.xyz']);
  assert.deepEqual(await blocked(town), ['first-evil.xyz', 'second-evil.xyz', 'third-evil.xyz']);
  await network.pass(dayMs);
  assert.deepEqual(await values(late, event), []);
});
