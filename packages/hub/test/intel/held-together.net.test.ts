import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestHub, TestMember } from '../hub.ts';
import { dayMs, hourMs, type Network, startGuarded } from './network.ts';

type Release = { readonly id: string; readonly state: string; readonly rule: string; readonly code: string };

async function release(network: Network, one: TestMember, two: TestMember, kind: string, value: string, hours?: number): Promise<string> {
  const asked = await one.post<Release>('/api/v1/guard/releases', {
    kind,
    value,
    reason: 'looked at',
    ...(hours === undefined ? {} : { hours }),
  });
  assert.equal(asked.status, 201, asked.text);
  const alone = await one.post<Release>(`/api/v1/guard/releases/${asked.body.id}/approval`, { kind, value });
  assert.deepEqual([alone.status, alone.body.code], [403, 'guard.second_person']);
  const approved = await two.post<Release>(`/api/v1/guard/releases/${asked.body.id}/approval`, { kind, value });
  assert.equal(approved.status, 200, approved.text);
  await network.settle();
  return asked.body.id;
}

const blocked = async (network: Network, by: TestMember): Promise<number> => (await network.decisions(by, '?limit=1000')).length;
const names = (count: number, word: string): string[] => Array.from({ length: count }, (_none, n) => `${word}-${n}.evil.xyz`);
const rules = async (network: Network, by: TestMember, event: string): Promise<Record<string, number>> => {
  const judged = await network.judged(by, event);
  const counts: Record<string, number> = {};
  for (const row of judged) counts[`${row.state} ${row.rule}`] = (counts[`${row.state} ${row.rule}`] ?? 0) + 1;
  return counts;
};

/** What the trail says of each report, and why its blocks wait together. */
async function reasonsInTrail(hub: TestHub): Promise<{ events: string[]; heldTogether: unknown }[]> {
  while ((await hub.trail.chainOnce()) > 0);
  const entries = await hub.db.rows<{ detail: string }>`select detail from trail.entry where action = 'intel.report' order by seq`;
  return entries.map(({ detail }) => {
    const { events, heldTogether } = JSON.parse(detail) as { events: string[]; heldTogether?: unknown };
    return { events, heldTogether };
  });
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (let round = 0; round < 2_000; round += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(what);
}

test('networks that add up to a wide one are read by all, blocked by nobody, and let go by two people', async () => {
  await using world = await startGuarded();
  const { network, town, hospital, ana, berta } = world;
  const nets = Array.from({ length: 17 }, (_none, n) => `45.95.${n}.0/24`);
  const sent = await network.tell(town, [...nets, 'beside.evil.xyz']);
  assert.deepEqual(await rules(network, town, sent.event), { 'held spread': 17, 'accepted null': 1 });
  assert.equal(await blocked(network, hospital), 1);
  assert.equal((await hospital.get<{ indicators: unknown[] }>(`/api/v1/events/${sent.event}/indicators`)).body.indicators.length, 18);
  // One of them by itself, then the event as a whole.
  await release(network, ana, berta, 'net', '45.95.3.0/24');
  assert.equal(await blocked(network, hospital), 2);
  const id = await release(network, ana, berta, 'event', sent.event, 1);
  assert.equal(await blocked(network, hospital), 18);
  // Who asks for what nothing holds is told so.
  const none = await ana.post<Release>('/api/v1/guard/releases', { kind: 'event', value: sent.event, reason: 'again' });
  assert.deepEqual([none.status, none.body.code], [409, 'guard.not_held']);
  const nonsense = await ana.post<Release>('/api/v1/guard/releases', { kind: 'event', value: 'all of it', reason: 'again' });
  assert.deepEqual([nonsense.status, nonsense.body.code], [400, 'guard.value_invalid']);
  // It ends by itself; what was released one by one stays.
  await network.pass(2 * hourMs);
  await until(async () => (await network.decisions(hospital)).filter((row) => row.kind === 'net').length === 1, 'the release ends');
  const releases = (await ana.get<{ releases: Release[] }>('/api/v1/guard/releases')).body.releases;
  assert.equal(releases.find((one) => one.id === id)?.state, 'ended');
  assert.equal((await rules(network, town, sent.event))['held spread'], 16);
});

test('an event that makes too many blocks at once waits as a whole; a feed does not', async () => {
  await using world = await startGuarded();
  const { network, hub, town, hospital, ana, berta } = world;
  const many = names(5_001, 'many');
  const preview = await town.post<{ findings: { outcome: string; rule: string }[] }>(
    '/api/v1/reports/preview?format=text',
    many.join('\n'),
    {
      'content-type': 'text/plain',
    },
  );
  assert.deepEqual([...new Set(preview.body.findings.map((each) => `${each.outcome} ${each.rule}`))], ['hold rate']);
  const sent = await network.tell(town, many);
  assert.deepEqual(await rules(network, town, sent.event), { 'held rate': 1_000 });
  assert.equal(await blocked(network, hospital), 0);
  assert.equal(
    (await hospital.get<{ indicators: number }>(`/api/v1/events/${sent.event}`)).body.indicators,
    5_001,
    'readable all the same',
  );
  // A small report beside it passes: only the large one waits.
  const small = await network.tell(town, ['small.evil.xyz']);
  assert.equal(await blocked(network, hospital), 1);
  assert.deepEqual(await reasonsInTrail(hub), [
    { events: [sent.event], heldTogether: [{ why: 'step', blocks: 5_001 }] },
    { events: [small.event], heldTogether: undefined },
  ]);
  await release(network, ana, berta, 'event', sent.event);
  assert.equal((await hub.db.one<{ n: number }>`select count(*) as n from intel.attribute where rule = 'released_together'`)?.n, 5_001);
  // The switch for those whose nature it is.
  const rule = await hub.admin.post<{ feed: boolean; hourlyMax: number | null }>('/api/v1/auto-rules', {
    entityId: town.entityId,
    accept: true,
    feed: true,
  });
  assert.deepEqual([rule.status, rule.body.feed, rule.body.hourlyMax], [201, true, null], rule.text);
  const fed = await network.tell(town, names(5_001, 'fed'));
  assert.deepEqual(await rules(network, town, fed.event), { 'accepted null': 1_000 });
});

test('a source that sends far more in an hour than it may has the rest of it held, and its next hour free', async () => {
  await using world = await startGuarded();
  const { network, hub, town, hospital } = world;
  await hub.admin.post('/api/v1/auto-rules', { entityId: town.entityId, accept: true, hourlyMax: 10 });
  await network.tell(town, names(10, 'first'));
  const over = await network.tell(town, ['over.evil.xyz']);
  assert.deepEqual(await rules(network, town, over.event), { 'held rate': 1 });
  const told = await reasonsInTrail(hub);
  assert.deepEqual(told.at(-1), { events: [over.event], heldTogether: [{ why: 'source', blocks: 1 }] });
  assert.deepEqual(told.filter((entry) => entry.heldTogether !== undefined).length, 1, 'the ten that passed have no reason');
  assert.ok(await network.decision(hospital, 'first-9.evil.xyz'));
  assert.equal(await network.decision(hospital, 'over.evil.xyz'), undefined);
  await network.tell(hospital, ['other.evil.xyz']);
  assert.ok(await network.decision(town, 'other.evil.xyz'), 'others are not held');
  await network.pass(hourMs);
  await network.tell(town, ['next.evil.xyz']);
  assert.ok(await network.decision(hospital, 'next.evil.xyz'));
});

test('ending a release takes back what passed because of it, also what came while it was in force, and nothing else', async () => {
  await using world = await startGuarded();
  const { network, hub, town, hospital, ana, berta } = world;
  const company = await hub.member('Paloma Security', 'provider');
  await network.tell(town, ['8.8.8.8', '1.1.1.1', 'beside.evil.xyz']);
  const id = await release(network, ana, berta, 'ip', '8.8.8.8');
  await release(network, ana, berta, 'ip', '1.1.1.1');
  await hub.guard.reload();
  const later = await network.tell(hospital, ['8.8.8.8']);
  assert.deepEqual(await rules(network, hospital, later.event), { 'accepted null': 1 });
  assert.ok(await network.decision(hospital, '8.8.8.8'));
  assert.equal((await berta.call('DELETE', `/api/v1/guard/releases/${id}`)).status, 204);
  await network.settle();
  assert.equal(await network.decision(hospital, '8.8.8.8'), undefined);
  assert.ok(await network.decision(hospital, '1.1.1.1'), 'another release is another');
  assert.ok(await network.decision(hospital, 'beside.evil.xyz'));
  assert.deepEqual(await rules(network, hospital, later.event), { 'held well_known': 1 });
  // Whoever has yet to get the event gets it without the block.
  await network.pass(dayMs + 1);
  assert.equal(await network.decision(company, '8.8.8.8'), undefined);
  assert.ok(await network.decision(company, '1.1.1.1'));
});

test('a release that was asked for again before its end goes on', async () => {
  await using world = await startGuarded();
  const { network, hub, town, hospital, ana, berta } = world;
  await network.tell(town, ['8.8.8.8']);
  await release(network, ana, berta, 'ip', '8.8.8.8', 1);
  await release(network, berta, ana, 'ip', '8.8.8.8', 24);
  clockPast(network, 2 * hourMs);
  await until(
    async () => ((await hub.db.one<{ n: number }>`select count(*) as n from guard.release where state = 'ended'`)?.n ?? 0) === 1,
    'the first ends',
  );
  await network.settle();
  assert.ok(await network.decision(hospital, '8.8.8.8'));
});

const clockPast = (network: Network, ms: number): void => network.clock.advance(ms);
