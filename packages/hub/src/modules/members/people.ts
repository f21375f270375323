import { roles as allRoles, type Role } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { MembersDeps } from './deps.ts';
import { tidyName } from './entities.ts';
import { fail } from './errors.ts';
import { countTaken, refuseProbing } from './limiter.ts';
import { createLink } from './links.ts';
import { canonicalMail } from './mail.ts';
import { mayManageEntity, mayManageNetwork, mayManagePerson } from './policy.ts';
import { findEntity, type Page } from './store/entities.ts';
import { findPerson, insertPerson, listPeople, lockPerson, type PersonRow, updatePerson } from './store/people.ts';
import { countMethods, deleteSessionsOf, endLinks } from './store/signin.ts';

export type PersonInput = { readonly entityId: string; readonly name: string; readonly mail: string; readonly roles: readonly Role[] };

/** `link` is the path that the person opens once to set up how to sign in; shown here and never again. */
export type Invited = { readonly person: PersonRow; readonly link: string };

const ordered = (roles: readonly Role[]): Role[] => allRoles.filter((role) => roles.includes(role));

export async function createPerson(deps: MembersDeps, actor: Actor, input: PersonInput): Promise<Invited> {
  const roles = ordered(input.roles);
  if (!mayManagePerson(actor, { id: null, entityId: input.entityId, roles }))
    throw fail('members.forbidden', 'These roles, or this entity, are not yours to give.');
  await refuseProbing(deps, actor);
  const mail = canonicalMail(input.mail);
  if (mail === undefined)
    throw fail('members.mail_invalid', 'This is not a mail address.', [{ field: 'mail', message: 'Not an address.' }]);
  const invited = await deps.db.transaction(async (tx) => {
    if (!(await findEntity(tx, input.entityId))) throw fail('members.entity_not_found', `No entity ${input.entityId}.`);
    const person: PersonRow = {
      id: deps.ids.uuid(),
      entityId: input.entityId,
      name: tidyName(input.name),
      mail,
      roles,
      disabledAt: null,
      createdAt: deps.clock.now(),
    };
    if (!(await insertPerson(tx, person))) return undefined;
    const link = await createLink(deps, tx, { purpose: 'invite', personId: person.id, createdBy: actor.id });
    await deps.trail.record(tx, actor, 'members.person_create', person.id, { entity: person.entityId, roles });
    return { person, link };
  });
  if (invited !== undefined) return invited;
  await deps.db.transaction(async (tx) => {
    await countTaken(deps, tx, actor);
    await deps.trail.record(tx, actor, 'members.person_refused', input.entityId, { reason: 'mail_taken' });
  });
  throw fail('members.mail_taken', 'The mail address is registered already.');
}

export type PersonChange = { readonly name?: string; readonly roles?: readonly Role[]; readonly disabled?: boolean };

/** Entity and mail address never change: another entity's person, or one with another address, is another person. */
export async function changePerson(deps: MembersDeps, actor: Actor, id: string, change: PersonChange): Promise<PersonRow> {
  const after = await deps.db.transaction(async (tx) => {
    const before = await lockPerson(tx, id);
    if (!before || !sees(actor, before)) throw fail('members.person_not_found', `No person ${id}.`);
    const roles = change.roles === undefined ? before.roles : ordered(change.roles);
    // Both: who the person is, and who the person would become.
    if (!mayManagePerson(actor, before) || !mayManagePerson(actor, { ...before, roles }))
      throw fail('members.forbidden', 'This person, or these roles, are not within your reach.');
    const after: PersonRow = {
      ...before,
      name: change.name === undefined ? before.name : tidyName(change.name),
      roles,
      disabledAt: change.disabled === undefined ? before.disabledAt : change.disabled ? (before.disabledAt ?? deps.clock.now()) : null,
    };
    await updatePerson(tx, after);
    const rightsChanged = roles.join() !== before.roles.join() || (after.disabledAt === null) !== (before.disabledAt === null);
    if (rightsChanged) {
      await deleteSessionsOf(tx, id);
      if (after.disabledAt !== null) await endLinks(tx, id, deps.clock.now());
      await deps.bus.append(tx, 'members.access_changed', { principalId: id });
    }
    await deps.trail.record(tx, actor, 'members.person_change', id, { ...change });
    return after;
  });
  deps.forget(id);
  deps.bus.nudge();
  return after;
}

/** A new link: for who lost the first one, or, when the person could sign in already, for who lost the means. Using the latter removes the old means. */
export async function inviteAgain(deps: MembersDeps, actor: Actor, id: string): Promise<Invited> {
  return deps.db.transaction(async (tx) => {
    const person = await lockPerson(tx, id);
    if (!person || !sees(actor, person)) throw fail('members.person_not_found', `No person ${id}.`);
    if (!mayManagePerson(actor, person) || person.disabledAt !== null)
      throw fail('members.forbidden', 'This person is disabled or not within your reach.');
    const held = await countMethods(tx, id);
    const purpose = held.passkeys > 0 || held.password || held.oidc > 0 ? 'recover' : 'invite';
    const link = await createLink(deps, tx, { purpose, personId: id, createdBy: actor.id });
    await deps.trail.record(tx, actor, 'members.person_invite', id, { purpose });
    return { person, link };
  });
}

const sees = (actor: Actor, person: PersonRow): boolean => person.id === actor.personId || mayManageEntity(actor, person.entityId);

export async function readPeople(
  deps: MembersDeps,
  actor: Actor,
  page: Page & { readonly entityId?: string | undefined },
): Promise<PersonRow[]> {
  const entityId = page.entityId ?? (mayManageNetwork(actor) ? null : actor.entityId);
  if (entityId === null) return listPeople(deps.db, null, page);
  if (!mayManageEntity(actor, entityId)) throw fail('members.forbidden', 'Managers see the people of their own entity.');
  return listPeople(deps.db, entityId, page);
}

export async function readPerson(deps: MembersDeps, actor: Actor, id: string): Promise<PersonRow> {
  const person = await findPerson(deps.db, id);
  if (!person || !sees(actor, person)) throw fail('members.person_not_found', `No person ${id}.`);
  return person;
}

export type PersonView = Omit<PersonRow, 'disabledAt' | 'createdAt'> & { readonly disabledAt: string | null; readonly createdAt: string };
export const presentPerson = (row: PersonRow): PersonView => ({
  ...row,
  disabledAt: row.disabledAt?.toISOString() ?? null,
  createdAt: row.createdAt.toISOString(),
});
