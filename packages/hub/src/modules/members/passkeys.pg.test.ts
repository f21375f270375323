import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createTestAuthenticator } from '#test/members/authenticator';
import { type Bed, openBed } from '#test/members/bed';
import { createCast, origin, refused, tokenOf } from '#test/members/cast';
import { limits } from './limits.ts';

let bed: Bed;
let cast: ReturnType<typeof createCast>;
before(async () => {
  bed = await openBed();
  cast = createCast(bed);
});
after(() => bed[Symbol.asyncDispose]());

const from = () => cast.from();
const invited = (...given: Parameters<typeof cast.invited>) => cast.invited(...given);
const open = (token: string) => cast.open(token);

test('passkey: enrolled with a link, opens a session; a challenge is good for one try by one person', async () => {
  const { person, link } = await invited();
  const token = tokenOf(link);
  const authenticator = createTestAuthenticator(origin, 'hub.example.org');
  const offered = await bed.members.offerPasskeyByLink(token);
  const answer = authenticator.register(offered);
  const enrolled = await bed.members.enrolPasskey(token, answer, 'Phone', from());
  assert.equal((await open(enrolled.token)).personId, person.id);

  const options = await bed.members.offerSignIn(from());
  const response = authenticator.authenticate(options);
  assert.equal((await bed.members.signInWithPasskey(response, from())).personId, person.id);
  await assert.rejects(bed.members.signInWithPasskey(response, from()), refused, 'replayed');
  await assert.rejects(
    bed.members.signInWithPasskey(authenticator.authenticate(options), from()),
    refused,
    'signed anew over a used challenge',
  );
  const late = await bed.members.offerSignIn(from());
  bed.clock.advance(limits.challengeMs);
  await assert.rejects(bed.members.signInWithPasskey(authenticator.authenticate(late), from()), refused, 'too late');
});

test('passkey: another origin, another site, no verification, a counter that stands still, a foreign handle: refused', async () => {
  const { link } = await invited();
  const token = tokenOf(link);
  const authenticator = createTestAuthenticator(origin, 'hub.example.org');
  await bed.members.enrolPasskey(token, authenticator.register(await bed.members.offerPasskeyByLink(token)), 'Phone', from());
  await bed.members.signInWithPasskey(authenticator.authenticate(await bed.members.offerSignIn(from())), from());
  for (const twist of [
    { origin: 'https://evil.example' },
    { origin: 'https://hub.example.org.evil.example' },
    { rpId: 'example.org' },
    { verified: false },
    { counter: 2 },
    { counter: 0 },
    { challenge: 'AAAAAAAAAAAAAAAAAAAAAA' },
    { type: 'webauthn.create' },
    { handle: Buffer.from('someone-else').toString('base64url') },
  ]) {
    await assert.rejects(
      bed.members.signInWithPasskey(authenticator.authenticate(await bed.members.offerSignIn(from()), twist), from()),
      refused,
      JSON.stringify(twist),
    );
  }
  await bed.members.signInWithPasskey(authenticator.authenticate(await bed.members.offerSignIn(from())), from());
});

test('passkey: a challenge for registering is bound to its person and cannot sign in, nor the other way round', async () => {
  const [a, b] = [await invited(), await invited()];
  const authenticator = createTestAuthenticator(origin, 'hub.example.org');
  const forA = await bed.members.offerPasskeyByLink(tokenOf(a.link));
  await assert.rejects(bed.members.enrolPasskey(tokenOf(b.link), authenticator.register(forA), 'x', from()), refused);
  const signIn = await bed.members.offerSignIn(from());
  await assert.rejects(
    bed.members.enrolPasskey(tokenOf(b.link), authenticator.register({ ...signIn, user: { id: 'AA' } }), 'x', from()),
    refused,
  );
  for (const twist of [{ origin: 'https://evil.example' }, { verified: false }, { rpId: 'evil.example' }]) {
    const offered = await bed.members.offerPasskeyByLink(tokenOf(b.link));
    await assert.rejects(bed.members.enrolPasskey(tokenOf(b.link), authenticator.register(offered, twist), 'x', from()), refused);
  }
  await bed.members.enrolPasskey(
    tokenOf(b.link),
    authenticator.register(await bed.members.offerPasskeyByLink(tokenOf(b.link))),
    'x',
    from(),
  );
});

test('passkey: who was disabled or is unknown gets the same answer as a wrong signature', async () => {
  const { person, link } = await invited();
  const authenticator = createTestAuthenticator(origin, 'hub.example.org');
  const stranger = createTestAuthenticator(origin, 'hub.example.org');
  await bed.members.enrolPasskey(tokenOf(link), authenticator.register(await bed.members.offerPasskeyByLink(tokenOf(link))), 'x', from());
  stranger.register({ challenge: 'AA', user: { id: 'AA' } });
  await assert.rejects(bed.members.signInWithPasskey(stranger.authenticate(await bed.members.offerSignIn(from())), from()), refused);
  await bed.members.changePerson(bed.administrator, person.id, { disabled: true });
  await assert.rejects(bed.members.signInWithPasskey(authenticator.authenticate(await bed.members.offerSignIn(from())), from()), refused);
});
