import { randomBytes } from 'node:crypto';
import * as client from 'openid-client';
import { CodedError } from '#platform/errors';
import { sameHash, secretHash } from './credential.ts';
import type { MembersDeps, OidcSettings } from './deps.ts';
import { fail, refuse } from './errors.ts';
import { countTry } from './limiter.ts';
import { limits } from './limits.ts';
import { consumeLink, linkPerson, linkPersonById } from './links.ts';
import { type OpenedSession, openSession, type SignInFrom, visitor } from './sessions.ts';
import { findIdentity, insertAttempt, insertIdentity, type OidcAttempt, takeAttempt } from './store/oidc.ts';

export const oidcCallbackPath = '/api/v1/auth/oidc/callback';

/** Seconds that the provider has to answer: a person is waiting. */
const providerTimeoutSeconds = 10;

/** A subject is at most 255 ASCII characters (OpenID Connect Core, section 2). */
const subjectMaxChars = 255;

export type Oidc = {
  readonly label: string | undefined;
  /** Where to send the browser, and what to put into its cookie meanwhile. */
  start(linkToken: string | undefined, from: SignInFrom): Promise<{ readonly url: string; readonly browser: string }>;
  /** `url` is the path and query that the browser came back with. */
  finish(url: string, browser: string | undefined, from: SignInFrom): Promise<OpenedSession>;
};

/**
 * Authorization code flow with PKCE, state, nonce, and the signature of the ID token checked although it comes over TLS. A person is found by
 * issuer and subject alone. The link between the two is made with an invitation or recovery link and never from a mail address:
 * a provider may let people choose one.
 */
export function createOidc(deps: MembersDeps): Oidc {
  const settings = deps.oidc;
  if (settings === undefined) {
    const off = async (): Promise<never> => {
      throw fail('auth.oidc_off', 'There is no identity provider.');
    };
    return { label: undefined, start: off, finish: off };
  }
  let discovered: Promise<client.Configuration> | undefined;
  const configuration = (): Promise<client.Configuration> => {
    // A failure is forgotten, so that a provider that was down when we first asked is asked again.
    discovered ??= discover(settings).catch((error: unknown) => {
      discovered = undefined;
      deps.log.warn({ issuer: settings.issuer, error: String(error) }, 'the identity provider cannot be reached');
      throw fail('auth.oidc_unreachable', 'The identity provider does not answer.');
    });
    return discovered;
  };
  return {
    label: settings.label,
    start: (linkToken, from) => start(deps, configuration, linkToken, from),
    finish: (url, browser, from) => finish(deps, configuration, url, browser, from),
  };
}

async function discover(settings: OidcSettings): Promise<client.Configuration> {
  const issuer = new URL(settings.issuer);
  const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(issuer.hostname);
  if (issuer.protocol !== 'https:' && !(loopback && settings.allowLoopbackHttp === true)) throw new Error('the issuer is not https');
  const config = await client.discovery(
    issuer,
    settings.clientId,
    {},
    settings.clientSecret === undefined ? client.None() : client.ClientSecretPost(settings.clientSecret),
    {
      timeout: providerTimeoutSeconds,
      execute: [client.enableNonRepudiationChecks, ...(issuer.protocol === 'https:' ? [] : [client.allowInsecureRequests])],
      ...(settings.fetch === undefined ? {} : { [client.customFetch]: settings.fetch as client.CustomFetch }),
    },
  );
  return config;
}

const redirectUri = (deps: MembersDeps): string => new URL(oidcCallbackPath, deps.publicUrl()).href;

async function start(
  deps: MembersDeps,
  configuration: () => Promise<client.Configuration>,
  linkToken: string | undefined,
  from: SignInFrom,
) {
  await countTry(deps, { ip: from.ip });
  const link = linkToken === undefined ? undefined : (await linkPerson(deps, deps.db, linkToken)).link;
  const config = await configuration();
  const browser = randomBytes(32).toString('base64url');
  const attempt: OidcAttempt = {
    state: client.randomState(),
    browserHash: secretHash('oidc-browser', browser),
    nonce: client.randomNonce(),
    codeVerifier: client.randomPKCECodeVerifier(),
    linkId: link?.id ?? null,
    expiresAt: new Date(deps.clock.now().getTime() + limits.oidcMs),
  };
  await insertAttempt(deps.db, attempt);
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri(deps),
    scope: 'openid',
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(attempt.codeVerifier),
    code_challenge_method: 'S256',
  });
  return { url: url.href, browser };
}

async function finish(
  deps: MembersDeps,
  configuration: () => Promise<client.Configuration>,
  path: string,
  browser: string | undefined,
  from: SignInFrom,
): Promise<OpenedSession> {
  await countTry(deps, { ip: from.ip });
  try {
    const identity = await whoCameBack(deps, await configuration(), path, browser);
    const opened = identity.linkId === null ? await signIn(deps, identity, from) : await enrol(deps, identity, identity.linkId, from);
    deps.forget(opened.personId);
    return opened;
  } catch (error) {
    const code = error instanceof CodedError ? error.code : 'refused by the protocol';
    await deps.db.transaction((tx) => deps.trail.record(tx, visitor(from), 'members.sign_in_refused', 'oidc', { code }));
    throw error;
  }
}

type Identity = { readonly issuer: string; readonly subject: string; readonly linkId: string | null };

async function whoCameBack(deps: MembersDeps, config: client.Configuration, path: string, browser: string | undefined): Promise<Identity> {
  const current = new URL(redirectUri(deps));
  current.search = new URL(path, current).search;
  const state = current.searchParams.get('state') ?? '';
  const attempt = await takeAttempt(deps.db, state.slice(0, 200));
  const sameBrowser = attempt !== undefined && browser !== undefined && sameHash(attempt.browserHash, secretHash('oidc-browser', browser));
  if (!attempt || !sameBrowser || attempt.expiresAt <= deps.clock.now()) throw refuse();
  const tokens = await client
    .authorizationCodeGrant(config, current, {
      expectedState: attempt.state,
      expectedNonce: attempt.nonce,
      pkceCodeVerifier: attempt.codeVerifier,
      idTokenExpected: true,
    })
    .catch((error: unknown) => {
      deps.log.warn({ error: error instanceof Error ? error.message : String(error) }, 'an answer of the identity provider was refused');
      throw refuse();
    });
  const claims = tokens.claims();
  if (!claims || claims.sub.length > subjectMaxChars) throw refuse();
  return { issuer: claims.iss, subject: claims.sub, linkId: attempt.linkId };
}

async function signIn(deps: MembersDeps, identity: Identity, from: SignInFrom): Promise<OpenedSession> {
  return deps.db.transaction(async (tx) => {
    const access = await findIdentity(tx, identity.issuer, identity.subject);
    if (!access || access.disabledAt !== null || access.suspendedAt !== null) throw refuse();
    await deps.trail.record(tx, visitor(from, access.personId), 'members.sign_in', access.personId, {
      method: 'oidc',
      issuer: identity.issuer,
    });
    return openSession(deps, tx, access.personId, 'oidc', from);
  });
}

async function enrol(deps: MembersDeps, identity: Identity, linkId: string, from: SignInFrom): Promise<OpenedSession> {
  return deps.db.transaction(async (tx) => {
    const { link, person } = await linkPersonById(deps, tx, linkId);
    await consumeLink(deps, tx, link, person.id);
    if (!(await insertIdentity(tx, identity.issuer, identity.subject, person.id, deps.clock.now()))) throw refuse();
    await deps.trail.record(tx, visitor(from, person.id), 'members.method_add', person.id, {
      method: 'oidc',
      issuer: identity.issuer,
      by: link.purpose,
    });
    return openSession(deps, tx, person.id, 'oidc', from);
  });
}

/** Carries the browser's own secret to the provider and back. Lax, because the way back begins on the provider's page. */
const oidcCookieName = (publicUrl: string): string => (publicUrl.startsWith('https:') ? '__Host-rebato-oidc' : 'rebato-oidc');

export function oidcCookie(publicUrl: string, browser: string): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  return `${oidcCookieName(publicUrl)}=${browser}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${browser === '' ? 0 : limits.oidcMs / 1000}${secure}`;
}

export const readOidcCookie = (publicUrl: string, cookies: Readonly<Record<string, string>>): string | undefined =>
  cookies[oidcCookieName(publicUrl)];
