import { createHash, randomBytes } from 'node:crypto';
import type { Tlp, TopicName } from '@rebato/contract';
import { openPool, type Pool, type Tx } from './db.ts';
import { type Migration, readMigrations } from './migrate.ts';
import { rolesMissing } from './reach-database.ts';
import { StartRefused } from './start-refused.ts';

/**
 * An audience: everybody who reads at the same time. Its shelf is a schema of its own with a login of its own that may read that schema and
 * nothing else, so what has not been released to it cannot be reached from its readers' requests by any query.
 */
export type Audience = Terms & {
  readonly name: string;
  /** Terms before the present ones, oldest first, each with when it ended: what was published under them keeps its release time. */
  readonly before?: readonly (Terms & { readonly until: Date })[];
};

/** What an audience waits for. */
export type Terms = {
  /** How long after publication; 0 is at once. */
  readonly delayMs: number;
  /** Whether consolidation ends the waiting. */
  readonly onConsolidation: boolean;
  /** Nothing narrower than this is ever put on the shelf's community lane. */
  readonly maxTlp: Tlp;
};

/** The terms that were in force at a time: those of whatever was published, sighted, said or ruled then. */
export function termsAt(audience: Audience, at: Date): Terms {
  return audience.before?.find((terms) => at < terms.until) ?? audience;
}

/** Whether the audience has yet to receive anything that others have: it waits by its terms, or for what was published under earlier ones. */
export function stillWaits(audience: Audience, now: Date): boolean {
  return audience.delayMs > 0 || (audience.before ?? []).some((terms) => terms.until.getTime() + terms.delayMs > now.getTime());
}

/** The times from which the audience has not received everything yet, as a PostgreSQL `tstzmultirange`. */
export function waitingTimes(audience: Pick<Audience, 'delayMs' | 'before'>, now: Date): string {
  const ranges: string[] = [];
  let since = Number.NEGATIVE_INFINITY;
  for (const terms of [...(audience.before ?? []), { delayMs: audience.delayMs, until: undefined }]) {
    const waited = now.getTime() - terms.delayMs;
    const from = waited < since ? `[${new Date(since).toISOString()}` : `(${new Date(waited).toISOString()}`;
    if (terms.until === undefined) ranges.push(`${from},)`);
    else if (Math.max(since, waited) < terms.until.getTime()) ranges.push(`${from},${terms.until.toISOString()})`);
    since = terms.until?.getTime() ?? since;
  }
  return `{${ranges.join()}}`;
}

/** Something that goes to a lane of a shelf at a time. */
export type PlanItem = {
  readonly shelf: string;
  readonly lane: string;
  readonly topic: TopicName;
  readonly key: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly dueAt: Date;
  readonly arrivedAt: Date;
};

/** What a projector tells a lane's followers. Written in order, positions are the platform's. */
export type ShelfEntry = {
  readonly lane: string;
  readonly topic: string;
  readonly object: string;
  readonly body: Readonly<Record<string, unknown>>;
};

export const shelfSchema = (audience: string): string => `shelf_${audience}`;
/** PostgreSQL cuts longer names silently. */
const roleMaxBytes = 63;
const hashChars = 16;

/**
 * The login of an audience. Roles belong to the whole server, so two hubs on one server must not change each other's passwords: it carries the
 * database's name, and the hash of the whole where that is too long, so that long names with one beginning do not meet.
 */
export function shelfLogin(audience: string, database: string): string {
  const whole = `rebato_shelf_${audience}_${database}`;
  if (Buffer.byteLength(whole) <= roleMaxBytes) return whole;
  let start = whole;
  while (Buffer.byteLength(start) > roleMaxBytes - hashChars - 1) start = start.slice(0, -1);
  return `${start}_${createHash('sha256').update(whole).digest('hex').slice(0, hashChars)}`;
}

async function loginFor(db: Pool, audience: string): Promise<string> {
  const row = await db.one<{ name: string }>`select current_database() as name`;
  return shelfLogin(audience, row?.name ?? '');
}

/** For statements that take no parameters. */
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const audienceName = /^[a-z][a-z0-9_]{0,30}$/;

/** Creates what is missing of every shelf, brings its tables to the newest form, and makes its login read that schema only. */
export async function prepareShelves(db: Pool, audiences: readonly Audience[], folder: string, log: (line: string) => void): Promise<void> {
  const files = await readMigrations(folder);
  for (const audience of audiences) {
    if (!audienceName.test(audience.name))
      throw new Error(`The audience name ${JSON.stringify(audience.name)} is not a short lower-case word.`);
    const schema = shelfSchema(audience.name);
    const login = await loginFor(db, audience.name);
    await db.transaction(async (tx) => {
      await tx.run`select pg_advisory_xact_lock(7373002)`;
      await tx.script(shelfBookkeeping(schema));
      const done = new Map(
        (await tx.rows<{ name: string; sha256: string }>`select name, sha256 from ${tx.name(schema)}.migration`).map((row) => [
          row.name,
          row.sha256,
        ]),
      );
      for (const file of files) {
        const before = done.get(file.name);
        if (before === file.sha256) continue;
        if (before !== undefined)
          throw new Error(`The shelf migration ${file.name} was changed after it had been applied. Migrations are never edited.`);
        await applyToShelf(tx, schema, file);
        log(`migrated ${schema} ${file.name}`);
      }
      await ensureLogin(tx, login, schema);
    });
  }
}

/** Makes the schema of a shelf, and where it is written down what ran in it. */
export const shelfBookkeeping = (schema: string): string =>
  `create schema if not exists ${schema}; create table if not exists ${schema}.migration (name text primary key, sha256 text not null)`;

/** Runs one file for one shelf in the caller's transaction and writes that down. */
export async function applyToShelf(tx: Tx, schema: string, file: Migration): Promise<void> {
  await tx.script(`set local search_path to ${schema}; ${file.text}; set local search_path to public`);
  await tx.run`insert into ${tx.name(schema)}.migration (name, sha256) values (${file.name}, ${file.sha256})`;
}

/** Passwords of shelves' logins stand in `platform.secret` under this and the login. A login belongs to one server, so they do not travel. */
export const loginSecretPrefix = 'login:';

async function ensureLogin(tx: Tx, login: string, schema: string): Promise<void> {
  const secretName = `${loginSecretPrefix}${login}`;
  const known = await tx.one<{ value: string }>`select value from platform.secret where name = ${secretName}`;
  const role = await tx.one`select 1 from pg_roles where rolname = ${login}`;
  const password = known?.value ?? randomBytes(24).toString('hex');
  const name = quoted(login);
  if (role === undefined) await createRole(tx, `create role ${name} login noinherit password '${password}'`);
  else if (known === undefined) await tx.script(`alter role ${name} password '${password}'`);
  if (known === undefined) await tx.run`insert into platform.secret (name, value) values (${secretName}, ${password})`;
  await tx.script(`revoke all on schema public from public; grant usage on schema ${schema} to ${name}; grant select on all tables in schema ${schema} to ${name};
    revoke all on ${schema}.migration from ${name}`);
}

async function createRole(tx: Tx, statement: string): Promise<void> {
  const row = await tx.one<{ user: string }>`select current_user as user`;
  await tx.script(statement).catch((error: unknown) => {
    throw isRefusal(error, '42501') ? new StartRefused(rolesMissing(row?.user ?? '')) : error;
  });
}

const isRefusal = (error: unknown, state: string): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith(state);

/** The readers' pools, one per audience, each behind its own login. */
export async function openShelfPools(db: Pool, url: string, audiences: readonly Audience[], max: number): Promise<Map<string, Pool>> {
  const pools = new Map<string, Pool>();
  for (const audience of audiences) {
    const login = await loginFor(db, audience.name);
    const secret = await db.one<{ value: string }>`select value from platform.secret where name = ${`${loginSecretPrefix}${login}`}`;
    if (secret === undefined) throw new Error(`The login of the shelf ${audience.name} has no password on record.`);
    const pool = openPool(url, {
      max,
      application: `rebato ${audience.name}`,
      searchPath: shelfSchema(audience.name),
      user: login,
      password: secret.value,
      statementTimeoutMs: readTimeoutMs,
    });
    pools.set(audience.name, pool);
    try {
      await pool.run`select 1`;
    } catch (error) {
      for (const opened of pools.values()) await opened.close();
      if (!isRefusal(error, '28')) throw error;
      throw new StartRefused(
        `The database refuses the login ${quoted(login)} of a shelf (${error instanceof Error ? error.message : ''}). ` +
          "See that the server's pg_hba.conf lets it in with a password from this machine, as it does the hub's own login. " +
          `If its password was changed, drop the role and delete the row 'login:${login}' of platform.secret: the next start makes both anew.`,
      );
    }
  }
  return pools;
}

/** A reader's query that takes longer is a mistake of ours or an attack; it must not hold a connection. */
const readTimeoutMs = 15_000;

/** What waits under a key is not released any more, and leaves no trace for those who never had it. */
export async function cancelPlans(tx: Tx, topics: readonly TopicName[], key: string): Promise<void> {
  await tx.run`delete from bus.plan where topic = any (${topics as string[]}) and key = ${key}`;
}

/** What waits for some lanes of a shelf, oldest plan first. */
export async function plansWaiting(
  tx: Tx,
  shelf: string,
  topic: TopicName,
  lanes: readonly string[],
  limit: number,
): Promise<{ key: string; payload: Readonly<Record<string, unknown>> }[]> {
  return tx.rows`
    select key, payload from bus.plan where shelf = ${shelf} and topic = ${topic} and lane = any (${lanes as string[]}::text[]) order by id limit ${limit}`;
}

/** Plans many items at once. They are carried out in this order, a few in each round, so that an alert need not wait for them. */
export async function addPlans(tx: Tx, items: readonly PlanItem[]): Promise<void> {
  await tx.run`
    insert into bus.plan (shelf, lane, topic, key, due_at, payload, arrived_at)
    select p.value->>'shelf', p.value->>'lane', p.value->>'topic', p.value->>'key', (p.value->>'dueAt')::timestamptz, p.value->'payload',
           (p.value->>'arrivedAt')::timestamptz
      from jsonb_array_elements(${tx.json(items)}) with ordinality as p (value, n) order by p.n`;
}

/** The same for the lanes of one audience that it may no longer go to. */
export async function cancelPlansOutside(
  tx: Tx,
  topics: readonly TopicName[],
  key: string,
  shelf: string,
  lanes: readonly string[],
): Promise<void> {
  await tx.run`
    delete from bus.plan
     where topic = any (${topics as string[]}) and key = ${key} and shelf = ${shelf} and lane <> '' and not lane = any (${lanes as string[]})`;
}

/** What waits under a key, by lane: the earliest time of each. */
export async function waitingPlans(tx: Tx, topic: TopicName, key: string): Promise<{ shelf: string; lane: string; dueAt: Date }[]> {
  return tx.rows`select shelf, lane, min(due_at) as due_at from bus.plan where topic = ${topic} and key = ${key} group by shelf, lane`;
}

/** What waits under a key for one audience is due now. */
export async function hastenPlans(tx: Tx, shelf: string, topic: TopicName, key: string, now: Date): Promise<void> {
  await tx.run`update bus.plan set due_at = ${now} where shelf = ${shelf} and topic = ${topic} and key = ${key} and due_at > ${now}`;
}
