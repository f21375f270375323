import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { without } from '#test/interop/peers';
import { openProfile, startBrowser, startForeignSite, startLocalhostHub } from './browser.ts';

const skip = without('chromium');
let browser: Browser;
before(async () => {
  if (skip === false) browser = await startBrowser();
});
after(() => browser?.close());

/** Everything that the browser complains about: errors of the console, of scripts, of requests, and the policy's own reports. */
async function openWatched(): Promise<{ page: Page; complaints: string[] }> {
  const context = await openProfile(browser, { asPortal: false });
  await context.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
    console.error('policy: ' + event.effectiveDirective + ' ' + event.blockedURI));`);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} ${request.failure()?.errorText}`));
  return { page, complaints };
}

/** Chromium asks every site for its icon; a hub without pages for people has none. */
const notTheIcon = (complaint: string): boolean => !complaint.includes('/favicon.ico');

test('the documentation is laid out, lists every route, and the browser has nothing to complain about', { skip }, async () => {
  await using hub = await startLocalhostHub();
  const { page, complaints } = await openWatched();
  await page.setViewportSize({ width: 1200, height: 900 });
  const reply = await page.goto(`${hub.origin}/api/docs`);
  assert.equal(reply?.status(), 200);
  const shown = hub.routes.filter((route) => route.hidden !== true).length;
  assert.ok(shown > 50, `${shown} routes`);
  assert.equal(await page.locator('section').count(), shown);
  assert.equal(await page.locator('h1').innerText(), 'Rebato API');

  // The style sheet is in force: the policy names it by its hash, and a wrong hash leaves a page that is as wide as the window.
  const main = await page.locator('body').boundingBox();
  assert.ok(main !== null && main.width <= 960 + 32, `${main?.width} px wide`);
  const picture = await page.screenshot();
  assert.ok(picture.length > 10_000, 'the picture is not blank');
  if (process.env.REBATO_TEST_PICTURES !== undefined) await writeFile(`${process.env.REBATO_TEST_PICTURES}/docs.png`, picture);

  // Nothing sticks out on a telephone either; wide schemas scroll in their own boxes.
  await page.setViewportSize({ width: 375, height: 700 });
  await page.evaluate(`document.querySelectorAll('details').forEach((each) => { each.open = true; })`);
  const narrow = await page.evaluate<number>('document.documentElement.scrollWidth');
  if (process.env.REBATO_TEST_PICTURES !== undefined)
    await writeFile(`${process.env.REBATO_TEST_PICTURES}/docs-narrow.png`, await page.screenshot());
  assert.ok(narrow <= 375, `${narrow} px wide on a screen of 375`);
  assert.deepEqual(complaints.filter(notTheIcon), []);
});

test('every link of the documentation leads somewhere, error codes included', { skip }, async () => {
  await using hub = await startLocalhostHub();
  const { page, complaints } = await openWatched();
  await page.goto(`${hub.origin}/api/docs`);
  const anchors = `[...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))`;
  const links = await page.evaluate<string[]>(anchors);
  const dead = `(links) => links.filter((link) => document.getElementById(decodeURIComponent(link.split('#')[1])) === null)`;
  const within = links.filter((link) => link.startsWith('#'));
  assert.ok(within.length > 50);
  assert.deepEqual(await page.evaluate<string[]>(`(${dead})(${JSON.stringify(within)})`), []);
  const codes = [...new Set(links.filter((link) => link.startsWith('/api/docs/errors#')))];
  assert.ok(codes.length > 30);
  await page.goto(`${hub.origin}/api/docs/errors`);
  assert.deepEqual(await page.evaluate<string[]>(`(${dead})(${JSON.stringify(codes)})`), []);
  assert.equal((await page.goto(`${hub.origin}/api/openapi.json`))?.status(), 200);
  assert.deepEqual(complaints.filter(notTheIcon), []);
});

test('the policy stops what an injection would bring: scripts, handlers, styles, frames, forms and requests', { skip }, async () => {
  await using hub = await startLocalhostHub();
  const attacks: readonly (readonly [directive: string, attack: string])[] = [
    ['script-src-elem', `const s = document.createElement('script'); s.textContent = 'globalThis.owned = true'; document.body.append(s);`],
    ['script-src-elem', `const s = document.createElement('script'); s.src = '/api/openapi.json'; document.body.append(s);`],
    [
      'script-src-attr',
      `document.body.insertAdjacentHTML('beforeend', '<p onclick="globalThis.owned = true"></p>'); document.body.lastChild.click();`,
    ],
    ['style-src-elem', `document.body.insertAdjacentHTML('beforeend', '<style>body{display:none}</style>');`],
    ['img-src', `document.body.insertAdjacentHTML('beforeend', '<img src="/healthz">');`],
    ['frame-src', `document.body.insertAdjacentHTML('beforeend', '<iframe src="/healthz"></iframe>');`],
    ['base-uri', `document.head.insertAdjacentHTML('beforeend', '<base href="/elsewhere/">');`],
    ['form-action', `document.body.insertAdjacentHTML('beforeend', '<form action="/healthz"></form>'); document.forms[0].submit();`],
    ['connect-src', `fetch('/healthz').catch(() => {});`],
  ];
  for (const path of ['/api/docs', '/api/docs/errors']) {
    const { page, complaints } = await openWatched();
    await page.goto(`${hub.origin}${path}`);
    for (const [directive, attack] of attacks) {
      complaints.length = 0;
      await page.evaluate(attack);
      const reported = (): boolean => complaints.some((complaint) => complaint.startsWith(`policy: ${directive} `));
      // The report follows in a task of its own; each of these waits for the next one.
      for (let waits = 0; waits < 100 && !reported(); waits += 1) await page.evaluate('new Promise((done) => setTimeout(done))');
      assert.ok(reported(), `${path}: ${attack} was not stopped: ${complaints.join('; ')}`);
    }
    assert.equal(await page.evaluate('globalThis.owned'), undefined, path);
    assert.equal(new URL(page.url()).pathname, path);
    assert.equal(await page.locator('body').isVisible(), true, path);
  }
});

test('no page of the hub can be framed by another site', { skip }, async () => {
  await using hub = await startLocalhostHub();
  const { page, complaints } = await openWatched();
  await using elsewhere = await startForeignSite(`<iframe src="${hub.origin}/api/docs"></iframe>`);
  await page.goto(elsewhere.origin);
  assert.ok(
    complaints.some((complaint) => complaint.includes('frame-ancestors') || complaint.includes('ERR_BLOCKED_BY_RESPONSE')),
    complaints.join('; '),
  );
  assert.equal(await page.frames()[1]?.locator('section').count(), 0);
});
