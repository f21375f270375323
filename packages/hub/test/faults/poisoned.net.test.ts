import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '#platform/ports';
import { startTestHub, type TestHub } from '../hub.ts';
import { gaps } from '../kill/invariants.ts';

const silent: Log = { info() {}, warn() {}, error() {} };
const report = (value: string) => ({ title: value, indicators: [{ value, type: 'domain' }] });

async function released(hub: TestHub): Promise<string[]> {
  await hub.settled();
  return (await hub.db.rows<{ value: string }>`select value from shelf_immediate.indicator order by value`).map(({ value }) => value);
}

test('an entry that cannot be carried out is set aside for the operator, and stops neither what came before nor what comes after', async () => {
  await using hub = await startTestHub({ log: silent });
  const alice = await hub.member('Alice');
  await alice.post('/api/v1/reports', report('before.com'));
  await hub.db.run`insert into bus.outbox (urgent, topic, payload) values (true, 'intel.published', '{"eventId": "no such thing"}')`;
  await alice.post('/api/v1/reports', report('after.com'));
  assert.deepEqual(await released(hub), ['after.com', 'before.com']);
  const failed = await hub.db.rows<{ topic: string; payload: unknown; error: string }>`select topic, payload, error from bus.failed`;
  assert.deepEqual(
    failed.map(({ topic, payload }) => ({ topic, payload })),
    [{ topic: 'intel.published', payload: { eventId: 'no such thing' } }],
  );
  assert.match(failed[0]?.error ?? '', /./);
  assert.deepEqual(await gaps(hub.db), []);
});

/** Makes the next `times` rows that are put on the shelf fail with an SQLSTATE. */
async function failNext(hub: TestHub, sqlstate: string, times: number): Promise<void> {
  // A sequence is not rolled back with the failed transaction, so it counts the failures.
  await hub.db.script(`
    create sequence public.failures; grant all on sequence public.failures to public;
    create function public.fail_some() returns trigger language plpgsql as $$
    begin
      if nextval('public.failures') <= ${times} then raise exception 'made for the test' using errcode = '${sqlstate}'; end if;
      return new;
    end $$;
    create trigger fail_some before insert on shelf_immediate.event for each row execute function public.fail_some()`);
}

for (const [sqlstate, meaning] of [
  ['53100', 'the disk is full'],
  ['57P01', 'the server is stopping'],
  ['40P01', 'two transactions met'],
] as const) {
  test(`an entry that fails twice because ${meaning} is tried again and not set aside`, async () => {
    await using hub = await startTestHub({ log: silent });
    const alice = await hub.member('Alice');
    await failNext(hub, sqlstate, 2);
    await alice.post('/api/v1/reports', report('again.com'));
    assert.deepEqual(await released(hub), ['again.com']);
    assert.deepEqual(await hub.db.rows`select topic from bus.failed`, []);
  });
}

test('control: an entry that fails twice for a reason of its own is set aside', async () => {
  await using hub = await startTestHub({ log: silent });
  const alice = await hub.member('Alice');
  await failNext(hub, 'P0001', 2);
  await alice.post('/api/v1/reports', report('never.com'));
  assert.deepEqual(await released(hub), []);
  assert.equal((await hub.db.rows`select topic from bus.failed`).length, 1);
});
