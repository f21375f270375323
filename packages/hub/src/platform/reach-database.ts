import { setTimeout as wait } from 'node:timers/promises';
import { openPool, type Pool } from './db.ts';
import { isPassing } from './passing.ts';
import type { Log } from './ports.ts';
import { StartRefused } from './start-refused.ts';

/** A database that is started with the hub, or that recovers from a crash, is there within this; what takes longer needs a person. */
const reachMaxMs = 60_000;
/** One try. The library's own limit does not hold for a server that takes every connection and closes it: it begins anew without end. */
const tryMaxMs = 15_000;
/** Pauses between tries: short at first, because most waits are short. */
const pauseFirstMs = 100;
const pauseMaxMs = 2_000;
const oldestServer = 150_000;

/** What the hub needs to know of a database before it touches it. */
export type DatabaseFacts = {
  readonly user: string;
  readonly database: string;
  /** As `server_version_num` has it: 150004. */
  readonly version: number;
  readonly readOnly: boolean;
  readonly maySchemas: boolean;
  /** CREATEROLE or superuser, or there are logins of shelves already. */
  readonly mayRoles: boolean;
};

/**
 * Waits until the database answers, at most a minute, and looks whether the hub can work on it. Throws StartRefused that says what to do: at
 * once for what does not pass by itself, at the end of the minute for what did not.
 */
export async function reachDatabase(url: string, log: Log, maxMs: number = reachMaxMs): Promise<void> {
  const startedMs = performance.now();
  for (let pauseMs = pauseFirstMs, tries = 1; ; pauseMs = Math.min(pauseMs * 2, pauseMaxMs), tries += 1) {
    try {
      const problem = problemOf(await readFacts(url, Math.min(tryMaxMs, maxMs)));
      if (problem !== undefined) throw new StartRefused(problem);
      return;
    } catch (error) {
      if (error instanceof StartRefused) throw error;
      const refused = refusalOf(error, url);
      if (refused !== undefined) throw new StartRefused(refused);
      const leftMs = maxMs - (performance.now() - startedMs);
      const said = wordsOf(error);
      if (leftMs <= 0) {
        throw new StartRefused(
          `The database at ${addressOf(url)} could not be reached within ${Math.round(maxMs / 1_000)} seconds; the last answer was: ${said}. ` +
            'See whether it runs there and is open to this machine, or correct REBATO_DATABASE_URL.',
        );
      }
      if (tries === 1)
        log.warn({ said }, `The database at ${addressOf(url)} is not there yet. Trying again for ${Math.round(maxMs / 1_000)} seconds.`);
      await wait(Math.min(pauseMs, leftMs));
    }
  }
}

async function readFacts(url: string, maxMs: number): Promise<DatabaseFacts> {
  const pool = openPool(url, { max: 1, application: 'rebato start' });
  let timer: NodeJS.Timeout | undefined;
  try {
    const tooLate = new Promise<never>((_resolve, reject) => {
      const error = Object.assign(new Error('no answer to the first question'), { code: 'CONNECT_TIMEOUT' });
      timer = setTimeout(() => reject(error), maxMs);
    });
    return await Promise.race([tooLate, askFacts(pool)]);
  } finally {
    clearTimeout(timer);
    await pool.close();
  }
}

async function askFacts(pool: Pool): Promise<DatabaseFacts> {
  const facts = await pool.one<DatabaseFacts>`
      select current_user as user, current_database() as database, current_setting('server_version_num')::int as version,
             current_setting('transaction_read_only') = 'on' as read_only,
             has_database_privilege(current_database(), 'create') as may_schemas,
             exists (select 1 from pg_roles where rolname = current_user and (rolcreaterole or rolsuper))
               or exists (select 1 from pg_roles where starts_with(rolname, 'rebato_shelf_')) as may_roles`;
  if (facts === undefined) throw new Error('a select without a table gives one row');
  return facts;
}

/** Why the hub cannot work on such a database, and what to do. Undefined: it can. */
export function problemOf(facts: DatabaseFacts): string | undefined {
  const { user, database } = facts;
  if (facts.version < oldestServer) {
    const major = Math.floor(facts.version / 10_000);
    return `The database is PostgreSQL ${major}, and Rebato needs 15 or later. Move it to a newer server, or leave REBATO_DATABASE_URL out: then Rebato starts its own.`;
  }
  if (facts.readOnly)
    return `The database "${database}" may only be read. If it is a standby, let REBATO_DATABASE_URL point to the primary; if not, see default_transaction_read_only of the server, the database and the login "${user}".`;
  if (!facts.maySchemas)
    return `The login "${user}" may not create schemas in the database "${database}". Let it own the database: alter database ${quoted(database)} owner to ${quoted(user)};`;
  return facts.mayRoles ? undefined : rolesMissing(user);
}

/** For a login that cannot make the shelves' logins. */
export const rolesMissing = (user: string): string =>
  `The login "${user}" may not create roles, and each shelf needs a login of its own. Give it the right: alter role ${quoted(user)} createrole;`;

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** What the server says that waiting does not change. Undefined: it may pass. */
function refusalOf(error: unknown, url: string): string | undefined {
  const code = codeOf(error);
  const said = wordsOf(error);
  const { user, database } = namesIn(url);
  if (code.startsWith('28'))
    return `The database at ${addressOf(url)} refuses the login "${user}" (${said}). Correct the user and the password in REBATO_DATABASE_URL, and see that the server's pg_hba.conf lets it in from this machine.`;
  if (code === '3D000')
    return `There is no database "${database}" at ${addressOf(url)}. Create it: create database ${quoted(database)} owner ${quoted(user)};`;
  if (code === '42501')
    return `The login "${user}" may not connect to the database "${database}" (${said}). Let it own the database: alter database ${quoted(database)} owner to ${quoted(user)};`;
  if (isPassing(error)) return undefined;
  return `The database at ${addressOf(url)} cannot be used: ${said}. Correct REBATO_DATABASE_URL.`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function wordsOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : codeOf(error) || String(error);
}

/** Without the password. */
function addressOf(url: string): string {
  return new URL(url).host;
}

function namesIn(url: string): { readonly user: string; readonly database: string } {
  const { username, pathname } = new URL(url);
  return { user: decodeURIComponent(username), database: decodeURIComponent(pathname.slice(1)) };
}
