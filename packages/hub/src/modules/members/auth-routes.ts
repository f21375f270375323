import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { Type } from 'typebox';
import { CodedError } from '#platform/errors';
import { type Http, Reply, type RequestInfo } from '#platform/http';
import { nullable } from '#platform/schema';
import { isCrossSite, sessionCookieName } from './authenticate.ts';
import { fail } from './errors.ts';
import type { Members } from './members.ts';
import { oidcCallbackPath, oidcCookie, readOidcCookie } from './oidc.ts';
import * as s from './schemas.ts';
import { endedCookie, type OpenedSession, type SignInFrom, sessionCookie } from './sessions.ts';

const fromOf = (request: RequestInfo): SignInFrom => ({
  ip: request.ip,
  agent: request.headers['user-agent'] ?? '',
  requestId: request.id,
});

/** What a signed-in browser needs to know at first; the cookie is in the header. */
const signedIn = Type.Object({ personId: Type.String() });
const signedInWithCodes = Type.Object({
  personId: Type.String(),
  recoveryCodes: Type.Array(Type.String(), { description: 'Shown here and never again.' }),
});

export function authRoutes(http: Http, members: Members): void {
  const door = doorOf(members);
  signInRoutes(http, members, door);
  enrolRoutes(http, members, door);
  oidcRoutes(http, members, door);
  selfRoutes(http, members, door);
}

type Door = ReturnType<typeof doorOf>;

function doorOf(members: Members) {
  return {
    url: members.publicUrl,
    cookie: (request: RequestInfo): string | undefined => request.cookies[sessionCookieName(members.publicUrl())],
    open(request: RequestInfo, opened: OpenedSession): void {
      request.setHeader('set-cookie', sessionCookie(members.publicUrl(), opened.token));
    },
    /** Nobody is signed in yet on these routes, but another site must not sign somebody in under a name of its own choosing either. */
    ownPage(request: RequestInfo): void {
      const { origin } = request.headers;
      const site = request.headers['sec-fetch-site'];
      const told = { method: request.method, origin, secFetchSite: typeof site === 'string' ? site : undefined };
      // Programs send neither header, have no cookies to be abused, and may sign in.
      if ((origin !== undefined || site !== undefined) && isCrossSite(told, members.publicUrl()))
        throw fail('auth.cross_site', 'The request does not come from the portal itself.');
    },
  };
}

function signInRoutes(http: Http, members: Members, door: Door): void {
  const tag = 'sign-in';
  const fails = ['auth.invalid', 'auth.too_many_attempts', 'auth.cross_site'];
  http.get('/api/v1/auth/methods', {
    summary: 'The ways to sign in that this hub offers',
    tag,
    scope: 'public',
    limit: 'read',
    reply: Type.Object({ passkey: Type.Boolean(), password: Type.Boolean(), oidc: nullable(Type.Object({ label: Type.String() })) }),
    handle: async () => ({ passkey: true, password: true, oidc: members.oidc.label === undefined ? null : { label: members.oidc.label } }),
  });
  http.post('/api/v1/auth/password', {
    summary: 'Sign in with password and one-time code, together',
    tag,
    scope: 'public',
    limit: 'sign-in',
    body: Type.Object({ mail: s.mailText, password: s.secretText, code: Type.String({ minLength: 1, maxLength: 64 }) }),
    reply: signedIn,
    fails,
    async handle({ body, request }) {
      door.ownPage(request);
      const opened = await members.signInWithPassword(body, fromOf(request));
      door.open(request, opened);
      return { personId: opened.personId };
    },
  });
  http.post('/api/v1/auth/passkey/options', {
    summary: 'A challenge to sign in with a passkey; the same for everybody',
    tag,
    scope: 'public',
    limit: 'sign-in',
    reply: s.browserOptions,
    fails: ['auth.too_many_attempts'],
    handle: async ({ request }) => ({ ...(await members.offerSignIn(fromOf(request))) }),
  });
  http.post('/api/v1/auth/passkey/verify', {
    summary: 'Sign in with a passkey',
    tag,
    scope: 'public',
    limit: 'sign-in',
    body: s.authenticationResponse,
    reply: signedIn,
    fails,
    async handle({ body, request }) {
      door.ownPage(request);
      // The library checks every field again; the schema has bounded them.
      const opened = await members.signInWithPasskey(body as unknown as AuthenticationResponseJSON, fromOf(request));
      door.open(request, opened);
      return { personId: opened.personId };
    },
  });
  http.post('/api/v1/auth/sign-out', {
    summary: 'End this session',
    tag,
    scope: 'self',
    limit: 'write',
    async handle({ actor, request }) {
      await members.signOut(actor, door.cookie(request));
      request.setHeader('set-cookie', endedCookie(door.url()));
    },
  });
}

function enrolRoutes(http: Http, members: Members, door: Door): void {
  const tag = 'sign-in';
  const fails = ['auth.link_invalid', 'auth.cross_site'];
  http.post('/api/v1/auth/enrol/open', {
    summary: 'Whom a one-time link is for',
    tag,
    scope: 'public',
    limit: 'sign-in',
    body: Type.Object({ token: s.token }),
    reply: s.linkView,
    fails,
    handle: async ({ body }) => ({ ...(await members.openLink(body.token)) }),
  });
  http.post('/api/v1/auth/enrol/first', {
    summary: 'The first person says who they are',
    tag,
    scope: 'public',
    limit: 'sign-in',
    body: Type.Object({ token: s.token, name: s.nameText, mail: s.mailText }),
    reply: s.linkView,
    fails: [...fails, 'members.mail_invalid', 'members.mail_taken'],
    async handle({ body, request }) {
      door.ownPage(request);
      return { ...(await members.claimFirstLink(body.token, { name: body.name, mail: body.mail }, fromOf(request))) };
    },
  });
  http.post('/api/v1/auth/enrol/passkey/options', {
    summary: 'A challenge to enrol a passkey with a one-time link',
    tag,
    scope: 'public',
    limit: 'sign-in',
    body: Type.Object({ token: s.token }),
    reply: s.browserOptions,
    fails,
    handle: async ({ body }) => ({ ...(await members.offerPasskeyByLink(body.token)) }),
  });
  http.post('/api/v1/auth/enrol/passkey/verify', {
    summary: 'Enrol a passkey with a one-time link, and sign in',
    tag,
    scope: 'public',
    limit: 'sign-in',
    body: Type.Object({ token: s.token, name: s.nameText, response: s.registrationResponse }),
    reply: signedIn,
    fails: [...fails, 'auth.invalid'],
    async handle({ body, request }) {
      door.ownPage(request);
      const opened = await members.enrolPasskey(
        body.token,
        body.response as unknown as RegistrationResponseJSON,
        body.name,
        fromOf(request),
      );
      door.open(request, opened);
      return { personId: opened.personId };
    },
  });
  http.post('/api/v1/auth/enrol/totp', {
    summary: 'A seed for the authenticator app, with a one-time link',
    tag,
    scope: 'public',
    limit: 'sign-in',
    body: Type.Object({ token: s.token }),
    reply: s.totpView,
    fails,
    handle: async ({ body }) => ({ ...(await members.offerTotpByLink(body.token)) }),
  });
  http.post('/api/v1/auth/enrol/password', {
    summary: 'Enrol password and authenticator app with a one-time link, and sign in',
    tag,
    scope: 'public',
    limit: 'sign-in',
    body: Type.Object({ token: s.token, ...s.newPassword }),
    reply: signedInWithCodes,
    fails: [...fails, 'auth.password_weak', 'auth.code_wrong', 'auth.too_many_attempts'],
    async handle({ body: { token, ...input }, request }) {
      door.ownPage(request);
      const opened = await members.enrolPassword(token, input, fromOf(request));
      door.open(request, opened);
      return { personId: opened.personId, recoveryCodes: [...opened.recoveryCodes] };
    },
  });
}

function oidcRoutes(http: Http, members: Members, door: Door): void {
  const tag = 'sign-in';
  http.post('/api/v1/auth/oidc/start', {
    summary: 'Where to send the browser to sign in with the identity provider; with a one-time link to enrol it',
    tag,
    scope: 'public',
    limit: 'sign-in',
    body: Type.Object({ token: Type.Optional(s.token) }),
    reply: Type.Object({ url: Type.String() }),
    fails: ['auth.oidc_off', 'auth.oidc_unreachable', 'auth.link_invalid', 'auth.too_many_attempts', 'auth.cross_site'],
    async handle({ body, request }) {
      door.ownPage(request);
      const { url, browser } = await members.oidc.start(body.token, fromOf(request));
      request.setHeader('set-cookie', oidcCookie(door.url(), browser));
      return { url };
    },
  });
  // Both names of the query are the provider's; unknown ones are kept, because the answer is checked as a whole.
  http.get(oidcCallbackPath, {
    summary: 'The way back from the identity provider; continues to the portal',
    tag,
    scope: 'public',
    limit: 'sign-in',
    unknown: 'ignore',
    async handle({ request }) {
      request.setHeader('set-cookie', oidcCookie(door.url(), ''));
      try {
        const opened = await members.oidc.finish(request.url, readOidcCookie(door.url(), request.cookies), fromOf(request));
        door.open(request, opened);
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        return Reply.bytes('', {
          status: 303,
          headers: { location: `/sign-in?failed=${encodeURIComponent(error.code)}`, 'cache-control': 'no-store' },
        });
      }
      return Reply.bytes('', { status: 303, headers: { location: '/', 'cache-control': 'no-store' } });
    },
  });
}

function selfRoutes(http: Http, members: Members, door: Door): void {
  const tag = 'self';
  http.get('/api/v1/me', {
    summary: 'Who you are here, and with which rights',
    tag,
    scope: 'self',
    limit: 'read',
    reply: s.meView,
    async handle({ actor }) {
      const me = await members.readMe(actor);
      return { ...me, roles: [...me.roles], scopes: [...actor.scopes] };
    },
  });
  http.get('/api/v1/me/methods', {
    summary: 'Your ways to sign in',
    tag,
    scope: 'self',
    limit: 'read',
    reply: s.methodsView,
    async handle({ actor }) {
      const held = await members.readMethods(actor);
      return { ...held, passkeys: [...held.passkeys] };
    },
  });
  http.post('/api/v1/me/passkeys/options', {
    summary: 'A challenge to add a passkey',
    tag,
    scope: 'self',
    limit: 'sign-in',
    reply: s.browserOptions,
    fails: ['auth.step_up'],
    handle: async ({ actor, request }) => ({ ...(await members.offerPasskeyInSession(actor, door.cookie(request))) }),
  });
  http.post('/api/v1/me/passkeys', {
    summary: 'Add a passkey',
    tag,
    scope: 'self',
    limit: 'sign-in',
    body: Type.Object({ name: s.nameText, response: s.registrationResponse }),
    reply: s.passkeyView,
    status: 201,
    fails: ['auth.step_up', 'auth.invalid'],
    handle: ({ actor, body, request }) =>
      members.addPasskey(actor, door.cookie(request), body.response as unknown as RegistrationResponseJSON, body.name),
  });
  http.delete('/api/v1/me/passkeys/:id', {
    summary: 'Remove a passkey, unless it is the last way to sign in',
    tag,
    scope: 'self',
    limit: 'write',
    params: Type.Object({ id: Type.String({ maxLength: 2_000 }) }),
    fails: ['auth.step_up', 'auth.last_method', 'members.passkey_not_found'],
    handle: ({ actor, params, request }) => members.removePasskey(actor, door.cookie(request), params.id),
  });
  http.post('/api/v1/me/totp', {
    summary: 'A seed for a new authenticator app',
    tag,
    scope: 'self',
    limit: 'sign-in',
    reply: s.totpView,
    fails: ['auth.step_up'],
    handle: async ({ actor, request }) => ({ ...(await members.offerTotpInSession(actor, door.cookie(request))) }),
  });
  http.put('/api/v1/me/password', {
    summary: 'Set password and authenticator app; ends all other sessions',
    tag,
    scope: 'self',
    limit: 'sign-in',
    body: Type.Object(s.newPassword),
    reply: signedInWithCodes,
    fails: ['auth.step_up', 'auth.password_weak', 'auth.code_wrong', 'auth.too_many_attempts'],
    async handle({ actor, body, request }) {
      const opened = await members.setPassword(actor, door.cookie(request), body, fromOf(request));
      door.open(request, opened);
      return { personId: opened.personId, recoveryCodes: [...opened.recoveryCodes] };
    },
  });
  http.delete('/api/v1/me/password', {
    summary: 'Remove password and authenticator app, unless they are the last way to sign in',
    tag,
    scope: 'self',
    limit: 'write',
    fails: ['auth.step_up', 'auth.last_method'],
    handle: ({ actor, request }) => members.removePassword(actor, door.cookie(request)),
  });
  http.get('/api/v1/sessions', {
    summary: 'Your sessions',
    tag,
    scope: 'self',
    limit: 'read',
    reply: s.listOf(s.sessionView),
    handle: async ({ actor, request }) => ({ items: await members.readSessions(actor, door.cookie(request)) }),
  });
  http.delete('/api/v1/sessions', {
    summary: 'End all your sessions',
    tag,
    scope: 'self',
    limit: 'write',
    handle: ({ actor }) => members.endAllSessions(actor),
  });
  http.delete('/api/v1/sessions/:id', {
    summary: 'End one of your sessions',
    tag,
    scope: 'self',
    limit: 'write',
    params: s.keyId,
    fails: ['members.session_not_found'],
    handle: ({ actor, params }) => members.endSession(actor, params.id),
  });
}
