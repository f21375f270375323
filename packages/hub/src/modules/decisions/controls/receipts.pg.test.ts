import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Receipt, ReceiptState } from '@rebato/contract';
import { type ControlsWorld, startControlsWorld } from '#test/controls-world';
import { cutBatches, cutReceipts, deleteExpiredTokens } from '../retention.ts';
import { limits } from './limits.ts';
import { colourOf } from './status.ts';

const address = { kind: 'ip', value: '198.51.100.7' } as const;

async function blocked(
  world: ControlsWorld,
  lane = 'c',
  shelf = 'immediate',
  value: string = address.value,
): Promise<{ id: string; channel: string; version: number }> {
  const batch = await world.seal(shelf, lane, { add: [{ kind: 'ip', value }] });
  return { id: batch.changes[0]?.id ?? '', channel: batch.channel, version: batch.version };
}
function receipt(
  world: ControlsWorld,
  on: { id: string; channel: string; version: number },
  state: ReceiptState = 'applied',
  more: Partial<Receipt> = {},
): Receipt {
  return { decision: on.id, channel: on.channel, version: on.version, state, at: world.clock.now().toISOString(), ...more };
}
const rows = (world: ControlsWorld) =>
  world.db.rows<{
    ms: number;
    laneMs: number;
    counts: boolean;
    state: number;
  }>`select ms, lane_ms, counts, state from decisions.receipt order by state, version`;
const alarms = async (world: ControlsWorld, controlId: string) =>
  (
    await world.db.rows<{
      code: string;
      count: number;
    }>`select code, count from decisions.alarm where control_id = ${controlId} order by code`
  ).map(({ code, count }) => `${code} ${count}`);

test('a receipt is on record when it is answered, counts once however often it is sent, and measures by the hub clock', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const { actor } = await world.enrolled(owner);
  const decision = await blocked(world);
  world.clock.advance(180);
  const wrongClock = { at: '2020-01-01T00:00:00Z' };
  const same = receipt(world, decision, 'applied', wrongClock);
  assert.equal(await world.controls.takeReceipts(actor, [same], undefined), 1);
  assert.deepEqual([...(await rows(world))], [{ ms: 180, laneMs: 180, counts: true, state: 0 }]);
  world.clock.advance(5_000);
  assert.deepEqual(await Promise.all([1, 2, 3].map(() => world.controls.takeReceipts(actor, [same, same], undefined))), [2, 2, 2]);
  assert.deepEqual([...(await rows(world))], [{ ms: 180, laneMs: 180, counts: true, state: 0 }]);
  assert.deepEqual(await world.controls.decisionTimes(owner.actor, decision.id, { entityId: owner.id }), {
    count: 1,
    p50: 180,
    p95: 180,
    p99: 180,
    applied: 1,
    refused: 0,
    withdrawn: 0,
  });
});

test('receipts that cannot be true are not recorded but alarmed: never sent, another reader’s channel, a version to come, another control', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const { id, actor } = await world.enrolled(owner);
  const other = world.addOwner();
  const decision = await blocked(world);
  const theirs = await blocked(world, `e:${other.id}`, 'immediate', '198.51.100.77');
  const elsewhere = await blocked(world, 'c', 'informed');
  const mine = { ...decision, id: randomUUID() };
  const bad = [
    receipt(world, mine),
    receipt(world, theirs),
    receipt(world, elsewhere),
    receipt(world, { ...theirs, channel: decision.channel }),
    receipt(world, { ...decision, version: decision.version + 1 }),
    receipt(world, { ...decision, channel: 'nonsense' }),
  ];
  assert.equal(await world.controls.takeReceipts(actor, [...bad, receipt(world, decision)], undefined), 1);
  assert.equal((await rows(world)).length, 1);
  assert.deepEqual(await alarms(world, id), ['receipt_channel 3', 'receipt_unsent 2', 'receipt_version 1']);
  await world.controls.takeReceipts(actor, [receipt(world, mine)], undefined);
  assert.deepEqual(await alarms(world, id), ['receipt_channel 3', 'receipt_unsent 3', 'receipt_version 1']);
  const shown = (await world.controls.statusOf([await world.controls.showControl(owner.actor, id)])).get(id);
  assert.deepEqual(shown?.alarms.map(({ code }) => code).sort(), ['receipt_channel', 'receipt_unsent', 'receipt_version']);
  await assert.rejects(world.controls.takeReceipts(owner.actor, [receipt(world, decision)], undefined), { code: 'controls.not_found' });
});

test('a withdrawal measures from the removal; a decision whose entry was taken over is still known; old ones do not count', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const early = await blocked(world, 'c', 'immediate', '198.51.100.1');
  world.clock.advance(3_600_000);
  const { id, actor } = await world.enrolled(owner);
  await world.controls.takeReceipts(actor, [receipt(world, early)], undefined);
  const own = await blocked(world, `e:${owner.id}`);
  await world.controls.takeReceipts(actor, [receipt(world, own)], undefined);
  world.clock.advance(60_000);
  const gone = await world.seal('immediate', 'c', { remove: [{ kind: 'ip', value: '198.51.100.1' }] });
  await world.seal('immediate', `e:${owner.id}`, { add: [{ ...address, id: randomUUID(), action: 'allow' }] });
  world.clock.advance(90);
  const sent = [
    receipt(world, { ...early, version: gone.version }, 'withdrawn'),
    receipt(world, { ...own, version: own.version }, 'refused', { reason: 'local_never_block' }),
  ];
  assert.equal(await world.controls.takeReceipts(actor, sent, undefined), 2);
  assert.deepEqual(await alarms(world, id), []);
  const all = await rows(world);
  assert.deepEqual(all.map(({ state, counts }) => [state, counts]).sort(), [
    [0, false],
    [0, true],
    [1, false],
    [2, false],
  ]);
  assert.equal(all.find(({ state }) => state === 2)?.laneMs, 90);
  assert.equal((await world.controls.times(owner.actor, { entityId: owner.id }, 30)).count, 1);
});

test('the ledger shows members their own controls by their own shelf’s time, and the network to those who look after it', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const mallory = world.addOwner();
  const { id, actor } = await world.enrolled(owner);
  const { actor: second } = await world.enrolled(mallory);
  const decision = await blocked(world);
  // The value was reported a day before it was released to this shelf.
  world.firstArrivals.set(decision.id, new Date(world.clock.now().getTime() - 86_400_000));
  await world.db.run`update decisions.control set enrolled_at = enrolled_at - interval '2 days', changed_at = clock_timestamp()`;
  await world.controls.refresh();
  world.clock.advance(200);
  await world.controls.takeReceipts(actor, [receipt(world, decision)], undefined);
  world.clock.advance(100);
  await world.controls.takeReceipts(second, [receipt(world, decision)], undefined);
  const coordinator = world.actorOf(owner.id, { roles: ['coordinator'], scopes: ['read', 'assess', 'members'] });
  assert.deepEqual((await world.controls.times(owner.actor, { entityId: owner.id }, 30)).p99, 200);
  assert.equal((await world.controls.times(coordinator, { entityId: owner.id }, 30)).p99, 86_400_200);
  assert.equal((await world.controls.times(coordinator, null, 30)).count, 2);
  assert.equal((await world.controls.timesOver(coordinator, null, 30, 60_000)).length, 1);
  await assert.rejects(world.controls.times(owner.actor, null, 30), { code: 'controls.network_only' });
  assert.deepEqual(await world.controls.times(mallory.actor, { entityId: owner.id }, 30), { count: 0, p50: null, p95: null, p99: null });
  await assert.rejects(world.controls.times(mallory.actor, { controlId: id }, 30), { code: 'controls.not_found' });
  assert.equal((await world.controls.decisionTimes(mallory.actor, decision.id, { entityId: mallory.id })).applied, 1);
});

test('a report tells what is loaded; silence is seen after a minute, and only by those who may see the control', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const mallory = world.addOwner();
  const { id, actor } = await world.enrolled(owner);
  const set = { count: 1, digest: 'a'.repeat(64) };
  const status = async () => (await world.controls.statusOf([await world.controls.showControl(owner.actor, id)])).get(id);
  await world.controls.takeReceipts(actor, [], { versions: { 'immediate/c': 4 }, wanted: set, loaded: set, driftRepaired: 2, alarms: [] });
  await world.controls.flush();
  assert.deepEqual(
    [(await status())?.agrees, (await status())?.colour, (await status())?.report?.versions],
    [true, 'green', { 'immediate/c': 4 }],
  );
  await world.controls.takeReceipts(actor, [], { versions: {}, wanted: set, loaded: { ...set, count: 0 }, driftRepaired: 2, alarms: [] });
  assert.equal((await status())?.agrees, false);
  await world.controls.flush();
  world.clock.advance(45_000);
  assert.equal((await status())?.colour, 'amber');
  assert.deepEqual(await world.controls.silentControls(owner.actor), []);
  world.clock.advance(20_000);
  assert.equal((await status())?.colour, 'red');
  assert.deepEqual(
    (await world.controls.silentControls(owner.actor)).map((control) => control.id),
    [id],
  );
  assert.deepEqual(await world.controls.silentControls(mallory.actor), []);
  const now = world.clock.now();
  assert.equal(colourOf({ feed: 'list', enrolledAt: now, revokedAt: null }, now, now), 'none');
});

test('a thousand controls that answer one decision at once are stored in a few transactions, each of them once', async (t) => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const controls = 1_000;
  await world.db.run`
    insert into decisions.control (id, entity_id, name, target, feed, kinds, min_confidence, capacity, channels, created_at, created_by, enrolled_at)
    select gen_random_uuid(), ${owner.id}, 'c' || n, 'x', 'agent', '{0}', 0, 100, array['immediate/c'], ${world.clock.now()}, 'test', ${world.clock.now()} from generate_series(1, ${controls}) n`;
  await world.controls.refresh();
  const ids = (await world.db.rows<{ id: string }>`select id from decisions.control`).map(({ id }) => id);
  const decision = await blocked(world);
  const startedMs = performance.now();
  const answers = await Promise.all(
    ids.map((id) => world.controls.takeReceipts({ ...owner.actor, kind: 'agent', id }, [receipt(world, decision)], undefined)),
  );
  t.diagnostic(`${controls} receipts on record after ${Math.round(performance.now() - startedMs)} ms`);
  assert.equal(answers.filter((recorded) => recorded === 1).length, controls);
  assert.equal((await rows(world)).length, controls);
  assert.equal((await world.controls.times(owner.actor, { entityId: owner.id }, 1)).count, controls);
});

test('receipts beyond what may wait are sent back to their agents and nothing of them is kept', async () => {
  await using world = await startControlsWorld();
  const { actor } = await world.enrolled(world.addOwner());
  const decision = await blocked(world);
  const many = Array.from({ length: limits.receiptsPerPost }, (_, n) =>
    receipt(world, decision, 'applied', { version: n === 0 ? 1 : 0, reason: String(n) }),
  );
  const sent = Array.from({ length: limits.receiptsWaiting / limits.receiptsPerPost + 1 }, () =>
    world.controls.takeReceipts(actor, many, undefined),
  );
  const ends = await Promise.allSettled(sent);
  const refused = ends.filter((end) => end.status === 'rejected');
  assert.equal(refused.length, 1);
  assert.equal((refused[0]?.reason as { code: string } | undefined)?.code, 'controls.busy');
  assert.equal((await rows(world)).length, 2);
});

test('readers see on their shelf how many controls of their lane applied a decision, by each one’s last word, and nothing of other lanes', async () => {
  await using world = await startControlsWorld();
  const duty = world.controls.duties(world.leader).find(({ name }) => name === 'sum up receipts');
  const owner = world.addOwner();
  const informed = world.addOwner({ shelf: 'informed' });
  const [one, two, three] = [await world.enrolled(owner), await world.enrolled(owner), await world.enrolled(world.addOwner())];
  const late = await world.enrolled(informed);
  const decision = await blocked(world);
  const own = await blocked(world, `e:${owner.id}`, 'immediate', '198.51.100.8');
  const there = await world.seal('informed', 'c', { add: [{ ...address, id: decision.id }] });
  const sums = async (shelf: string) => {
    const pool = world.pools.get(shelf) ?? assert.fail();
    const found = await pool.rows<{ lane: string; text: string }>`
      select lane, concat_ws(' ', applied, refused, withdrawn, coalesce(first_ms::text, '-'), coalesce(median_ms::text, '-')) as text from toque order by lane`;
    return found.map(({ lane, text }) => `${lane} ${text}`);
  };
  for (const { actor } of [one, two, three]) {
    world.clock.advance(100);
    await world.controls.takeReceipts(actor, [receipt(world, decision)], undefined);
  }
  await world.controls.takeReceipts(one.actor, [receipt(world, own, 'refused')], undefined);
  await world.controls.takeReceipts(
    late.actor,
    [receipt(world, { ...decision, channel: there.channel, version: there.version })],
    undefined,
  );
  assert.equal(await duty?.run(), false);
  assert.deepEqual(await sums('immediate'), ['c 3 0 0 100 200', `e:${owner.id} 0 1 0 - -`]);
  assert.deepEqual(await sums('informed'), ['c 1 0 0 300 300']);
  const gone = await world.seal('immediate', 'c', { remove: [address] });
  await world.controls.takeReceipts(two.actor, [receipt(world, { ...decision, version: gone.version }, 'withdrawn')], undefined);
  await duty?.run();
  assert.deepEqual((await sums('immediate'))[0], 'c 2 0 1 100 200');
  assert.deepEqual([...(await world.db.rows`select from decisions.toque_due`)], []);
});

test('a receipt for a batch that is not kept any more is believed as long as its decision is known', async () => {
  await using world = await startControlsWorld();
  const { actor, id } = await world.enrolled(world.addOwner());
  const decision = await blocked(world);
  world.clock.advance(1_000);
  await blocked(world, 'c', 'immediate', '198.51.100.8');
  const cut = cutBatches(world.db, 'immediate');
  assert.equal(await cut(new Date(world.clock.now().getTime() - 500), 100), 1);
  assert.equal(await cut(new Date(world.clock.now().getTime() + 500), 100), 0, 'the newest stays');
  await world.controls.takeReceipts(actor, [receipt(world, decision)], undefined);
  assert.deepEqual(await alarms(world, id), []);
  assert.equal((await rows(world)).length, 1);
  await world.controls.takeReceipts(actor, [receipt(world, { ...decision, id: randomUUID() })], undefined);
  assert.deepEqual(await alarms(world, id), ['receipt_unsent 1']);
});

test('receipts go in steps when their time is over, and younger ones stay; tokens go when they have run out', async () => {
  await using world = await startControlsWorld();
  const { actor } = await world.enrolled(world.addOwner());
  const one = await blocked(world);
  const two = await blocked(world, 'c', 'immediate', '198.51.100.8');
  await world.controls.takeReceipts(actor, [receipt(world, one), receipt(world, two)], undefined);
  world.clock.advance(1_000);
  await world.controls.takeReceipts(actor, [receipt(world, one, 'withdrawn')], undefined);
  const cut = cutReceipts(world.db);
  const before = new Date(world.clock.now().getTime() - 500);
  assert.deepEqual([await cut(before, 1), await cut(before, 1), await cut(before, 1)], [1, 1, 0]);
  assert.deepEqual(
    (await rows(world)).map((row) => row.state),
    [2],
  );
  assert.equal(await deleteExpiredTokens(world.db, world.clock.now()), 0);
  assert.equal(await deleteExpiredTokens(world.db, new Date(world.clock.now().getTime() + 2 * limits.tokenLifeMs)), 1);
});
