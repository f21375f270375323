import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMember } from '../hub.ts';
import { hourMs, startNetwork } from '../intel/network.ts';

type Code = { readonly code: string };
type Lift = { readonly id: string; readonly until: string | null };
const value = '185.220.101.7';

async function startLifting() {
  const network = await startNetwork();
  const { hub } = network;
  const town = await hub.member('Ayuntamiento de Alba');
  const hospital = await hub.member('Hospital de Boira');
  await network.tell(await hub.member('Puerto de Cala'), [value]);
  const id = (await network.decision(town, value))?.id ?? assert.fail();
  const lift = (by: TestMember, more: object = {}) =>
    by.post<Lift & Code>(`/api/v1/decisions/${id}/lift`, { reason: 'our partner', ...more });
  const actions = async (by: TestMember) => (await network.decisions(by)).map((row) => row.action).sort();
  const lifts = async (by: TestMember) => (await by.get<{ lifts: Lift[] }>('/api/v1/lifts')).body.lifts.map((each) => each.id);
  return { ...network, network, town, hospital, id, lift, actions, lifts };
}

test('a lift holds at home only, shows nowhere else, and its end puts the block back', async () => {
  await using world = await startLifting();
  const { network, town, hospital, id, lift, actions, lifts } = world;
  const shown = async (by: TestMember) => [
    (await by.get(`/api/v1/decisions/${id}`)).text,
    (await by.get('/api/v1/decisions')).text,
    (await by.get('/api/v1/lifts')).text,
  ];
  const before = await shown(hospital);
  const made = await lift(town);
  assert.equal(made.status, 201, made.text);
  await network.settle();
  assert.deepEqual(await actions(town), ['allow', 'block']);
  assert.equal((await town.get<{ lifted: boolean }>(`/api/v1/decisions/${id}`)).body.lifted, true);
  assert.deepEqual(await shown(hospital), before, 'nobody else can tell');
  const again = await lift(town);
  assert.deepEqual([again.status, again.body.code], [409, 'decisions.lifted_already']);

  const theirs = await hospital.call<Code>('DELETE', `/api/v1/lifts/${made.body.id}`);
  assert.deepEqual([theirs.status, theirs.body.code], [404, 'decisions.lift_not_found']);
  await network.settle();
  assert.deepEqual([await actions(town), await lifts(town), await lifts(hospital)], [['allow', 'block'], [made.body.id], []]);

  assert.equal((await town.call('DELETE', `/api/v1/lifts/${made.body.id}`)).status, 200);
  await network.settle();
  assert.deepEqual([await actions(town), await lifts(town)], [['block'], []]);
  assert.equal((await town.get<{ lifted: boolean }>(`/api/v1/decisions/${id}`)).body.lifted, false);
  assert.equal((await town.call('DELETE', `/api/v1/lifts/${made.body.id}`)).status, 404, 'ended once');
  assert.deepEqual(await shown(hospital), before);
});

test('an end in the past is refused, and nothing is lifted', async () => {
  await using world = await startLifting();
  const { network, clock, town, lift, actions, lifts } = world;
  for (const at of [clock.now().getTime(), clock.now().getTime() - 1, 0]) {
    const refused = await lift(town, { until: new Date(at).toISOString() });
    assert.deepEqual([refused.status, refused.body.code], [400, 'decisions.until_past']);
  }
  await network.settle();
  assert.deepEqual([await actions(town), await lifts(town)], [['block'], []]);
});

test('a lift with an end is over then: the block is in force again, and may be lifted anew', async () => {
  await using world = await startLifting();
  const { network, clock, town, id, lift, actions, lifts } = world;
  const made = await lift(town, { until: new Date(clock.now().getTime() + hourMs).toISOString() });
  assert.equal(made.status, 201, made.text);
  await network.settle();
  assert.deepEqual(await actions(town), ['allow', 'block']);
  await network.pass(hourMs + 1);
  assert.deepEqual(await actions(town), ['block']);
  assert.equal((await town.get<{ lifted: boolean }>(`/api/v1/decisions/${id}`)).body.lifted, false);
  assert.deepEqual(await lifts(town), []);
  assert.equal((await lift(town)).status, 201);
});

test('lifting its own report of before the delay frees a delayed member at home, and ends as its own block', async () => {
  await using world = await startLifting();
  const { network, hub } = world;
  const company = await hub.member('Paloma Security', 'provider');
  const sent = await network.tell(company, ['185.220.101.20']);
  await network.verdict(hub.admin, sent.event, { outcome: 'accept' });
  const own = (await network.decision(company, '185.220.101.20'))?.id ?? assert.fail();
  const made = await company.post<Lift>(`/api/v1/decisions/${own}/lift`, { reason: 'we looked again' });
  assert.equal(made.status, 201, made.text);
  await network.settle();
  assert.deepEqual(await world.actions(company), ['allow']);
  assert.equal((await company.call('DELETE', `/api/v1/lifts/${made.body.id}`)).status, 200);
  await network.settle();
  assert.deepEqual(await world.actions(company), ['block']);
});

test('a declared false positive goes to an assessor, whose retraction frees everybody', async () => {
  await using world = await startLifting();
  const { network, hub, town, hospital, id, lift } = world;
  assert.equal((await lift(town, { falsePositive: true })).status, 201);
  assert.equal((await hospital.get('/api/v1/decisions/declared')).status, 403);
  const declared = await hub.admin.get<{ declared: { decisionId: string; entityId: string }[] }>('/api/v1/decisions/declared');
  assert.deepEqual(
    declared.body.declared.map((each) => [each.decisionId, each.entityId]),
    [[id, town.entityId]],
  );
  assert.equal((await hospital.post(`/api/v1/decisions/${id}/ruling`, { ruling: 'retracted', reason: 'no' })).status, 403);
  assert.ok(await network.decision(hospital, value));
  assert.equal((await hub.admin.post(`/api/v1/decisions/${id}/ruling`, { ruling: 'retracted', reason: 'a printer' })).status, 200);
  await network.settle();
  assert.equal(await network.decision(hospital, value), undefined);
  assert.deepEqual((await hub.admin.get<{ declared: unknown[] }>('/api/v1/decisions/declared')).body.declared, []);
});

test('a decision that a member cannot see cannot be lifted by it, and looks like one that does not exist', async () => {
  await using world = await startLifting();
  const { hub, id } = world;
  const company = await hub.member('Paloma Security', 'provider');
  const strip = (text: string, of: string) => text.replaceAll(of, 'ID').replace(/"instance":"[^"]*"/, '');
  const unknown = '0b5e1004-7a11-4c0d-8e5e-5eed00000001';
  for (const path of ['', '/lift']) {
    const call = (of: string) =>
      path === '' ? company.get(`/api/v1/decisions/${of}`) : company.post(`/api/v1/decisions/${of}/lift`, { reason: 'x' });
    const [hidden, none] = [await call(id), await call(unknown)];
    assert.deepEqual([hidden.status, strip(hidden.text, id)], [none.status, strip(none.text, unknown)]);
    assert.equal(hidden.status, 404);
  }
});
