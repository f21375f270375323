import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Role, roles } from '@rebato/contract';
import { type Scope, scopes } from '#platform/actor';
import { personActor } from '#test/members/actors';
import { systemActor } from './actors.ts';
import { authorityOf, mayManageEntity, mayManagePerson, mayRevokeMachineKey, roleScopes, scopesOf } from './policy.ts';

const here = '11111111-1111-4111-8111-111111111111';
const there = '22222222-2222-4222-8222-222222222222';

/** Written out by hand: whom each role may administer in its own entity, and in another one. */
const own: Record<Role, readonly Role[]> = {
  admin: ['admin', 'coordinator', 'assessor', 'manager', 'analyst', 'reader'],
  coordinator: ['assessor', 'manager', 'analyst', 'reader'],
  assessor: [],
  manager: ['analyst', 'reader'],
  analyst: [],
  reader: [],
};
const other: Record<Role, readonly Role[]> = { ...own, manager: [] };

test('mayManagePerson: every pair of roles, in the own and in another entity', () => {
  for (const actorRole of roles) {
    for (const targetRole of roles) {
      for (const [entityId, expected] of [
        [here, own],
        [there, other],
      ] as const) {
        const said = mayManagePerson(personActor(here, [actorRole]), { id: 'x', entityId, roles: [targetRole] });
        assert.equal(
          said,
          expected[actorRole].includes(targetRole),
          `${actorRole} over ${targetRole} ${entityId === here ? 'here' : 'there'}`,
        );
      }
    }
  }
});

test('mayManagePerson: the highest role of the target counts, whatever else it has', () => {
  for (const high of roles) {
    for (const low of roles) {
      const target = { id: 'x', entityId: here, roles: [low, high] };
      const expected = own.manager.includes(high) && own.manager.includes(low);
      assert.equal(mayManagePerson(personActor(here, ['manager']), target), expected, `${low}+${high}`);
    }
  }
});

test('mayManagePerson: nobody administers oneself, not even an administrator', () => {
  for (const role of roles) {
    const actor = personActor(here, [role]);
    assert.equal(mayManagePerson(actor, { id: actor.personId, entityId: here, roles: ['reader'] }), false, role);
  }
});

test("mayManagePerson: a person without roles is in nobody's reach", () => {
  assert.equal(mayManagePerson(personActor(here, ['admin']), { id: 'x', entityId: here, roles: [] }), false);
});

test('authority follows the credential in use: a key without the scope has none, whoever its person is', () => {
  const admin = personActor(here, ['admin']);
  const reading: readonly Scope[] = ['read'];
  assert.equal(authorityOf({ ...admin, kind: 'key', scopes: reading }), 'none');
  assert.equal(authorityOf({ ...admin, kind: 'key', scopes: ['members'] }), 'network', 'at most a coordinator without `admin`');
  assert.equal(
    mayManagePerson({ ...admin, kind: 'key', scopes: ['members'] }, { id: 'x', entityId: there, roles: ['coordinator'] }),
    false,
  );
  assert.equal(authorityOf({ ...personActor(here, []), personId: null, kind: 'key', scopes: ['members'] }), 'entity');
  assert.equal(authorityOf({ ...personActor(here, []), personId: null, kind: 'key', scopes: ['report'] }), 'none');
  assert.equal(authorityOf({ ...admin, kind: 'agent' }), 'none', 'a control administers nothing');
  assert.equal(authorityOf(systemActor('test')), 'all');
});

test('mayManageEntity: a manager at home only, an assessor nowhere', () => {
  assert.equal(mayManageEntity(personActor(here, ['manager']), here), true);
  assert.equal(mayManageEntity(personActor(here, ['manager']), there), false);
  assert.equal(mayManageEntity(personActor(here, ['assessor']), here), false);
  assert.equal(mayManageEntity(personActor(here, ['coordinator']), there), true);
});

test('mayRevokeMachineKey: never a key with more than the revoker could have given', () => {
  const key = (entityId: string, ...held: Scope[]) => ({ entityId, personId: null, scopes: held });
  assert.equal(mayRevokeMachineKey(personActor(here, ['manager']), key(here, 'read', 'report')), true);
  assert.equal(mayRevokeMachineKey(personActor(here, ['manager']), key(there, 'read')), false);
  assert.equal(mayRevokeMachineKey(personActor(here, ['manager']), key(here, 'read', 'rule')), false);
  assert.equal(mayRevokeMachineKey(personActor(here, ['coordinator']), key(there, 'read', 'control')), true);
  assert.equal(mayRevokeMachineKey(personActor(here, ['coordinator']), key(there, 'admin')), false);
  assert.equal(mayRevokeMachineKey(personActor(here, ['analyst']), key(here, 'read')), false);
});

test('roles: an administrator has every right but that of a control, and roles add up', () => {
  assert.deepEqual(new Set([...roleScopes.admin, 'agent']), new Set(scopes));
  assert.deepEqual(scopesOf(['reader', 'assessor']), ['read', 'report', 'assess', 'rule', 'self']);
  assert.deepEqual(scopesOf([]), []);
  for (const role of roles) assert.ok(!roleScopes[role].includes('agent'), role);
});
