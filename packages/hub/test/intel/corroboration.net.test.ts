import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayMs, hourMs, startNetwork } from './network.ts';

const value = '185.220.101.7';

async function startCast() {
  const network = await startNetwork();
  const { hub } = network;
  const town = await hub.member('Ayuntamiento de Alba');
  const hospital = await hub.member('Hospital de Boira');
  const port = await hub.member('Puerto de Cala');
  const company = await hub.member('Paloma Security', 'provider');
  return { ...network, network, town, hospital, port, company };
}

test('a report on one voice is a lease that dies by itself; a second independent voice makes it last', async () => {
  await using world = await startCast();
  const { network, town, hospital, port, clock } = world;
  await network.tell(town, [value]);
  await network.tell(town, ['185.220.101.8']);
  const first = await network.decision(port, value);
  assert.deepEqual([first?.strength, first?.voices, first?.until], ['lease', 1, new Date(clock.now().getTime() + 2 * dayMs).toISOString()]);
  await network.tell(town, [value]);
  assert.deepEqual(
    [(await network.decision(port, value))?.strength, (await network.decision(port, value))?.voices],
    ['lease', 1],
    'the same voice twice is one',
  );
  clock.advance(hourMs);
  await network.tell(hospital, [value]);
  const second = await network.decision(port, value);
  assert.deepEqual(
    [second?.strength, second?.voices, second?.until],
    ['consolidated', 2, new Date(clock.now().getTime() + 14 * dayMs).toISOString()],
  );
  assert.equal(second?.id, first?.id);
  await network.pass(2 * dayMs);
  assert.equal(await network.decision(port, '185.220.101.8'), undefined, 'the lease is over');
  assert.deepEqual(
    (await network.decisions(port, '?gone=true')).map((row) => [row.value, row.gone]),
    [['185.220.101.8', 'expired']],
  );
  assert.ok(await network.decision(port, value));
  await network.pass(12 * dayMs);
  assert.equal(await network.decision(port, value), undefined);
});

test('two entities served by one provider are one voice', async () => {
  await using world = await startCast();
  const { network, hub, town, hospital, port } = world;
  const operator = await hub.member('Quercus Security', 'provider', 'gold');
  await network.serve(operator, [town, hospital]);
  await network.tell(town, [value]);
  await network.tell(hospital, [value]);
  assert.deepEqual([(await network.decision(port, value))?.strength, (await network.decision(port, value))?.voices], ['lease', 1]);
  await network.sight(operator, value);
  assert.equal((await network.decision(port, value))?.strength, 'lease', 'nor is the provider itself another');
  await network.sight(port, value);
  assert.deepEqual([(await network.decision(port, value))?.strength, (await network.decision(port, value))?.voices], ['consolidated', 2]);
});

test('an independent sighting consolidates; one that it is a false positive, or over, does not, nor one of oneself', async () => {
  await using world = await startCast();
  const { network, town, hospital, port } = world;
  await network.tell(town, [value]);
  const strength = async (): Promise<string | undefined> => (await network.decision(port, value))?.strength;
  await network.sight(hospital, value, 'false_positive');
  await network.sight(hospital, value, 'expired');
  await network.sight(town, value);
  assert.equal(await strength(), 'lease');
  await network.sight(hospital, value);
  assert.equal(await strength(), 'consolidated');
  const card = await port.get<{ sightings: { type: string; by: string }[] }>(
    `/api/v1/decisions/${(await network.decision(port, value))?.id}`,
  );
  assert.deepEqual(card.body.sightings.map((each) => each.type).sort(), ['expired', 'false_positive', 'seen', 'seen']);
});

test('a sighting of what nobody has reported is answered like any other, and makes no decision', async () => {
  await using world = await startCast();
  const { network, town, hospital } = world;
  await network.tell(town, [value]);
  const shape = async (seen: string) => {
    const answer = await hospital.post<{ ids: string[] }>('/api/v1/sightings', { sightings: [{ value: seen }] });
    return { status: answer.status, text: answer.text.replace(answer.body.ids[0] ?? '', 'ID') };
  };
  assert.deepEqual(await shape(value), await shape('185.220.101.99'));
  await network.settle();
  assert.equal(await network.decision(hospital, '185.220.101.99'), undefined);
});

test('an assessor confirms an event: its blocks last, and the delayed audience has it at once', async () => {
  await using world = await startCast();
  const { network, hub, town, hospital, company, clock } = world;
  const sent = await network.tell(town, [value], { title: 'Confirmed' });
  assert.deepEqual(await network.titles(company), []);
  clock.advance(hourMs);
  assert.equal((await hospital.post(`/api/v1/events/${sent.event}/consolidation`, {})).status, 403);
  const answer = await hub.admin.post(`/api/v1/events/${sent.event}/consolidation`, { reason: 'seen in the wild' });
  assert.equal(answer.status, 200, answer.text);
  await network.settle();
  assert.deepEqual(await network.titles(company), ['Confirmed']);
  for (const by of [hospital, company]) assert.equal((await network.decision(by, value))?.strength, 'consolidated');
  await network.pass(3 * dayMs);
  for (const by of [hospital, company]) assert.ok(await network.decision(by, value), 'longer than a lease');
});

test('retracted before its release, an event never appears on the delayed shelf, and leaves nothing there', async () => {
  await using world = await startCast();
  const { network, town, hospital, company } = world;
  const sent = await network.tell(town, [value], { title: 'Withdrawn' });
  await town.post(`/api/v1/events/${sent.event}/comments`, { text: 'a comment' });
  // His own, because an independent one would end the waiting.
  await network.sight(town, value);
  assert.ok(await network.decision(hospital, value));
  assert.equal((await hospital.post(`/api/v1/events/${sent.event}/retraction`, { reason: 'not mine' })).status, 404);
  await network.pass(hourMs);
  assert.equal((await town.post(`/api/v1/events/${sent.event}/retraction`, { reason: 'a mistake' })).status, 200);
  await network.settle();
  assert.equal(await network.decision(hospital, value), undefined);
  assert.deepEqual(
    (await network.decisions(hospital, '?gone=true')).map((row) => row.gone),
    ['retracted'],
  );
  await network.pass(3 * dayMs);
  assert.deepEqual(await network.titles(company), []);
  for (const table of ['event', 'indicator', 'sighting', 'comment', 'decision', 'entry', 'object', 'attachment'])
    assert.deepEqual(
      await network.hub.db.rows`select * from ${network.hub.db.name('shelf_informed')}.${network.hub.db.name(table)}`,
      [],
      table,
    );
  const twice = await town.post<{ code: string }>(`/api/v1/events/${sent.event}/retraction`, { reason: 'again' });
  assert.equal(twice.body.code, 'intel.not_published');
});

test('retracted after its release, an event is taken back from all who had it', async () => {
  await using world = await startCast();
  const { network, town, hospital, company } = world;
  const sent = await network.tell(town, [value], { title: 'Taken back' });
  await network.pass(dayMs + 1);
  for (const by of [hospital, company]) assert.ok(await network.decision(by, value));
  assert.equal((await town.post(`/api/v1/events/${sent.event}/retraction`, { reason: 'a mistake' })).status, 200);
  await network.settle();
  for (const by of [town, hospital, company]) {
    assert.deepEqual(await network.titles(by), []);
    assert.equal(await network.decision(by, value), undefined);
    assert.deepEqual(
      (await network.decisions(by, '?gone=true')).map((row) => row.gone),
      ['retracted'],
    );
  }
});

test("a delayed member's own report is in force for it at once, on its own lane and for nobody else of its audience", async () => {
  await using world = await startCast();
  const { network, hub, hospital, company } = world;
  const other = await hub.member('Quercus Security', 'provider');
  const sent = await network.tell(company, [value], { title: 'Own' });
  assert.equal((await network.verdict(hub.admin, sent.event, { outcome: 'accept' })).status, 200);
  assert.deepEqual([(await network.decision(company, value))?.own, await network.titles(company)], [true, ['Own']]);
  assert.equal((await network.decision(hospital, value))?.own, false);
  assert.deepEqual([await network.decision(other, value), await network.titles(other)], [undefined, []]);
  // What others say of it before the delay does not show on its lane.
  await network.tell(hospital, [value], { title: 'Second' });
  assert.equal((await network.decision(hospital, value))?.strength, 'consolidated');
  assert.deepEqual([(await network.decision(company, value))?.strength, (await network.decision(company, value))?.voices], ['lease', 1]);
  await network.pass(dayMs + 1);
  for (const by of [company, other]) {
    const seen = await network.decision(by, value);
    assert.deepEqual([seen?.own, seen?.strength, seen?.voices], [false, 'consolidated', 2]);
  }
  assert.deepEqual(await network.titles(company), ['Own', 'Second']);
});

test('a value on one voice does not last because another of its event was corroborated', async () => {
  await using world = await startCast();
  const { network, town, hospital, port } = world;
  await network.tell(town, [value, '185.220.101.8']);
  await network.tell(hospital, [value]);
  assert.equal((await network.decision(port, value))?.strength, 'consolidated');
  assert.deepEqual(
    [(await network.decision(port, '185.220.101.8'))?.strength, (await network.decision(port, '185.220.101.8'))?.voices],
    ['lease', 1],
  );
});
