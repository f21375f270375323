import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMember } from '../hub.ts';
import { startNetwork } from './network.ts';

type QueueItem = {
  readonly id: string;
  readonly title: string;
  readonly danger: number;
  readonly claimedBy: string | null;
  readonly waitingMs: number;
  readonly owner: { readonly id: string; readonly published: number; readonly rejected: number; readonly retracted: number };
};
type Code = { readonly code: string };

const queue = async (by: TestMember, query = ''): Promise<readonly QueueItem[]> => {
  const answer = await by.get<{ items: QueueItem[] }>(`/api/v1/queue${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.items;
};

/** A hub with a town, a company whose reports wait, and two assessors. */
async function startAssessment() {
  const network = await startNetwork();
  const { hub } = network;
  const town = await hub.member('Ayuntamiento de Alba');
  const company = await hub.member('Paloma Security', 'provider');
  const centre = await hub.member('Centro', 'public');
  const ana = await network.person(centre.entityId, 'Ana Assessor', ['assessor']);
  const berta = await network.person(centre.entityId, 'Berta Assessor', ['assessor']);
  return { ...network, network, town, company, centre, ana, berta };
}

test('the queue shows the most dangerous first, then the oldest, and only to assessors', async () => {
  await using world = await startAssessment();
  const { network, company, ana, clock } = world;
  const send = async (title: string, threatLevel: number): Promise<void> => {
    clock.advance(1_000);
    const body = { events: [{ title, threatLevel, indicators: [{ value: `${title}-evil.xyz` }] }] };
    await network.report(company, body);
  };
  await send('mild-old', 4);
  await send('severe-old', 1);
  await send('mild-new', 4);
  await send('severe-new', 1);
  clock.advance(60_000);
  assert.deepEqual(
    (await queue(ana)).map((item) => item.title),
    ['severe-old', 'severe-new', 'mild-old', 'mild-new'],
  );
  assert.equal((await queue(ana))[3]?.waitingMs, 61_000 + 0 * 1_000);
  assert.deepEqual(
    (await queue(ana, '?limit=1')).map((item) => item.title),
    ['severe-old'],
  );
  for (const by of [company, world.town]) assert.equal((await by.get('/api/v1/queue')).status, 403);
  const analyst = await network.person(world.centre.entityId, 'Anton Analyst', ['analyst'], ['read']);
  assert.equal((await analyst.get('/api/v1/queue')).status, 403);
});

test('an event that one assessor has claimed is refused to another, until the claim is stale', async () => {
  await using world = await startAssessment();
  const { network, company, ana, berta, clock } = world;
  const { event } = await network.tell(company, ['claimed-evil.xyz']);
  const claim = (by: TestMember, id = event) => by.post<Code>(`/api/v1/queue/${id}/claim`);
  assert.equal((await claim(ana)).status, 200);
  assert.equal((await claim(ana)).status, 200, 'once more by the same person');
  const refused = await claim(berta);
  assert.deepEqual([refused.status, refused.body.code], [409, 'intel.not_waiting']);
  assert.match((await queue(berta))[0]?.claimedBy ?? '', /Ana/);
  clock.advance(15 * 60_000 + 1);
  assert.equal((await claim(berta)).status, 200);
  assert.equal((await claim(ana)).status, 409);
  assert.equal((await network.verdict(berta, event, { outcome: 'accept' })).status, 200);
  assert.equal((await claim(berta)).status, 409, 'it waits no longer');
  assert.equal((await claim(ana, '0b5e1003-7a11-4c0d-8e5e-5eed00000001')).status, 409);
});

test('nothing of a waiting event is anywhere but with its author, until it is accepted', async () => {
  await using world = await startAssessment();
  const { network, company, town, ana } = world;
  const sent = await network.tell(company, ['waiting-evil.xyz'], { title: 'Waiting' });
  assert.deepEqual(await network.titles(town), []);
  assert.equal(await network.decision(town, 'waiting-evil.xyz'), undefined);
  assert.equal((await network.ownEvent(company, sent.id)).state, 'assessing');
  assert.equal((await network.verdict(ana, sent.event, { outcome: 'accept' })).status, 200);
  assert.deepEqual(await network.titles(town), ['Waiting']);
  assert.ok(await network.decision(town, 'waiting-evil.xyz'));
  assert.equal((await network.ownEvent(company, sent.id)).state, 'published');
  const twice = (await network.verdict(ana, sent.event, { outcome: 'accept' })) as { status: number; body: unknown };
  assert.deepEqual([twice.status, (twice.body as Code).code], [409, 'intel.not_waiting']);
});

test('accepted in part, the rest is rejected with the reason, and reaches nobody else', async () => {
  await using world = await startAssessment();
  const { network, company, town, ana } = world;
  const sent = await network.tell(company, ['yes-evil.xyz', 'no-evil.xyz']);
  const yes = (await network.judged(company, sent.event)).find((row) => row.value === 'yes-evil.xyz')?.id ?? assert.fail();
  assert.equal((await network.verdict(ana, sent.event, { outcome: 'accept', only: [yes], reason: 'a parked domain' })).status, 200);
  const rows = Object.fromEntries((await network.judged(company, sent.event)).map((row) => [row.value, [row.state, row.reason]]));
  assert.deepEqual(rows, { 'yes-evil.xyz': ['accepted', null], 'no-evil.xyz': ['rejected', 'a parked domain'] });
  assert.ok(await network.decision(town, 'yes-evil.xyz'));
  assert.equal(await network.decision(town, 'no-evil.xyz'), undefined);
  const seen = await town.get<{ values: { events: unknown[] }[] }>('/api/v1/values?value=no-evil.xyz');
  assert.deepEqual(seen.body.values[0]?.events, []);
  assert.ok(!(await town.get(`/api/v1/events/${sent.event}/export`)).text.includes('no-evil'));
  const read = await town.get<{ indicators: number; items: unknown[] }>(`/api/v1/events/${sent.event}`);
  assert.deepEqual([read.body.indicators, read.body.items.length], [1, 1]);
});

test('what is left out by the assessor takes its attachment with it', async () => {
  await using world = await startAssessment();
  const { network, company, town, ana } = world;
  const sent = await network.file(
    company,
    {
      Event: {
        info: 'with a file',
        distribution: '1',
        Attribute: [
          { type: 'domain', value: 'file-evil.xyz' },
          { type: 'attachment', value: 'payroll.txt', data: Buffer.from('the payroll').toString('base64') },
        ],
      },
    },
    '?format=misp',
  );
  await network.settle();
  const event = sent.body.events[0] ?? assert.fail(sent.text);
  const domain = (await network.judged(company, event)).find((row) => row.type === 'domain')?.id ?? assert.fail();
  assert.equal((await network.verdict(ana, event, { outcome: 'accept', only: [domain], reason: 'no files' })).status, 200);
  const read = await town.get<{ attachments: unknown[] }>(`/api/v1/events/${event}`);
  assert.deepEqual(read.body.attachments, []);
  assert.ok(!(await town.get(`/api/v1/events/${event}/export`)).text.includes('payroll'));
});

test('held back by an assessor with a reason, it waits on; rejected with a reason, the reporter reads why', async () => {
  await using world = await startAssessment();
  const { network, company, town, ana } = world;
  const sent = await network.tell(company, ['doubtful-evil.xyz']);
  for (const outcome of ['hold', 'reject']) {
    const refused = (await network.verdict(ana, sent.event, { outcome })) as { status: number; body: unknown };
    assert.deepEqual([refused.status, (refused.body as Code).code], [400, 'intel.reason_needed']);
    assert.equal((await network.verdict(ana, sent.event, { outcome, reason: '   ' })).status, 400);
  }
  assert.equal((await network.verdict(ana, sent.event, { outcome: 'hold', reason: 'ask the provider' })).status, 200);
  assert.deepEqual(await network.ownEvent(company, sent.id).then(({ state, reason }) => [state, reason]), [
    'assessing',
    'ask the provider',
  ]);
  assert.equal((await queue(ana)).length, 1);
  assert.equal((await network.verdict(ana, sent.event, { outcome: 'reject', reason: 'a false alarm' })).status, 200);
  assert.deepEqual(await network.ownEvent(company, sent.id).then(({ state, reason }) => [state, reason]), ['rejected', 'a false alarm']);
  assert.deepEqual(await queue(ana), []);
  assert.deepEqual(await network.titles(town), []);
  const other = await network.tell(company, ['better-evil.xyz']);
  assert.deepEqual((await queue(ana))[0]?.owner.rejected, 1);
  assert.equal((await network.verdict(ana, other.event, { outcome: 'hold', reason: 'wait' })).status, 200);
  assert.equal((await network.verdict(ana, other.event, { outcome: 'accept' })).status, 200);
  const published = await network.ownEvent(company, other.id);
  assert.deepEqual([published.state, published.reason], ['published', null], 'why it was held back does not stay on it');
});

test('rejected in part, the rest waits on and can be accepted', async () => {
  await using world = await startAssessment();
  const { network, company, town, ana } = world;
  const sent = await network.tell(company, ['stay-evil.xyz', 'go-evil.xyz']);
  const go = (await network.judged(company, sent.event)).find((row) => row.value === 'go-evil.xyz')?.id ?? assert.fail();
  assert.equal((await network.verdict(ana, sent.event, { outcome: 'reject', only: [go], reason: 'wrong' })).status, 200);
  assert.equal((await network.ownEvent(company, sent.id)).state, 'assessing');
  assert.equal((await network.verdict(ana, sent.event, { outcome: 'accept' })).status, 200);
  assert.ok(await network.decision(town, 'stay-evil.xyz'));
  assert.equal(await network.decision(town, 'go-evil.xyz'), undefined);
});

test('verdicts in a batch are each given by themselves', async () => {
  await using world = await startAssessment();
  const { network, company, town, ana } = world;
  const one = await network.tell(company, ['batch-one.xyz']);
  const two = await network.tell(company, ['batch-two.xyz']);
  const three = await network.tell(company, ['batch-three.xyz']);
  const unknown = '0b5e1003-7a11-4c0d-8e5e-5eed00000002';
  const answer = await ana.post<{ results: unknown[] }>('/api/v1/queue/verdicts', {
    verdicts: [
      { id: one.event, outcome: 'accept' },
      { id: unknown, outcome: 'accept' },
      { id: two.event, outcome: 'reject' },
      { id: two.event, outcome: 'reject', reason: 'no' },
      { id: one.event, outcome: 'accept' },
      { id: three.event, outcome: 'accept' },
    ],
  });
  await network.settle();
  assert.deepEqual(answer.body.results, [
    { id: one.event, ok: true, code: null },
    { id: unknown, ok: false, code: 'intel.event_not_found' },
    { id: two.event, ok: false, code: 'intel.reason_needed' },
    { id: two.event, ok: true, code: null },
    { id: one.event, ok: false, code: 'intel.not_waiting' },
    { id: three.event, ok: true, code: null },
  ]);
  assert.deepEqual((await network.decisions(town)).map((row) => row.value).sort(), ['batch-one.xyz', 'batch-three.xyz']);
  assert.equal((await company.post('/api/v1/queue/verdicts', { verdicts: [{ id: one.event, outcome: 'accept' }] })).status, 403);
});

test('what passes without a person is ruled by entity before kind before level, and by kind of value', async () => {
  await using world = await startAssessment();
  const { network, hub } = world;
  const db = hub.db;
  const hash = (n: number): string => n.toString(16).padStart(64, 'a');
  let n = 0;
  const passes = async (by: TestMember, kind: 'domain' | 'hash'): Promise<boolean> => {
    n += 1;
    const sent = await network.tell(by, [kind === 'domain' ? `auto-${n}.xyz` : hash(n)]);
    return (await network.ownEvent(by, sent.id)).state === 'published';
  };
  const rule = (fields: { entity?: string; kind?: string; level?: string; kinds?: number[]; accept: boolean }) => db.run`
    insert into intel.auto_rule (id, entity_id, entity_kind, level, kinds, accept, created_at, created_by)
    values (gen_random_uuid(), ${fields.entity ?? null}, ${fields.kind ?? null}, ${fields.level ?? null}, ${fields.kinds ?? []}::smallint[], ${fields.accept}, now(), 'test')`;
  const gold = await hub.member('Goldsmith', 'provider', 'gold');
  const informed = await hub.member('Quercus', 'provider');
  assert.deepEqual(
    [await passes(world.town, 'domain'), await passes(gold, 'domain'), await passes(informed, 'domain')],
    [true, true, false],
  );
  // An entity's own rule, for hashes only: 5 is the kind hash.
  await rule({ entity: informed.entityId, kinds: [5], accept: true });
  assert.deepEqual([await passes(informed, 'hash'), await passes(informed, 'domain')], [true, false]);
  // Against its level's rule.
  await rule({ entity: gold.entityId, accept: false });
  assert.equal(await passes(gold, 'domain'), false);
  // A kind's rule goes before a level's.
  const other = await hub.member('Silversmith', 'provider', 'gold');
  assert.equal(await passes(other, 'domain'), true);
  await rule({ kind: 'provider', accept: false });
  assert.equal(await passes(other, 'domain'), false);
  // One value that waits makes the whole event wait.
  const mixed = await network.tell(informed, ['auto-mixed.xyz', hash(99)]);
  assert.equal((await network.ownEvent(informed, mixed.id)).state, 'assessing');
  assert.equal(await network.decision(world.town, hash(99)), undefined);
});
