import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { generateSync } from 'otplib';
import { createTestAuthenticator } from '#test/members/authenticator';
import { type Bed, openBed } from '#test/members/bed';
import { openDoor } from '#test/members/wire';

let bed: Bed;
let door: Awaited<ReturnType<typeof openDoor>>;
before(async () => {
  bed = await openBed();
  door = await openDoor(bed);
});
after(async () => {
  await door[Symbol.asyncDispose]();
  await bed[Symbol.asyncDispose]();
});

const origin = 'https://hub.example.org';
const own = { origin };
const admin = (method: string, path: string, body?: unknown) =>
  door.ask(method, path, { key: bed.adminKey, ...(body === undefined ? {} : { body }) });
const idOf = (said: { json: { id?: unknown } }) => String(said.json.id);
const tokenOf = (link: unknown) => String(link).split('#')[1] ?? '';

test('every route but those for signing in answers 401 to a stranger', async () => {
  const open = new Set(
    door.server
      .routes()
      .filter((route) => route.scope === 'public')
      .map((route) => route.path),
  );
  const known = [
    '/api/v1/auth/methods',
    '/api/v1/auth/password',
    '/api/v1/auth/passkey/options',
    '/api/v1/auth/passkey/verify',
    '/api/v1/auth/enrol/open',
    '/api/v1/auth/enrol/first',
    '/api/v1/auth/enrol/passkey/options',
    '/api/v1/auth/enrol/passkey/verify',
    '/api/v1/auth/enrol/totp',
    '/api/v1/auth/enrol/password',
    '/api/v1/auth/oidc/start',
    '/api/v1/auth/oidc/callback',
  ];
  assert.deepEqual([...open].filter((path) => path.startsWith('/api/v1/')).sort(), known.sort());
  for (const route of door.server.routes().filter((one) => one.scope !== 'public')) {
    const path = route.path.replace(':id', bed.hubEntityId);
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { cookie: '__Host-rebato=wrong' }]) {
      const said = await door.ask(route.method, path, { headers, ...(route.body === undefined ? {} : { body: {} }) });
      assert.equal(said.status, 401, `${route.method} ${route.path}`);
    }
  }
});

test('an entity, its assets, its SOC and its group, from beginning to end over HTTP', async () => {
  const entity = await admin('POST', '/api/v1/entities', { name: 'City Hospital', kind: 'public', region: 'ES-MD', critical: true });
  assert.equal(entity.status, 201);
  assert.deepEqual([entity.json.level, entity.json.critical], ['public', true]);
  const id = idOf(entity);
  assert.equal((await admin('POST', '/api/v1/entities', { name: ' city  HOSPITAL ', kind: 'public' })).status, 409);
  assert.equal((await admin('POST', '/api/v1/entities', { name: 'X', kind: 'nonsense' })).json.code, 'members.kind_unknown');

  const asset = await admin('POST', `/api/v1/entities/${id}/assets`, { kind: 'mail_domain', value: 'hospital.example' });
  assert.equal(asset.status, 201);
  const soc = await admin('POST', '/api/v1/socs', {
    name: 'City Hospital',
    operatorEntityId: id,
    staff: 'own',
    managerName: 'M',
    managerMail: 'm@hospital.example',
    serves: [id],
  });
  assert.equal(soc.status, 201);
  assert.equal((await admin('PATCH', `/api/v1/socs/${idOf(soc)}`, { managerName: 'N' })).json.managerName, 'N');
  const group = await admin('POST', '/api/v1/groups', { name: 'Health', ownerEntityId: id, members: [] });
  assert.deepEqual(group.json.members, [id]);
  for (const path of [`/api/v1/groups/${idOf(group)}`, `/api/v1/socs/${idOf(soc)}`, `/api/v1/assets/${idOf(asset)}`]) {
    assert.equal((await admin('DELETE', path)).status, 204);
    assert.equal((await admin('DELETE', path)).status, 404);
  }
  assert.equal((await admin('PATCH', `/api/v1/entities/${id}`, { suspended: true })).status, 200);
  const items = (await admin('GET', '/api/v1/entities?limit=500')).json.items as { id: string; suspendedAt: string | null }[];
  assert.notEqual(items.find((item) => item.id === id)?.suspendedAt, null);
});

test('an id of another kind of thing is an unknown id', async () => {
  const group = await admin('POST', '/api/v1/groups', { name: 'Kinds', ownerEntityId: bed.hubEntityId, members: [] });
  for (const path of ['assets', 'socs', 'people']) {
    const said = await admin(
      path === 'people' ? 'PATCH' : 'DELETE',
      `/api/v1/${path}/${idOf(group)}`,
      path === 'people' ? { name: 'X' } : undefined,
    );
    assert.equal(said.status, 404, path);
  }
  assert.equal((await admin('DELETE', `/api/v1/groups/${bed.hubEntityId}`)).status, 404);
});

test("fields that are not the caller's to give are refused by name: ids, levels, dates, owners, prototypes", async () => {
  const entity = idOf(await admin('POST', '/api/v1/entities', { name: 'Plain', kind: 'public' }));
  const person = (await admin('POST', '/api/v1/people', { entityId: entity, name: 'P', mail: 'p@example.org', roles: ['reader'] })).json
    .person as { id: string };
  const smuggled = [
    '{"level":"gold"}',
    `{"id":"${entity}"}`,
    '{"created_at":"2020-01-01"}',
    '{"__proto__":{"critical":true}}',
    '{"constructor":{}}',
    '{"suspendedAt":null}',
  ];
  for (const body of smuggled) {
    const said = await door.ask('PATCH', `/api/v1/entities/${entity}`, { key: bed.adminKey, body });
    assert.ok(said.status === 400 || said.status === 422, `${said.status} ${body}`);
  }
  for (const field of [{ entityId: bed.hubEntityId }, { mail: 'x@example.org' }, { id: entity }, { disabledAt: null }]) {
    const said = await admin('PATCH', `/api/v1/people/${person.id}`, field);
    assert.ok(said.status === 400 || said.status === 422, JSON.stringify(field));
  }
  for (const field of [{ personId: person.id }, { expiresAt: '2099-01-01' }, { id: 'a'.repeat(16) }]) {
    const said = await admin('POST', '/api/v1/keys', { label: 'x', scopes: ['read'], entityId: entity, ...field });
    assert.ok(said.status === 400 || said.status === 422, JSON.stringify(field));
  }
});

test('a key without the right is told so, and one with it is bounded by its entity', async () => {
  const [a, b] = [
    idOf(await admin('POST', '/api/v1/entities', { name: 'Alpha', kind: 'public' })),
    idOf(await admin('POST', '/api/v1/entities', { name: 'Beta', kind: 'public' })),
  ];
  const issued = async (scopes: string[]) => String((await admin('POST', '/api/v1/keys', { label: 'k', scopes, entityId: a })).json.key);
  const [weak, strong] = [await issued(['read', 'self']), await issued(['read', 'members', 'self'])];
  assert.equal((await door.ask('GET', '/api/v1/me', { key: weak })).json.kind, 'key');
  assert.equal((await door.ask('POST', '/api/v1/entities', { key: weak, body: { name: 'N', kind: 'public' } })).status, 403);
  assert.equal(
    (await door.ask('POST', '/api/v1/entities', { key: strong, body: { name: 'N', kind: 'public' } })).json.code,
    'members.forbidden',
  );
  assert.equal(
    (await door.ask('POST', `/api/v1/entities/${a}/assets`, { key: strong, body: { kind: 'ip', value: '192.0.2.1' } })).status,
    201,
  );
  assert.equal(
    (await door.ask('POST', `/api/v1/entities/${b}/assets`, { key: strong, body: { kind: 'ip', value: '192.0.2.1' } })).status,
    403,
  );
  assert.equal((await door.ask('GET', `/api/v1/entities/${b}/assets`, { key: strong })).status, 404);
  const shown = (await door.ask('GET', `/api/v1/entities/${b}`, { key: strong })).json;
  assert.deepEqual(
    Object.keys(shown).sort(),
    ['id', 'kind', 'level', 'name', 'region'],
    "what is the other one's own business is not there",
  );
  assert.equal(
    (await door.ask('POST', '/api/v1/people', { key: strong, body: { entityId: a, name: 'P', mail: 'q@example.org', roles: ['manager'] } }))
      .status,
    403,
  );
});

test('a person enrols over HTTP, gets a cookie, works with it from our pages only, and signs out', async () => {
  const entity = idOf(await admin('POST', '/api/v1/entities', { name: 'Gamma', kind: 'provider' }));
  const invited = await admin('POST', '/api/v1/people', { entityId: entity, name: 'Gina', mail: 'gina@example.org', roles: ['manager'] });
  const token = tokenOf(invited.json.link);
  const post = (path: string, body: unknown, headers: Record<string, string> = own) => door.ask('POST', path, { body, headers });

  assert.equal((await post('/api/v1/auth/enrol/open', { token })).json.purpose, 'invite');
  const offered = (await post('/api/v1/auth/enrol/totp', { token })).json as { setup: string; secret: string; uri: string };
  assert.match(offered.uri, /^otpauth:\/\/totp\/.*algorithm=SHA256/);
  const code = () =>
    generateSync({ strategy: 'totp', secret: offered.secret, algorithm: 'sha256', epoch: Math.floor(bed.clock.now().getTime() / 1000) });
  const input = { token, password: 'a long enough password', setup: offered.setup, code: code() };
  assert.equal((await post('/api/v1/auth/enrol/password', input, { origin: 'https://evil.example' })).json.code, 'auth.cross_site');
  const enrolled = await post('/api/v1/auth/enrol/password', input);
  assert.equal(enrolled.status, 200);
  assert.equal((enrolled.json.recoveryCodes as string[]).length, 10);
  const [setCookie = ''] = enrolled.cookies;
  assert.match(setCookie, /^__Host-rebato=rbs_[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/);
  const cookie = setCookie.split(';')[0] ?? '';

  assert.equal((await door.ask('GET', '/api/v1/me', { cookie })).json.mail, 'gina@example.org');
  const body = { entityId: entity, name: 'Hugo', mail: 'hugo@example.org', roles: ['analyst'] };
  for (const headers of [{}, { origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
    assert.equal((await door.ask('POST', '/api/v1/people', { cookie, body, headers })).status, 403);
  }
  assert.equal((await door.ask('POST', '/api/v1/people', { cookie, body, headers: own })).status, 201);
  assert.equal((await door.ask('GET', '/api/v1/me/methods', { cookie })).json.recoveryCodesLeft, 10);
  const sessions = (await door.ask('GET', '/api/v1/sessions', { cookie })).json.items as { current: boolean }[];
  assert.deepEqual(
    sessions.map((session) => session.current),
    [true],
  );

  const authenticator = createTestAuthenticator(origin, 'hub.example.org');
  const options = (await door.ask('POST', '/api/v1/me/passkeys/options', { cookie, headers: own })).json as {
    challenge: string;
    user: { id: string };
  };
  const added = await door.ask('POST', '/api/v1/me/passkeys', {
    cookie,
    headers: own,
    body: { name: 'Phone', response: authenticator.register(options) },
  });
  assert.equal(added.status, 201);

  const ended = await door.ask('POST', '/api/v1/auth/sign-out', { cookie, headers: own });
  assert.equal(ended.status, 204);
  assert.match(ended.cookies[0] ?? '', /^__Host-rebato=; .*Max-Age=0/);
  assert.equal((await door.ask('GET', '/api/v1/me', { cookie })).status, 401);

  bed.clock.advance(30_000);
  const again = await post('/api/v1/auth/password', { mail: 'gina@example.org', password: input.password, code: code() });
  assert.equal(again.status, 200);
  const challenge = (await post('/api/v1/auth/passkey/options', {}, own)).json as { challenge: string };
  const byPasskey = await post(
    '/api/v1/auth/passkey/verify',
    authenticator.authenticate(challenge.challenge === undefined ? { challenge: '' } : challenge),
  );
  assert.equal(byPasskey.status, 200, JSON.stringify(byPasskey.json));
});

test("signing in: known and unknown people get the same reply, byte for byte but for the request's id", async () => {
  const bodies = [
    { mail: 'gina@example.org', password: 'wrong password', code: '123456' },
    { mail: 'nobody@example.org', password: 'wrong password', code: '123456' },
  ];
  const replies = [];
  for (const body of bodies) {
    const { status, json, cookies } = await door.ask('POST', '/api/v1/auth/password', { body, headers: own });
    const text = JSON.stringify(json).replace(/"(requestId|instance|request_id)":"[^"]*"/g, '');
    replies.push({ status, text, cookies });
  }
  assert.deepEqual(replies[0], replies[1]);
  assert.equal(replies[0]?.status, 401);
});

test('rotation and revocation over HTTP', async () => {
  const entity = idOf(await admin('POST', '/api/v1/entities', { name: 'Delta', kind: 'public' }));
  const issued = (await admin('POST', '/api/v1/keys', { label: 'k', scopes: ['read', 'self'], entityId: entity })).json as {
    key: string;
    row: { id: string };
  };
  const rotated = await door.ask('POST', `/api/v1/keys/${issued.row.id}/rotation`, { key: issued.key, body: { overlapHours: 1 } });
  assert.equal(rotated.status, 201);
  const next = rotated.json as { key: string; row: { id: string } };
  assert.equal((await door.ask('GET', '/api/v1/me', { key: issued.key })).status, 200);
  assert.equal((await admin('DELETE', `/api/v1/keys/${next.row.id}`)).status, 204);
  assert.equal((await door.ask('GET', '/api/v1/me', { key: next.key })).status, 401);
  const listed = await admin('GET', `/api/v1/keys?entityId=${entity}&all=true`);
  assert.ok(!JSON.stringify(listed.json).includes(issued.key.slice(21)), 'no secret in a list');
  assert.equal((listed.json.items as unknown[]).length, 2);
});

test('OIDC over HTTP: not configured is not found, and the way back without an attempt goes to the sign-in page', async () => {
  assert.equal((await door.ask('POST', '/api/v1/auth/oidc/start', { body: {}, headers: own })).status, 404);
  const back = await door.ask('GET', '/api/v1/auth/oidc/callback?code=x&state=y&anything=z');
  assert.deepEqual([back.status, back.location], [303, '/sign-in?failed=auth.oidc_off']);
});
