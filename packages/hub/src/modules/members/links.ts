import type { Db, Tx } from '#platform/db';
import { systemActor } from './actors.ts';
import { newCredential, readCredential, sameHash, secretHash } from './credential.ts';
import type { MembersDeps } from './deps.ts';
import { tidyName } from './entities.ts';
import { fail } from './errors.ts';
import { limits } from './limits.ts';
import { canonicalMail } from './mail.ts';
import { type SignInFrom, visitor } from './sessions.ts';
import { findEntity } from './store/entities.ts';
import { findPerson, findPersonByMail, insertPerson, type PersonRow } from './store/people.ts';
import {
  anyAdminWithMethod,
  bindLink,
  countMethods,
  deleteMethods,
  deleteSessionsOf,
  endLinks,
  findLink,
  hubEntityId,
  insertLink,
  type LinkRow,
  useLink,
} from './store/signin.ts';

/** The token stands behind `#`: browsers do not send that part, so it appears in no log and no Referer. */
const linkPath = (token: string): string => `/enrol#${token}`;

export async function createLink(
  deps: MembersDeps,
  tx: Tx,
  input: Pick<LinkRow, 'purpose' | 'personId'> & { createdBy: string },
): Promise<string> {
  const now = deps.clock.now();
  await endLinks(tx, input.personId, now);
  const credential = newCredential(deps.ids, 'rbl');
  await insertLink(tx, {
    ...input,
    id: credential.id,
    hash: credential.hash,
    createdAt: now,
    expiresAt: new Date(now.getTime() + limits.linkMs),
  });
  return linkPath(credential.text);
}

/** The path of a link for the very first person, while no administrator can sign in; afterwards undefined. */
export async function createFirstLink(deps: MembersDeps): Promise<string | undefined> {
  return deps.db.transaction(async (tx) => {
    if (await anyAdminWithMethod(tx)) return undefined;
    const link = await createLink(deps, tx, { purpose: 'first', personId: null, createdBy: 'system' });
    await deps.trail.record(tx, systemActor('first start'), 'members.first_link', 'first');
    return link;
  });
}

/** The link that a token opens. One error for unknown, wrong, used and expired. */
export async function readLink(deps: MembersDeps, db: Db, token: string): Promise<LinkRow> {
  const credential = readCredential(token, 'rbl');
  const link = credential && (await findLink(db, credential.id));
  const same = sameHash(credential?.hash ?? secretHash('no-link', ''), link?.hash ?? secretHash('no-link', 'at all'));
  if (!link || !same || link.usedAt !== null || link.expiresAt <= deps.clock.now())
    throw fail('auth.link_invalid', 'The link is not valid.');
  return link;
}

export type LinkView = {
  /** First: name and mail address are still to be given. Recover: using it removes the old ways to sign in. */
  readonly purpose: LinkRow['purpose'];
  readonly person: { readonly id: string; readonly name: string; readonly mail: string; readonly entity: string } | null;
};

export async function openLink(deps: MembersDeps, token: string): Promise<LinkView> {
  const link = await readLink(deps, deps.db, token);
  const person = link.personId === null ? undefined : await findPerson(deps.db, link.personId);
  const entity = person && (await findEntity(deps.db, person.entityId));
  if (person && (person.disabledAt !== null || !entity || entity.suspendedAt !== null))
    throw fail('auth.link_invalid', 'The link is not valid.');
  return {
    purpose: link.purpose,
    person: person && entity ? { id: person.id, name: person.name, mail: person.mail, entity: entity.name } : null,
  };
}

/** The first person says who they are and becomes an administrator of the hub's own entity, once a way to sign in is set up with the same link. */
export async function claimFirstLink(
  deps: MembersDeps,
  token: string,
  input: { name: string; mail: string },
  from: SignInFrom,
): Promise<LinkView> {
  const mail = canonicalMail(input.mail);
  if (mail === undefined)
    throw fail('members.mail_invalid', 'This is not a mail address.', [{ field: 'mail', message: 'Not an address.' }]);
  await deps.db.transaction(async (tx) => {
    const link = await readLink(deps, tx, token);
    const entityId = await hubEntityId(tx);
    if (link.purpose !== 'first' || entityId === undefined || (await anyAdminWithMethod(tx)))
      throw fail('auth.link_invalid', 'The link is not valid.');
    const before = await findPersonByMail(tx, mail);
    const person: PersonRow = before ?? {
      id: deps.ids.uuid(),
      entityId,
      name: tidyName(input.name),
      mail,
      roles: ['admin'],
      disabledAt: null,
      createdAt: deps.clock.now(),
    };
    if (before) {
      // Somebody began with an earlier first link and did not finish. Anybody else keeps their own account.
      const held = await countMethods(tx, before.id);
      const unfinished = before.roles.includes('admin') && before.disabledAt === null && held.passkeys + held.oidc === 0 && !held.password;
      if (!unfinished) throw fail('members.mail_taken', 'The mail address is registered already.');
    } else {
      await insertPerson(tx, person);
      await deps.trail.record(tx, visitor(from), 'members.person_create', person.id, {
        entity: entityId,
        roles: person.roles,
        by: 'first link',
      });
    }
    if (!(await bindLink(tx, link.id, person.id))) throw fail('auth.link_invalid', 'The link is not valid.');
  });
  return openLink(deps, token);
}

/** Whom the link is for, when it is for somebody who may sign in. */
export async function linkPerson(deps: MembersDeps, db: Db, token: string): Promise<LinkAndPerson> {
  return withPerson(db, await readLink(deps, db, token));
}

/** For a link whose token was shown before: between leaving for an identity provider and coming back. */
export async function linkPersonById(deps: MembersDeps, db: Db, id: string): Promise<LinkAndPerson> {
  const link = await findLink(db, id);
  if (!link || link.usedAt !== null || link.expiresAt <= deps.clock.now()) throw fail('auth.link_invalid', 'The link is not valid.');
  return withPerson(db, link);
}

export type LinkAndPerson = { readonly link: LinkRow; readonly person: PersonRow };

async function withPerson(db: Db, link: LinkRow): Promise<LinkAndPerson> {
  const person = link.personId === null ? undefined : await findPerson(db, link.personId);
  const entity = person && (await findEntity(db, person.entityId));
  if (!person || person.disabledAt !== null || !entity || entity.suspendedAt !== null)
    throw fail('auth.link_invalid', 'The link is not valid.');
  return { link, person };
}

/** Uses the link up, in the transaction that sets up the way to sign in: both or neither. A recovery ends all old ways and sessions first. */
export async function consumeLink(deps: MembersDeps, tx: Tx, link: LinkRow, personId: string): Promise<void> {
  if (!(await useLink(tx, link.id, deps.clock.now()))) throw fail('auth.link_invalid', 'The link is not valid.');
  if (link.purpose !== 'recover') return;
  await deleteMethods(tx, personId);
  await deleteSessionsOf(tx, personId);
  await deps.bus.append(tx, 'members.access_changed', { principalId: personId });
}
