import type { Role } from '@rebato/contract';
import { type Actor, type Scope, scopes } from '#platform/actor';

/** What each role may do. `agent` belongs to controls alone: a person is never one, not even an administrator. */
export const roleScopes: Readonly<Record<Role, readonly Scope[]>> = {
  admin: scopes.filter((scope) => scope !== 'agent'),
  coordinator: ['read', 'assess', 'rule', 'members', 'self'],
  assessor: ['read', 'report', 'assess', 'rule', 'self'],
  manager: ['read', 'report', 'control', 'members', 'self'],
  analyst: ['read', 'report', 'control', 'self'],
  reader: ['read', 'self'],
};

const ranks: Readonly<Record<Role, number>> = { admin: 5, coordinator: 4, assessor: 3, manager: 2, analyst: 1, reader: 0 };

export function scopesOf(roles: readonly Role[]): Scope[] {
  const held = new Set(roles.flatMap((role) => roleScopes[role]));
  return scopes.filter((scope) => held.has(scope));
}

export const highest = (roles: readonly Role[]): number => Math.max(-1, ...roles.map((role) => ranks[role]));

/**
 * Over whom somebody has authority: `all` (administrators, the hub itself), `network` (coordinators), `entity` (managers, and a machine's key
 * with the scope `members`), or nobody. The scope of the credential in use counts, not only the person's role: an administrator's
 * key without `admin` is a coordinator's at most.
 */
export type Authority = 'all' | 'network' | 'entity' | 'none';
export function authorityOf(actor: Actor): Authority {
  if (actor.kind === 'system' || (actor.kind !== 'agent' && actor.scopes.includes('admin'))) return 'all';
  if (actor.kind === 'agent' || !actor.scopes.includes('members')) return 'none';
  if (actor.roles.includes('admin') || actor.roles.includes('coordinator')) return 'network';
  return actor.personId === null || actor.roles.includes('manager') ? 'entity' : 'none';
}

/** Roles strictly below this rank are within reach. */
const reach: Readonly<Record<Authority, number>> = { all: ranks.admin + 1, network: ranks.coordinator, entity: ranks.manager, none: -1 };

export type PersonLike = { readonly id: string | null; readonly entityId: string; readonly roles: readonly Role[] };

/**
 * The one answer to "may this actor administer that person": create, rename, give roles, disable, invite again, end sessions, revoke keys.
 * Never oneself (own matters have their own routes, which cannot raise rights), never an equal or a higher role, never another entity's person
 * unless the authority is network-wide.
 */
export function mayManagePerson(actor: Actor, target: PersonLike): boolean {
  const authority = authorityOf(actor);
  if (target.id !== null && target.id === actor.personId) return false;
  if (authority === 'entity' && target.entityId !== actor.entityId) return false;
  return authority !== 'none' && target.roles.length > 0 && highest(target.roles) < reach[authority];
}

/** Assets, machine keys, people and groups of an entity: its manager, or the network's people. */
export function mayManageEntity(actor: Actor, entityId: string): boolean {
  const authority = authorityOf(actor);
  return authority === 'all' || authority === 'network' || (authority === 'entity' && actor.entityId === entityId);
}

export function mayManageNetwork(actor: Actor): boolean {
  const authority = authorityOf(actor);
  return authority === 'all' || authority === 'network';
}

/** Scopes that a manager may revoke in a machine key of the own entity: all that a manager could have given. */
const entityScopes: ReadonlySet<Scope> = new Set(roleScopes.manager);

export type KeyLike = { readonly entityId: string; readonly personId: string | null; readonly scopes: readonly Scope[] };

/** Taking a key away is allowed more widely than giving one: whoever answers for an entity may stop its machines. */
export function mayRevokeMachineKey(actor: Actor, key: KeyLike): boolean {
  const authority = authorityOf(actor);
  if (authority === 'all') return true;
  if (authority === 'network') return !key.scopes.includes('admin');
  return authority === 'entity' && key.entityId === actor.entityId && key.scopes.every((scope) => entityScopes.has(scope));
}
