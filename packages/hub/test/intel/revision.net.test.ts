import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMember } from '../hub.ts';
import { hourMs, startNetwork } from './network.ts';

type Item = { readonly id: string; readonly value: string; readonly comment: string; readonly toIds: boolean };
type View = { readonly title: string; readonly tlp: string; readonly indicators: number; readonly items: readonly Item[] };
type Code = { readonly code: string };

async function startWorld() {
  const network = await startNetwork();
  const { hub } = network;
  const town = await hub.member('Ayuntamiento de Alba');
  const other = await hub.member('Hospital de Boira');
  const late = await hub.member('Paloma', 'provider');
  const read = async (by: TestMember, id: string): Promise<View | undefined> => {
    const answer = await by.get<View>(`/api/v1/events/${id}`);
    return answer.status === 200 ? answer.body : undefined;
  };
  const values = async (by: TestMember, id: string): Promise<readonly string[]> =>
    ((await read(by, id))?.items ?? []).map((item) => item.value).sort();
  const put = async (by: TestMember, id: string, body: object) => {
    const answer = await by.call<Code & { added: number; changed: number; removed: number; waiting: number }>(
      'PUT',
      `/api/v1/events/${id}`,
      body,
    );
    await network.settle();
    return answer;
  };
  const topics = (shelf: string, lane = 'c') =>
    hub.db.rows<{ topic: string }>`
    select topic from ${hub.db.name(`shelf_${shelf}`)}.entry where lane = ${lane} and topic like 'event.%' order by position`.then((rows) =>
      rows.map((row) => row.topic),
    );
  return { ...network, network, town, other, late, read, values, put, topics };
}

const named = (...list: readonly string[]) => list.map((value) => ({ value }));
const uuid = '6f1c2b6e-0000-4000-8000-00000000aa01';
const attribute = (n: number, value: string, more: object = {}) => ({
  uuid: `6f1c2b6e-0000-4000-8000-0000000000${n}`,
  type: 'domain',
  category: 'Network activity',
  value,
  to_ids: true,
  timestamp: '1770000000',
  ...more,
});
const misp = (timestamp: number, attributes: readonly object[], more: object = {}) => ({
  Event: { uuid, info: 'from a file', date: '2026-03-02', timestamp: String(timestamp), distribution: '1', Attribute: attributes, ...more },
});

test('what a revision removes leaves everywhere at once, and what it adds reaches each audience after its own delay', async () => {
  await using world = await startWorld();
  const { network, town, other, late, put, values } = world;
  const { event } = await network.tell(town, ['stays-evil.xyz', 'leaves-evil.xyz'], { tlp: 'green' });
  await network.pass(25 * hourMs);
  assert.deepEqual(await values(late, event), ['leaves-evil.xyz', 'stays-evil.xyz']);
  const told = await put(town, event, { title: 'Told better', indicators: named('stays-evil.xyz', 'new-evil.xyz') });
  assert.equal(told.status, 200, told.text);
  assert.deepEqual(told.body, { added: 1, changed: 0, removed: 1, waiting: 0 });

  assert.deepEqual(await values(other, event), ['new-evil.xyz', 'stays-evil.xyz']);
  assert.equal((await world.read(other, event))?.title, 'Told better');
  assert.equal((await world.read(other, event))?.indicators, 2);
  assert.ok(await network.decision(other, 'new-evil.xyz'));
  const dropped = (await network.decisions(other, '?gone=true')).find((each) => each.value === 'leaves-evil.xyz');
  assert.equal(dropped?.gone, 'narrowed');

  assert.deepEqual(await values(late, event), ['stays-evil.xyz'], 'removed at once, and nothing added yet');
  assert.equal((await world.read(late, event))?.title, 'Told');
  assert.equal(await network.decision(late, 'leaves-evil.xyz'), undefined);
  assert.equal(await network.decision(late, 'new-evil.xyz'), undefined);
  await network.pass(23 * hourMs);
  assert.deepEqual(await values(late, event), ['stays-evil.xyz']);
  await network.pass(2 * hourMs);
  assert.deepEqual(await values(late, event), ['new-evil.xyz', 'stays-evil.xyz']);
  assert.equal((await world.read(late, event))?.title, 'Told better');
  assert.equal((await world.read(late, event))?.indicators, 2);
  assert.deepEqual(await world.topics('informed'), ['event.released', 'event.revised', 'event.revised']);
});

test('of what is revised before its release only the newest version is ever shown, at the time that was set, and once', async () => {
  await using world = await startWorld();
  const { network, town, late, put, values } = world;
  const { event } = await network.tell(town, ['first-evil.xyz', 'never-evil.xyz'], { tlp: 'green' });
  await network.pass(hourMs);
  assert.equal((await put(town, event, { title: 'Second', indicators: named('first-evil.xyz', 'second-evil.xyz') })).status, 200);
  await network.pass(20 * hourMs);
  assert.equal((await put(town, event, { title: 'Third', indicators: named('first-evil.xyz', 'third-evil.xyz') })).status, 200);
  assert.equal(await world.read(late, event), undefined);
  await network.pass(4 * hourMs);
  assert.deepEqual(await values(late, event), ['first-evil.xyz', 'third-evil.xyz']);
  assert.equal((await world.read(late, event))?.title, 'Third');
  assert.equal((await world.read(late, event))?.indicators, 2);
  await network.pass(48 * hourMs);
  assert.deepEqual(await world.topics('informed'), ['event.released']);
  assert.ok(
    !(await network.decisions(late, '?gone=true')).some((each) => each.value === 'never-evil.xyz' || each.value === 'second-evil.xyz'),
  );
});

test('a newer version of a MISP event revises it; the same or an older one, and one without a time, are refused', async () => {
  await using world = await startWorld();
  const { network, town, other, values } = world;
  const first = await network.file(town, misp(1000, [attribute(11, 'one-evil.xyz'), attribute(12, 'two-evil.xyz')]));
  assert.equal(first.status, 202, first.text);
  await network.settle();
  const id = first.body.events[0] ?? '';
  const newer = await network.file(
    town,
    misp(2000, [
      attribute(11, 'one-evil.xyz', { to_ids: false }),
      attribute(12, 'two-evil.xyz', { deleted: true }),
      attribute(13, 'three-evil.xyz'),
    ]),
  );
  assert.equal(newer.status, 202, newer.text);
  assert.deepEqual(newer.body.events, [id]);
  await network.settle();
  assert.deepEqual(await values(other, id), ['one-evil.xyz', 'three-evil.xyz']);
  assert.equal(await network.decision(other, 'one-evil.xyz'), undefined, 'it is for detection no more');
  assert.ok(await network.decision(other, 'three-evil.xyz'));
  for (const stale of [
    misp(2000, [attribute(14, 'four-evil.xyz')]),
    misp(1500, []),
    { Event: { uuid, info: 'x', Attribute: [attribute(14, 'four-evil.xyz')] } },
  ]) {
    const refused = await network.file(town, stale);
    assert.deepEqual([refused.status, (refused.body as unknown as Code).code], [409, 'intel.event_exists'], refused.text);
  }
  // Peers send parts of an event: what a version does not name stays.
  assert.equal((await network.file(town, misp(3000, [attribute(15, 'five-evil.xyz')]))).status, 202);
  await network.settle();
  assert.deepEqual(await values(other, id), ['five-evil.xyz', 'one-evil.xyz', 'three-evil.xyz']);
  // Another sender of the same UUID has an event of his own, and changes nobody's.
  const foreign = await network.file(other, misp(9000, [attribute(11, 'one-evil.xyz', { deleted: true })]));
  assert.notEqual(foreign.body.events[0], id);
  await network.settle();
  assert.deepEqual(await values(town, id), ['five-evil.xyz', 'one-evil.xyz', 'three-evil.xyz']);
});

test('a version that goes further than the event is refused, unless its owner says so himself', async () => {
  await using world = await startWorld();
  const { network, town, other, late, put } = world;
  const { event } = await network.tell(town, ['quiet-evil.xyz'], { tlp: 'amber', distribution: 'entity' });
  const central = await network.person(other.entityId, 'Carla Coordinator', ['coordinator', 'analyst'], ['read', 'report', 'rule']);
  const refused = await put(central, event, { distribution: 'community' });
  assert.deepEqual([refused.status, refused.body.code], [404, 'intel.event_not_found'], 'nobody revises the words of others');
  assert.equal(await world.read(other, event), undefined);
  const file = await network.file(town, misp(1000, [attribute(11, 'one-evil.xyz')], { distribution: '0' }));
  const wider = await network.file(town, misp(2000, [attribute(11, 'one-evil.xyz')], { distribution: '3' }));
  assert.deepEqual([wider.status, (wider.body as unknown as Code).code], [403, 'intel.tlp_widened']);
  await network.settle();
  assert.equal(await world.read(other, file.body.events[0] ?? ''), undefined);

  await network.pass(48 * hourMs);
  assert.equal((await put(town, event, { distribution: 'community' })).status, 200);
  assert.deepEqual(await world.values(other, event), ['quiet-evil.xyz']);
  assert.equal(await world.read(late, event), undefined, 'who waits, waits from now on');
  await network.pass(25 * hourMs);
  assert.deepEqual(await world.values(late, event), ['quiet-evil.xyz']);
});

test('what is narrowed to its owner is taken from everybody else at once, and stays with its owner', async () => {
  await using world = await startWorld();
  const { network, town, other, late, put } = world;
  const { event } = await network.tell(town, ['wide-evil.xyz'], { tlp: 'green' });
  await network.pass(25 * hourMs);
  assert.equal((await put(town, event, { tlp: 'red' })).status, 200);
  for (const by of [other, late]) {
    assert.equal(await world.read(by, event), undefined);
    assert.equal(await network.decision(by, 'wide-evil.xyz'), undefined);
  }
  assert.deepEqual(await world.values(town, event), ['wide-evil.xyz']);
  assert.deepEqual(await world.topics('informed'), ['event.released', 'event.retracted']);
});

test('what an untrusted source adds waits for an assessor like a new report, and then for the audience; a stranger may do nothing', async () => {
  await using world = await startWorld();
  const { network, town, late, put, values } = world;
  const ana = await network.person(town.entityId, 'Ana Assessor', ['assessor']);
  const { event } = await network.tell(late, ['own-evil.xyz'], { tlp: 'green' });
  assert.equal((await network.verdict(ana, event, { outcome: 'accept' })).status, 200);
  const told = await put(late, event, { indicators: named('own-evil.xyz', 'added-evil.xyz', 'bad-evil.xyz') });
  assert.deepEqual(told.body, { added: 2, changed: 0, removed: 0, waiting: 2 });
  assert.deepEqual(await values(town, event), ['own-evil.xyz']);
  assert.equal(await network.decision(town, 'added-evil.xyz'), undefined);
  const queue = await ana.get<{ items: { id: string }[] }>('/api/v1/queue');
  assert.deepEqual(
    queue.body.items.map((item) => item.id),
    [event],
  );
  const added = (await network.judged(late, event)).find((row) => row.value === 'added-evil.xyz')?.id ?? assert.fail();
  assert.equal((await network.verdict(ana, event, { outcome: 'accept', only: [added], reason: 'one of two' })).status, 200);
  assert.deepEqual(await values(town, event), ['added-evil.xyz', 'own-evil.xyz']);
  assert.ok(await network.decision(town, 'added-evil.xyz'));
  assert.deepEqual((await ana.get<{ items: unknown[] }>('/api/v1/queue')).body.items, []);
  for (const by of [town, ana]) {
    assert.deepEqual(
      (await put(by, event, { title: 'not yours' })).body.code ?? 'http',
      by === town ? 'intel.event_not_found' : 'http.scope_missing',
    );
    assert.notEqual((await by.get(`/api/v1/events/${event}/history`)).status, 200);
  }
  const history = await late.get<{ revisions: { by: string; changes: { attributes?: object; accepted?: number } }[] }>(
    `/api/v1/events/${event}/history`,
  );
  assert.equal(history.status, 200, history.text);
  assert.deepEqual(
    history.body.revisions.map(({ changes }) => changes.accepted ?? changes.attributes),
    [1, { added: 2, changed: 0, removed: 0 }],
  );
});

test('a value that is corrected is another value: the old one is dropped at once, and the guard judges the new one', async () => {
  await using world = await startWorld();
  const { network, town, other, put } = world;
  const { event } = await network.tell(town, ['wrong-evil.xyz'], { tlp: 'green' });
  const id = (await world.read(town, event))?.items[0]?.id ?? assert.fail();
  assert.deepEqual((await put(town, event, { indicators: [{ id, value: '8.8.8.8', type: 'ip-dst' }] })).body.changed, 1);
  assert.equal(await network.decision(other, 'wrong-evil.xyz'), undefined);
  assert.equal(await network.decision(other, '8.8.8.8'), undefined);
  assert.equal((await network.judged(town, event))[0]?.state, 'held');
  assert.deepEqual((await put(town, event, { indicators: [{ id, value: 'right-evil.xyz', type: 'domain' }] })).body.changed, 1);
  assert.ok(await network.decision(other, 'right-evil.xyz'));
});
