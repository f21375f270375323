import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestHub } from '../hub.ts';

type Acknowledgement = { readonly id: string; readonly events: readonly string[]; readonly repeated: boolean };

const body = { title: 'Once', indicators: [{ value: 'once-and-no-more.com', type: 'domain' }] };
const times = 1_000;
/** Requests under way at once. */
const width = 50;

test('the same report a thousand times under one key is one report, one event and one decision, and every answer names it', async () => {
  await using hub = await startTestHub();
  const alice = await hub.member('Alice');
  const bob = await hub.member('Bob');
  const answers: { readonly status: number; readonly body: Acknowledgement }[] = [];
  for (let done = 0; done < times; done += width) {
    answers.push(
      ...(await Promise.all(
        Array.from({ length: width }, () => alice.post<Acknowledgement>('/api/v1/reports', body, { 'idempotency-key': 'k1' })),
      )),
    );
  }
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
  assert.equal(new Set(answers.map((answer) => `${answer.body.id} ${answer.body.events.join()}`)).size, 1);
  assert.equal(answers.filter((answer) => !answer.body.repeated).length, 1);
  await hub.settled();
  const counts = await hub.db.one<{ reports: number; events: number; entries: number; decisions: number; released: number }>`
    select (select count(*) from intel.report) as reports, (select count(*) from intel.event) as events,
           (select count(*) from bus.entry where topic = 'intel.published') as entries, (select count(*) from shelf_immediate.decision) as decisions,
           (select count(*) from shelf_immediate.indicator) as released`;
  assert.deepEqual(counts, { reports: 1, events: 1, entries: 1, decisions: 1, released: 1 });

  const other = await alice.post<{ code: string }>('/api/v1/reports', { ...body, title: 'Another' }, { 'idempotency-key': 'k1' });
  assert.deepEqual([other.status, other.body.code], [409, 'intel.idempotency_reused']);
  // A key is its owner's: somebody else's same key is another report.
  const theirs = await bob.post<Acknowledgement>('/api/v1/reports', body, { 'idempotency-key': 'k1' });
  assert.deepEqual([theirs.status, theirs.body.repeated], [202, false]);
  assert.notEqual(theirs.body.id, answers[0]?.body.id);
});

test('control: without a key the same requests are as many reports', async () => {
  await using hub = await startTestHub();
  const alice = await hub.member('Alice');
  await Promise.all(Array.from({ length: 20 }, () => alice.post('/api/v1/reports', body)));
  assert.equal((await hub.db.one<{ n: number }>`select count(*) as n from intel.report`)?.n, 20);
});
