import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { manualClock } from '#platform/clock';
import { openPool, type Pool } from '#platform/db';
import { sharedTestPostgres } from '#platform/postgres/scratch';
import { createPace, type InForce, type PaceInput, paceLimits } from './pace.ts';
import { addSpread, emptySpread } from './spread.ts';

let db: Pool;
before(async () => {
  const { url } = await sharedTestPostgres();
  const server = openPool(url, { max: 1, application: 'test' });
  const name = `pace_${randomUUID().slice(0, 8)}`;
  await server.run`create database ${server.name(name)}`;
  await server.close();
  const own = new URL(url);
  own.pathname = `/${name}`;
  db = openPool(own.href, { max: 2, application: 'test' });
  await db.run`create schema guard`;
  await db.run`create table guard.pace (source uuid not null, hour timestamptz not null, blocks bigint not null, primary key (source, hour))`;
});
after(() => db.close());

const hourMs = 3_600_000;
const town = '11111111-1111-4111-8111-111111111111';
const company = '22222222-2222-4222-8222-222222222222';
const input = (blocks: number, more: Partial<PaceInput> = {}): PaceInput => ({
  ...{ source: town, shelf: 'now', blocks, nets: [], communal: true, feed: false, perHour: undefined },
  ...more,
});
const onShelf = (entries: number, nets: readonly string[] = []): InForce => ({
  entries,
  nets: new Set(nets),
  spread: addSpread(emptySpread, nets),
});

async function world(inForce: ReadonlyMap<string, InForce> = new Map()) {
  await db.run`delete from guard.pace`;
  const clock = manualClock(new Date('2026-11-23T10:20:00Z'));
  const make = async () => {
    const pace = createPace({ db, clock, inForce: async () => inForce });
    await pace.load();
    return pace;
  };
  const pace = await make();
  const take = (asked: PaceInput): string | undefined => {
    const held = pace.judge(asked);
    if (held === undefined) pace.count(asked);
    return held?.why;
  };
  return { clock, pace, make, take };
}

test('pace: a source makes so many blocks in an hour, then they wait, and the next hour is a new one', async () => {
  const { take, clock } = await world();
  for (let n = 0; n < 10; n += 1) assert.equal(take(input(500)), undefined);
  assert.equal(take(input(1)), 'source');
  assert.equal(take(input(0)), undefined, 'what makes no block is not held');
  assert.equal(take(input(5_000, { source: company })), undefined, 'and neither is somebody else');
  clock.advance(hourMs);
  assert.equal(take(input(5_000)), undefined);
});

test('pace: five times the usual passes where more is usual, and held blocks do not become usual', async () => {
  const { pace, clock, take } = await world();
  for (let hour = 0; hour < 5; hour += 1) {
    for (let n = 0; n < 4; n += 1) assert.equal(take(input(1_000)), undefined);
    assert.equal(take(input(2_000)), 'source');
    await pace.flush();
    clock.advance(hourMs);
  }
  await pace.load();
  const median = await db.one<{ blocks: number }>`select max(blocks) as blocks from guard.pace where source = ${town}`;
  assert.equal(Number(median?.blocks), 4_000);
  for (let n = 0; n < 20; n += 1) assert.equal(take(input(1_000)), undefined, `${n}`);
  assert.equal(take(input(1_000)), 'source');
});

test('pace: everybody together, but only those who read what the others sent', async () => {
  const { take } = await world();
  const others = Array.from({ length: 4 }, (_none, n) => `33333333-3333-4333-8333-33333333333${n}`);
  for (const source of others) assert.equal(take(input(5_000, { source })), undefined);
  assert.equal(take(input(1)), 'network');
  assert.equal(take(input(1, { communal: false })), undefined, 'who waits for the others learns nothing of them');
});

test('pace: one event adds no more than a step; of a long list no more than a share', async () => {
  const { take } = await world(
    new Map([
      ['now', onShelf(10_000)],
      ['later', onShelf(100)],
    ]),
  );
  assert.equal(take(input(2_001)), 'step');
  assert.equal(take(input(2_000)), undefined);
  assert.equal(take(input(2_001, { source: company, shelf: 'later', communal: false })), undefined, 'by the list that the source reads');
  assert.equal(take(input(paceLimits.step + 1, { source: company, shelf: 'later', communal: false })), 'step');
});

test('pace: a feed is held by nothing but by what its networks add up to, and counts for nobody', async () => {
  const { take } = await world(
    new Map([
      [
        'now',
        onShelf(
          0,
          Array.from({ length: 16 }, (_none, n) => `45.95.${n}.0/24`),
        ),
      ],
    ]),
  );
  assert.equal(take(input(1_000_000, { feed: true })), undefined);
  assert.equal(take(input(5_000)), undefined, 'the others have their own hour');
  assert.equal(take(input(1, { feed: true, nets: ['45.95.77.0/24'] })), 'spread');
  assert.equal(take(input(1, { feed: true, nets: ['45.96.77.0/24'] })), undefined);
  assert.equal(take(input(1, { source: company, nets: ['45.95.3.0/24'] })), undefined, 'what is blocked already adds nothing');
  assert.equal(take(input(8_000, { source: company, perHour: 10_000, communal: false })), undefined, 'a limit of its own');
});

test('pace: processes share the count, and a restart does not begin anew', async () => {
  const { pace, make, take } = await world();
  const second = await make();
  assert.equal(take(input(4_000)), undefined);
  assert.equal(second.judge(input(4_000)), undefined, 'the control: not told yet');
  await pace.flush();
  await second.load();
  assert.equal(second.judge(input(4_000))?.why, 'source');
  assert.equal((await make()).judge(input(4_000))?.why, 'source');
  second.count(input(500));
  await second.flush();
  await pace.flush();
  await pace.load();
  assert.equal(take(input(500)), undefined);
  assert.equal(take(input(1)), 'source');
});

test('pace: the words of a hold do not say how much others sent', async () => {
  const { pace, take } = await world();
  const own = pace.judge(input(5_001));
  for (let n = 0; n < 4; n += 1) take(input(5_000, { source: `33333333-3333-4333-8333-33333333333${n}` }));
  const others = pace.judge(input(1));
  assert.deepEqual([own?.why, others?.why], ['step', 'network']);
  assert.deepEqual(own?.hold, others?.hold);
  assert.doesNotMatch(JSON.stringify(own?.hold), /\d/);
});
