import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CopySink, Pool, Tx } from '#platform/db';
import type { Ids } from '#platform/ids';
import { applyMigration, bookkeeping, type Migration, migrationLock, readMigrations } from '#platform/migrate';
import type { Clock } from '#platform/ports';
import { applyToShelf, loginSecretPrefix, shelfBookkeeping } from '#platform/shelf';
import { copied, isEmpty, nameOf, quoted, quotedTable, readTables, type Table } from './catalogue.ts';
import type { Lock, ReadTesting } from './container.ts';
import { BackupRefused, damaged } from './errors.ts';
import type { Head, Manifest } from './form.ts';
import { readBackup } from './read.ts';
import { markRestored } from './restored.ts';

export type RestoreInput = {
  /** An empty database. */
  readonly db: Pool;
  readonly dataDir: string;
  readonly source: AsyncIterable<Uint8Array>;
  readonly lock: Lock | undefined;
  /** Of this release; its folder `shelf` is run once per shelf. */
  readonly migrationsFolder: string;
  readonly clock: Clock;
  readonly ids: Ids;
  /** For a copy beside the original: gets an identity of its own. `disarm` takes away what could reach, or be reached by, the original's world. */
  readonly asCopy?: { readonly disarm: (tx: Tx) => Promise<void> };
  readonly testing?: ReadTesting;
};

/** Refuses what was made by a newer release, or by one whose migrations are not ours. */
export async function checkRelease(head: Head, migrationsFolder: string): Promise<void> {
  await migrationsFor(head, migrationsFolder);
}

type Split = { readonly before: readonly Migration[]; readonly after: readonly Migration[] };

async function migrationsFor(head: Head, folder: string): Promise<{ readonly core: Split; readonly shelves: ReadonlyMap<string, Split> }> {
  const core = split(head, await readMigrations(folder), head.migrations);
  const files = await readMigrations(join(folder, 'shelf'));
  return { core, shelves: new Map(head.shelves.map((shelf) => [shelf.schema, split(head, files, shelf.migrations)])) };
}

function split(head: Head, files: readonly Migration[], ran: Head['migrations']): Split {
  const known = new Map(files.map((file) => [file.name, file.sha256]));
  for (const { name, sha256 } of ran) {
    if (!known.has(name))
      throw new BackupRefused(
        'newer',
        `The backup was made by a newer release (${head.product}; it knows ${name}). Restore it with that release or a later one.`,
      );
    if (known.get(name) !== sha256)
      throw new BackupRefused(
        'newer',
        `The backup was made by another build of this release: its ${name} differs. Restore it with that build.`,
      );
  }
  const names = new Set(ran.map((each) => each.name));
  return { before: files.filter((file) => names.has(file.name)), after: files.filter((file) => !names.has(file.name)) };
}

/**
 * Puts a backup into an empty database, in one transaction: all of it or nothing. Rows are put under the schema that they came from, and brought
 * forward afterwards. The log gets a new incarnation; the epoch is the caller's. Throws BackupRefused; then nothing was changed.
 */
export async function restoreBackup(input: RestoreInput): Promise<Head> {
  const session = await input.db.reserve();
  try {
    await session.script('begin');
    // A hub that starts meanwhile waits here, and then finds the database migrated.
    await session.run`select pg_advisory_xact_lock(${migrationLock})`;
    if (!(await isEmpty(session)))
      throw new BackupRefused(
        'place',
        'The database is not empty. A backup is restored into an empty one, so that nothing is mixed or lost.',
      );
    const head = await fill(session, input);
    await session.script('commit');
    // What the planner knows is no part of a backup.
    await session.script('analyze');
    return head;
  } finally {
    // Ends the connection, and with it a transaction that was not committed.
    session.release();
  }
}

async function fill(tx: Tx, input: RestoreInput): Promise<Head> {
  let head: Head | undefined;
  let plan: Awaited<ReturnType<typeof migrationsFor>> | undefined;
  let tables: ReadonlyMap<string, Table> = new Map();
  let sink: CopySink | undefined;
  let seal: string | undefined;
  let manifest: Manifest | undefined;
  for await (const step of readBackup(input.source, input.lock, input.testing)) {
    if (step.kind !== 'data') {
      await sink?.end();
      sink = undefined;
    }
    if (step.kind === 'head') {
      head = step.head;
      plan = await migrationsFor(head, input.migrationsFolder);
      await tx.script(bookkeeping);
      for (const file of plan.core.before) await applyMigration(tx, file);
      for (const [schema, { before }] of plan.shelves) {
        await tx.script(shelfBookkeeping(schema));
        for (const file of before) await applyToShelf(tx, schema, file);
      }
      const all = copied(await readTables(tx), []);
      tables = new Map(all.map((table) => [nameOf(table), table]));
      // What migrations put in is in the backup, too.
      await tx.script(`truncate ${all.map(quotedTable).join(', ')}`);
    } else if (step.kind === 'file') seal = step.text;
    else if (step.kind === 'table') {
      if (tables.get(nameOf(step))?.columns.join() !== step.columns.join())
        throw damaged(`${nameOf(step)} is not a table of this release as it stands in the backup`);
      sink = await tx.copyFrom(`copy ${quotedTable(step)} (${step.columns.map(quoted).join(', ')}) from stdin`);
    } else if (step.kind === 'data') await sink?.write(step.bytes);
    else manifest = step.manifest;
  }
  if (head === undefined || plan === undefined || manifest === undefined) throw damaged('its end is missing');
  for (const { schema, name, value } of manifest.sequences)
    await tx.run`select setval(${`${quoted(schema)}.${quoted(name)}`}::regclass, ${value}::bigint)`;
  await adjust(tx, input, head);
  for (const file of plan.core.after) await applyMigration(tx, file);
  for (const [schema, { after }] of plan.shelves) for (const file of after) await applyToShelf(tx, schema, file);
  if (seal !== undefined) await placeSeal(input.dataDir, seal);
  return head;
}

/** What must not be as it was: the log's history begins anew, and logins of shelves belong to the server that the backup came from. */
async function adjust(tx: Tx, input: RestoreInput, head: Head): Promise<void> {
  await tx.run`update platform.hub set incarnation = ${input.ids.token(12)}`;
  await tx.run`delete from platform.secret where name like ${`${loginSecretPrefix}%`}`;
  await markRestored(tx, {
    at: input.clock.now().toISOString(),
    madeAt: head.at,
    position: head.position,
    epochDue: input.asCopy === undefined,
    adminKeyDue: true,
    copyOf: input.asCopy === undefined ? null : head.hub.id,
  });
  if (input.asCopy === undefined) return;
  await tx.run`update platform.hub set id = ${input.ids.uuid()}, name = left(name, 80) || ' (copy)', epoch = 1`;
  // Keys of its own are made at the start, below a root that no agent has pinned.
  await tx.run`delete from platform.secret where name = 'wire.online_key'`;
  await tx.run`delete from platform.setting where name = 'wire.certificate'`;
  // They were signed for the original; the copy signs the same chain anew.
  await tx.run`delete from trail.checkpoint`;
  await input.asCopy.disarm(tx);
}

/** Written just before the commit: should that fail, an unused file remains, which the next try finds to be the same. */
async function placeSeal(dataDir: string, text: string): Promise<void> {
  const path = join(dataDir, 'seal.key');
  await writeFile(path, text, { mode: 0o600, flag: 'wx' }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    if ((await readFile(path, 'utf8')) !== text)
      throw new BackupRefused('place', `${path} belongs to another hub. Move it away, or restore into an empty data folder.`);
  });
}
