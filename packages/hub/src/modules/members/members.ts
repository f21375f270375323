import type { Actor } from '#platform/actor';
import { declareAsset, readAssets, withdrawAsset } from './assets.ts';
import { createAuthenticator, isCrossSite, sessionCookieName } from './authenticate.ts';
import { firstStart, keyAfterRestore } from './bootstrap.ts';
import type { MembersDeps, MembersSetup } from './deps.ts';
import { changeEntity, createEntity, readEntities, readEntity } from './entities.ts';
import { changeGroup, createGroup, readGroup, readGroups, removeGroup } from './groups.ts';
import { createKey, readKeys, revokeKeyOf, rotateKey } from './keys.ts';
import { limits } from './limits.ts';
import { claimFirstLink, createFirstLink, openLink } from './links.ts';
import { readMe, readMethods } from './me.ts';
import { createOidc } from './oidc.ts';
import {
  addPasskey,
  enrolPasskey,
  offerPasskeyByLink,
  offerPasskeyInSession,
  offerSignIn,
  removePasskey,
  signInWithPasskey,
} from './passkeys.ts';
import { changePerson, createPerson, inviteAgain, readPeople, readPerson } from './people.ts';
import { endAllSessions, endSession, readSessions, signOut } from './sessions.ts';
import { enrolPassword, offerTotpByLink, offerTotpInSession, removePassword, setPassword, signInWithPassword } from './sign-in-password.ts';
import { changeSoc, createSoc, readSoc, readSocs, removeSoc } from './socs.ts';
import { writeKeyUse, writeSessionUse } from './store/access.ts';
import { listKinds } from './store/entities.ts';
import { deleteExpired } from './store/signin.ts';

/** What the door knows of a request before it is known who asks. */
export type DoorRequest = {
  readonly id: string;
  readonly method: string;
  readonly ip: string;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly cookies: Readonly<Record<string, string>>;
};

type Bound<F> = F extends (deps: MembersDeps, ...rest: infer A) => infer R ? (...rest: A) => R : never;

export type Members = ReturnType<typeof createMembers>;

export function createMembers(setup: MembersSetup) {
  const authenticator = createAuthenticator(setup);
  const deps: MembersDeps = { ...setup, forget: authenticator.forget };
  const bind = <F extends (deps: MembersDeps, ...rest: never[]) => unknown>(useCase: F): Bound<F> =>
    ((...rest: never[]) => useCase(deps, ...rest)) as Bound<F>;

  const oidc = createOidc(deps);
  return {
    publicUrl: deps.publicUrl,
    authenticate: authenticator.authenticate,
    /** For the door: key, basic or cookie, with the check that a cookie's request comes from our own pages. Undefined: nothing was shown. */
    async authenticateRequest(request: DoorRequest): Promise<Actor | undefined> {
      const publicUrl = deps.publicUrl();
      const presented = {
        authorization: single(request.headers.authorization),
        apiKey: single(request.headers['x-api-key']),
        cookie: request.cookies[sessionCookieName(publicUrl)],
        ip: request.ip,
        requestId: request.id,
        crossSite: isCrossSite(
          { method: request.method, origin: single(request.headers.origin), secFetchSite: single(request.headers['sec-fetch-site']) },
          publicUrl,
        ),
      };
      if (presented.authorization === undefined && presented.apiKey === undefined && presented.cookie === undefined) return undefined;
      return authenticator.authenticate(presented);
    },
    /** Call with the ids of `members.access_changed` and `members.entity_changed` as they are read from the log. */
    forget: authenticator.forget,
    /** Writes when keys and sessions were last used. Call once a minute and before the end; what is lost in a crash is a minute of it. */
    async flushUse(): Promise<number> {
      const { keys, sessions } = authenticator.takeUse();
      if (keys.size > 0) await writeKeyUse(deps.db, [...keys.keys()], [...keys.values()]);
      if (sessions.size > 0) await writeSessionUse(deps.db, [...sessions.keys()], [...sessions.values()]);
      return keys.size + sessions.size;
    },
    firstStart: bind(firstStart),
    keyAfterRestore: bind(keyAfterRestore),

    readKinds: () => listKinds(deps.db),
    createEntity: bind(createEntity),
    changeEntity: bind(changeEntity),
    readEntities: bind(readEntities),
    readEntity: bind(readEntity),

    createSoc: bind(createSoc),
    changeSoc: bind(changeSoc),
    removeSoc: bind(removeSoc),
    readSocs: bind(readSocs),
    readSoc: bind(readSoc),

    declareAsset: bind(declareAsset),
    withdrawAsset: bind(withdrawAsset),
    readAssets: bind(readAssets),

    createGroup: bind(createGroup),
    changeGroup: bind(changeGroup),
    removeGroup: bind(removeGroup),
    readGroups: bind(readGroups),
    readGroup: bind(readGroup),

    createPerson: bind(createPerson),
    changePerson: bind(changePerson),
    inviteAgain: bind(inviteAgain),
    readPeople: bind(readPeople),
    readPerson: bind(readPerson),

    createFirstLink: bind(createFirstLink),
    openLink: bind(openLink),
    claimFirstLink: bind(claimFirstLink),

    signInWithPassword: bind(signInWithPassword),
    offerTotpByLink: bind(offerTotpByLink),
    offerTotpInSession: bind(offerTotpInSession),
    enrolPassword: bind(enrolPassword),
    setPassword: bind(setPassword),
    removePassword: bind(removePassword),

    offerSignIn: bind(offerSignIn),
    signInWithPasskey: bind(signInWithPasskey),
    offerPasskeyByLink: bind(offerPasskeyByLink),
    enrolPasskey: bind(enrolPasskey),
    offerPasskeyInSession: bind(offerPasskeyInSession),
    addPasskey: bind(addPasskey),
    removePasskey: bind(removePasskey),

    /** Sign-in with the configured identity provider, if any. */
    oidc,

    readSessions: bind(readSessions),
    endSession: bind(endSession),
    endAllSessions: bind(endAllSessions),
    signOut: bind(signOut),
    readMe: bind(readMe),
    readMethods: bind(readMethods),
    /** Removes what has run out. Called by the leader every few minutes. */
    tidy: () => deleteExpired(deps.db, deps.clock.now(), new Date(deps.clock.now().getTime() - 2 * limits.attemptWindowMs)),

    createKey: bind(createKey),
    rotateKey: bind(rotateKey),
    revokeKey: bind(revokeKeyOf),
    readKeys: bind(readKeys),
  };
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);
