import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import type { Actor } from '#platform/actor';
import type { Tx } from '#platform/db';
import type { MembersDeps } from './deps.ts';
import { tidyName } from './entities.ts';
import { fail, refuse } from './errors.ts';
import { countTry } from './limiter.ts';
import { limits } from './limits.ts';
import { consumeLink, linkPerson } from './links.ts';
import { type OpenedSession, openSession, requireFresh, type SignInFrom, visitor } from './sessions.ts';
import {
  deletePasskey,
  findPasskeyAccess,
  insertChallenge,
  insertPasskey,
  listPasskeys,
  type PasskeyRow,
  takeChallenge,
  usePasskey,
} from './store/passkeys.ts';
import { findPerson, lockPerson, type PersonRow } from './store/people.ts';
import { countMethods } from './store/signin.ts';

/** ES256 and ES384: inside the crypto profile, and known to every current platform. */
const algorithms = [-7, -35];

const site = (deps: MembersDeps) => {
  const url = new URL(deps.publicUrl());
  return { origin: url.origin, rpId: url.hostname };
};

const expiry = (deps: MembersDeps): Date => new Date(deps.clock.now().getTime() + limits.challengeMs);

async function offerPasskey(
  deps: MembersDeps,
  person: PersonRow,
  held: readonly PasskeyRow[],
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const options = await generateRegistrationOptions({
    rpName: 'Rebato',
    rpID: site(deps).rpId,
    userName: person.mail,
    userDisplayName: person.name,
    userID: new Uint8Array(Buffer.from(person.id)),
    timeout: limits.challengeMs,
    excludeCredentials: held.map((key) => ({ id: key.id })),
    // Discoverable, so that nobody types a name before signing in; verified by PIN or finger, so that it is two factors by itself.
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    supportedAlgorithmIDs: algorithms,
  });
  await insertChallenge(deps.db, options.challenge, 'register', person.id, expiry(deps));
  return options;
}

/** Checks the browser's answer and makes the row. The challenge is used up whatever comes of it. */
async function readNewPasskey(deps: MembersDeps, person: PersonRow, response: RegistrationResponseJSON, name: string): Promise<PasskeyRow> {
  const { origin, rpId } = site(deps);
  const verified = await verifyRegistrationResponse({
    response,
    expectedChallenge: (challenge) => challengeHolds(deps, challenge, 'register', person.id),
    expectedOrigin: origin,
    expectedRPID: rpId,
    requireUserVerification: true,
    supportedAlgorithmIDs: algorithms,
  }).catch(() => undefined);
  if (!verified?.verified) throw refuse();
  const { credential, credentialBackedUp } = verified.registrationInfo;
  return {
    id: credential.id,
    personId: person.id,
    name: tidyName(name) || 'Passkey',
    publicKey: Buffer.from(credential.publicKey),
    counter: credential.counter,
    transports: (credential.transports ?? []).slice(0, 10),
    backedUp: credentialBackedUp,
    createdAt: deps.clock.now(),
    lastUsedAt: null,
  };
}

async function challengeHolds(
  deps: MembersDeps,
  challenge: string,
  purpose: 'register' | 'authenticate',
  personId: string | null,
): Promise<boolean> {
  const taken = await takeChallenge(deps.db, challenge.slice(0, 200), purpose);
  return taken !== undefined && taken.expiresAt > deps.clock.now() && taken.personId === personId;
}

async function storePasskey(tx: Tx, row: PasskeyRow): Promise<void> {
  const held = await listPasskeys(tx, row.personId);
  if (held.length >= limits.passkeysPerPerson || !(await insertPasskey(tx, row))) throw refuse();
}

export async function offerPasskeyByLink(deps: MembersDeps, token: string): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const { person } = await linkPerson(deps, deps.db, token);
  return offerPasskey(deps, person, []);
}

export async function enrolPasskey(
  deps: MembersDeps,
  token: string,
  response: RegistrationResponseJSON,
  name: string,
  from: SignInFrom,
): Promise<OpenedSession> {
  const before = await linkPerson(deps, deps.db, token);
  const row = await readNewPasskey(deps, before.person, response, name);
  const opened = await deps.db.transaction(async (tx) => {
    const { link, person } = await linkPerson(deps, tx, token);
    await consumeLink(deps, tx, link, person.id);
    await storePasskey(tx, row);
    await deps.trail.record(tx, visitor(from, person.id), 'members.method_add', person.id, { method: 'passkey', by: link.purpose });
    return openSession(deps, tx, person.id, 'passkey', from);
  });
  deps.forget(opened.personId);
  return opened;
}

export async function offerPasskeyInSession(
  deps: MembersDeps,
  actor: Actor,
  cookie: string | undefined,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const person = await findPerson(deps.db, await requireFresh(deps, actor, cookie));
  if (!person) throw refuse();
  return offerPasskey(deps, person, await listPasskeys(deps.db, person.id));
}

export async function addPasskey(
  deps: MembersDeps,
  actor: Actor,
  cookie: string | undefined,
  response: RegistrationResponseJSON,
  name: string,
): Promise<PasskeyView> {
  const person = await findPerson(deps.db, await requireFresh(deps, actor, cookie));
  if (!person) throw refuse();
  const row = await readNewPasskey(deps, person, response, name);
  await deps.db.transaction(async (tx) => {
    await lockPerson(tx, person.id);
    await storePasskey(tx, row);
    await deps.trail.record(tx, actor, 'members.method_add', person.id, { method: 'passkey', name: row.name });
  });
  return presentPasskey(row);
}

export async function removePasskey(deps: MembersDeps, actor: Actor, cookie: string | undefined, id: string): Promise<void> {
  const personId = await requireFresh(deps, actor, cookie);
  await deps.db.transaction(async (tx) => {
    await lockPerson(tx, personId);
    if (!(await deletePasskey(tx, personId, id))) throw fail('members.passkey_not_found', 'No such passkey.');
    const held = await countMethods(tx, personId);
    if (held.passkeys + held.oidc === 0 && !held.password) throw fail('auth.last_method', 'This is the only way to sign in.');
    await deps.trail.record(tx, actor, 'members.method_remove', personId, { method: 'passkey' });
  });
}

export type PasskeyView = Pick<PasskeyRow, 'id' | 'name' | 'backedUp'> & { readonly createdAt: string; readonly lastUsedAt: string | null };
export const presentPasskey = (row: PasskeyRow): PasskeyView => ({
  id: row.id,
  name: row.name,
  backedUp: row.backedUp,
  createdAt: row.createdAt.toISOString(),
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
});

/** The same for everybody: no name is asked for, so nothing about people can be learned here. */
export async function offerSignIn(deps: MembersDeps, from: SignInFrom): Promise<PublicKeyCredentialRequestOptionsJSON> {
  await countTry(deps, { ip: from.ip });
  const options = await generateAuthenticationOptions({ rpID: site(deps).rpId, userVerification: 'required', timeout: limits.challengeMs });
  await insertChallenge(deps.db, options.challenge, 'authenticate', null, expiry(deps));
  return options;
}

export async function signInWithPasskey(deps: MembersDeps, response: AuthenticationResponseJSON, from: SignInFrom): Promise<OpenedSession> {
  await countTry(deps, { ip: from.ip });
  const { origin, rpId } = site(deps);
  const key = await findPasskeyAccess(deps.db, response.id);
  const verified =
    key &&
    (await verifyAuthenticationResponse({
      response,
      expectedChallenge: (challenge) => challengeHolds(deps, challenge, 'authenticate', null),
      expectedOrigin: origin,
      expectedRPID: rpId,
      credential: { id: key.id, publicKey: new Uint8Array(key.publicKey), counter: key.counter, transports: [...key.transports] },
      requireUserVerification: true,
    }).catch(() => undefined));
  // The handle says whose passkey the authenticator thinks it is.
  const handle = response.response.userHandle;
  const mine = key && (handle === undefined || handle === null || Buffer.from(handle, 'base64url').toString() === key.personId);
  if (
    key &&
    mine &&
    verified?.verified &&
    verified.authenticationInfo.userVerified &&
    key.disabledAt === null &&
    key.suspendedAt === null
  ) {
    const opened = await deps.db.transaction(async (tx) => {
      if (!(await usePasskey(tx, key.id, verified.authenticationInfo.newCounter, deps.clock.now()))) return undefined;
      await deps.trail.record(tx, visitor(from, key.personId), 'members.sign_in', key.personId, { method: 'passkey' });
      return openSession(deps, tx, key.personId, 'passkey', from);
    });
    if (opened) return opened;
  }
  await deps.db.transaction((tx) => deps.trail.record(tx, visitor(from), 'members.sign_in_refused', 'passkey'));
  throw refuse();
}
