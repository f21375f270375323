import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Role } from '@rebato/contract';
import { personActor } from '#test/members/actors';
import { type Bed, openBed } from '#test/members/bed';
import { dayMs, limits } from './limits.ts';
import { canonicalMail } from './mail.ts';

let bed: Bed;
before(async () => {
  bed = await openBed();
});
after(() => bed[Symbol.asyncDispose]());

let serial = 0;
const invite = (entityId: string, roles: readonly Role[], actor = bed.administrator) =>
  bed.members.createPerson(actor, { entityId, name: 'Ana Person', mail: `person${++serial}@example.org`, roles });

test('a manager brings in lower roles of the own entity, and nobody else', async () => {
  const [home, away] = [await bed.entity('Home'), await bed.entity('Away')];
  const manager = personActor(home.id, ['manager']);
  assert.deepEqual((await invite(home.id, ['reader', 'analyst'], manager)).person.roles, ['analyst', 'reader']);
  for (const [entityId, roles] of [
    [home.id, ['manager']],
    [home.id, ['analyst', 'assessor']],
    [home.id, ['admin']],
    [away.id, ['reader']],
    [home.id, []],
  ] as const) {
    await assert.rejects(invite(entityId, roles, manager), { code: 'members.forbidden' }, `${roles}`);
  }
  for (const roles of [['analyst'], ['assessor'], ['reader']] as const)
    await assert.rejects(invite(home.id, ['reader'], personActor(home.id, roles)), { code: 'members.forbidden' });
});

test('a person is not raised, renamed, disabled or invited again from below, from beside or from elsewhere', async () => {
  const [home, away] = [await bed.entity('House'), await bed.entity('Abroad')];
  const manager = personActor(home.id, ['manager']);
  const [equal, higher, lower] = [
    (await invite(home.id, ['manager'])).person,
    (await invite(home.id, ['coordinator'])).person,
    (await invite(home.id, ['analyst'])).person,
  ];
  const stranger = (await invite(away.id, ['reader'])).person;

  for (const target of [equal, higher]) {
    for (const change of [{ name: 'X' }, { disabled: true }, { roles: ['reader'] as const }]) {
      await assert.rejects(bed.members.changePerson(manager, target.id, change), { code: 'members.forbidden' });
    }
    await assert.rejects(bed.members.inviteAgain(manager, target.id), { code: 'members.forbidden' });
  }
  await assert.rejects(bed.members.changePerson(manager, lower.id, { roles: ['manager'] }), { code: 'members.forbidden' });
  assert.deepEqual((await bed.members.changePerson(manager, lower.id, { roles: ['reader'] })).roles, ['reader']);

  // Another entity's person looks like nobody.
  for (const id of [stranger.id, bed.setup.ids.uuid()]) {
    await assert.rejects(bed.members.changePerson(manager, id, { disabled: true }), { code: 'members.person_not_found' });
    await assert.rejects(bed.members.inviteAgain(manager, id), { code: 'members.person_not_found' });
    await assert.rejects(bed.members.readPerson(manager, id), { code: 'members.person_not_found' });
  }
  await assert.rejects(bed.members.readPeople(manager, { entityId: away.id }), { code: 'members.forbidden' });
  assert.ok((await bed.members.readPeople(manager, {})).every((person) => person.entityId === home.id));
});

test('nobody changes the own roles or disables oneself', async () => {
  const home = await bed.entity('Mirror');
  const { person } = await invite(home.id, ['admin']);
  const self = personActor(home.id, ['admin'], person.id);
  await assert.rejects(bed.members.changePerson(self, person.id, { disabled: true }), { code: 'members.forbidden' });
  await assert.rejects(bed.members.changePerson(self, person.id, { roles: ['admin', 'coordinator'] }), { code: 'members.forbidden' });
});

test('fields that a caller slips in are not taken: no entity, mail, id or date', async () => {
  const [home, away] = [await bed.entity('Sober'), await bed.entity('Greedy')];
  const { person } = await invite(home.id, ['reader']);
  const change = JSON.parse(
    `{"name":"New","entityId":"${away.id}","entity_id":"${away.id}","mail":"x@example.org","id":"${away.id}","createdAt":"2020-01-01","__proto__":{"roles":["admin"]}}`,
  );
  await bed.members.changePerson(bed.administrator, person.id, change);
  const after = await bed.members.readPerson(bed.administrator, person.id);
  assert.deepEqual({ ...after, name: person.name }, person);
  const odd = JSON.parse(`{"name":"Taken Over","level":"gold","id":"${away.id}","suspendedAt":"2020-01-01"}`);
  const before = await bed.members.readEntity(bed.administrator, home.id);
  await bed.members.changeEntity(bed.administrator, home.id, odd);
  assert.deepEqual(await bed.members.readEntity(bed.administrator, home.id), { ...before, name: 'Taken Over' });
});

test('one mail address is one person, however it is written', async () => {
  const home = await bed.entity('Post Office');
  const input = { entityId: home.id, name: 'A', roles: ['reader'] as const };
  await bed.members.createPerson(bed.administrator, { ...input, mail: 'Jose@Example.ORG' });
  await assert.rejects(bed.members.createPerson(bed.administrator, { ...input, mail: ' jose@example.org. '.trim() }), {
    code: 'members.mail_taken',
  });
  await assert.rejects(bed.members.createPerson(bed.administrator, { ...input, mail: 'ｊｏｓｅ@ｅｘａｍｐｌｅ.org' }), {
    code: 'members.mail_taken',
  });
  for (const bad of [
    '',
    'x',
    '@',
    'a@b',
    'a b@example.org',
    'a@ex ample.org',
    'A <a@example.org>',
    `${'a'.repeat(65)}@example.org`,
    'a@example.org,b@example.org',
    `a@${'x.'.repeat(200)}org`,
  ])
    await assert.rejects(bed.members.createPerson(bed.administrator, { ...input, mail: bad }), { code: 'members.mail_invalid' }, bad);
  assert.equal(canonicalMail('Ñandú@España.example'), 'ñandú@xn--espaa-rta.example');
});

test("a personal key has what the person has today: roles taken away are gone from it, and a disabled person's key opens nothing", async () => {
  const home = await bed.entity('Changing Rights');
  const { person } = await invite(home.id, ['analyst']);
  const session = personActor(home.id, ['analyst'], person.id);
  const { key } = await bed.members.createKey(session, { label: 'mine', scopes: ['read', 'report', 'control'] });
  const open = () => bed.members.authenticate({ authorization: key, ...bed.shown });
  assert.deepEqual([(await open()).scopes, (await open()).personId], [['read', 'report', 'control'], person.id]);
  await bed.members.changePerson(bed.administrator, person.id, { roles: ['reader'] });
  assert.deepEqual((await open()).scopes, ['read']);
  await bed.members.changePerson(bed.administrator, person.id, { disabled: true });
  await assert.rejects(open(), { code: 'auth.invalid' });
  assert.ok((await bed.announced()).some((entry) => entry.topic === 'members.access_changed' && entry.payload.principalId === person.id));
  await bed.members.changePerson(bed.administrator, person.id, { disabled: false });
  await open();
});

test('keys of a person: seen and revoked by the person and by who administers the person, rotated by the person alone', async () => {
  const home = await bed.entity('Key Board');
  const [a, b] = [(await invite(home.id, ['analyst'])).person, (await invite(home.id, ['analyst'])).person];
  const [alice, bob, manager] = [
    personActor(home.id, ['analyst'], a.id),
    personActor(home.id, ['analyst'], b.id),
    personActor(home.id, ['manager']),
  ];
  const { row } = await bed.members.createKey(alice, { label: 'mine', scopes: ['read'] });
  await assert.rejects(bed.members.revokeKey(bob, row.id), { code: 'members.key_not_found' });
  await assert.rejects(bed.members.readKeys(bob, { personId: a.id }), { code: 'members.person_not_found' });
  await assert.rejects(bed.members.rotateKey(manager, row.id), { code: 'members.forbidden' });
  assert.equal((await bed.members.readKeys(manager, { personId: a.id })).length, 1);
  await assert.rejects(bed.members.createKey(alice, { label: 'more', scopes: ['rule'] }), { code: 'members.key_scopes' });
  await bed.members.revokeKey(manager, row.id);
  assert.equal((await bed.members.readKeys(alice, {})).length, 0);
});

test('everything that changes rights is in the trail', async () => {
  const actions = new Set(await bed.recorded());
  for (const action of [
    'members.first_start',
    'members.entity_create',
    'members.entity_change',
    'members.person_create',
    'members.person_change',
    'members.key_create',
    'members.key_revoke',
  ]) {
    assert.ok(actions.has(action), action);
  }
  const details = (await bed.db.rows<{ detail: string }>`select detail from trail.inbox`).map((row) => row.detail).join();
  assert.ok(!/rb[tls]_[a-z0-9]{16}_/.test(details), 'no credential in it');
});

test('a manager cannot try out who is registered: after a few taken addresses the entity brings in nobody until tomorrow', async () => {
  const [home, away] = [await bed.entity('Searching'), await bed.entity('Searched')];
  const manager = personActor(home.id, ['manager']);
  const taken = (await invite(away.id, ['reader'])).person.mail;
  const bring = (mail: string, actor = manager, entityId = home.id) =>
    bed.members.createPerson(actor, { entityId, name: 'A', mail, roles: ['reader'] });
  for (let n = 0; n < limits.takenPerDay; n += 1) await assert.rejects(bring(taken), { code: 'members.mail_taken' });
  for (const mail of [taken, 'nobody-has-this@example.org']) await assert.rejects(bring(mail), { code: 'auth.too_many_attempts' });
  assert.equal((await bed.recorded()).filter((action) => action === 'members.person_refused').length >= limits.takenPerDay, true);
  // Others are not hindered, nor the network's people, who see everybody.
  await invite(away.id, ['reader'], personActor(away.id, ['manager']));
  await bring('somebody-else@example.org', bed.administrator);
  bed.clock.advance(dayMs);
  await bring('the-day-after@example.org');
});
