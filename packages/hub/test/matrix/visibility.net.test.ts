/**
 * Owner × marking × distribution × moment, read by each kind of reader inside and outside, through five doors, against the policy as one function.
 * A sample in which every two values meet; `REBATO_TEST_MATRIX=all` takes every combination.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { manualClock } from '#platform/clock';
import { startTestHub, type TestHub, type TestMember } from '../hub.ts';
import { hand } from './actors.ts';
import { allCases, type Case, pairwise, type ReaderKind, readerKinds, sees, tlps } from './visibility-oracle.ts';

const clock = manualClock(new Date('2026-03-02T08:00:00.000Z'));
const hourMs = 3_600_000;
const cases = process.env.REBATO_TEST_MATRIX === 'all' ? allCases() : pairwise(allCases());

type Item = { readonly at: Case; readonly id: string; readonly value: string };
type Place = { readonly member: TestMember; readonly kind: ReaderKind; readonly inside: boolean };

let hub: TestHub;
const owners = new Map<ReaderKind, TestMember>();
const places: Place[] = [];
const items: Item[] = [];
let groupId = '';

async function passes(accept: boolean): Promise<void> {
  await hub.db.run`delete from intel.auto_rule`;
  for (const member of owners.values())
    await hub.db.run`
      insert into intel.auto_rule (id, entity_id, kinds, accept, created_at, created_by)
      values (gen_random_uuid(), ${member.entityId}, '{}', ${accept}, ${clock.now()}, 'test')`;
}

async function report(at: Case): Promise<void> {
  const value = `case-${items.length}-evil.xyz`;
  const marking = { tlp: at.tlp, distribution: at.distribution, ...(at.distribution === 'group' ? { groupId } : {}) };
  const owner = owners.get(at.owner);
  const body = { title: value, ...marking, indicators: [{ value }] };
  const sent = await owner?.post<{ events: string[] }>('/api/v1/reports', body);
  assert.equal(sent?.status, 202, sent?.text ?? '');
  items.push({ at, id: sent?.body.events[0] ?? '', value });
}

async function retract(state: Case['state']): Promise<void> {
  for (const { at, id } of items) {
    if (at.state !== state) continue;
    const told = await owners.get(at.owner)?.post(`/api/v1/events/${id}/retraction`, { reason: 'a mistake' });
    assert.equal(told?.status, 200, told?.text ?? '');
  }
}

before(async () => {
  hub = await startTestHub({ clock });
  const join = (kind: ReaderKind, name: string): Promise<TestMember> =>
    hub.member(name, kind === 'public' ? 'public' : kind === 'guest' ? 'guest' : 'provider', kind === 'gold' ? 'gold' : undefined);
  for (const kind of readerKinds) {
    owners.set(kind, await join(kind, `owner ${kind}`));
    for (const inside of [true, false]) places.push({ member: await join(kind, `reader ${kind} ${inside}`), kind, inside });
  }
  const members = [...owners.values(), ...places.filter((place) => place.inside).map((place) => place.member)].map((each) => each.entityId);
  groupId = (await hub.members.createGroup(hand, { name: 'Ring', ownerEntityId: members[0] ?? '', members })).id;

  const early = (at: Case): boolean => at.state === 'released' || at.state === 'retracted after';
  await passes(true);
  for (const at of cases.filter(early)) await report(at);
  await hub.settled();
  clock.advance(25 * hourMs);
  await hub.settled();
  await retract('retracted after');
  for (const at of cases.filter((each) => each.state === 'waiting' || each.state === 'retracted before')) await report(at);
  await hub.settled();
  await retract('retracted before');
  await passes(false);
  for (const at of cases.filter((each) => each.state === 'assessing')) await report(at);
  await hub.settled();
  const failed = await hub.db.rows<{ error: string }>`select error from bus.failed`;
  assert.deepEqual(failed, []);
});
after(() => hub.stop());

const say = (at: Case, kind: string, relation: string): string =>
  `${at.owner}'s TLP:${at.tlp} to ${at.distribution}, ${at.state}, read by ${relation} (${kind})`;

async function pages<T>(member: TestMember, path: string, name: string): Promise<T[]> {
  const all: T[] = [];
  for (let after = ''; ; ) {
    const { status, body, text } = await member.get<Record<string, unknown>>(`${path}${after}`);
    assert.equal(status, 200, text);
    all.push(...(body[name] as T[]));
    if (typeof body.next !== 'string') return all;
    after = `&after=${encodeURIComponent(body.next)}`;
  }
}

/** What one reader finds through the doors that answer with lists. */
async function found(member: TestMember) {
  const events = await pages<{ id: string }>(member, '/api/v1/events?limit=200', 'events');
  const decisions = await pages<{ value: string }>(member, '/api/v1/decisions?limit=200', 'decisions');
  const gone = await pages<{ value: string }>(member, '/api/v1/decisions?limit=200&gone=true', 'decisions');
  const values = new Set<string>();
  for (let from = 0; from < items.length; from += 100) {
    const asked = items.slice(from, from + 100).map(({ value }) => value);
    const { body, text } = await member.post<{ values: { value: string; events: unknown[] }[] }>('/api/v1/values/lookup', {
      values: asked,
    });
    for (const each of body.values ?? assert.fail(text)) if (each.events.length > 0) values.add(each.value);
  }
  const list = await member.get<string>('/feeds/domain.txt');
  return {
    events: new Set(events.map(({ id }) => id)),
    decisions: new Set(decisions.map(({ value }) => value)),
    gone: new Set(gone.map(({ value }) => value)),
    values,
    list: new Set(String(list.text).split('\n')),
  };
}

type Look = { readonly at: Case; readonly id: string; readonly value: string; readonly want: boolean; readonly text: string };

async function check(member: TestMember, looks: readonly Look[]): Promise<string[]> {
  const wrong: string[] = [];
  const doors = await found(member);
  for (const { at, id, value, want, text } of looks) {
    const complain = (door: string, got: unknown): void => void wrong.push(`${text}: ${door} says ${got}, the policy ${want}`);
    if (doors.events.has(id) !== want) complain('the list of events', !want);
    if (doors.values.has(value) !== want) complain('the look-up of its value', !want);
    const [one, out] = await Promise.all([member.get(`/api/v1/events/${id}`), member.get(`/api/v1/events/${id}/export?format=misp`)]);
    if ((one.status === 200) !== want) complain('the event by its id', one.status);
    if ((out.status === 200) !== want) complain('the export', out.status);
    if (!want && (one.status !== 404 || out.status !== 404)) complain('a refusal', one.status);
    // A decision follows from what is seen; the guard may keep a marking that is too narrow from becoming one.
    for (const [door, set] of [
      ['decisions', doors.decisions],
      ['block list', doors.list],
    ] as const) {
      if (set.has(value) && !want) complain(`the ${door}`, true);
      if (!set.has(value) && want && tlps.indexOf(at.tlp) <= 2) complain(`the ${door}`, false);
    }
    // Who never had it sees no trace of its end either.
    if (doors.gone.has(value) && (at.state === 'assessing' || (at.state === 'waiting' && !want))) complain('the past decisions', true);
  }
  return wrong;
}

test('readers who are not the owner find exactly what has been released to them, through every door', async (t) => {
  const wrong: string[] = [];
  let looks = 0;
  for (const { member, kind, inside } of places) {
    const relation = inside ? 'member' : 'other';
    const mine = items.map(({ at, id, value }) => ({ at, id, value, want: sees(at, { kind, relation }), text: say(at, kind, relation) }));
    looks += mine.length;
    wrong.push(...(await check(member, mine)));
  }
  t.diagnostic(`${items.length} events, ${looks} combinations of event and reader`);
  assert.deepEqual(wrong, []);
});

test('owners find their own events at once, and what became of the others among their reports', async () => {
  const wrong: string[] = [];
  for (const [kind, member] of owners) {
    const mine = items
      .filter(({ at }) => at.owner === kind)
      .map(({ at, id, value }) => ({ at, id, value, want: sees(at, { kind, relation: 'owner' }), text: say(at, kind, 'owner') }));
    wrong.push(...(await check(member, mine)));
    for (const { id, text } of mine) {
      const judged = await member.get(`/api/v1/reports/events/${id}/indicators`);
      if (judged.status !== 200) wrong.push(`${text}: his own report answers ${judged.status}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('nobody but the owner learns of an event through reports', async () => {
  for (const { member } of places)
    for (const { id } of items.slice(0, 40)) assert.equal((await member.get(`/api/v1/reports/events/${id}/indicators`)).status, 404);
});

test('who never had what was retracted before its release finds no trace of it when the delay is over', async () => {
  clock.advance(25 * hourMs);
  await hub.settled();
  for (const { member, kind } of places.filter((place) => place.kind === 'informed' || place.kind === 'guest')) {
    const { events, values, decisions, gone } = await found(member);
    for (const { at, id, value } of items.filter((item) => item.at.state === 'retracted before'))
      assert.ok(!events.has(id) && !values.has(value) && !decisions.has(value) && !gone.has(value), say(at, kind, 'anybody'));
  }
});
