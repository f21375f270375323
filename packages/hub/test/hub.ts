/** A whole hub for tests: own database (a clone of a migrated one), own data folder, real HTTP on loopback. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemActor } from '#members';
import type { Scope } from '#platform/actor';
import { type Clock, systemClock } from '#platform/clock';
import { openPool } from '#platform/db';
import { systemIds } from '#platform/ids';
import { migrate, readMigrations } from '#platform/migrate';
import type { Log } from '#platform/ports';
import { sharedTestPostgres } from '#platform/postgres/scratch';
import { prepareShelves } from '#platform/shelf';
import { createLevels } from '#scoring';
import { type Hub, type HubOptions, startHub } from '../src/app.ts';

const migrationsFolder = join(import.meta.dirname, '../migrations');
const quiet: Log = {
  info() {},
  warn() {},
  error: (fields, message) => void process.stderr.write(`hub under test: ${message} ${JSON.stringify(fields)}\n`),
};

/** Makes the migrated database that others are cloned from, once per server and set of migrations. */
async function template(serverUrl: string): Promise<string> {
  const files = [...(await readMigrations(migrationsFolder)), ...(await readMigrations(join(migrationsFolder, 'shelf')))];
  const name = `template_${Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(files.map((file) => file.sha256).join())))
    .toString('hex')
    .slice(0, 16)}`;
  const admin = openPool(serverUrl, { max: 1, application: 'test template' });
  try {
    // Test files run side by side: one makes it, the others wait.
    await admin.run`select pg_advisory_lock(7373900)`;
    const known = await admin.one`select 1 from pg_database where datname = ${name}`;
    if (known === undefined) {
      await admin.script(`drop database if exists ${name}_new`);
      await admin.script(`create database ${name}_new`);
      const db = openPool(withDatabase(serverUrl, `${name}_new`), { max: 2, application: 'test template' });
      try {
        await migrate(db, migrationsFolder, () => {});
        await prepareShelves(db, await createLevels({ db, clock: systemClock }).audiences(), join(migrationsFolder, 'shelf'), () => {});
      } finally {
        // Also when a migration fails: an open connection keeps the process, and the test would hang instead of telling why.
        await db.close();
      }
      await admin.script(`alter database ${name}_new rename to ${name}`);
    }
    await admin.run`select pg_advisory_unlock(7373900)`;
    return name;
  } finally {
    await admin.close();
  }
}

export const withDatabase = (serverUrl: string, name: string): string => Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href;

/** A database of one's own on the shared server. */
export async function createTestDatabase(): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const { url } = await sharedTestPostgres();
  const from = await template(url);
  const name = `test_${systemIds.token(12)}`;
  const admin = openPool(url, { max: 1, application: 'test' });
  await admin.script(`create database ${name} template ${from}`);
  await admin.close();
  return {
    url: withDatabase(url, name),
    async drop() {
      const again = openPool(url, { max: 1, application: 'test' });
      await again.script(`drop database if exists ${name} with (force)`);
      await again.close();
    },
  };
}

export type Answer<T = unknown> = { readonly status: number; readonly headers: Headers; readonly body: T; readonly text: string };

/** One member of the network with a key of all the rights that a member can have. */
export type TestMember = {
  readonly entityId: string;
  readonly key: string;
  get<T = unknown>(path: string): Promise<Answer<T>>;
  post<T = unknown>(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer<T>>;
  call<T = unknown>(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer<T>>;
};

export type TestHub = Hub & {
  readonly dataDir: string;
  readonly databaseUrl: string;
  /** The administrator's key of the first start. */
  readonly admin: TestMember;
  member(name: string, kind?: string, level?: string, scopes?: readonly Scope[]): Promise<TestMember>;
  as(key: string, entityId?: string): TestMember;
  settled(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Rights of a member's machine key in tests. */
export const memberScopes: readonly Scope[] = ['read', 'report', 'control'];

/** One for all hubs under test: two of them with the same history order values alike. */
export const testValueKey = 'test';

export type TestHubOptions = Partial<Omit<HubOptions, 'databaseUrl' | 'dataDir'>> & {
  readonly clock?: Clock;
  readonly databaseUrl?: string;
  readonly dataDir?: string;
};

export async function startTestHub(options: TestHubOptions = {}): Promise<TestHub> {
  const database = options.databaseUrl === undefined ? await createTestDatabase() : { url: options.databaseUrl, drop: async () => {} };
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'rebato-test-')));
  const free = { perSecond: 1e6, burst: 1e6 };
  const hub = await startHub({
    host: '127.0.0.1',
    port: 0,
    publicUrl: undefined,
    name: 'Test network',
    clock: systemClock,
    ids: systemIds,
    log: quiet,
    allowPrivateOutbound: [],
    connections: 6,
    limits: { rates: { read: free, write: free, heavy: free, 'sign-in': free, failed: free } },
    testing: { checkReplies: true, passwordRounds: 1_000, noJobs: true, valueKey: testValueKey },
    ...options,
    databaseUrl: database.url,
    dataDir,
  });

  const as = (key: string, entityId = ''): TestMember => {
    const call = async <T>(
      method: string,
      path: string,
      body?: unknown,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<Answer<T>> => {
      const raw = body instanceof Uint8Array || typeof body === 'string';
      const response = await fetch(`${hub.url}${path}`, {
        method,
        headers: {
          ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
      });
      const text = await response.text();
      const json = response.headers.get('content-type')?.includes('json') === true && text !== '';
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: (json && !text.includes('\n{') ? JSON.parse(text) : text) as T,
      };
    };
    return { entityId, key, call, get: (path) => call('GET', path), post: (path, body, headers) => call('POST', path, body, headers) };
  };

  const adminKey = hub.adminKey ?? '';
  const stop = async (): Promise<void> => {
    await hub.stop();
    await database.drop();
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  return {
    ...hub,
    dataDir,
    databaseUrl: database.url,
    admin: as(adminKey),
    as,
    async member(name, kind = 'public', level, scopes = memberScopes) {
      const system = {
        ...systemActor('test'),
        roles: ['admin' as const],
        scopes: ['members' as const, 'admin' as const, ...memberScopes, 'assess' as const, 'rule' as const, 'self' as const],
      };
      const entity = await hub.members.createEntity(system, { name, kind });
      if (level !== undefined) await hub.scoring.setLevel(system, entity.id, level, 'for the test');
      const { key } = await hub.members.createKey(system, { label: name, entityId: entity.id, scopes: [...scopes] });
      await hub.leader.settled();
      return as(key, entity.id);
    },
    settled: () => hub.leader.settled(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
