import type { Actor } from '#platform/actor';
import type { Tx } from '#platform/db';
import { secretHash } from './credential.ts';
import type { MembersDeps } from './deps.ts';
import { fail, refuse } from './errors.ts';
import { countTry, forgiveTries } from './limiter.ts';
import { limits } from './limits.ts';
import { consumeLink, linkPerson } from './links.ts';
import { canonicalMail } from './mail.ts';
import { hashPassword, isWeak, noPasswordHash, passwordMatches, passwordRoundsDefault } from './password.ts';
import { seal, unseal } from './secret-box.ts';
import { type OpenedSession, openSession, requireFresh, type SignInFrom, visitor } from './sessions.ts';
import { findPerson, lockPerson, type PersonRow } from './store/people.ts';
import {
  countMethods,
  deletePassword,
  deleteSessionsOf,
  findPasswordAccess,
  replaceRecoveryCodes,
  upsertPassword,
  useRecoveryCode,
  useTotpStep,
} from './store/signin.ts';
import { newTotpSecret, totpStep, totpUri } from './totp.ts';

const sealPurpose = (personId: string): string => `rebato-totp-1:${personId}`;
const setupPurpose = 'rebato-totp-setup-1';
const rounds = (deps: MembersDeps): number => deps.passwordRounds ?? passwordRoundsDefault;

export type PasswordSignIn = {
  readonly mail: string;
  readonly password: string /** Six digits of the app, or a recovery code. */;
  readonly code: string;
};

/**
 * Password and one-time code together in one step: whoever fails does not learn which of the two was wrong. Unknown and disabled people take the same
 * path with the same work: one query, one derivation, one record.
 */
export async function signInWithPassword(deps: MembersDeps, input: PasswordSignIn, from: SignInFrom): Promise<OpenedSession> {
  const mail = canonicalMail(input.mail) ?? input.mail.slice(0, limits.mailMaxChars).toLowerCase();
  await countTry(deps, { ip: from.ip, mail });
  const access = await findPasswordAccess(deps.db, mail);
  const matches = await passwordMatches(input.password, access?.hash ?? noPasswordHash(rounds(deps)));
  const secret = access === undefined ? undefined : unseal(deps.sealKey(), sealPurpose(access.personId), access.totpSecret);
  const step = totpStep(secret ?? idleSecret, input.code, deps.clock.now());

  if (access && matches && secret !== undefined && access.disabledAt === null && access.suspendedAt === null) {
    const opened = await deps.db.transaction(async (tx) => {
      const recovery = step === undefined;
      const fresh = recovery
        ? await useRecoveryCode(tx, access.personId, recoveryHash(access.personId, input.code), deps.clock.now())
        : await useTotpStep(tx, access.personId, step);
      if (!fresh) return undefined;
      await forgiveTries(tx, mail);
      await deps.trail.record(tx, visitor(from, access.personId), 'members.sign_in', access.personId, { method: 'password', recovery });
      return openSession(deps, tx, access.personId, 'password', from);
    });
    if (opened) return opened;
  }
  await deps.db.transaction((tx) => deps.trail.record(tx, visitor(from), 'members.sign_in_refused', 'password'));
  throw refuse();
}

/** Checked against when there is nobody: the same work, and no code of it is ever accepted. */
const idleSecret = 'A'.repeat(52);

/** Codes are typed by hand: case, spaces and dashes do not matter. */
const recoveryHash = (personId: string, code: string): Buffer =>
  secretHash('recovery', `${personId}:${code.toLowerCase().replace(/[\s-]/g, '').slice(0, 64)}`);

export type TotpSetup = {
  /** To be sent back with the first code. */ readonly setup: string;
  readonly secret: string /** For the QR code. */;
  readonly uri: string;
};

type SetupContent = { readonly personId: string; readonly secret: string; readonly until: number };

/** Offers a seed. Nothing is stored: the offer travels sealed, for this person only, and runs out. */
function offerTotp(deps: MembersDeps, person: PersonRow): TotpSetup {
  const secret = newTotpSecret();
  const content: SetupContent = { personId: person.id, secret, until: deps.clock.now().getTime() + limits.challengeMs * 3 };
  return { setup: seal(deps.sealKey(), setupPurpose, JSON.stringify(content)), secret, uri: totpUri('Rebato', person.mail, secret) };
}

export async function offerTotpByLink(deps: MembersDeps, token: string): Promise<TotpSetup> {
  return offerTotp(deps, (await linkPerson(deps, deps.db, token)).person);
}

export async function offerTotpInSession(deps: MembersDeps, actor: Actor, cookie: string | undefined): Promise<TotpSetup> {
  const person = await findPerson(deps.db, await requireFresh(deps, actor, cookie));
  if (!person) throw refuse();
  return offerTotp(deps, person);
}

export type NewPassword = { readonly password: string; readonly setup: string; readonly code: string };
export type RecoveryCodes = { readonly recoveryCodes: readonly string[] };

/** Sets the password and the seed together, proven by a first code, which thereby is used up. */
async function storePassword(deps: MembersDeps, tx: Tx, person: PersonRow, input: NewPassword, hash: string): Promise<string[]> {
  const opened = unseal(deps.sealKey(), setupPurpose, input.setup);
  const content = opened === undefined ? undefined : (JSON.parse(opened) as SetupContent);
  const now = deps.clock.now();
  if (!content || content.personId !== person.id || content.until <= now.getTime())
    throw fail('auth.code_wrong', 'The set-up has run out: begin again.');
  const step = totpStep(content.secret, input.code, now);
  if (step === undefined) throw fail('auth.code_wrong', 'The code does not fit.', [{ field: 'code', message: 'Does not fit.' }]);
  await upsertPassword(tx, person.id, hash, seal(deps.sealKey(), sealPurpose(person.id), content.secret), step, now);
  const codes = Array.from({ length: limits.recoveryCodes }, () => deps.ids.token(16));
  await replaceRecoveryCodes(
    tx,
    person.id,
    codes.map((code) => recoveryHash(person.id, code)),
  );
  return codes.map((code) => code.replace(/(.{4})(?=.)/g, '$1-'));
}

async function hashChecked(deps: MembersDeps, person: PersonRow, password: string): Promise<string> {
  const local = person.mail.slice(0, person.mail.indexOf('@'));
  if (isWeak(password, [person.mail, local, person.name, 'password', 'rebato']))
    throw fail('auth.password_weak', 'The password is too easy to guess.', [{ field: 'password', message: 'Too easy to guess.' }]);
  return hashPassword(password, rounds(deps));
}

export async function enrolPassword(
  deps: MembersDeps,
  token: string,
  input: NewPassword,
  from: SignInFrom,
): Promise<OpenedSession & RecoveryCodes> {
  const before = await linkPerson(deps, deps.db, token);
  await countTry(deps, { ip: from.ip, mail: before.person.mail });
  const hash = await hashChecked(deps, before.person, input.password);
  const done = await deps.db.transaction(async (tx) => {
    const { link, person } = await linkPerson(deps, tx, token);
    await consumeLink(deps, tx, link, person.id);
    const recoveryCodes = await storePassword(deps, tx, person, input, hash);
    await forgiveTries(tx, person.mail);
    await deps.trail.record(tx, visitor(from, person.id), 'members.method_add', person.id, { method: 'password', by: link.purpose });
    return { ...(await openSession(deps, tx, person.id, 'password', from)), recoveryCodes };
  });
  deps.forget(done.personId);
  return done;
}

/** A new or changed password, seed and recovery codes, shortly after signing in. All sessions end: whoever knew the old one is out. */
export async function setPassword(
  deps: MembersDeps,
  actor: Actor,
  cookie: string | undefined,
  input: NewPassword,
  from: SignInFrom,
): Promise<OpenedSession & RecoveryCodes> {
  const person = await findPerson(deps.db, await requireFresh(deps, actor, cookie));
  if (!person) throw refuse();
  await countTry(deps, { ip: from.ip, mail: person.mail });
  const hash = await hashChecked(deps, person, input.password);
  const done = await deps.db.transaction(async (tx) => {
    const recoveryCodes = await storePassword(deps, tx, person, input, hash);
    await deleteSessionsOf(tx, person.id);
    await deps.trail.record(tx, actor, 'members.method_add', person.id, { method: 'password' });
    await deps.bus.append(tx, 'members.access_changed', { principalId: person.id });
    return { ...(await openSession(deps, tx, person.id, 'password', from)), recoveryCodes };
  });
  deps.forget(person.id);
  deps.bus.nudge();
  return done;
}

export async function removePassword(deps: MembersDeps, actor: Actor, cookie: string | undefined): Promise<void> {
  const personId = await requireFresh(deps, actor, cookie);
  await deps.db.transaction(async (tx) => {
    // The lock keeps two removals at once from each leaving the other's.
    await lockPerson(tx, personId);
    const held = await countMethods(tx, personId);
    if (held.passkeys + held.oidc === 0) throw fail('auth.last_method', 'This is the only way to sign in.');
    await deletePassword(tx, personId);
    await deps.trail.record(tx, actor, 'members.method_remove', personId, { method: 'password' });
  });
}
