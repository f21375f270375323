import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createTestAuthenticator } from '#test/members/authenticator';
import { type Bed, openBed } from '#test/members/bed';
import { createCast, origin, password, refused, tokenOf } from '#test/members/cast';
import { limits } from './limits.ts';
import { endedCookie, sessionCookie } from './sessions.ts';

let bed: Bed;
let cast: ReturnType<typeof createCast>;
before(async () => {
  bed = await openBed();
  cast = createCast(bed);
});
after(() => bed[Symbol.asyncDispose]());

const from = () => cast.from();
const invited = (...given: Parameters<typeof cast.invited>) => cast.invited(...given);
const withPassword = (...given: Parameters<typeof cast.withPassword>) => cast.withPassword(...given);
const code = (secret: string) => cast.code(secret);
const nextCode = (secret: string) => cast.nextCode(secret);
const open = (token: string) => cast.open(token);

test('the first link makes the first administrator, once', async () => {
  const older = await bed.members.createFirstLink();
  const link = await bed.members.createFirstLink();
  assert.ok(older && link);
  await assert.rejects(bed.members.openLink(tokenOf(older)), { code: 'auth.link_invalid' }, 'a newer one ends the older');
  const token = tokenOf(link);
  assert.deepEqual(await bed.members.openLink(token), { purpose: 'first', person: null });
  await assert.rejects(bed.members.offerTotpByLink(token), { code: 'auth.link_invalid' }, 'first the name');
  const shown = await bed.members.claimFirstLink(token, { name: 'Ada', mail: 'Ada@example.org' }, from());
  assert.equal(shown.person?.entity, 'National Centre');
  const { setup, secret } = await bed.members.offerTotpByLink(token);
  const opened = await bed.members.enrolPassword(token, { password, setup, code: code(secret) }, from());
  const actor = await open(opened.token);
  assert.deepEqual([actor.roles, actor.kind], [['admin'], 'person']);
  assert.equal(await bed.members.createFirstLink(), undefined, 'somebody can sign in now');
  await assert.rejects(bed.members.openLink(token), { code: 'auth.link_invalid' });
});

test('a link that is wrong, used, run out, or for somebody disabled opens nothing', async () => {
  const { person, link } = await invited();
  const token = tokenOf(link);
  const wrong = `${token.slice(0, 40)}${token[40] === '0' ? '1' : '0'}${token.slice(41)}`;
  for (const bad of [wrong, '', 'rbl_', `rbt${token.slice(3)}`])
    await assert.rejects(bed.members.openLink(bad), { code: 'auth.link_invalid' });
  await bed.members.openLink(token);
  await bed.members.changePerson(bed.administrator, person.id, { disabled: true });
  await assert.rejects(bed.members.openLink(token), { code: 'auth.link_invalid' });
  const other = await invited();
  bed.clock.advance(limits.linkMs);
  await assert.rejects(bed.members.openLink(tokenOf(other.link)), { code: 'auth.link_invalid' });
});

test('a link is used by one of three at the same moment', async () => {
  const { link } = await invited();
  const token = tokenOf(link);
  const { setup, secret } = await bed.members.offerTotpByLink(token);
  // All three have read the link as unused and wait for its row, when it is let go.
  const tries = await bed.db.transaction(async (tx) => {
    await tx.run`select from members.link where id = ${token.split('_')[1]} for update`;
    const started = [1, 2, 3].map(() => bed.members.enrolPassword(token, { password, setup, code: code(secret) }, from()));
    const settled = Promise.allSettled(started);
    for (let waiting = 0, round = 0; waiting < 3 && round < 10_000; round += 1) {
      const row = await tx.one<{ n: number }>`
        select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      waiting = row?.n ?? 0;
    }
    return { settled };
  });
  assert.equal((await tries.settled).filter((result) => result.status === 'fulfilled').length, 1);
});

test("enrolment: a weak password, a wrong code or another person's set-up is refused, and the link stays good", async () => {
  const [{ person, link }, other] = [await invited(), await invited()];
  const token = tokenOf(link);
  const { setup, secret } = await bed.members.offerTotpByLink(token);
  const foreign = await bed.members.offerTotpByLink(tokenOf(other.link));
  for (const weak of ['short', 'aaaaaaaaaaaaaaaa', `${person.mail}!`, 'Berta Test 123']) {
    await assert.rejects(
      bed.members.enrolPassword(token, { password: weak, setup, code: code(secret) }, from()),
      { code: 'auth.password_weak' },
      weak,
    );
  }
  for (const input of [
    { password, setup, code: '000000' },
    { password, setup: foreign.setup, code: code(foreign.secret) },
    { password, setup: `${setup.slice(0, -2)}AA`, code: code(secret) },
  ]) {
    bed.clock.advance(limits.attemptWindowMs / 100);
    await assert.rejects(bed.members.enrolPassword(token, input, from()), { code: 'auth.code_wrong' });
  }
  await bed.members.enrolPassword(token, { password, setup, code: code(secret) }, from());
});

test('password and code open a session; each code opens once, also when it comes twice at once', async () => {
  const { person, secret } = await withPassword();
  const input = { mail: ` ${person.mail.toUpperCase()} `, password, code: code(secret) };
  await assert.rejects(bed.members.signInWithPassword(input, from()), refused, 'the code of the enrolment is used up');
  const fresh = { ...input, code: nextCode(secret) };
  const tries = await Promise.allSettled([1, 2, 3].map(() => bed.members.signInWithPassword(fresh, from())));
  assert.equal(tries.filter((result) => result.status === 'fulfilled').length, 1);
  const older = code(secret);
  await bed.members.signInWithPassword({ ...input, code: nextCode(secret) }, from());
  await assert.rejects(
    bed.members.signInWithPassword({ ...input, code: older }, from()),
    refused,
    'nor an older one, although it is in the window',
  );
});

test('wrong password, wrong code, unknown, disabled and suspended people: one answer, one record, one derivation', async () => {
  const [good, disabled, suspended] = [await withPassword(), await withPassword(), await withPassword()];
  await bed.members.changePerson(bed.administrator, disabled.person.id, { disabled: true });
  await bed.members.changeEntity(bed.administrator, suspended.person.entityId, { suspended: true });
  bed.clock.advance(30_000);
  const before = (await bed.recorded()).filter((action) => action === 'members.sign_in_refused').length;
  const tries = [
    { mail: good.person.mail, password: 'wrong', code: code(good.secret) },
    { mail: good.person.mail, password, code: '123456' },
    { mail: good.person.mail, password, code: '' },
    { mail: 'nobody@example.org', password, code: '123456' },
    { mail: 'not an address', password, code: '123456' },
    { mail: disabled.person.mail, password, code: code(disabled.secret) },
    { mail: suspended.person.mail, password, code: code(suspended.secret) },
  ];
  for (const input of tries) await assert.rejects(bed.members.signInWithPassword(input, from()), refused, JSON.stringify(input.mail));
  const after = (await bed.recorded()).filter((action) => action === 'members.sign_in_refused').length;
  assert.equal(after - before, tries.length);
  await bed.members.signInWithPassword({ mail: good.person.mail, password, code: code(good.secret) }, from());
});

test("a recovery code opens once and however it is typed; another person's opens nothing", async () => {
  const [mine, other] = [await withPassword(), await withPassword()];
  assert.equal(mine.recoveryCodes.length, limits.recoveryCodes);
  const [first = '', second = ''] = mine.recoveryCodes;
  await bed.members.signInWithPassword({ mail: mine.person.mail, password, code: first.toUpperCase().replaceAll('-', ' ') }, from());
  await assert.rejects(bed.members.signInWithPassword({ mail: mine.person.mail, password, code: first }, from()), refused);
  await assert.rejects(bed.members.signInWithPassword({ mail: other.person.mail, password, code: second }, from()), refused);
  await assert.rejects(
    bed.members.signInWithPassword({ mail: mine.person.mail, password: 'wrong', code: second }, from()),
    refused,
    'and is not used up by a wrong password',
  );
  await bed.members.signInWithPassword({ mail: mine.person.mail, password, code: second }, from());
});

test('tries are counted per address of the person, however written, and per source, across the ways to sign in', async () => {
  const { person, secret } = await withPassword();
  bed.clock.advance(limits.attemptWindowMs);
  for (let n = 0; n < limits.attemptsPerMail; n += 1) {
    const mail = n % 2 === 0 ? person.mail : person.mail.toUpperCase();
    await assert.rejects(bed.members.signInWithPassword({ mail, password, code: '000000' }, from()), refused);
  }
  await assert.rejects(
    bed.members.signInWithPassword({ mail: person.mail, password, code: nextCode(secret) }, from()),
    { code: 'auth.too_many_attempts' },
    'right, but too late',
  );
  bed.clock.advance(limits.attemptWindowMs);
  await bed.members.signInWithPassword({ mail: person.mail, password, code: code(secret) }, from());

  const source = (n: number) => ({ ip: `2001:db8:7:7::${n.toString(16)}`, agent: '', requestId: 'r' });
  for (let n = 0; n < limits.attemptsPerPrefix; n += 1) await bed.members.offerSignIn(source(n));
  await assert.rejects(bed.members.offerSignIn(source(999)), { code: 'auth.too_many_attempts' });
  await assert.rejects(bed.members.signInWithPassword({ mail: 'x@example.org', password, code: '1' }, source(998)), {
    code: 'auth.too_many_attempts',
  });
  await bed.members.offerSignIn({ ...source(1), ip: '2001:db8:7:8::1' });
});

test('sessions: idle and absolute ends, listed, ended one by one and all', async () => {
  const first = await withPassword();
  const second = await bed.members.signInWithPassword({ mail: first.person.mail, password, code: nextCode(first.secret) }, from());
  const actor = await open(second.token);
  const listed = await bed.members.readSessions(actor, second.token);
  assert.deepEqual(
    listed.map((session) => session.current),
    [true, false],
  );
  await assert.rejects(bed.members.endSession(actor, 'aaaaaaaaaaaaaaaa'), { code: 'members.session_not_found' });
  const stranger = await open((await withPassword()).token);
  await assert.rejects(bed.members.endSession(stranger, second.sessionId), { code: 'members.session_not_found' }, "another person's");

  await bed.members.endSession(actor, first.sessionId);
  await assert.rejects(open(first.token), refused);
  await open(second.token);

  bed.clock.advance(limits.sessionIdleMs - 1);
  await open(second.token);
  await bed.members.flushUse();
  bed.clock.advance(limits.sessionIdleMs - 1);
  await open(second.token);
  await bed.members.flushUse();
  bed.clock.advance(limits.sessionIdleMs);
  await assert.rejects(open(second.token), refused, 'idle');

  const third = await bed.members.signInWithPassword({ mail: first.person.mail, password, code: nextCode(first.secret) }, from());
  for (let at = 0; at + limits.sessionIdleMs / 2 < limits.sessionMaxMs; at += limits.sessionIdleMs / 2) {
    await open(third.token);
    await bed.members.flushUse();
    bed.clock.advance(limits.sessionIdleMs / 2);
  }
  bed.clock.advance(limits.sessionIdleMs / 2);
  await assert.rejects(open(third.token), refused, 'seven days are the end, however busy');

  const fourth = await bed.members.signInWithPassword({ mail: first.person.mail, password, code: nextCode(first.secret) }, from());
  await bed.members.endAllSessions(await open(fourth.token));
  await assert.rejects(open(fourth.token), refused);
});

test('disabling a person or changing the roles ends all sessions at once', async () => {
  for (const change of [{ disabled: true }, { roles: ['reader'] as const }]) {
    const { person, token } = await withPassword();
    await open(token);
    await bed.members.changePerson(bed.administrator, person.id, change);
    await assert.rejects(open(token), refused);
  }
});

test('a cookie from another site changes nothing, and is told so only when the session is real', async () => {
  const { token } = await withPassword();
  const request = {
    id: 'r',
    method: 'POST',
    ip: '192.0.2.1',
    headers: { origin: 'https://evil.example' },
    cookies: { '__Host-rebato': token },
  };
  await assert.rejects(bed.members.authenticateRequest(request), { code: 'auth.cross_site' });
  assert.equal((await bed.members.authenticateRequest({ ...request, headers: { origin } }))?.kind, 'person');
  assert.equal((await bed.members.authenticateRequest({ ...request, method: 'GET' }))?.kind, 'person');
  await assert.rejects(bed.members.authenticateRequest({ ...request, cookies: { '__Host-rebato': `${token.slice(0, -4)}0000` } }), refused);
  assert.equal(
    await bed.members.authenticateRequest({ ...request, cookies: { rebato: token } }),
    undefined,
    'the plain name is not looked at under https',
  );
  assert.match(sessionCookie(origin, 'x'), /^__Host-rebato=x; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800; Secure$/);
  assert.match(endedCookie('http://localhost:7373'), /^rebato=; .*Max-Age=0$/);
});

test('ways to sign in are changed shortly after signing in only, never with a key, and never the last one', async () => {
  const { person, token, secret } = await withPassword();
  const actor = await open(token);
  await assert.rejects(bed.members.removePassword(actor, token), { code: 'auth.last_method' });
  await assert.rejects(bed.members.offerPasskeyInSession(actor, undefined), { code: 'auth.step_up' });
  const stranger = await withPassword();
  await assert.rejects(
    bed.members.offerPasskeyInSession(actor, stranger.token),
    { code: 'auth.step_up' },
    "another person's session does not help",
  );
  const { key } = await bed.members.createKey(actor, { label: 'k', scopes: ['self'] });
  const byKey = await bed.members.authenticate({ authorization: key, ...bed.shown });
  await assert.rejects(bed.members.offerPasskeyInSession(byKey, token), { code: 'auth.step_up' });

  const authenticator = createTestAuthenticator(origin, 'hub.example.org');
  await bed.members.addPasskey(actor, token, authenticator.register(await bed.members.offerPasskeyInSession(actor, token)), 'Key ring');
  await bed.members.removePassword(actor, token);
  await assert.rejects(bed.members.signInWithPassword({ mail: person.mail, password, code: nextCode(secret) }, from()), refused);
  const [held] = (await bed.members.readMethods(actor)).passkeys;
  await assert.rejects(bed.members.removePasskey(actor, token, held?.id ?? ''), { code: 'auth.last_method' });
  bed.clock.advance(limits.freshMs);
  await assert.rejects(bed.members.removePasskey(actor, token, held?.id ?? ''), { code: 'auth.step_up' });
});

test('a new password ends every other session', async () => {
  const { token, person } = await withPassword();
  const actor = await open(token);
  const { setup, secret } = await bed.members.offerTotpInSession(actor, token);
  const next = await bed.members.setPassword(actor, token, { password: 'another good password', setup, code: code(secret) }, from());
  await assert.rejects(open(token), refused);
  await open(next.token);
  await assert.rejects(bed.members.signInWithPassword({ mail: person.mail, password, code: nextCode(secret) }, from()), refused);
  await bed.members.signInWithPassword({ mail: person.mail, password: 'another good password', code: code(secret) }, from());
});

test('a recovery link removes the old ways to sign in and the sessions, when it is used and not before', async () => {
  const { person, token, secret } = await withPassword();
  const { link } = await bed.members.inviteAgain(bed.administrator, person.id);
  assert.equal((await bed.members.openLink(tokenOf(link))).purpose, 'recover');
  await open(token);
  const authenticator = createTestAuthenticator(origin, 'hub.example.org');
  const next = await bed.members.enrolPasskey(
    tokenOf(link),
    authenticator.register(await bed.members.offerPasskeyByLink(tokenOf(link))),
    'New phone',
    from(),
  );
  await assert.rejects(open(token), refused);
  await assert.rejects(bed.members.signInWithPassword({ mail: person.mail, password, code: nextCode(secret) }, from()), refused);
  await open(next.token);
});

test('what has run out is tidied away', async () => {
  await bed.members.offerSignIn(from());
  bed.clock.advance(limits.sessionMaxMs);
  assert.ok((await bed.members.tidy()) > 0);
  assert.equal(await bed.members.tidy(), 0);
});

test('seeds, passwords, codes and tokens are stored as hashes or sealed', async () => {
  const { secret, recoveryCodes, token } = await withPassword();
  const tables = ['session', 'password', 'recovery_code', 'link', 'api_key'];
  for (const table of tables) {
    const text = JSON.stringify(await bed.db.rows`select to_jsonb(t) as row from members.${bed.db.name(table)} t`);
    for (const plain of [secret, token, recoveryCodes[0] ?? '', (recoveryCodes[0] ?? '').replaceAll('-', ''), password, bed.adminKey])
      assert.ok(!text.includes(plain), table);
  }
});
