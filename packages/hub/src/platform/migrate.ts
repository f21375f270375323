import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool, Tx } from './db.ts';

/** Any hub process may start first: one migrates, the others wait for this lock. */
export const migrationLock = 7373001;

export type Migration = { readonly name: string; readonly text: string; readonly sha256: string };

export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{12}_[a-z0-9_]+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8');
      return { name, text, sha256: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/**
 * Brings the database to the newest schema, forward only, each file in a transaction of its own. A file that was edited after it ran stops the
 * start: migrations are never edited. A database from a newer release stops it too.
 */
export async function migrate(db: Pool, folder: string, log: (line: string) => void): Promise<number> {
  const files = await readMigrations(folder);
  const session = await db.reserve();
  try {
    await session.run`select pg_advisory_lock(${migrationLock})`;
    await session.script(bookkeeping);
    const done = new Map(
      (await session.rows<{ name: string; sha256: string }>`select name, sha256 from platform.migration`).map((row) => [
        row.name,
        row.sha256,
      ]),
    );
    const known = new Set(files.map((file) => file.name));
    for (const name of done.keys()) {
      if (!known.has(name))
        throw new Error(`The database has been migrated by a newer release (it knows ${name}). Start that release, or restore a backup.`);
    }
    let applied = 0;
    for (const file of files) {
      const before = done.get(file.name);
      if (before === file.sha256) continue;
      if (before !== undefined)
        throw new Error(`The migration ${file.name} was changed after it had been applied. Migrations are never edited.`);
      await applyOne(session, file);
      log(`migrated ${file.name}`);
      applied += 1;
    }
    return applied;
  } finally {
    await session.run`select pg_advisory_unlock(${migrationLock})`.catch(() => 0);
    session.release();
  }
}

/** Where it is written down what ran. */
export const bookkeeping = `create schema if not exists platform;
  create table if not exists platform.migration (name text primary key, sha256 text not null, applied_at timestamptz not null default now())`;

/** Runs one file in the caller's transaction and writes that down. */
export async function applyMigration(tx: Tx, file: Migration): Promise<void> {
  await tx.script(file.text);
  await tx.run`insert into platform.migration (name, sha256) values (${file.name}, ${file.sha256})`;
}

async function applyOne(session: Tx, file: Migration): Promise<void> {
  await session.script('begin');
  try {
    await applyMigration(session, file);
    await session.script('commit');
  } catch (error) {
    await session.script('rollback');
    throw new Error(`The migration ${file.name} failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}
