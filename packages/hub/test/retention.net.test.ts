import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayMs, startNetwork } from './intel/network.ts';

/** Five months of a hub: a report, a long time, and another one. */
async function longLived(options: Parameters<typeof startNetwork>[0]) {
  const network = await startNetwork(options);
  const { hub } = network;
  const source = await hub.member('Puerto de Cala');
  await network.tell(source, ['old.example-one.com'], { title: 'Old' });
  await network.pass(150 * dayMs);
  await network.tell(source, ['new.example-two.com'], { title: 'New' });
  const count = async () => {
    const row = await hub.db.one<Record<string, number>>`
      select (select count(*) from shelf_immediate.entry) as entries, (select count(*) from shelf_immediate.batch) as batches,
             (select count(*) from bus.entry) as log, (select count(*) from trail.entry) as trail, (select count(*) from intel.event) as events,
             (select count(*) from shelf_immediate.event) as released, (select count(*) from shelf_immediate.decision) as decisions`;
    return row ?? assert.fail();
  };
  return { network, hub, source, count, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
}

test('what has been kept for long enough goes, from the beginning of each lane; the newest batch, trail, events and decisions stay', async () => {
  await using world = await longLived({ keepDays: { entries: 90, batches: 30, log: 90 } });
  const { hub, network, source, count } = world;
  const before = await count();
  // The log has the database's clock.
  const half = Math.floor(Number(before.log) / 2);
  await hub.db.run`
    update bus.entry set numbered_at = ${network.clock.now()}::timestamptz - case when position <= ${half} then interval '100 days' else interval '0' end`;
  const gone = await hub.cutOld();
  const after = await count();
  assert.ok(Number(after.entries) < Number(before.entries) && Number(after.entries) > 0);
  assert.ok(Number(after.batches) < Number(before.batches) && Number(after.batches) > 0);
  assert.deepEqual([after.log, gone.get('log')], [Number(before.log) - half, half]);
  for (const kept of ['trail', 'events', 'released', 'decisions']) assert.equal(after[kept], before[kept], kept);
  const broken = await hub.db.rows`
    select lane from shelf_immediate.lane l
     where version > 0 and not exists (select from shelf_immediate.batch b where b.lane = l.lane and b.version = l.version and b.hash = l.hash)`;
  assert.deepEqual(broken, []);
  // And everything goes on.
  await network.tell(source, ['next.example-three.com'], { title: 'Next' });
  assert.deepEqual([...(await network.titles(source))].toSorted(), ['New', 'Next', 'Old']);
  assert.equal((await hub.cutOld()).get('batches of immediate'), 0);
});

test('without a time nothing goes', async () => {
  await using world = await longLived({ keepDays: { entries: 0 } });
  const before = await world.count();
  assert.equal((await world.hub.cutOld()).size, 0);
  assert.deepEqual(await world.count(), before);
});
