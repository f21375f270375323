import { type Actor, scopes as allScopes, type Scope } from '#platform/actor';
import type { Tx } from '#platform/db';
import { newCredential } from './credential.ts';
import type { MembersDeps } from './deps.ts';
import { fail } from './errors.ts';
import { dayMs, limits } from './limits.ts';
import { readCidr } from './networks.ts';
import { mayManageEntity, mayManageNetwork, mayManagePerson, mayRevokeMachineKey } from './policy.ts';
import { countLiveKeys, insertKey, type KeyRow, listKeys, lockKey, revokeKey, supersedeKey } from './store/access.ts';
import { lockEntity, type Page } from './store/entities.ts';
import { findPerson } from './store/people.ts';

export type KeyInput = {
  readonly label: string;
  readonly scopes: readonly Scope[];
  /** A machine of this entity. Without it the key is the maker's own. */
  readonly entityId?: string;
  readonly validDays?: number;
  readonly cidrs?: readonly string[];
};

/** `key` is the whole credential. It is shown here and never again. */
export type IssuedKey = { readonly key: string; readonly row: KeyRow };

/**
 * Makes an API key. Own keys are made by people in a session only: a stolen key must not be able to breed. Machine keys need authority over the
 * entity. No key has a right that its maker does not have.
 */
export async function createKey(deps: MembersDeps, actor: Actor, input: KeyInput): Promise<IssuedKey> {
  const machine = input.entityId !== undefined;
  if (machine && !mayManageEntity(actor, input.entityId))
    throw fail('members.forbidden', 'Managers make machine keys for their own entity.');
  if (!machine && actor.kind !== 'person') throw fail('members.forbidden', 'People make their own keys after signing in.');
  const scopes = checkScopes(actor, input.scopes);
  const issued = await deps.db.transaction(async (tx) => {
    const key = await issueKey(deps, tx, {
      label: input.label,
      entityId: input.entityId ?? actor.entityId,
      personId: machine ? null : actor.personId,
      scopes,
      cidrs: checkCidrs(input.cidrs ?? []),
      validDays: checkDays(input.validDays),
      createdBy: actor.id,
    });
    await deps.trail.record(tx, actor, 'members.key_create', key.row.id, {
      entity: key.row.entityId,
      person: key.row.personId,
      scopes,
      cidrs: key.row.cidrs,
      expires: key.row.expiresAt.toISOString(),
    });
    return key;
  });
  return issued;
}

export type NewKey = Pick<KeyRow, 'label' | 'entityId' | 'personId' | 'scopes' | 'cidrs' | 'createdBy'> & { readonly validDays: number };

/** Inserts a key without asking who may: for the first start and for rotation. */
export async function issueKey(deps: MembersDeps, tx: Tx, input: NewKey): Promise<IssuedKey> {
  const now = deps.clock.now();
  // The lock makes the count true.
  if (!(await lockEntity(tx, input.entityId))) throw fail('members.entity_not_found', `No entity ${input.entityId}.`);
  if ((await countLiveKeys(tx, input.entityId, input.personId, now)) >= limits.keysPerOwner) {
    throw fail('members.key_limit', `One owner has at most ${limits.keysPerOwner} live keys.`);
  }
  const credential = newCredential(deps.ids, 'rbt');
  const row: KeyRow = {
    id: credential.id,
    label: input.label,
    entityId: input.entityId,
    personId: input.personId,
    scopes: input.scopes,
    cidrs: input.cidrs,
    createdBy: input.createdBy,
    createdAt: now,
    expiresAt: new Date(now.getTime() + input.validDays * dayMs),
    revokedAt: null,
    replacedBy: null,
    lastUsedAt: null,
  };
  await insertKey(tx, row, credential.hash);
  return { key: credential.text, row };
}

function checkScopes(actor: Actor, wanted: readonly Scope[]): Scope[] {
  const set = new Set(wanted);
  if (set.size === 0)
    throw fail('members.key_invalid', 'A key needs at least one scope.', [{ field: 'scopes', message: 'Give at least one.' }]);
  for (const scope of set) {
    // A control's credential comes with the control, never as a key.
    if (scope === 'agent' || !allScopes.includes(scope))
      throw fail('members.key_invalid', `"${scope}" is not a scope of keys.`, [{ field: 'scopes', message: scope }]);
    if (actor.kind !== 'system' && !actor.scopes.includes(scope))
      throw fail('members.key_scopes', `You do not have the scope "${scope}" yourself.`);
  }
  return allScopes.filter((scope) => set.has(scope));
}

function checkCidrs(cidrs: readonly string[]): string[] {
  if (cidrs.length > limits.keyCidrs) throw fail('members.key_invalid', `At most ${limits.keyCidrs} networks.`);
  return cidrs.map((text, at) => {
    const cidr = readCidr(text);
    if (!cidr)
      throw fail('members.key_invalid', `"${text}" is not a network.`, [{ field: `cidrs[${at}]`, message: 'Not an address or network.' }]);
    return `${cidr.address}/${cidr.prefix}`;
  });
}

function checkDays(days: number = limits.keyDefaultDays): number {
  if (!(days > 0 && days <= limits.keyMaxDays)) throw fail('members.key_invalid', `A key is valid for up to ${limits.keyMaxDays} days.`);
  return days;
}

/** Whether the key exists for this actor at all. */
async function seesKey(tx: Tx, actor: Actor, key: KeyRow): Promise<boolean> {
  if (actor.id === key.id) return true;
  if (key.personId === null) return mayRevokeMachineKey(actor, key);
  if (key.personId === actor.personId) return true;
  const owner = await findPerson(tx, key.personId);
  return owner !== undefined && mayManagePerson(actor, owner);
}

/**
 * A successor with the same rights, owner and bounds; the old key works for `overlapHours` more, so that a machine can be switched over
 * without a gap. Whoever rotates learns the new secret: so only the key itself, its person, or who could have made it.
 */
export async function rotateKey(
  deps: MembersDeps,
  actor: Actor,
  id: string,
  input: { overlapHours?: number; validDays?: number } = {},
): Promise<IssuedKey> {
  const overlapHours = input.overlapHours ?? limits.keyOverlapHoursDefault;
  if (!(overlapHours >= 0 && overlapHours <= limits.keyOverlapHoursMax))
    throw fail('members.key_invalid', `The overlap is at most ${limits.keyOverlapHoursMax} hours.`);
  const issued = await deps.db.transaction(async (tx) => {
    const now = deps.clock.now();
    const old = await lockKey(tx, id);
    if (!old || !(await seesKey(tx, actor, old))) throw fail('members.key_not_found', `No API key ${id}.`);
    const own = actor.id === old.id || (old.personId !== null && old.personId === actor.personId && actor.kind === 'person');
    const maker =
      old.personId === null && mayManageEntity(actor, old.entityId) && old.scopes.every((scope) => actor.scopes.includes(scope));
    if (!own && !maker) throw fail('members.forbidden', 'Only the key itself, its person, or who could have made it rotates a key.');
    if (old.revokedAt !== null || old.expiresAt <= now || old.replacedBy !== null)
      throw fail('members.key_invalid', 'The key is revoked, expired or already replaced.');
    const next = await issueKey(deps, tx, { ...old, validDays: checkDays(input.validDays), createdBy: actor.id });
    await supersedeKey(tx, id, next.row.id, new Date(now.getTime() + overlapHours * 3_600_000));
    await deps.trail.record(tx, actor, 'members.key_rotate', id, { successor: next.row.id, overlapHours });
    await deps.bus.append(tx, 'members.access_changed', { principalId: id });
    return next;
  });
  deps.forget(id);
  deps.bus.nudge();
  return issued;
}

/** Cut off in this process at once, in the others when they read the log, and everywhere when their caches run out. */
export async function revokeKeyOf(deps: MembersDeps, actor: Actor, id: string, reason = ''): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const key = await lockKey(tx, id);
    if (!key || !(await seesKey(tx, actor, key))) throw fail('members.key_not_found', `No API key ${id}.`);
    if (key.revokedAt !== null) return;
    await revokeKey(tx, id, deps.clock.now());
    await deps.trail.record(tx, actor, 'members.key_revoke', id, { entity: key.entityId, person: key.personId, reason });
    await deps.bus.append(tx, 'members.access_changed', { principalId: id });
  });
  deps.forget(id);
  deps.bus.nudge();
}

export type KeyQuery = Page & {
  readonly entityId?: string | undefined;
  readonly personId?: string | undefined;
  readonly all?: boolean | undefined;
};

/** Without a filter: the own ones. */
export async function readKeys(deps: MembersDeps, actor: Actor, query: KeyQuery): Promise<KeyRow[]> {
  const withRevoked = query.all ?? false;
  if (query.entityId !== undefined) {
    if (!mayManageEntity(actor, query.entityId)) throw fail('members.forbidden', 'Managers see machine keys of their own entity.');
    return listKeys(deps.db, { entityId: query.entityId }, query, withRevoked);
  }
  if (query.personId !== undefined && query.personId !== actor.personId) {
    const person = await findPerson(deps.db, query.personId);
    if (!person || !mayManagePerson(actor, person)) throw fail('members.person_not_found', `No person ${query.personId}.`);
    return listKeys(deps.db, { personId: person.id }, query, withRevoked);
  }
  if (actor.personId !== null) return listKeys(deps.db, { personId: actor.personId }, query, withRevoked);
  if (mayManageNetwork(actor)) return listKeys(deps.db, { entityId: null }, query, withRevoked);
  return mayManageEntity(actor, actor.entityId) ? listKeys(deps.db, { entityId: actor.entityId }, query, withRevoked) : [];
}

export type KeyView = Omit<KeyRow, 'createdAt' | 'expiresAt' | 'revokedAt' | 'lastUsedAt'> & {
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
};
export const presentKey = (row: KeyRow): KeyView => ({
  id: row.id,
  label: row.label,
  entityId: row.entityId,
  personId: row.personId,
  scopes: row.scopes,
  cidrs: row.cidrs,
  createdBy: row.createdBy,
  replacedBy: row.replacedBy,
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt.toISOString(),
  revokedAt: row.revokedAt?.toISOString() ?? null,
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
});
