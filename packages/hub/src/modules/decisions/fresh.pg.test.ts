import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitingTimes } from '#platform/shelf';
import { startTestHub, type TestHub, type TestMember } from '#test/hub';
import { defaultPolicy, type Evidence, fold } from './fold.ts';
import { kindAt, refold, strengthAt, type Transition } from './store.ts';

/** More than the short way asks for. */
const many = 80;
const names = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => `a${from + i}.example-import.com`);

async function report(member: TestMember, values: readonly string[], confidence: number): Promise<string> {
  const reply = await member.post<{ events: string[] }>('/api/v1/reports', {
    title: 'Import',
    confidence,
    indicators: values.map((value) => ({ type: 'domain', value })),
  });
  assert.equal(reply.status, 202, reply.text);
  return reply.body.events[0] ?? '';
}

type Row = {
  vkey: string;
  kind: number;
  value: string;
  strength: number;
  confidence: number;
  voices: number;
  evidence: number;
  until: Date;
};
const decided = (hub: TestHub): Promise<Row[]> =>
  hub.db.rows<Row>`
    select vkey, kind, value, strength, confidence, voices, evidence, until from shelf_immediate.decision where lane = 'c' and gone is null order by value`;

/** What folding everything from the tables would still change: nothing, when the short way has said the same. */
async function refolded(hub: TestHub): Promise<Transition[]> {
  const vkeys = (await decided(hub)).map((row) => row.vkey);
  const changed: Transition[] = [];
  await hub.leader.onShelves(['immediate'], async (tx, _audience, _items, _output, now) => {
    changed.push(...(await refold(tx, 'c', vkeys, defaultPolicy, 'narrowed', now, waitingTimes({ delayMs: 0 }, now))));
  });
  return changed;
}

test('an import of new values is decided as the specification and the long way say', async () => {
  await using hub = await startTestHub();
  const alice = await hub.member('Alice');
  // One value twice: one decision on two indicators.
  await report(alice, [...names(0, many), ...names(0, 1)], 40);
  await hub.settled();
  const rows = await decided(hub);
  assert.equal(rows.length, many);
  const event = await hub.db.one<{ voice: string; at: Date }>`select voice, published_at as at from shelf_immediate.event`;
  assert.ok(event);
  const evidence: Evidence = { voice: event.voice, at: event.at, confidence: 40, consolidated: false };
  for (const row of rows) {
    const expected = fold(kindAt(row.kind), [evidence], [], null, defaultPolicy);
    assert.deepEqual(
      { strength: strengthAt(row.strength), confidence: row.confidence, voices: row.voices, until: row.until },
      expected && { ...expected },
    );
  }
  assert.deepEqual(
    rows.filter((row) => row.evidence !== 1).map((row) => [row.value, row.evidence]),
    [['a0.example-import.com', 2]],
  );
  assert.deepEqual(await refolded(hub), []);
});

test('what somebody else has said before is not new: it is folded from all of its evidence', async () => {
  await using hub = await startTestHub();
  const [alice, bob] = [await hub.member('Alice'), await hub.member('Bob')];
  await report(alice, names(0, many), 40);
  await hub.settled();
  await report(bob, names(many / 2, many), 40);
  await hub.settled();
  const rows = await decided(hub);
  const twice = rows.filter((row) => row.voices === 2);
  assert.deepEqual(twice.map((row) => row.value).toSorted(), names(many / 2, many / 2).toSorted());
  assert.ok(twice.every((row) => strengthAt(row.strength) === 'consolidated' && row.confidence === 55));
  assert.equal(rows.length, many + many / 2);
  assert.deepEqual(await refolded(hub), []);
});

test('an import that is taken back leaves no decision behind, and what had a second voice stays', async () => {
  await using hub = await startTestHub();
  const [alice, bob] = [await hub.member('Alice'), await hub.member('Bob')];
  const event = await report(alice, names(0, many), 40);
  await report(bob, names(0, 1), 40);
  await hub.settled();
  const reply = await alice.post(`/api/v1/events/${event}/retraction`, { reason: 'a mistake' });
  assert.equal(reply.status, 200, reply.text);
  await hub.settled();
  assert.deepEqual(
    (await decided(hub)).map((row) => row.value),
    names(0, 1),
  );
});
