import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMember } from '../hub.ts';
import { type Network, startGuarded } from './network.ts';

type Code = { readonly code: string };
type Release = { readonly id: string; readonly state: string };

const ask = (by: TestMember, kind: string, value: string) =>
  by.post<Release & Code>('/api/v1/guard/releases', { kind, value, reason: 'it was taken over' });
const approve = (by: TestMember, id: string, kind: string, value: string) =>
  by.post<Release & Code>(`/api/v1/guard/releases/${id}/approval`, { kind, value });

async function release(network: Network, one: TestMember, two: TestMember, kind: string, value: string): Promise<void> {
  const asked = await ask(one, kind, value);
  assert.equal(asked.status, 201, asked.text);
  const approved = await approve(two, asked.body.id, kind, value);
  assert.equal(approved.status, 200, approved.text);
  await network.settle();
  // What was held is let go after the log has told of the release.
  for (let round = 0; round < 500; round += 1) {
    const row = await network.hub.db
      .one`select 1 from intel.attribute where canonical is null and value = ${value} and state = 'held' and rule <> 'victim_data'`;
    if (row === undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await network.settle();
}

test('what the guard holds becomes a decision everywhere once two people have released it, in every event that holds it', async () => {
  await using world = await startGuarded();
  const { network, town, hospital, ana, berta } = world;
  const first = await network.tell(town, ['8.8.8.8', 'beside-evil.xyz'], { title: 'first' });
  const second = await network.tell(hospital, ['8.8.8.8'], { title: 'second' });
  assert.equal(await network.decision(hospital, '8.8.8.8'), undefined);
  assert.ok(await network.decision(hospital, 'beside-evil.xyz'), 'what is beside it passes');
  const held = (await network.judged(town, first.event)).find((row) => row.value === '8.8.8.8');
  assert.deepEqual([held?.state, held?.rule], ['held', 'well_known']);
  const queue = await ana.get<{ items: { title: string }[] }>('/api/v1/queue?held=true');
  assert.deepEqual(queue.body.items.map((item) => item.title).sort(), ['first', 'second']);

  const asked = await ask(ana, 'ip', '8.8.8.8');
  assert.equal(asked.status, 201, asked.text);
  await network.settle();
  assert.equal(await network.decision(hospital, '8.8.8.8'), undefined, 'one person is not enough');
  const same = await approve(ana, asked.body.id, 'ip', '8.8.8.8');
  assert.deepEqual([same.status, same.body.code], [403, 'guard.second_person']);
  const again = await ask(ana, 'ip', '8.8.8.8');
  assert.equal(again.body.id, asked.body.id, 'asking twice is not approving');
  const machine = await approve(world.hub.admin, asked.body.id, 'ip', '8.8.8.8');
  assert.deepEqual([machine.status, machine.body.code], [403, 'guard.person_needed']);
  const other = await approve(berta, asked.body.id, 'ip', '8.8.4.4');
  assert.equal(other.body.code, 'guard.release_mismatch');
  await network.settle();
  assert.equal(await network.decision(hospital, '8.8.8.8'), undefined);

  await release(network, ana, berta, 'ip', '8.8.8.8');
  const decision = await network.decision(hospital, '8.8.8.8');
  assert.deepEqual([decision?.strength, decision?.voices], ['consolidated', 2], 'both events count');
  assert.deepEqual((await network.judged(town, first.event)).find((row) => row.value === '8.8.8.8')?.state, 'accepted');
  assert.equal((await network.judged(hospital, second.event))[0]?.state, 'accepted');
  assert.deepEqual((await ana.get<{ items: unknown[] }>('/api/v1/queue?held=true')).body.items, []);
  const read = await hospital.get<{ items: { value: string }[] }>(`/api/v1/events/${first.event}`);
  assert.ok(read.body.items.some((item) => item.value === '8.8.8.8'));
  // A later report of it passes by itself.
  await network.tell(world.centre, ['8.8.8.8']);
  assert.equal((await network.decision(town, '8.8.8.8'))?.voices, 3);
});

test('a refused value is never released, and neither is one that is not held', async () => {
  await using world = await startGuarded();
  const { network, town, ana } = world;
  const sent = await network.tell(town, ['10.1.2.3', '127.0.0.1', 'plain-evil.xyz'], {});
  assert.deepEqual((await network.judged(town, sent.event)).map((row) => [row.value, row.state]).sort(), [
    ['10.1.2.3', 'refused'],
    ['127.0.0.1', 'refused'],
    ['plain-evil.xyz', 'accepted'],
  ]);
  for (const value of ['10.1.2.3', '127.0.0.1']) {
    const asked = await ask(ana, 'ip', value);
    assert.equal(asked.body.code, 'guard.not_releasable', asked.text);
  }
  assert.equal((await ask(ana, 'domain', 'plain-evil.xyz')).body.code, 'guard.not_held');
  assert.equal((await ask(town, 'ip', '8.8.8.8')).status, 403);
  assert.deepEqual(
    (await network.decisions(town)).map((row) => row.value),
    ['plain-evil.xyz'],
  );
});

test('a release does not make a block of what its own markings keep from blocking', async () => {
  await using world = await startGuarded();
  const { network, town, hospital, ana, berta } = world;
  await network.tell(town, ['8.8.8.8'], { pap: 'amber' });
  await network.tell(town, ['1.1.1.1'], { pap: 'green' });
  await release(network, ana, berta, 'ip', '8.8.8.8');
  await release(network, ana, berta, 'ip', '1.1.1.1');
  assert.deepEqual(
    (await network.decisions(hospital)).map((row) => row.value),
    ['1.1.1.1'],
  );
});

test("a release does not let a member's own data go", async () => {
  await using world = await startGuarded();
  const { network, hub, town, hospital, ana, berta } = world;
  await hub.members.declareAsset((await import('./network.ts')).hand, { entityId: town.entityId, kind: 'domain', value: 'alba-town.es' });
  await network.settle();
  await hub.guard.reload();
  const own = await network.tell(town, ['mail.alba-town.es', 'beside-evil.xyz']);
  const others = await network.tell(hospital, ['mail.alba-town.es']);
  assert.equal((await network.judged(town, own.event)).find((row) => row.value === 'mail.alba-town.es')?.rule, 'victim_data');
  assert.equal((await network.judged(hospital, others.event))[0]?.rule, 'member_asset');
  await release(network, ana, berta, 'domain', 'mail.alba-town.es');
  assert.equal((await network.judged(town, own.event)).find((row) => row.value === 'mail.alba-town.es')?.state, 'held');
  assert.equal((await network.judged(hospital, others.event))[0]?.state, 'accepted');
});

test('held values of a waiting event do not pass with its acceptance, but pass with their release', async () => {
  await using world = await startGuarded();
  const { network, hub, hospital, ana, berta } = world;
  const company = await hub.member('Paloma Security', 'provider');
  const sent = await network.tell(company, ['8.8.8.8', 'beside-evil.xyz']);
  await release(network, ana, berta, 'ip', '8.8.8.8');
  assert.equal(await network.decision(hospital, '8.8.8.8'), undefined, 'released, but not accepted yet');
  assert.equal((await network.verdict(ana, sent.event, { outcome: 'accept' })).status, 200);
  assert.deepEqual((await network.decisions(hospital)).map((row) => row.value).sort(), ['8.8.8.8', 'beside-evil.xyz']);
  const later = await network.tell(company, ['1.1.1.1', 'later-evil.xyz']);
  assert.equal((await network.verdict(ana, later.event, { outcome: 'accept' })).status, 200);
  assert.equal(await network.decision(hospital, '1.1.1.1'), undefined, 'accepted, but not released yet');
  await release(network, berta, ana, 'ip', '1.1.1.1');
  assert.ok(await network.decision(hospital, '1.1.1.1'));
});

test('other programs block by to_ids alone: of what the guard stops only the author keeps it, until two people release it', async () => {
  await using world = await startGuarded();
  const { network, town, hospital, ana, berta } = world;
  const file = {
    Event: {
      info: 'held, refused and plain',
      distribution: '1',
      Tag: [{ name: 'tlp:green' }],
      Attribute: [
        ...['8.8.8.8', '10.1.2.3', '185.220.101.7'].map((value) => ({ type: 'ip-dst', value, to_ids: true })),
        { type: 'filename', value: 'kit.exe', to_ids: true },
        { type: 'ip-dst', value: '185.220.101.8', to_ids: false },
      ],
    },
  };
  const sent = await network.file(town, file, '?format=misp');
  assert.equal(sent.status, 202, sent.text);
  await network.settle();
  const event = sent.body.events[0] ?? assert.fail();
  const wanted = async (by: TestMember): Promise<readonly string[]> => {
    const answer = await by.get<{ Event: { Attribute: { value: string; to_ids: boolean }[] } }>(
      `/api/v1/events/${event}/export?format=misp`,
    );
    assert.equal(answer.body.Event.Attribute.length, 5, answer.text);
    return answer.body.Event.Attribute.filter((each) => each.to_ids)
      .map((each) => each.value)
      .sort();
  };
  assert.deepEqual(await wanted(town), ['10.1.2.3', '185.220.101.7', '8.8.8.8', 'kit.exe']);
  assert.deepEqual(await wanted(hospital), ['185.220.101.7', 'kit.exe']);
  const read = await hospital.get<{ indicators: { value: string; toIds: boolean }[] }>(`/api/v1/events/${event}/indicators`);
  assert.equal(read.body.indicators.find((each) => each.value === '8.8.8.8')?.toIds, false);
  await release(network, ana, berta, 'ip', '8.8.8.8');
  assert.deepEqual(await wanted(hospital), ['185.220.101.7', '8.8.8.8', 'kit.exe']);
  assert.deepEqual(await wanted(town), ['10.1.2.3', '185.220.101.7', '8.8.8.8', 'kit.exe']);
});
