import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayMs, hourMs, startNetwork } from '../intel/network.ts';

async function startWaiting() {
  const network = await startNetwork();
  const { hub } = network;
  const [source, other, informed] = [
    await hub.member('Puerto de Cala'),
    await hub.member('Hospital de Roda'),
    await hub.member('Proveedor Quieto', 'public', 'informed'),
  ];
  /** What the informed wait for, by configuration and over HTTP. */
  const change = async (terms: object) => {
    const { levels } = await hub.scoring.policy();
    const answer = await hub.admin.call('PUT', '/api/v1/levels', {
      levels: levels.map((level) => (level.id === 'informed' ? { ...level, ...terms } : level)),
      reason: 'for the test',
    });
    assert.equal(answer.status, 200, answer.text);
  };
  return { ...network, network, source, other, informed, change, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
}

test('a shorter delay holds for what is published after it, and not for what was published before', async () => {
  await using world = await startWaiting();
  const { network, source, informed, change } = world;
  await network.tell(source, ['before.example-one.com'], { title: 'Before' });
  await change({ delayMs: hourMs });
  await network.tell(source, ['after.example-two.com'], { title: 'After' });
  await network.pass(hourMs - 1);
  assert.deepEqual(await network.titles(informed), []);
  await network.pass(1);
  assert.deepEqual(await network.titles(informed), ['After']);
  await network.pass(dayMs - hourMs - 1);
  assert.deepEqual(await network.titles(informed), ['After']);
  await network.pass(1);
  assert.deepEqual((await network.titles(informed)).toSorted(), ['After', 'Before']);
});

test('what was published before the change waits as it was promised, although it is announced after it', async () => {
  await using world = await startWaiting();
  const { hub, network, source, informed, change } = world;
  const before = await network.tell(source, ['before.example-one.com'], { title: 'Before' });
  await network.pass(1_000);
  await change({ delayMs: hourMs });
  await hub.db.run`delete from bus.plan`;
  await hub.db.transaction((tx) => hub.leader.bus.append(tx, 'intel.published', { eventId: before.event, chunk: 0 }));
  await network.settle();
  await network.pass(2 * hourMs);
  assert.deepEqual(await network.titles(informed), []);
  await network.pass(dayMs);
  assert.deepEqual(await network.titles(informed), ['Before']);
});

test('a longer delay holds for what is published after it, and takes nothing away from what was', async () => {
  await using world = await startWaiting();
  const { network, source, informed, change } = world;
  await change({ delayMs: hourMs });
  await network.pass(1_000);
  await network.tell(source, ['before.example-one.com'], { title: 'Before' });
  await network.pass(1_000);
  await change({ delayMs: 2 * dayMs });
  await network.tell(source, ['after.example-two.com'], { title: 'After' });
  await network.pass(hourMs);
  assert.deepEqual(await network.titles(informed), ['Before']);
  await network.pass(dayMs);
  assert.deepEqual(await network.titles(informed), ['Before']);
  await network.pass(dayMs);
  assert.deepEqual((await network.titles(informed)).toSorted(), ['After', 'Before']);
});

test('consolidation ends the waiting for what was published while it did, and not for what was published before', async () => {
  await using world = await startWaiting();
  const { hub, network, source, informed, change } = world;
  const confirm = async (event: string): Promise<void> => {
    const answer = await hub.admin.post(`/api/v1/events/${event}/consolidation`, {});
    assert.equal(answer.status, 200, answer.text);
    await network.settle();
  };
  await change({ onConsolidation: false });
  await network.pass(1_000);
  const before = await network.tell(source, ['before.example-one.com'], { title: 'Before' });
  await network.pass(1_000);
  await change({ onConsolidation: true });
  const after = await network.tell(source, ['after.example-two.com'], { title: 'After' });
  await confirm(before.event);
  await confirm(after.event);
  assert.deepEqual(await network.titles(informed), ['After']);
  await network.pass(dayMs);
  assert.deepEqual((await network.titles(informed)).toSorted(), ['After', 'Before']);
});

test('who waits for what was published before still cannot end that by guessing, although nothing new waits any more', async () => {
  await using world = await startWaiting();
  const { network, source, other, informed, change } = world;
  await network.tell(source, ['secret.example-one.com'], { title: 'Secret' });
  await network.pass(1_000);
  await change({ delayMs: 0, onConsolidation: true });
  await network.tell(informed, ['secret.example-one.com'], { title: 'Guess' });
  assert.deepEqual(await network.titles(informed), ['Guess']);
  // Who has always read at once can.
  await network.tell(other, ['secret.example-one.com'], { title: 'Third' });
  assert.deepEqual((await network.titles(informed)).toSorted(), ['Guess', 'Secret', 'Third']);
});

test('a ruling of before the change tells nothing earlier than it would have', async () => {
  await using world = await startWaiting();
  const { network, source, informed, change, hub } = world;
  const strength = async (): Promise<string | undefined> =>
    (await network.decisions(informed)).find((row) => row.value === 'ruled.example-one.com')?.strength;
  await network.tell(source, ['ruled.example-one.com'], { title: 'First' });
  const [decision] = await network.decisions(source);
  const ruled = await hub.admin.post(`/api/v1/decisions/${decision?.id}/ruling`, { ruling: 'consolidated', reason: 'seen' });
  assert.ok(ruled.status < 300, ruled.text);
  await network.pass(1_000);
  await change({ delayMs: hourMs });
  await network.tell(informed, ['ruled.example-one.com'], { title: 'Own' });
  const own = await strength();
  await network.pass(2 * hourMs);
  assert.equal(await strength(), own);
  await network.pass(dayMs);
  assert.equal(await strength(), 'consolidated');
  assert.notEqual(own, 'consolidated');
});

test('a shelf that does not exist is refused with a sentence that says which do', async () => {
  await using world = await startWaiting();
  const { levels } = await world.hub.scoring.policy();
  const answer = await world.hub.admin.call('PUT', '/api/v1/levels', {
    levels: levels.map((level) => (level.id === 'guest' ? { ...level, shelf: 'weekly' } : level)),
    reason: 'for the test',
  });
  assert.equal(answer.status, 400, answer.text);
  assert.match(answer.text, /no shelf \\"weekly\\".*immediate, guest, informed/);
});
