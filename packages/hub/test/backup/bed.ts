import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Db, Pool } from '#platform/db';
import { openPool } from '#platform/db';
import { systemIds } from '#platform/ids';
import { sharedTestPostgres } from '#platform/postgres/scratch';
import { runCli } from '../../src/cli/cli.ts';
import { type TestHub, withDatabase } from '../hub.ts';

export const passphrase = 'correct horse battery staple';

/** A database without anything in it. */
export async function emptyDatabase(): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const { url } = await sharedTestPostgres();
  const name = `restored_${systemIds.token(12)}`;
  const script = async (text: string): Promise<void> => {
    const admin = openPool(url, { max: 1, application: 'test' });
    await admin.script(text);
    await admin.close();
  };
  await script(`create database ${name}`);
  return { url: withDatabase(url, name), drop: () => script(`drop database if exists ${name} with (force)`) };
}

export async function withPool<T>(url: string, work: (db: Pool) => Promise<T>): Promise<T> {
  const db = openPool(url, { max: 2, application: 'test' });
  return work(db).finally(() => db.close());
}

/** A folder of the test's own, with a passphrase in a file. */
export async function scratchFolder() {
  const path = await mkdtemp(join(tmpdir(), 'rebato-backup-'));
  await writeFile(join(path, 'passphrase'), `${passphrase}\n`, { mode: 0o600 });
  return {
    path,
    file: (name: string): string => join(path, name),
    lock: ['--passphrase-file', join(path, 'passphrase')],
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

export type Ran = { readonly code: number; readonly out: string; readonly err: string };

/** A command of `rebato`, with these settings and no others. */
export async function rebato(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  let out = '';
  let err = '';
  const code = await runCli(argv, {
    env,
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    stdin: Readable.from([]),
    now: () => new Date(),
  });
  return { code, out, err };
}

export const asAdminOf = (hub: TestHub): Record<string, string> => ({ REBATO_URL: hub.url, REBATO_KEY: hub.admin.key });

/** What COPY gives of a table, hashed: equal for equal rows in equal order. */
export async function tableDigest(db: Pool, table: string, columns: readonly string[]): Promise<string> {
  const session = await db.reserve();
  try {
    await session.script("set datestyle = 'ISO, YMD'");
    const digest = createHash('sha256');
    for await (const bytes of await session.copyTo(`copy ${table} (${columns.map((name) => `"${name}"`).join(', ')}) to stdout`))
      digest.update(bytes);
    return digest.digest('hex');
  } finally {
    session.release();
  }
}

/** How many relations of ours a database has. */
export async function countRelations(db: Db): Promise<number> {
  const row = await db.one<{ n: number }>`
    select count(*) as n from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;
  return row?.n ?? 0;
}
