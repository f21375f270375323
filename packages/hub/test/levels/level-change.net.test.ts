import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMember } from '../hub.ts';
import { dayMs, hand, hourMs, startNetwork } from '../intel/network.ts';

type Network = Awaited<ReturnType<typeof startLevels>>;

async function startLevels() {
  const network = await startNetwork();
  const { hub } = network;
  const level = async (of: TestMember, name: string): Promise<void> => {
    await hub.scoring.setLevel(hand, of.entityId, name, 'for the test');
    await network.settle();
  };
  const values = async (by: TestMember) => (await network.decisions(by)).map((row) => `${row.action} ${row.value}`).sort();
  const [source, moving, waiting] = [
    await hub.member('Puerto de Cala'),
    await hub.member('Proveedor Movil', 'public', 'gold'),
    await hub.member('Proveedor Quieto', 'public', 'informed'),
  ];
  return { ...network, network, level, values, source, moving, waiting, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
}

/** A live stream; `ended` resolves when the hub cuts it. */
async function follow(url: string, key: string, cursor?: string) {
  const abort = new AbortController();
  const reply = await fetch(`${url}/api/v1/stream`, {
    headers: { authorization: `Bearer ${key}`, ...(cursor === undefined ? {} : { 'last-event-id': cursor }) },
    signal: abort.signal,
  });
  let text = '';
  let wake = (): void => {};
  const ended = (async () => {
    try {
      for await (const chunk of reply.body ?? []) {
        text += Buffer.from(chunk).toString();
        wake();
      }
    } catch {
      // Closed by the test.
    }
  })();
  return {
    text: () => text,
    ended,
    close: () => abort.abort(),
    async until(done: (text: string) => boolean): Promise<void> {
      const limit = AbortSignal.timeout(20_000);
      while (!done(text)) {
        assert.ok(!limit.aborted, `never came; seen: ${text}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
          limit.addEventListener('abort', () => resolve(), { once: true });
        });
      }
    },
  };
}

test('a demoted reader keeps what it had, learns nothing new early, and reads the rest when its new audience does', async () => {
  await using world: Network = await startLevels();
  const { network, level, values, source, moving, waiting } = world;
  await network.tell(source, ['old.example-one.com'], { title: 'Two days old' });
  await network.pass(2 * dayMs - hourMs);
  const fresh = await network.tell(source, ['fresh.example-two.com'], { title: 'Just in time' });
  const before = { titles: await network.titles(moving), values: await values(moving) };
  assert.deepEqual(before.titles, ['Just in time', 'Two days old']);

  await level(moving, 'informed');
  assert.deepEqual(await network.titles(moving), before.titles, 'nothing of what it has is lost');
  assert.deepEqual(await values(moving), before.values);
  assert.deepEqual(await network.titles(waiting), ['Two days old'], 'and nobody else gets it');
  assert.equal((await network.decision(moving, 'fresh.example-two.com'))?.own, false, 'it is not its own word');

  await network.tell(source, ['later.example-three.com'], { title: 'After the change' });
  await network.sight(source, 'fresh.example-two.com');
  const comment = await source.post(`/api/v1/events/${fresh.event}/comments`, { text: 'more of it' });
  assert.equal(comment.status, 201, comment.text);
  await network.settle();
  assert.deepEqual(await network.titles(moving), before.titles, 'nothing new early');
  assert.deepEqual(await values(moving), before.values);
  assert.ok(!(await moving.get(`/api/v1/events/${fresh.event}`)).text.includes('more of it'));
  assert.equal(
    (await moving.get<{ values: { sightings: unknown[] }[] }>('/api/v1/values?value=fresh.example-two.com')).body.values[0]?.sightings
      .length,
    0,
  );

  await network.pass(dayMs);
  assert.deepEqual(await network.titles(moving), await network.titles(waiting), 'each event once, when everybody there has it');
  assert.deepEqual(await values(moving), await values(waiting));
});

test('a retraction reaches a demoted reader at once: what it kept leaves, and what its level no longer grants is named', async () => {
  await using world: Network = await startLevels();
  const { hub, network, level, values, source, moving, waiting } = world;
  const amber = await network.tell(source, ['amber.example-one.com'], { title: 'Amber', tlp: 'amber' });
  await network.pass(dayMs + hourMs);
  const fresh = await network.tell(source, ['fresh.example-two.com'], { title: 'Fresh', tlp: 'green' });
  const entries = (shelf: string, of: TestMember) =>
    hub.db.rows<{ topic: string; object: string }>`
      select topic, object from ${hub.db.name(`shelf_${shelf}`)}.entry where lane = ${`e:${of.entityId}`} and topic = 'event.retracted' order by position`;
  await level(moving, 'informed');
  assert.equal((await source.post(`/api/v1/events/${fresh.event}/retraction`, { reason: 'wrong' })).status, 200);
  await network.settle();
  assert.deepEqual(await network.titles(moving), ['Amber']);
  assert.deepEqual(await values(moving), ['block amber.example-one.com']);
  assert.deepEqual(await entries('informed', moving), [{ topic: 'event.retracted', object: fresh.event }]);
  assert.deepEqual(await entries('informed', waiting), [], 'who never had it does not hear of it');

  await network.pass(hourMs);
  await level(moving, 'guest');
  assert.deepEqual(await network.titles(moving), [], 'a guest reads no amber');
  assert.equal((await source.post(`/api/v1/events/${amber.event}/retraction`, { reason: 'wrong' })).status, 200);
  await network.settle();
  assert.deepEqual(await entries('guest', moving), [{ topic: 'event.retracted', object: amber.event }]);
  assert.equal(
    (await hub.db.rows`select from shelf_guest.entry where lane <> ${`e:${moving.entityId}`} and topic = 'event.retracted'`).length,
    0,
  );
});

test('own contributions and liftings go along in both directions', async () => {
  await using world: Network = await startLevels();
  const { network, level, values, source, moving, waiting } = world;
  await network.tell(source, ['lifted.example-one.com'], { title: 'Lifted at home' });
  await network.pass(dayMs + hourMs);
  const id = (await network.decision(moving, 'lifted.example-one.com'))?.id ?? assert.fail();
  assert.equal((await moving.post(`/api/v1/decisions/${id}/lift`, { reason: 'ours' })).status, 201);
  await network.tell(moving, ['mine.example-two.com'], { title: 'Mine', distribution: 'entity' });
  await network.tell(moving, ['shared.example-three.com'], { title: 'Shared' });
  const mine = await values(moving);
  assert.deepEqual(mine, [
    'allow lifted.example-one.com',
    'block lifted.example-one.com',
    'block mine.example-two.com',
    'block shared.example-three.com',
  ]);

  await level(moving, 'informed');
  assert.deepEqual(await values(moving), mine);
  assert.deepEqual(await network.titles(moving), ['Lifted at home', 'Mine', 'Shared']);
  assert.deepEqual(await values(waiting), ['block lifted.example-one.com']);
  // Ended while it reads elsewhere: it must not come back with the shelf.
  const lift = (await moving.get<{ lifts: { id: string }[] }>('/api/v1/lifts')).body.lifts[0] ?? assert.fail();
  assert.equal((await moving.call('DELETE', `/api/v1/lifts/${lift.id}`)).status, 200);
  await network.tell(moving, ['second.example-four.com'], { title: 'Second', distribution: 'entity' });

  await level(moving, 'gold');
  assert.deepEqual(await network.titles(moving), ['Lifted at home', 'Mine', 'Second', 'Shared'], 'each once');
  assert.ok(!(await values(moving)).some((value) => value.startsWith('allow')));
  assert.ok(!(await network.titles(source)).includes('Second'));
});

test('a promoted reader has at once what its new audience has', async () => {
  await using world: Network = await startLevels();
  const { network, level, values, source, waiting, moving } = world;
  await network.tell(source, ['fresh.example-two.com'], { title: 'Fresh' });
  assert.deepEqual(await network.titles(waiting), []);
  await level(waiting, 'gold');
  assert.deepEqual(await network.titles(waiting), ['Fresh']);
  assert.deepEqual(await values(waiting), await values(moving));
});

test('a level that was given by mistake and taken back within minutes leaves nothing behind', async () => {
  await using world: Network = await startLevels();
  const { network, level, source, waiting } = world;
  await network.tell(source, ['fresh.example-two.com'], { title: 'Fresh' });
  await level(waiting, 'gold');
  await network.pass(60_000);
  await level(waiting, 'informed');
  assert.deepEqual(await network.titles(waiting), []);
});

test('a policy that moves a level to another shelf moves its entities with what they had', async () => {
  await using world: Network = await startLevels();
  const { hub, network, source, moving } = world;
  await network.tell(source, ['old.example-one.com'], { title: 'Old' });
  await network.pass(hourMs);
  const policy = await hub.scoring.policy();
  const like = policy.levels.find((each) => each.id === 'informed') ?? assert.fail();
  await hub.scoring.changePolicy(
    hand,
    policy.levels.map((each) => (each.id === 'gold' ? { ...like, id: 'gold', name: each.name } : each)),
    'gold waits like the others',
  );
  await network.settle();
  assert.deepEqual(await network.titles(moving), ['Old']);
  await network.tell(source, ['new.example-two.com'], { title: 'New' });
  assert.deepEqual(await network.titles(moving), ['Old']);
});

test('a follower of the stream that was demoted begins anew, and is told of the retraction of what it had', {
  timeout: 60_000,
}, async () => {
  await using world: Network = await startLevels();
  const { hub, network, level, source, moving } = world;
  const fresh = await network.tell(source, ['fresh.example-two.com'], { title: 'Fresh' });
  await network.pass(hourMs);
  const first = await follow(hub.url, moving.key);
  await first.until((text) => text.includes('event: hello'));
  const cursor = /id: (\S+)/.exec(first.text())?.[1] ?? assert.fail();
  await level(moving, 'informed');
  await first.ended;
  const second = await follow(hub.url, moving.key, cursor);
  await second.until((text) => text.includes('event: resync'));
  assert.equal((await source.post(`/api/v1/events/${fresh.event}/retraction`, { reason: 'wrong' })).status, 200);
  await second.until((text) => text.includes(`event: event.retracted\ndata: {"lane":"e:${moving.entityId}"`) && text.includes(fresh.event));
  second.close();
});
