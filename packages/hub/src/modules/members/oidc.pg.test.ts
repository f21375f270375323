import assert from 'node:assert/strict';
import { createHash, createHmac, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type Bed, openBed } from '#test/members/bed';
import { oidcCallbackPath } from './oidc.ts';

const refused = { code: 'auth.invalid', message: 'The credential is not valid.' };
const hubUrl = 'https://hub.example.org';
let serial = 0;
const from = () => ({ ip: `198.51.100.${++serial}`, agent: 'test', requestId: 'r' });

const listen = (server: Server): Promise<string> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)));
const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });

async function invited(bed: Bed) {
  const entity = await bed.entity(`Entity ${++serial}`);
  const made = await bed.members.createPerson(bed.administrator, {
    entityId: entity.id,
    name: 'Olga',
    mail: `olga${serial}@example.org`,
    roles: ['analyst'],
  });
  return { person: made.person, token: made.link.slice(made.link.indexOf('#') + 1) };
}

// What a hostile or broken provider can answer: everything is as it should be, but for what a test twists.
type Twist = { claims?: Record<string, unknown>; header?: Record<string, unknown>; sign?: (input: string) => string; callbackIss?: string };
const good = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const b64 = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const es256 = (key: KeyObject) => (input: string) =>
  createSign('sha256').update(input).sign({ key, dsaEncoding: 'ieee-p1363' }).toString('base64url');

let twist: Twist = {};
let challenge = '';
let nonce = '';
let issuer = '';
let served: Server;
let bed: Bed;

before(async () => {
  served = createServer((request, response) => {
    const json = (value: unknown, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const path = new URL(request.url ?? '/', issuer).pathname;
    if (path === '/.well-known/openid-configuration') {
      return json({
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
      });
    }
    if (path === '/jwks') return json({ keys: [{ ...good.publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }] });
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const verifier = new URLSearchParams(body).get('code_verifier') ?? '';
      if (createHash('sha256').update(verifier).digest('base64url') !== challenge) return json({ error: 'invalid_grant' }, 400);
      const now = Math.floor(Date.now() / 1000);
      const claims = { iss: issuer, sub: 'subject-1', aud: 'rebato', iat: now, exp: now + 60, nonce, ...twist.claims };
      const input = `${b64({ alg: 'ES256', kid: 'k', ...twist.header })}.${b64(claims)}`;
      return json({ access_token: 'a', token_type: 'bearer', id_token: `${input}.${(twist.sign ?? es256(good.privateKey))(input)}` });
    });
  });
  issuer = await listen(served);
  bed = await openBed({ oidc: { issuer, clientId: 'rebato', clientSecret: 's'.repeat(32), label: 'Fake', allowLoopbackHttp: true } });
});
after(async () => {
  await bed[Symbol.asyncDispose]();
  await close(served);
});

/** Goes to the provider and comes back. */
async function goThrough(linkToken: string | undefined, how: Twist = {}) {
  twist = how;
  const { url, browser } = await bed.members.oidc.start(linkToken, from());
  const asked = new URL(url).searchParams;
  challenge = asked.get('code_challenge') ?? '';
  nonce = asked.get('nonce') ?? '';
  const back = new URLSearchParams({ code: 'c', state: asked.get('state') ?? '', iss: how.callbackIss ?? issuer });
  const path = `${oidcCallbackPath}?${back}`;
  return { asked, browser, path, finish: () => bed.members.oidc.finish(path, browser, from()) };
}

test('OIDC: a link binds issuer and subject, which then sign in; the request has PKCE, state and nonce', async () => {
  const { person, token } = await invited(bed);
  const first = await goThrough(token);
  assert.equal(first.asked.get('code_challenge_method'), 'S256');
  assert.equal(first.asked.get('redirect_uri'), `${hubUrl}${oidcCallbackPath}`);
  assert.ok((first.asked.get('state') ?? '').length >= 32 && (first.asked.get('nonce') ?? '').length >= 32);
  assert.equal((await first.finish()).personId, person.id);
  assert.equal((await (await goThrough(undefined)).finish()).personId, person.id);
  await assert.rejects(goThrough(token), { code: 'auth.link_invalid' });
});

test('OIDC: a subject that nobody linked opens nothing, whatever mail address it claims', async () => {
  const { person } = await invited(bed);
  for (const claims of [
    { email: person.mail, email_verified: true },
    { email: person.mail, email_verified: false },
    { preferred_username: person.mail },
  ]) {
    await assert.rejects((await goThrough(undefined, { claims: { sub: 'stranger', ...claims } })).finish(), refused);
  }
});

test('OIDC: an identity that belongs to somebody is not bound to somebody else, and the link stays good', async () => {
  const { token } = await invited(bed);
  await assert.rejects((await goThrough(token)).finish(), refused, 'subject-1 is taken');
  await bed.members.openLink(token);
});

test('OIDC: wrong issuer, audience, nonce, time, key, `none`, or a shared secret as key: refused', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const past = Math.floor(Date.now() / 1000) - 3_600;
  const twists: Twist[] = [
    { claims: { iss: 'https://other.example' } },
    { callbackIss: 'https://other.example' },
    { claims: { aud: 'somebody-else' } },
    { claims: { nonce: 'another' } },
    { claims: { nonce: undefined } },
    { claims: { exp: past, iat: past - 60 } },
    { claims: { sub: '' } },
    { sign: es256(other.privateKey) },
    { header: { alg: 'none' }, sign: () => '' },
    { header: { alg: 'HS256' }, sign: (input) => createHmac('sha256', 's'.repeat(32)).update(input).digest('base64url') },
    {
      header: { alg: 'HS256' },
      sign: (input) =>
        createHmac('sha256', good.publicKey.export({ format: 'pem', type: 'spki' }))
          .update(input)
          .digest('base64url'),
    },
  ];
  for (const [index, how] of twists.entries()) await assert.rejects((await goThrough(undefined, how)).finish(), refused, `twist ${index}`);
  await (await goThrough(undefined)).finish();
});

test('OIDC: an answer is good once, for the browser that asked, in time, and a nonce is never used again', async () => {
  const once = await goThrough(undefined);
  const usedNonce = nonce;
  await once.finish();
  await assert.rejects(once.finish(), refused, 'replayed');
  const stolen = await goThrough(undefined);
  await assert.rejects(bed.members.oidc.finish(stolen.path, 'x'.repeat(43), from()), refused, 'another browser');
  await assert.rejects(stolen.finish(), refused, 'and that was the one try');
  const bare = await goThrough(undefined);
  await assert.rejects(bed.members.oidc.finish(bare.path, undefined, from()), refused, 'no cookie at all');
  const again = await goThrough(undefined);
  assert.notEqual(nonce, usedNonce);
  nonce = usedNonce;
  await assert.rejects(again.finish(), refused, 'a token of an earlier sign-in');
  const late = await goThrough(undefined);
  bed.clock.advance(10 * 60_000);
  await assert.rejects(late.finish(), refused);
  const mixed = await goThrough(undefined);
  await assert.rejects(bed.members.oidc.finish(mixed.path.replace(/state=[^&]+/, 'state=made-up'), mixed.browser, from()), refused);
});

test('OIDC: the same subject at another issuer is somebody else', async () => {
  await bed.db.run`update members.oidc_identity set issuer = 'https://other.example'`;
  await assert.rejects((await goThrough(undefined)).finish(), refused);
  await bed.db.run`update members.oidc_identity set issuer = ${issuer}`;
  await (await goThrough(undefined)).finish();
});

test('OIDC: disabled people stay out', async () => {
  const { person, token } = await invited(bed);
  await (await goThrough(token, { claims: { sub: 'subject-2' } })).finish();
  await bed.members.changePerson(bed.administrator, person.id, { disabled: true });
  await assert.rejects((await goThrough(undefined, { claims: { sub: 'subject-2' } })).finish(), refused);
});

test('OIDC: off unless configured; plain http only on loopback and when allowed; a provider that is down is said so', async () => {
  await using off = await openBed();
  await assert.rejects(off.members.oidc.start(undefined, from()), { code: 'auth.oidc_off' });
  for (const oidc of [
    { issuer, clientId: 'x', label: 'x' },
    { issuer: 'http://192.0.2.1', clientId: 'x', label: 'x', allowLoopbackHttp: true },
    { issuer: 'http://127.0.0.1:1', clientId: 'x', label: 'x', allowLoopbackHttp: true },
  ]) {
    await using other = await openBed({ oidc });
    await assert.rejects(other.members.oidc.start(undefined, from()), { code: 'auth.oidc_unreachable' });
  }
});

/** What is used of a package that brings no types. */
type RealProvider = { callback(): Parameters<typeof createServer>[1]; proxy: boolean };
type ProviderClass = new (issuer: string, configuration: Record<string, unknown>) => RealProvider;

/** A browser with a cookie jar that follows redirects and fills in the provider's forms, until it is sent back to the hub. */
async function browse(start: string): Promise<string> {
  const jar = new Map<string, string>();
  let next: { url: string; body?: URLSearchParams } = { url: start };
  for (let step = 0; step < 20; step += 1) {
    if (next.url.startsWith(hubUrl)) return next.url.slice(hubUrl.length);
    const response = await fetch(next.url, {
      redirect: 'manual',
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(next.body === undefined ? {} : { method: 'POST', body: next.body }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';');
      jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    const location = response.headers.get('location');
    const page = await response.text();
    if (location !== null) {
      next = { url: new URL(location, next.url).href };
      continue;
    }
    const action = /action="([^"]+)"/.exec(page)?.[1];
    const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1];
    assert.ok(action && prompt, `no form on ${next.url}: ${response.status} ${page.slice(0, 500)}`);
    next = { url: new URL(action, next.url).href, body: new URLSearchParams({ prompt, login: 'olga', password: 'x' }) };
  }
  throw new Error('too many steps');
}

test('OIDC against a real provider: enrol with a link, sign in, in a browser with cookies', async () => {
  const placeholder = createServer();
  const url = await listen(placeholder);
  const { Provider } = (await import('oidc-provider' as string)) as { Provider: ProviderClass };
  // It prints advice for its own operators.
  const { warn, info } = console;
  console.warn = () => {};
  console.info = () => {};
  const provider = new Provider(url, {
    clients: [
      {
        client_id: 'rebato',
        client_secret: 'c'.repeat(40),
        redirect_uris: [`${hubUrl}${oidcCallbackPath}`],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    pkce: { required: () => true },
    cookies: { keys: ['test'] },
    features: { devInteractions: { enabled: true } },
  });
  const callback = provider.callback();
  if (callback) placeholder.on('request', callback);
  try {
    await using real = await openBed({
      oidc: { issuer: url, clientId: 'rebato', clientSecret: 'c'.repeat(40), label: 'Real', allowLoopbackHttp: true },
    });
    const { person, token } = await invited(real);
    for (const linkToken of [token, undefined]) {
      const started = await real.members.oidc.start(linkToken, from());
      const opened = await real.members.oidc.finish(await browse(started.url), started.browser, from());
      assert.equal(opened.personId, person.id);
      assert.equal((await real.members.authenticate({ cookie: opened.token, ...real.shown })).personId, person.id);
    }
    const identity = await real.db.one<{ issuer: string; subject: string }>`select issuer, subject from members.oidc_identity`;
    assert.deepEqual(identity, { issuer: url, subject: 'olga' });
  } finally {
    await close(placeholder);
    console.warn = warn;
    console.info = info;
  }
});
