import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Scope } from '#platform/actor';
import { type Bed, openBed } from '#test/members/bed';
import { credentialIn, isCrossSite } from './authenticate.ts';
import { readCidr, sourcePrefix, within } from './networks.ts';

let bed: Bed;
before(async () => {
  bed = await openBed();
});
after(() => bed[Symbol.asyncDispose]());

const invalid = { code: 'auth.invalid', message: 'The credential is not valid.' };
const machineKey = async (entityId: string, scopes: Scope[] = ['read'], more: { cidrs?: string[]; validDays?: number } = {}) =>
  bed.members.createKey(bed.administrator, { label: 'test', entityId, scopes, ...more });
const open = (authorization: string, ip = '192.0.2.1') => bed.members.authenticate({ authorization, ip, requestId: 'r1' });

test('a key opens as its entity, with exactly its scopes, as bearer, bare, basic and X-Api-Key', async () => {
  const entity = await bed.entity('Ministry of Keys');
  const { key, row } = await machineKey(entity.id, ['read', 'report']);
  const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  for (const header of [`Bearer ${key}`, `bearer  ${key}`, key, basic('list', key), basic(key, '')]) {
    const actor = await open(header);
    assert.equal(actor.id, row.id);
    assert.deepEqual(actor.scopes, ['read', 'report']);
    assert.equal(actor.entityId, entity.id);
    assert.equal(actor.personId, null);
    assert.deepEqual(actor.viewer, { entityId: entity.id, shelf: 'immediate', lanes: ['c', `e:${entity.id}`] });
    assert.deepEqual([actor.from, actor.requestId], ['192.0.2.1', 'r1']);
  }
  assert.equal((await bed.members.authenticate({ apiKey: key, ip: '192.0.2.1', requestId: 'r' })).id, row.id);
});

test('unknown, wrong in the middle, malformed and expired keys get one and the same answer', async () => {
  const entity = await bed.entity('Ministry of Mistakes');
  const { key } = await machineKey(entity.id, ['read'], { validDays: 1 });
  const middle = 21 + 32;
  const wrong = key.slice(0, middle) + (key[middle] === '0' ? '1' : '0') + key.slice(middle + 1);
  await open(`Bearer ${key}`);
  for (const bad of [
    wrong,
    `rbt_${'a'.repeat(16)}_${'0'.repeat(64)}`,
    'rbt_',
    key.toUpperCase(),
    `${key}0`,
    `${key} `.repeat(50),
    'Negotiate abc',
  ]) {
    await assert.rejects(open(`Bearer ${bad}`), invalid, bad);
  }
  bed.clock.advance(86_400_000);
  await assert.rejects(open(`Bearer ${key}`), invalid, 'expired, although it had been cached');
});

test('a revoked key is cut off at once here, and within five seconds in a process that heard nothing', async () => {
  const entity = await bed.entity('Ministry of Revocation');
  const { key, row } = await machineKey(entity.id);
  await open(`Bearer ${key}`);
  await bed.members.revokeKey(bed.administrator, row.id, 'lost');
  await assert.rejects(open(`Bearer ${key}`), invalid);
  assert.ok((await bed.announced()).some((entry) => entry.topic === 'members.access_changed' && entry.payload.principalId === row.id));

  const deaf = await machineKey(entity.id);
  await open(`Bearer ${deaf.key}`);
  await bed.db.run`update members.api_key set revoked_at = now() where id = ${deaf.row.id}`;
  await open(`Bearer ${deaf.key}`);
  bed.clock.advance(4_999);
  await assert.rejects(open(`Bearer ${deaf.key}`), invalid);
});

test('a credential that is revoked while it is being looked up is not remembered', async () => {
  const entity = await bed.entity('Ministry of Races');
  const { key, row } = await machineKey(entity.id);
  const asked = open(`Bearer ${key}`);
  bed.members.forget(row.id);
  await asked;
  await bed.db.run`update members.api_key set revoked_at = now() where id = ${row.id}`;
  await assert.rejects(open(`Bearer ${key}`), invalid);
});

test('a bound key works from its networks only, also when it is cached', async () => {
  const entity = await bed.entity('Ministry of Places');
  const { key } = await machineKey(entity.id, ['read'], { cidrs: ['198.51.100.0/24', '2001:db8::/32'] });
  await open(`Bearer ${key}`, '198.51.100.7');
  await open(`Bearer ${key}`, '::ffff:198.51.100.7');
  await open(`Bearer ${key}`, '2001:db8::9');
  for (const ip of ['198.51.101.7', '2001:db9::1', 'unknown', '']) await assert.rejects(open(`Bearer ${key}`, ip), invalid, ip);
});

test('a suspended entity is cut off with all its keys, and comes back', async () => {
  const entity = await bed.entity('Ministry of Absence');
  const { key } = await machineKey(entity.id);
  await open(`Bearer ${key}`);
  await bed.members.changeEntity(bed.administrator, entity.id, { suspended: true });
  await assert.rejects(open(`Bearer ${key}`), invalid);
  await bed.members.changeEntity(bed.administrator, entity.id, { suspended: false });
  await open(`Bearer ${key}`);
});

test('rotation: both keys work during the overlap, only the successor after it, and a key is rotated once', async () => {
  const entity = await bed.entity('Ministry of Rotation');
  const old = await machineKey(entity.id, ['read', 'self'], { cidrs: ['192.0.2.0/24'] });
  const self = await open(`Bearer ${old.key}`);
  const next = await bed.members.rotateKey(self, old.row.id, { overlapHours: 2 });
  assert.deepEqual([next.row.scopes, next.row.cidrs, next.row.entityId], [old.row.scopes, old.row.cidrs, entity.id]);
  bed.clock.advance(2 * 3_600_000 - 1);
  await open(`Bearer ${old.key}`);
  await open(`Bearer ${next.key}`);
  bed.clock.advance(1);
  await assert.rejects(open(`Bearer ${old.key}`), invalid);
  await open(`Bearer ${next.key}`);
  await assert.rejects(bed.members.rotateKey(bed.administrator, old.row.id), { code: 'members.key_invalid' });
});

test('a key cannot make, rotate or revoke the keys of others, nor make a key with more rights', async () => {
  const [a, b] = [await bed.entity('Ministry A'), await bed.entity('Ministry B')];
  const strong = await machineKey(a.id, ['read', 'report', 'members']);
  const foreign = await machineKey(b.id);
  const actor = await open(`Bearer ${strong.key}`);
  await assert.rejects(bed.members.createKey(actor, { label: 'x', entityId: a.id, scopes: ['admin'] }), { code: 'members.key_scopes' });
  await assert.rejects(bed.members.createKey(actor, { label: 'x', entityId: b.id, scopes: ['read'] }), { code: 'members.forbidden' });
  await assert.rejects(
    bed.members.createKey(actor, { label: 'x', scopes: ['read'] }),
    { code: 'members.forbidden' },
    'a machine has no own keys',
  );
  await assert.rejects(bed.members.createKey(bed.administrator, { label: 'x', entityId: a.id, scopes: ['agent'] }), {
    code: 'members.key_invalid',
  });
  for (const id of [foreign.row.id, 'zzzzzzzzzzzzzzzz']) {
    await assert.rejects(bed.members.rotateKey(actor, id), { code: 'members.key_not_found' });
    await assert.rejects(bed.members.revokeKey(actor, id), { code: 'members.key_not_found' });
  }
  const own = await bed.members.createKey(actor, { label: 'x', entityId: a.id, scopes: ['read'] });
  assert.deepEqual((await open(own.key)).scopes, ['read']);
});

test('lanes hold the community, the entity and its groups, sorted; leaving a group takes effect at once', async () => {
  const [owner, guest] = [await bed.entity('Group Owner'), await bed.entity('Group Guest', 'guest')];
  const group = await bed.members.createGroup(bed.administrator, { name: 'Energy', ownerEntityId: owner.id, members: [guest.id] });
  const { key } = await machineKey(guest.id);
  const viewer = (await open(key)).viewer;
  assert.deepEqual(viewer, { entityId: guest.id, shelf: 'guest', lanes: ['c', `e:${guest.id}`, `g:${group.id}`].sort() });
  assert.equal((await open(key)).maxTlp, 'green');
  await bed.members.changeGroup(bed.administrator, group.id, { members: [] });
  assert.deepEqual((await open(key)).viewer.lanes, ['c', `e:${guest.id}`]);
});

test('agents: `rba_` credentials are asked of their own module, and refused when it does not know them', async () => {
  const agent = { ...bed.administrator, kind: 'agent' as const, id: 'control-1' };
  await using other = await openBed({ authenticateAgent: async (text) => (text === 'rba_good' ? agent : undefined) });
  assert.equal((await other.members.authenticate({ authorization: 'Bearer rba_good', ...other.shown })).id, 'control-1');
  await assert.rejects(other.members.authenticate({ authorization: 'Bearer rba_bad', ...other.shown }), invalid);
  await assert.rejects(open('Bearer rba_good'), invalid);
});

test('last use is written in one go, not with each request', async () => {
  const entity = await bed.entity('Ministry of Use');
  const { key, row } = await machineKey(entity.id);
  await open(key);
  const read = async () => (await bed.db.one<{ at: Date | null }>`select last_used_at as at from members.api_key where id = ${row.id}`)?.at;
  assert.equal(await read(), null);
  await bed.members.flushUse();
  assert.deepEqual(await read(), bed.clock.now());
  assert.equal(await bed.members.flushUse(), 0);
});

test('nothing shown is not the same as something wrong shown', async () => {
  await assert.rejects(bed.members.authenticate({ ip: '192.0.2.1', requestId: 'r' }), { code: 'auth.required' });
  await assert.rejects(open(''), invalid);
  const request = { id: 'r', method: 'GET', ip: '192.0.2.1', headers: {}, cookies: {} };
  assert.equal(await bed.members.authenticateRequest(request), undefined);
});

test('the first start happens once', async () => {
  assert.equal(await bed.members.firstStart('Another'), undefined);
});

test('credentialIn: schemes are known, others are nothing', () => {
  assert.equal(credentialIn('Bearer  x '), 'x');
  assert.equal(credentialIn('x'), 'x');
  assert.equal(credentialIn('Digest x'), undefined);
  assert.equal(credentialIn(`Basic ${Buffer.from('nocolon').toString('base64')}`), undefined);
});

test('isCrossSite: only what says that it comes from this site passes', () => {
  const url = 'https://hub.example.org/portal';
  const ask = (method: string, origin?: string, secFetchSite?: string) => isCrossSite({ method, origin, secFetchSite }, url);
  assert.equal(ask('GET', 'https://evil.example'), false, 'reading changes nothing, and the reply cannot be read across sites');
  assert.equal(ask('POST', 'https://hub.example.org', 'same-origin'), false);
  assert.equal(ask('POST', undefined, 'same-origin'), false);
  for (const [origin, site] of [
    ['https://evil.example', 'same-origin'],
    ['null', undefined],
    ['http://hub.example.org', undefined],
    ['https://hub.example.org:444', undefined],
    [undefined, 'same-site'],
    [undefined, 'none'],
    [undefined, undefined],
  ] as const)
    assert.equal(ask('DELETE', origin, site), true, `${origin} ${site}`);
});

test('networks: strict reading, and one source of tries is one customer', () => {
  for (const bad of ['', '1.2.3', '1.2.3.4/33', '1.2.3.4/', '1.2.3.4/24/1', '::/129', 'fe80::1%eth0', '01.2.3.4', '1.2.3.4/-1'])
    assert.equal(readCidr(bad), undefined, bad);
  assert.deepEqual(readCidr('::1'), { address: '::1', prefix: 128, family: 'ipv6' });
  assert.equal(within(['0.0.0.0/0'], '2001:db8::1'), false);
  assert.equal(sourcePrefix('2001:db8:1:2:3::4'), sourcePrefix('2001:0db8:0001:0002::ffff'));
  assert.notEqual(sourcePrefix('2001:db8:1:2::'), sourcePrefix('2001:db8:1:3::'));
  assert.equal(sourcePrefix('::ffff:192.0.2.1'), '192.0.2.1');
});
