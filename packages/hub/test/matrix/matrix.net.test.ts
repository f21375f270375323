/** Every route, method and spelling, with every kind of credential: who is told who he is not, who is told what he may not, and who is let in. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { manualClock } from '#platform/clock';
import { startTestHub, type TestHub } from '../hub.ts';
import { everybody, rolePolicy, type Who } from './actors.ts';
import { policyOfRoute } from './routes.ts';

const clock = manualClock(new Date('2026-03-02T08:00:00.000Z'));
let hub: TestHub;
let people: Who[];

before(async () => {
  hub = await startTestHub({ clock });
  people = await everybody(hub, clock);
});
after(() => hub.stop());

type Told = { readonly status: number; readonly code: string; readonly headers: http.IncomingHttpHeaders };

/** Sends the path as it stands, which `fetch` does not. Live streams are left once they answer. */
function call(method: string, path: string, headers: Readonly<Record<string, string>>, body?: string): Promise<Told> {
  const { hostname, port } = new URL(hub.url);
  return new Promise((resolve, reject) => {
    const all = { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const request = http.request({ hostname, port, method, path, headers: all, agent: false }, (response) => {
      const done = (text: string): void => {
        const code = /"code":"([a-z._]+)"/.exec(text)?.[1] ?? '';
        resolve({ status: response.statusCode ?? 0, code, headers: response.headers });
      };
      if (response.headers['content-type']?.startsWith('text/event-stream') === true) {
        done('');
        request.destroy();
        return;
      }
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => done(text));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const id = '0b0e6b0e-77aa-4c1d-9d0f-2f6d1c9a7e55';
const fill = (path: string): string =>
  path
    .replace('/feeds/:file', '/feeds/ip.txt')
    .replaceAll(/:[A-Za-z]+/g, id)
    .replace('*', 'x');
const key = (route: { method: string; path: string }): string => `${route.method} ${route.path}`;
const refusals = new Set(['http.scope_missing', 'http.role_missing']);

type Verdict = 'unknown' | 'forbidden' | 'in';
function expected(who: Who, policy: { readonly scope: string; readonly roles: readonly string[] }): Verdict {
  if (policy.scope === 'public') return 'in';
  if (who.kind === 'nobody') return 'unknown';
  if (!(who.scopes as readonly string[]).includes(policy.scope)) return 'forbidden';
  // Roles are for people; a machine has what its key says.
  return who.kind === 'person' && policy.roles.length > 0 && !policy.roles.some((role) => (who.roles as readonly string[]).includes(role))
    ? 'forbidden'
    : 'in';
}

test('every route stands in the table of the policy, with the right that it declares', () => {
  const routes = hub.routes.filter((route) => route.hidden !== true);
  assert.deepEqual(
    routes.map(key).filter((each) => !policyOfRoute.has(each)),
    [],
    'routes that nobody has written down',
  );
  for (const route of routes) {
    const policy = policyOfRoute.get(key(route));
    assert.deepEqual(
      { scope: route.scope, roles: [...(route.roles ?? [])].sort() },
      { scope: policy?.scope, roles: [...(policy?.roles ?? [])].sort() },
      key(route),
    );
  }
});

test('a role that a route lists has the right that the route asks for, so nobody is promised what is refused', () => {
  const empty = [...policyOfRoute].flatMap(([route, { scope, roles }]) =>
    roles
      .filter((role) => !(rolePolicy[role as keyof typeof rolePolicy] as readonly string[]).includes(scope))
      .map((role) => `${route}: ${role}`),
  );
  assert.deepEqual(empty, []);
  // Such a promise would be noticed.
  assert.ok(!rolePolicy.coordinator.includes('admin'));
});

test('every route tells strangers, the unentitled and the entitled apart, and nobody else', async () => {
  const wrong: string[] = [];
  let cells = 0;
  for (const route of hub.routes) {
    const policy = policyOfRoute.get(key(route)) ?? { scope: route.scope, roles: route.roles ?? [] };
    for (const who of people) {
      const body = route.method === 'GET' || route.bodyType === 'raw' || route.body === undefined ? undefined : '{}';
      const told = await call(route.method, fill(route.path), await who.headers(), body);
      cells += 1;
      const want = expected(who, policy);
      const foreign = told.code === 'http.cross_site' || told.code === 'auth.cross_site';
      // Figures are the operator's: no credential at all from this machine, or the right admin.
      if (route.path === '/metrics') {
        const may = who.name === 'without a credential' || who.scopes.includes('admin');
        const refused = told.status === 401 || told.status === 403;
        if (may === refused) wrong.push(`${who.name}: ${key(route)} answered ${told.status} ${told.code}`);
        continue;
      }
      const got: Verdict =
        policy.scope === 'public'
          ? refusals.has(told.code) || told.code === 'http.unauthenticated' || told.code === 'auth.required'
            ? 'unknown'
            : 'in'
          : told.status === 401
            ? 'unknown'
            : told.status === 403 && refusals.has(told.code)
              ? 'forbidden'
              : 'in';
      if (got !== want || foreign || (told.status >= 500 && told.status !== 503))
        wrong.push(`${who.name}: ${key(route)} answered ${told.status} ${told.code}, expected ${want}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(cells > 2_000, `${cells} cells`);
});

test('a method that a path does not have: 405 to who is known, 401 to strangers, and never an answer', async () => {
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];
  const admin = { authorization: `Bearer ${hub.admin.key}` };
  const wrong: string[] = [];
  for (const path of new Set(hub.routes.map((route) => route.path))) {
    const real = fill(path);
    // Other templates may fit the same path: /controls/silent is a control named silent to every other method.
    const here = hub.routes.filter((route) => route.path === path);
    const fits = hub.routes.filter((route) =>
      new RegExp(`^${route.path.replaceAll(/:[A-Za-z]+/g, '[^/]+').replace('*', '.*')}$`).test(real),
    );
    for (const method of methods) {
      if (fits.some((route) => route.method === method || (method === 'HEAD' && route.method === 'GET'))) continue;
      const stranger = await call(method, real, {});
      const known = await call(method, real, admin);
      const open = fits.some((route) => route.scope === 'public');
      if (![405, 501, 400, 404].includes(known.status)) wrong.push(`admin: ${method} ${path} answered ${known.status}`);
      if (known.status === 405) {
        const allow = known.headers.allow?.split(', ') ?? [];
        if (!here.every((route) => allow.includes(route.method))) wrong.push(`${method} ${path}: allow says ${known.headers.allow}`);
        if (stranger.status !== (open ? 405 : 401)) wrong.push(`stranger: ${method} ${path} answered ${stranger.status}`);
      } else if (stranger.status !== known.status)
        wrong.push(`${method} ${path}: ${stranger.status} to a stranger, ${known.status} to an admin`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('HEAD asks for the same right as GET', async () => {
  for (const route of hub.routes.filter((each) => each.method === 'GET' && each.scope !== 'public')) {
    for (const who of people.filter((each) => each.kind !== 'person')) {
      const headers = await who.headers();
      const [get, head] = [await call('GET', fill(route.path), headers), await call('HEAD', fill(route.path), headers)];
      assert.equal(head.status, get.status, `${who.name}: ${route.path}`);
    }
  }
});

test('a path has one spelling: every other one is unknown, to strangers and administrators alike', async () => {
  const admin = { authorization: `Bearer ${hub.admin.key}` };
  const bend: readonly ((path: string) => string)[] = [
    (path) => `${path}/`,
    (path) => path.replace('/', '//'),
    (path) => `/.${path}`,
    (path) => `/x/..${path}`,
    (path) => `/%2e${path}`,
    (path) => `${path};x=1`,
    (path) => `${path}%00`,
    (path) => path.toUpperCase(),
    (path) => path.replace(/[a-z](?=[^/]*$)/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    (path) => path.replaceAll('/', '\\').replace('\\', '/'),
  ];
  for (const route of hub.routes.filter((each) => each.method === 'GET' && !each.path.includes(':') && !each.path.includes('*'))) {
    for (const turn of bend) {
      const path = turn(route.path);
      if (path === route.path) continue;
      for (const headers of [{}, admin]) {
        const told = await call('GET', path, headers);
        const fits = hub.routes.some(
          (other) => other.path.includes(':') && new RegExp(`^${other.path.replaceAll(/:[A-Za-z]+/g, '[^/]+')}$`).test(path),
        );
        if (fits) assert.notEqual(told.status, 200, path);
        else assert.ok(told.status === 404 || told.status === 400, `${path} answered ${told.status}`);
      }
    }
  }
});

test('headers that claim somebody else stands before the door change nothing', async () => {
  const claims = {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-user': 'admin',
    'x-user': 'admin',
    'x-remote-user': 'admin',
    'x-client-cert': 'CN=admin',
    'x-http-method-override': 'GET',
    'x-original-url': '/healthz',
  };
  for (const route of hub.routes.filter((each) => each.scope !== 'public')) {
    assert.equal((await call(route.method, fill(route.path), claims)).status, 401, key(route));
  }
});
