import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { append } from '#platform/bus';
import { personActor } from '#test/members/actors';
import { type Bed, openBed } from '#test/members/bed';
import { openDoor } from '#test/members/wire';
import { scoringRoutes } from './routes.ts';
import { createScoring, type Scoring } from './scoring.ts';

let bed: Bed;
let scoring: Scoring;
before(async () => {
  bed = await openBed();
  const { db, trail, clock, ids } = bed.setup;
  scoring = createScoring({
    db,
    bus: { append, nudge: () => {} },
    trail,
    clock,
    ids,
    levels: bed.levels,
    members: bed.members,
    shelves: ['immediate', 'informed', 'guest'],
  });
});
after(() => bed[Symbol.asyncDispose]());

test('each kind starts with its level: public bodies read at once, providers wait, guests wait and read less', async () => {
  const audiences = await scoring.audiences();
  assert.deepEqual(
    audiences.map(({ name, delayMs, onConsolidation }) => ({ name, delayMs, onConsolidation })),
    [
      { name: 'immediate', delayMs: 0, onConsolidation: false },
      { name: 'guest', delayMs: 86_400_000, onConsolidation: false },
      { name: 'informed', delayMs: 86_400_000, onConsolidation: true },
    ],
  );
  for (const [kind, shelf] of [
    ['public', 'immediate'],
    ['provider', 'informed'],
    ['private_soc', 'informed'],
    ['source', 'informed'],
    ['liaison', 'guest'],
    ['guest', 'guest'],
  ] as const) {
    const entity = await bed.entity(`Kind ${kind}`, kind);
    assert.equal((await scoring.levelOf(entity.id)).shelf, shelf, kind);
  }
});

test('setLevel: by coordinators, with a reason, announced, recorded, and read with at once', async () => {
  const entity = await bed.entity('Promoted', 'provider');
  const { key } = await bed.members.createKey(bed.administrator, { label: 'k', entityId: entity.id, scopes: ['read'] });
  const shelf = async () => (await bed.members.authenticate({ authorization: key, ...bed.shown })).viewer.shelf;
  assert.equal(await shelf(), 'informed');
  const coordinator = personActor(bed.hubEntityId, ['coordinator']);
  await scoring.setLevel(coordinator, entity.id, 'gold', 'Favourable assessment');
  assert.equal(await shelf(), 'immediate');
  assert.ok((await bed.announced()).some((entry) => entry.topic === 'members.entity_changed' && entry.payload.entityId === entity.id));
  assert.ok((await bed.recorded()).includes('scoring.level_set'));
  await scoring.setLevel(coordinator, entity.id, 'informed', 'Silent for a quarter');
  assert.equal(await shelf(), 'informed', 'demoted: cut off at once');
  const history = await scoring.history(personActor(entity.id, ['reader']), entity.id);
  assert.deepEqual(new Set(history.map((row) => `${row.previous}>${row.level}`)), new Set(['informed>gold', 'gold>informed']));
});

test('setLevel: refused to managers, to coordinators for their own entity, for unknown levels and entities', async () => {
  const entity = await bed.entity('Ambitious', 'provider');
  await assert.rejects(scoring.setLevel(personActor(entity.id, ['manager']), entity.id, 'gold', 'please'), { code: 'scoring.forbidden' });
  await assert.rejects(scoring.setLevel(personActor(entity.id, ['coordinator']), entity.id, 'gold', 'please'), {
    code: 'scoring.forbidden',
  });
  await assert.rejects(scoring.setLevel(bed.administrator, entity.id, 'platinum', 'please'), { code: 'scoring.level_unknown' });
  await assert.rejects(scoring.setLevel(bed.administrator, bed.setup.ids.uuid(), 'gold', 'please'), { code: 'scoring.entity_not_found' });
  await assert.rejects(scoring.history(personActor(bed.setup.ids.uuid(), ['manager']), entity.id), { code: 'scoring.entity_not_found' });
  assert.equal((await scoring.levelOf(entity.id)).id, 'informed');
});

test('changePolicy: administrators only, a new version each time, and no level in use is dropped', async () => {
  const policy = await scoring.policy();
  const coordinator = personActor(bed.hubEntityId, ['coordinator']);
  await assert.rejects(scoring.changePolicy(coordinator, policy.levels, 'no'), { code: 'scoring.forbidden' });
  await assert.rejects(
    scoring.changePolicy(
      bed.administrator,
      policy.levels.filter((level) => level.id !== 'informed'),
      'no',
    ),
    { code: 'scoring.policy_invalid' },
  );
  const slower = policy.levels.map((level) => (level.shelf === 'informed' ? { ...level, delayMs: 3_600_000 } : level));
  const next = await scoring.changePolicy(bed.administrator, slower, 'An hour is enough');
  assert.equal(next.version, policy.version + 1);
  assert.equal((await scoring.audiences()).find((audience) => audience.name === 'informed')?.delayMs, 3_600_000);
  assert.deepEqual(
    (await scoring.policies(10)).map((row) => row.version),
    [next.version, policy.version],
  );
});

test('changePolicy: a shelf has one content, and must exist', async () => {
  const { levels } = await scoring.policy();
  const [first] = levels;
  assert.ok(first);
  for (const wrong of [
    [],
    [...levels, first],
    [...levels, { ...first, id: 'x', shelf: 'nowhere' }],
    [...levels, { ...first, id: 'x', delayMs: first.delayMs + 1 }],
    [...levels, { ...first, id: 'x', maxTlp: 'red' as const }],
    levels.map((level) => ({ ...level, delayMs: -1 })),
  ]) {
    await assert.rejects(scoring.changePolicy(bed.administrator, wrong, 'x'), { code: 'scoring.policy_invalid' });
  }
});

test('an unknown level reads what the strictest one does, and nothing above clear', async () => {
  const access = await bed.levels.access('no-such-level');
  assert.equal(access.maxTlp, 'clear');
  assert.notEqual(access.shelf, 'immediate');
});

test('levels over HTTP: set, shown, and refused without the right', async () => {
  await using door = await openDoor(bed, (http) => scoringRoutes(http, scoring));
  const entity = await bed.entity('Over HTTP', 'provider');
  const path = `/api/v1/entities/${entity.id}/level`;
  assert.equal((await door.ask('PUT', path, { key: bed.adminKey, body: { level: 'gold', reason: 'Good work' } })).status, 200);
  assert.equal(((await door.ask('GET', path, { key: bed.adminKey })).json.items as unknown[]).length, 1);
  assert.equal(
    (await door.ask('PUT', path, { key: bed.adminKey, body: { level: 'gold', reason: 'x', setAt: '2020-01-01' } })).status >= 400,
    true,
  );
  const { key } = await bed.members.createKey(bed.administrator, { label: 'k', entityId: entity.id, scopes: ['read', 'members'] });
  assert.equal((await door.ask('PUT', path, { key, body: { level: 'public', reason: 'Because' } })).status, 403);
  assert.equal((await door.ask('PUT', '/api/v1/levels', { key, body: { levels: [], reason: 'Because' } })).status, 403);
  assert.equal((await door.ask('GET', '/api/v1/levels', { key })).status, 200);
});
