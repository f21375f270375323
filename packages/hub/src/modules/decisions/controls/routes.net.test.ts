import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { EnrolReply } from '@rebato/contract';
import { startDoor } from '#test/controls-http';
import { startControlsWorld } from '#test/controls-world';
import { limits } from './limits.ts';
import { agentWriteRoutes, controlRoutes } from './routes.ts';

async function startWorld() {
  const world = await startControlsWorld();
  const door = await startDoor(world, (http) => {
    controlRoutes(http, world.controls);
    agentWriteRoutes(http, world.controls);
  });
  const ask = async (method: string, path: string, key: string | undefined, body?: unknown) => {
    const reply = await fetch(door.url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    return { status: reply.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> & { code?: string } };
  };
  return { world, door, ask };
}

test('over HTTP a control is added, enrolled, reports, is shown, changed and revoked', async () => {
  const { world, door, ask } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const person = door.keyOf(owner.actor);
  const added = await ask('POST', '/api/v1/controls', person, {
    name: 'edge',
    target: 'nftables',
    feed: 'agent',
    policy: { kinds: ['ip'], delayMs: null },
  });
  assert.equal(added.status, 201);
  const id = (added.body.control as { id: string }).id;
  const enrolled = await ask('POST', '/api/v1/agent/enrol', undefined, { token: added.body.token, agent: '1.0.0', target: 'nftables' });
  assert.equal(enrolled.status, 200);
  const { key } = enrolled.body as unknown as EnrolReply;
  assert.equal(
    (await ask('POST', '/api/v1/agent/enrol', undefined, { token: added.body.token, agent: '1.0.0', target: 'nftables' })).body.code,
    'controls.token_invalid',
  );

  const batch = await world.seal('immediate', 'c', { add: [{ kind: 'ip', value: '198.51.100.7' }] });
  const receipt = {
    decision: batch.changes[0]?.id,
    channel: 'immediate/c',
    version: 1,
    state: 'applied',
    at: '2026-11-23T10:00:00.1Z',
    future: 'ignored',
  };
  const set = { count: 1, digest: 'a'.repeat(64) };
  const report = {
    versions: { 'immediate/c': 1 },
    wanted: set,
    loaded: set,
    driftRepaired: 0,
    alarms: [{ code: 'freeze', detail: 'x', at: '2026-11-23T10:00:00Z' }],
  };
  assert.deepEqual((await ask('POST', '/api/v1/agent/receipts', key, { receipts: [receipt], report })).body, { recorded: 1 });
  const shown = (await ask('GET', `/api/v1/controls/${id}`, person)).body;
  assert.deepEqual(
    [shown.colour, (shown.loaded as { agrees: boolean }).agrees, (shown.alarms as { code: string; by: string }[])[0]?.code],
    ['green', true, 'freeze'],
  );
  assert.equal((await ask('GET', `/api/v1/ledger/decisions/${receipt.decision}`, person)).body.count, 1);
  assert.equal((await ask('GET', '/api/v1/ledger?days=2', person)).status, 200);
  assert.equal((await ask('PATCH', `/api/v1/controls/${id}`, person, { policy: { capacity: 9 } })).status, 200);
  assert.equal((await ask('DELETE', `/api/v1/controls/${id}`, person)).status, 204);
  assert.equal((await ask('POST', '/api/v1/agent/receipts', key, { receipts: [receipt] })).status, 401);
  assert.equal((await ask('PATCH', `/api/v1/controls/${id}`, person, { name: 'again' })).body.code, 'controls.revoked');
});

test('people send no receipts, agents manage no controls, readers add none, and others’ figures stay theirs', async () => {
  const { world, door, ask } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const person = door.keyOf(owner.actor);
  const reader = door.keyOf(world.actorOf(owner.id, { roles: ['reader'], scopes: ['read', 'self'] }));
  const { id, key } = await world.enrolled(owner);
  const body = { name: 'x', target: 'x', feed: 'list' };
  assert.equal((await ask('POST', '/api/v1/agent/receipts', person, { receipts: [] })).status, 403);
  for (const credential of [key, reader]) {
    assert.equal((await ask('POST', '/api/v1/controls', credential, body)).status, 403);
    assert.equal((await ask('DELETE', `/api/v1/controls/${id}`, credential)).status, 403);
    assert.equal((await ask('POST', `/api/v1/controls/${id}/token`, credential)).status, 403);
    assert.equal((await ask('GET', '/api/v1/ledger?network=true', credential)).status, 403);
  }
  assert.equal((await ask('GET', '/api/v1/controls', undefined)).status, 401);
  const stranger = door.keyOf(world.addOwner().actor);
  const [theirs, none] = [
    await ask('GET', `/api/v1/controls/${id}`, stranger),
    await ask('GET', `/api/v1/controls/${randomUUID()}`, stranger),
  ];
  assert.deepEqual([theirs.status, { ...theirs.body, instance: '' }], [none.status, { ...none.body, instance: '' }]);
  assert.equal(theirs.status, 404);
  assert.deepEqual((await ask('GET', '/api/v1/controls/silent', stranger)).body, { controls: [] });
});

test('receipts and policies that do not have the form are refused as a whole, and nothing of them is kept', async () => {
  const { world, door, ask } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const { key } = await world.enrolled(owner);
  const good = { decision: randomUUID(), channel: 'immediate/c', version: 1, state: 'applied', at: '2026-11-23T10:00:00Z' };
  const bad: object[] = [
    { receipts: Array.from({ length: limits.receiptsPerPost + 1 }, () => good) },
    { receipts: [{ ...good, decision: "'; drop table decisions.receipt" }] },
    { receipts: [{ ...good, version: 2 ** 53 }] },
    { receipts: [{ ...good, version: -1 }] },
    { receipts: [{ ...good, state: 'maybe' }] },
    { receipts: [{ ...good, at: 'yesterday' }] },
    { receipts: [{ ...good, at: '2026-13-40T10:00:00Z' }] },
    { receipts: [{ ...good, reason: 'x'.repeat(limits.reasonMaxChars + 1) }] },
    { receipts: good },
  ];
  for (const body of bad)
    assert.equal((await ask('POST', '/api/v1/agent/receipts', key, body)).status, 400, JSON.stringify(body).slice(0, 200));
  const person = door.keyOf(owner.actor);
  for (const policy of [
    { kinds: ['everything'] },
    { minConfidence: 101 },
    { capacity: 1.5 },
    { allow: [{ kind: 'ip', value: 'x' }] },
    { other: 1 },
  ]) {
    assert.equal(
      (await ask('POST', '/api/v1/controls', person, { name: 'x', target: 'x', feed: 'list', policy })).status,
      400,
      JSON.stringify(policy),
    );
  }
  assert.deepEqual([...(await world.db.rows`select from decisions.alarm`)], []);
  assert.equal((await world.db.rows`select from decisions.control`).length, 1);
});
