import assert from 'node:assert/strict';
import { createHash, createPublicKey, randomUUID, verify } from 'node:crypto';
import { test } from 'node:test';
import { type ControlOrder, type Envelope, enrolTokenPattern, type KeyCertificate, signaturePrefix } from '@rebato/contract';
import { type ControlsWorld, startControlsWorld } from '#test/controls-world';
import { createControls } from './controls.ts';
import { limits } from './limits.ts';

const from = { ip: '192.0.2.1', requestId: 'r' };

function genuine(world: ControlsWorld, envelope: Envelope): boolean {
  const certificate = JSON.parse(world.keys.certificate().body) as KeyCertificate;
  const key = createPublicKey({ key: Buffer.from(certificate.publicKey, 'base64'), type: 'spki', format: 'der' });
  return (
    envelope.keyId === certificate.keyId &&
    verify('sha256', Buffer.from(signaturePrefix + envelope.body), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(envelope.sig, 'base64'))
  );
}
const orderIn = (envelope: Envelope | null): ControlOrder => JSON.parse(envelope?.body ?? '{}') as ControlOrder;

test('addControl and enrol: the token pins the root, works once, and gives a key and a signed order', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const { control, token } = await world.controls.addControl(owner.actor, {
    name: 'edge',
    target: 'nftables',
    feed: 'agent',
    policy: { kinds: ['ip', 'net'], minConfidence: 40, capacity: 5_000, allow: [{ kind: 'domain', value: 'Example.ORG.' }] },
  });
  const parts = enrolTokenPattern.exec(token ?? '');
  assert.equal(parts?.[3], createHash('sha256').update(Buffer.from(world.keys.rootPublic(), 'base64')).digest('hex'));

  const reply = await world.controls.enrol(from, { token: token ?? '', agent: '1.2.3', target: 'nftables' });
  assert.match(reply.key, new RegExp(`^rba_${control.id.replaceAll('-', '')}_`));
  assert.ok(genuine(world, reply.order));
  const order = orderIn(reply.order);
  assert.deepEqual(order.channels, ['immediate/c', `immediate/e:${owner.id}`]);
  assert.deepEqual([order.control, order.minConfidence, order.capacity, order.delayMs, order.hub], [control.id, 40, 5_000, 0, world.hubId]);
  assert.deepEqual(order.allow, [{ kind: 'domain', value: 'example.org' }]);

  const actor = await world.controls.authenticateAgent(reply.key, from);
  assert.deepEqual(
    [actor?.kind, actor?.id, actor?.entityId, actor?.scopes, actor?.viewer.lanes],
    ['agent', control.id, owner.id, ['agent', 'read'], ['c', `e:${owner.id}`]],
  );
  assert.deepEqual(
    world.trailed.map(({ action }) => action),
    ['controls.add', 'controls.enrol'],
  );
  assert.ok(!JSON.stringify(world.trailed).includes(reply.key), 'no secret in the trail');
  const stored =
    JSON.stringify(await world.db.rows`select * from decisions.control`) +
    JSON.stringify(await world.db.rows`select * from decisions.enrol_token`);
  assert.ok(!stored.includes(reply.key.slice(-40)) && !stored.includes(parts?.[2] ?? '?'), 'no secret in the database');
});

test('enrol: a token that is used, wrong, old, of another root or of a revoked control opens nothing, with one and the same answer', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const add = async () => world.controls.addControl(owner.actor, { name: 'edge', target: 'x', feed: 'agent' });
  const refused = async (token: string) =>
    assert.rejects(world.controls.enrol(from, { token, agent: '1', target: 'x' }), {
      code: 'controls.token_invalid',
      message: 'The enrolment token is not valid.',
    });
  const used = (await add()).token ?? '';
  const both = await Promise.allSettled([1, 2].map(() => world.controls.enrol(from, { token: used, agent: '1', target: 'x' })));
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'], 'of two at once, one wins');
  await refused(used);
  const fresh = await add();
  const [, id = '', secret = '', root = ''] = enrolTokenPattern.exec(fresh.token ?? '') ?? [];
  await refused('rbe_nonsense');
  await refused(`rbe_${id}_${'a'.repeat(secret.length)}_${root}`);
  await refused(`rbe_${'a'.repeat(16)}_${secret}_${root}`);
  await refused(`rbe_${id}_${secret}_${'0'.repeat(64)}`);
  await world.controls.revokeControl(owner.actor, fresh.control.id);
  await refused(fresh.token ?? '');
  const old = await add();
  world.clock.advance(24 * 3_600_000);
  await refused(old.token ?? '');
  const renewed = await world.controls.renewToken(owner.actor, old.control.id);
  await world.controls.enrol(from, { token: renewed, agent: '1', target: 'x' });
});

test('authenticateAgent: no wrong secret, other prefix, other control, revoked control or suspended owner is anybody', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const one = await world.enrolled(owner);
  const two = await world.enrolled(owner, 'other');
  const ask = (key: string) => world.controls.authenticateAgent(key, from);
  assert.equal((await ask(one.key))?.id, one.id);
  assert.equal(await ask(`${one.key.slice(0, -1)}${one.key.endsWith('a') ? 'b' : 'a'}`), undefined);
  assert.equal(await ask(one.key.slice(0, 37) + two.key.slice(37)), undefined);
  assert.equal(await ask(one.key.replace('rba_', 'rbt_')), undefined);
  assert.equal(await ask(`rba_${randomUUID().replaceAll('-', '')}_${'a'.repeat(40)}`), undefined);
  world.owners.delete(owner.id);
  world.clock.advance(limits.ownerCacheMs);
  assert.equal(await ask(one.key), undefined);
  world.setOwner(owner.id, {});
  world.clock.advance(limits.ownerCacheMs);
  assert.equal((await ask(one.key))?.id, one.id);
  await world.controls.revokeControl(owner.actor, one.id);
  assert.equal(await ask(one.key), undefined);
  assert.equal((await ask(two.key))?.id, two.id);
  assert.equal(await world.controls.standing(one.id), undefined);
});

test('a second process learns of enrolment at once and of revocation with its next reading', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const other = createControls(world.deps);
  await other.start();
  world.onClose(() => other.stop());
  const added = await world.controls.addControl(owner.actor, { name: 'edge', target: 'x', feed: 'agent' });
  await other.refresh();
  const reply = await world.controls.enrol(from, { token: added.token ?? '', agent: '1', target: 'x' });
  assert.equal((await other.authenticateAgent(reply.key, from))?.id, added.control.id);
  const told: string[] = [];
  other.onChange((control) => void told.push(`${control.id} ${control.revokedAt !== null}`));
  await world.controls.revokeControl(owner.actor, added.control.id);
  await other.refresh();
  assert.deepEqual(told, [`${added.control.id} true`]);
  assert.equal(await other.authenticateAgent(reply.key, from), undefined);
});

test('an order rises with every change: policy, level of the owner, criticality, signing key; and with nothing else', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner({ shelf: 'informed' });
  const { id } = await world.enrolled(owner);
  const current = async () => orderIn((await world.controls.standing(id))?.order ?? null);
  const first = await current();
  assert.deepEqual(first.channels, ['informed/c', `informed/e:${owner.id}`]);
  await world.controls.renewOrders();
  assert.equal((await current()).version, first.version);

  await world.controls.updateControl(owner.actor, id, { policy: { minConfidence: 70 } });
  assert.deepEqual([(await current()).version, (await current()).minConfidence], [first.version + 1, 70]);

  world.setOwner(owner.id, { shelf: 'immediate', critical: true });
  await world.controls.entityChanged(owner.id);
  const promoted = await current();
  assert.deepEqual(promoted.channels, ['immediate/c', `immediate/e:${owner.id}`]);
  assert.deepEqual([promoted.version, promoted.delayMs], [first.version + 2, limits.criticalDelayMs]);

  await world.keys.raiseEpoch();
  await world.controls.renewOrders();
  const after = (await world.controls.standing(id))?.order ?? null;
  assert.ok(after && genuine(world, after));
  assert.deepEqual([orderIn(after).version, orderIn(after).epoch], [first.version + 3, 2]);
  world.clock.advance(61 * 86_400_000);
  await world.controls.renewOrders();
  assert.equal((await current()).version, first.version + 4, 'renewed before it ends');
  assert.ok((await world.db.rows`select from bus.outbox where topic = 'decisions.control_changed'`).length >= 5);
});

test('a control of another entity looks exactly like one that does not exist; a coordinator sees it and may not change it', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const mallory = world.addOwner();
  const { id, actor: agent } = await world.enrolled(owner);
  const coordinator = world.actorOf(mallory.id, { roles: ['coordinator'], scopes: ['read', 'assess', 'rule', 'members', 'self'] });
  const admin = world.actorOf(mallory.id, { roles: ['admin'], scopes: ['read', 'control', 'members', 'admin'] });
  const missing = { code: 'controls.not_found', message: 'There is no such control.' };
  for (const controlId of [id, randomUUID()]) {
    await assert.rejects(world.controls.showControl(mallory.actor, controlId), missing);
    await assert.rejects(world.controls.updateControl(mallory.actor, controlId, { name: 'mine' }), missing);
    await assert.rejects(world.controls.renewToken(mallory.actor, controlId), missing);
    await assert.rejects(world.controls.revokeControl(mallory.actor, controlId), missing);
    await assert.rejects(world.controls.revokeControl(agent, controlId), missing);
    await assert.rejects(world.controls.updateControl(coordinator, controlId, { name: 'mine' }), missing);
  }
  for (const entityId of [owner.id, randomUUID()]) {
    await assert.rejects(world.controls.addControl(mallory.actor, { entityId, name: 'x', target: 'x', feed: 'agent' }), {
      code: 'controls.entity_not_found',
    });
  }
  assert.deepEqual(await world.controls.controlPage(mallory.actor, { entityId: owner.id }), []);
  assert.equal((await world.controls.showControl(coordinator, id)).id, id);
  assert.equal((await world.controls.controlPage(coordinator, {})).length, 1);
  assert.equal((await world.controls.showControl(owner.actor, id)).id, id);
  const reader = world.actorOf(owner.id, { roles: ['reader'], scopes: ['read', 'self'] });
  await assert.rejects(world.controls.revokeControl(reader, id), missing);
  assert.equal((await world.controls.updateControl(admin, id, { name: 'ours' })).name, 'ours');
});

test('addControl: refuses policies that cannot be carried out, and says which field', async () => {
  await using world = await startControlsWorld();
  const owner = world.addOwner();
  const add = (policy: object) => world.controls.addControl(owner.actor, { name: 'x', target: 'x', feed: 'agent', policy });
  for (const [policy, field] of [
    [{ kinds: [] }, 'policy.kinds'],
    [{ minConfidence: 101 }, 'policy.minConfidence'],
    [{ capacity: 0 }, 'policy.capacity'],
    [{ delayMs: -1 }, 'policy.delayMs'],
  ] as const) {
    await assert.rejects(
      add(policy),
      (error: { code: string; details: { field: string }[] }) =>
        error.code === 'controls.policy_invalid' && error.details[0]?.field === field,
    );
  }
  for (const allow of [[{ kind: 'url', value: 'https://a.example/' }], [{ kind: 'ip', value: 'not one' }]])
    await assert.rejects(add({ allow }), { code: 'controls.allow_invalid' });
  assert.deepEqual(await world.controls.controlPage(owner.actor, {}), []);
});
