import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { without } from '#test/interop/peers';
import { addAuthenticator, callFrom, enrolFirst, inPage, openProfile, startBrowser, startLocalhostHub } from './browser.ts';

const skip = without('chromium');
let browser: Browser;
before(async () => {
  if (skip === false) browser = await startBrowser();
});
after(() => browser?.close());

type Seen = { type: string; lastEventId?: string; data: string | null };

const topics = ['hello', 'resync', 'bye', 'event.released', 'event.retracted'];
const seenBy = (page: Page): Promise<Seen[]> => page.evaluate<Seen[]>('followed.seen');
const namesOf = async (page: Page): Promise<string[]> => (await seenBy(page)).map((one) => one.type);
const until = (page: Page, condition: string): Promise<unknown> =>
  page.waitForFunction(`(({ source, seen }) => ${condition})(globalThis.followed)`, undefined, { timeout: 20_000, polling: 50 });
const count = (name: string): string => `seen.filter((one) => one.type === '${name}').length`;

async function signedIn(hub: { readonly origin: string; readonly firstToken: string }): Promise<Page> {
  const page = await (await openProfile(browser, { asPortal: true })).newPage();
  await page.goto(`${hub.origin}/healthz`);
  await addAuthenticator(page);
  await enrolFirst(page, hub.firstToken);
  return page;
}

test('EventSource follows what is released to the signed-in person, and resumes without a gap', { skip }, async () => {
  await using hub = await startLocalhostHub();
  const alice = await hub.member('Ayuntamiento de Alba');
  const page = await signedIn(hub);
  await inPage(page, 'follow', '/api/v1/stream', topics);
  await until(page, `${count('hello')} === 1`);
  const report = async (title: string, address: string): Promise<string> => {
    const sent = await alice.post<{ events: string[] }>('/api/v1/reports', { title, text: `seen ${address} today` });
    assert.equal(sent.status, 202, sent.text);
    return sent.body.events[0] ?? '';
  };
  const first = await report('One', '185.220.101.7');
  await until(page, `${count('event.released')} === 1`);
  const released = (await seenBy(page)).find((one) => one.type === 'event.released');
  assert.equal((JSON.parse(released?.data ?? '{}') as { object: string }).object, first);
  assert.match(released?.lastEventId ?? '', /\S/);

  // The line breaks, not the person: the browser comes back by itself and says what it has seen.
  hub.cut();
  await until(page, `${count('error')} >= 1`);
  const second = await report('Two', '185.220.101.8');
  await hub.settled();
  hub.mend();
  await until(page, `${count('event.released')} >= 2 && source.readyState === 1`);
  const all = (await seenBy(page)).filter((one) => one.type === 'event.released');
  assert.deepEqual(
    all.map((one) => (JSON.parse(one.data ?? '{}') as { object: string }).object),
    [first, second],
  );
  assert.equal((await namesOf(page)).includes('resync'), false);
});

test('without a session there is no stream, and ending the session ends it for good', { skip }, async () => {
  await using hub = await startLocalhostHub();
  const stranger = await (await openProfile(browser, { asPortal: true })).newPage();
  await stranger.goto(`${hub.origin}/healthz`);
  await inPage(stranger, 'follow', '/api/v1/stream', topics);
  await until(stranger, 'source.readyState === 2');
  assert.deepEqual(await namesOf(stranger), ['error']);

  const page = await signedIn(hub);
  await inPage(page, 'follow', '/api/v1/stream', topics);
  await until(page, `${count('hello')} === 1`);
  assert.equal((await callFrom(page, 'DELETE', '/api/v1/sessions')).status, 204);
  await until(page, 'source.readyState === 2');
  const before = (await namesOf(page)).length;
  const alice = await hub.member('Ayuntamiento de Alba');
  await alice.post('/api/v1/reports', { title: 'Late', text: 'seen 185.220.101.9 today' });
  await hub.settled();
  assert.equal((await namesOf(page)).length, before);
});
