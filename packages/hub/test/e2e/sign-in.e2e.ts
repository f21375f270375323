import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { without } from '#test/interop/peers';
import {
  addAuthenticator,
  callFrom,
  enrolFirst,
  inPage,
  openProfile,
  signIn,
  startBrowser,
  startForeignSite,
  startLocalhostHub,
  watchNetwork,
} from './browser.ts';

const skip = without('chromium');
let browser: Browser;
before(async () => {
  if (skip === false) browser = await startBrowser();
});
after(() => browser?.close());

type Sessions = { items: { id: string; method: string; current: boolean }[] };

async function openPage(origin: string): Promise<Page> {
  const page = await (await openProfile(browser, { asPortal: true })).newPage();
  await page.goto(`${origin}/healthz`);
  return page;
}

test('the first-start link becomes an administrator with a passkey, once', { skip }, async () => {
  await using hub = await startLocalhostHub();
  assert.match(hub.firstLink ?? '', /^http:\/\/localhost:\d+\/enrol#rbl_/);
  const page = await openPage(hub.origin);
  assert.equal((await callFrom(page, 'GET', '/api/v1/me')).status, 401);
  const authenticator = await addAuthenticator(page);

  const opened = await callFrom(page, 'POST', '/api/v1/auth/enrol/open', { token: hub.firstToken });
  assert.deepEqual([opened.status, opened.body], [200, { purpose: 'first', person: null }]);
  const personId = await enrolFirst(page, hub.firstToken);
  assert.equal(await authenticator.credentials(), 1);
  const me = await callFrom<{ id: string; label: string; roles: string[] }>(page, 'GET', '/api/v1/me');
  assert.deepEqual([me.status, me.body.id, me.body.label, me.body.roles], [200, personId, 'Elvira First', ['admin']]);

  // The cookie is out of reach for scripts, and leaves for this site only.
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite, cookie?.path], [true, 'Strict', '/']);
  assert.equal(await page.evaluate('document.cookie'), '');

  for (const path of ['/api/v1/auth/enrol/open', '/api/v1/auth/enrol/passkey/options']) {
    const again = await callFrom(page, 'POST', path, { token: hub.firstToken });
    assert.equal(again.body.code, 'auth.link_invalid', `${path} ${again.status}`);
  }
  const somebody = { token: hub.firstToken, name: 'Mallory', mail: 'mallory@hub.example' };
  assert.equal((await callFrom(page, 'POST', '/api/v1/auth/enrol/first', somebody)).body.code, 'auth.link_invalid');
});

test('a passkey signs in; sessions are listed and ended; signing out ends this one only', { skip }, async () => {
  await using hub = await startLocalhostHub();
  const page = await openPage(hub.origin);
  await addAuthenticator(page);
  const personId = await enrolFirst(page, hub.firstToken);
  // The cookie is forgotten, the session is not: that is a second browser, which the person later ends from the first one.
  await page.context().clearCookies();
  assert.equal((await callFrom(page, 'GET', '/api/v1/sessions')).status, 401);
  const again = await signIn(page);
  assert.deepEqual([again.status, again.body.personId], [200, personId]);

  const sessions = (await callFrom<Sessions>(page, 'GET', '/api/v1/sessions')).body.items;
  assert.deepEqual(sessions.map((session) => [session.method, session.current]).toSorted(), [
    ['passkey', false],
    ['passkey', true],
  ]);
  const other = sessions.find((session) => !session.current);
  assert.equal((await callFrom(page, 'DELETE', `/api/v1/sessions/${other?.id}`)).status, 204);
  assert.equal((await callFrom(page, 'DELETE', `/api/v1/sessions/${other?.id}`)).body.code, 'members.session_not_found');
  assert.equal((await callFrom<Sessions>(page, 'GET', '/api/v1/sessions')).body.items.length, 1);

  assert.equal((await callFrom(page, 'POST', '/api/v1/auth/sign-out')).status, 204);
  assert.deepEqual(await page.context().cookies(), []);
  assert.equal((await callFrom(page, 'GET', '/api/v1/me')).status, 401);
  assert.equal((await signIn(page)).status, 200);
  assert.equal((await callFrom(page, 'DELETE', '/api/v1/sessions')).status, 204);
  // The cookie is still there; what it named is not.
  assert.equal((await page.context().cookies()).length, 1);
  assert.equal((await callFrom(page, 'GET', '/api/v1/me')).status, 401);
});

test('a stolen cookie ends with its session, wherever it is used', { skip }, async () => {
  await using hub = await startLocalhostHub();
  const page = await openPage(hub.origin);
  await addAuthenticator(page);
  await enrolFirst(page, hub.firstToken);
  const thief = await openPage(hub.origin);
  await thief.context().addCookies(await page.context().cookies());
  assert.equal((await callFrom(thief, 'GET', '/api/v1/me')).status, 200);
  assert.equal((await callFrom(page, 'POST', '/api/v1/auth/sign-out')).status, 204);
  assert.equal((await callFrom(thief, 'GET', '/api/v1/me')).status, 401);
});

test('without the user at the authenticator, and with an answer used before, nobody signs in', { skip }, async () => {
  await using hub = await startLocalhostHub();
  const page = await openPage(hub.origin);
  const authenticator = await addAuthenticator(page);
  await enrolFirst(page, hub.firstToken);
  await page.context().clearCookies();

  const options = await callFrom(page, 'POST', '/api/v1/auth/passkey/options');
  const response = await inPage(page, 'getPasskey', options.body);
  assert.equal((await callFrom(page, 'POST', '/api/v1/auth/passkey/verify', response)).status, 200);
  await page.context().clearCookies();
  const replayed = await callFrom(page, 'POST', '/api/v1/auth/passkey/verify', response);
  assert.equal(replayed.body.code, 'auth.invalid', JSON.stringify(replayed));

  await authenticator.verifyUser(false);
  await assert.rejects(signIn(page), /NotAllowedError/);
  assert.equal((await callFrom(page, 'GET', '/api/v1/me')).status, 401);
});

test('a page of another origin changes nothing, although the browser sends the cookie along', { skip }, async () => {
  await using hub = await startLocalhostHub();
  await using elsewhere = await startForeignSite();
  const page = await openPage(hub.origin);
  await addAuthenticator(page);
  await enrolFirst(page, hub.firstToken);
  // Another port is another origin but the same site, so SameSite does not help here: the hub itself has to refuse.
  const foreign = await page.context().newPage();
  await foreign.goto(elsewhere.origin);

  const signOut = `${hub.origin}/api/v1/auth/sign-out`;
  const network = await watchNetwork(foreign);
  await inPage(foreign, 'sendBlind', signOut);
  const { sent, status } = await network.until((one) => one.url === signOut);
  assert.match(sent.cookie ?? '', /rebato=rbs_/, 'the attack is one only if the cookie was sent');
  assert.equal(sent.origin, elsewhere.origin);
  assert.equal(status, 403);

  for (const [path, method] of [
    ['/api/v1/sessions', 'DELETE'],
    ['/api/v1/entities', 'POST'],
    ['/api/v1/me', 'GET'],
  ] as const) {
    assert.equal(await inPage(foreign, 'sendAsking', `${hub.origin}${path}`, method), 'TypeError', `${method} ${path} is not readable`);
  }

  // A form needs no script and no permission; the browser goes to the answer.
  await foreign.setContent(`<form method="post" enctype="text/plain" action="${signOut}"><button>Win a prize</button></form>`);
  await foreign.click('button');
  const posted = await network.until((one) => one.url === signOut && one.sent['sec-fetch-mode'] === 'navigate');
  assert.match(posted.sent.cookie ?? '', /rebato=rbs_/);
  assert.equal(posted.status, 403);
  assert.equal((await callFrom(page, 'GET', '/api/v1/me')).status, 200);
});
