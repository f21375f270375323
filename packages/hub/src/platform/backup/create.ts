import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createZstdCompress } from 'node:zlib';
import type { Actor } from '#platform/actor';
import type { Db, Pool, Tx } from '#platform/db';
import type { Keys } from '#platform/keys';
import type { Clock, Log, Trail } from '#platform/ports';
import { copied, nameOf, quoted, quotedTable, readSequences, readTables, type Table } from './catalogue.ts';
import { writeContainer } from './container.ts';
import { failBackup } from './errors.ts';
import { contentVersion, type Head, type Manifest } from './form.ts';
import { jsonRecord, record } from './records.ts';
import { createTally } from './tally.ts';

export type BackupDeps = {
  readonly db: Pool;
  readonly dataDir: string;
  readonly keys: Pick<Keys, 'publicKeys' | 'rootFingerprint'>;
  readonly trail: Trail;
  readonly clock: Clock;
  readonly log: Log;
  readonly product: string;
  /** Tables, `schema.table`, whose rows are not worth keeping. */
  readonly leftOut: readonly string[];
};

/** A snapshot that is held keeps the database from tidying up, so there is one at a time, whatever the number of processes. */
const backupLock = 7373006;
/** COPY gives a row at a time; a record for each would be mostly heads. */
const dataRecordBytes = 64 * 1024;

/**
 * Begins a backup: everything that was committed before is in it, and nothing that is committed later. The stream is the file without a passphrase;
 * it reads from the database only as fast as it is read itself, and frees the snapshot however it ends. Throws `backup.busy`.
 */
export async function createBackup(deps: BackupDeps, actor: Actor): Promise<Readable> {
  const session = await deps.db.reserve();
  try {
    const lock = await session.one<{
      got: boolean;
      pid: number;
    }>`select pg_try_advisory_lock(${backupLock}) as got, pg_backend_pid() as pid`;
    if (lock?.got !== true) throw failBackup('backup.busy', 'A backup is being made already.');
    // Before the snapshot, so that the backup itself holds that it was made.
    await deps.db.transaction((tx) => deps.trail.record(tx, actor, 'backup.create', 'backup'));
    await session.script(`begin isolation level repeatable read, read only;
      set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local bytea_output = 'hex'; set local extra_float_digits = 1`);
    const head = await readHead(deps, session);
    const records = Readable.from(writeRecords(deps, session, head), { objectMode: false });
    // The records' failure must be the stream's: a pipe alone would end it as if all had come.
    const squeeze = createZstdCompress();
    records.once('error', (error) => squeeze.destroy(error));
    const stream = Readable.from(writeContainer(records.pipe(squeeze), undefined), { objectMode: false });
    stream.once('close', () => {
      records.destroy();
      squeeze.destroy();
      session.release();
      // A server that waits for a reader who has left does not notice that the connection is being closed.
      if (!stream.readableEnded) void deps.db.run`select pg_terminate_backend(${lock.pid})`.catch(() => 0);
    });
    stream.on('error', (error) => deps.log.error({ err: String(error) }, 'A backup could not be completed.'));
    return stream;
  } catch (error) {
    session.release();
    throw error;
  }
}

async function readHead(deps: BackupDeps, db: Db): Promise<Head> {
  const hub = await db.one<Head['hub']>`select id, name, epoch, incarnation from platform.hub`;
  const log = await db.one<{ position: number; postgres: number }>`
    select (select position from bus.head) as position, current_setting('server_version_num')::integer as postgres`;
  const trail = await db.one<{ seq: number; hash: string }>`select seq, hash from trail.entry order by seq desc limit 1`;
  const checkpoint = await db.one<{ seq: number }>`select seq from trail.checkpoint order by seq desc limit 1`;
  const migrations = await db.rows<Head['migrations'][number]>`select name, sha256 from platform.migration order by name`;
  const shelves: Head['shelves'] = [];
  for (const { schema } of await db.rows<{
    schema: string;
  }>`select nspname as schema from pg_namespace where nspname like ${'shelf\\_%'} order by 1`)
    shelves.push({
      schema,
      migrations: await db.rows<Head['migrations'][number]>`select name, sha256 from ${db.name(schema)}.migration order by name`,
    });
  if (hub === undefined || log === undefined) throw new Error('the hub has no identity in the database');
  return {
    content: contentVersion,
    product: deps.product,
    at: deps.clock.now().toISOString(),
    postgres: log.postgres,
    hub: { id: hub.id, name: hub.name, epoch: hub.epoch, incarnation: hub.incarnation },
    root: deps.keys.rootFingerprint(),
    position: log.position,
    trail: { seq: trail?.seq ?? 0, hash: trail?.hash ?? '0'.repeat(64), checkpoint: checkpoint?.seq ?? null },
    trailKeys: [...deps.keys.publicKeys()].map(([keyId, publicKey]) => ({ keyId, publicKey })),
    migrations,
    shelves,
  };
}

async function* writeRecords(deps: BackupDeps, session: Tx, head: Head): AsyncGenerator<Buffer> {
  yield jsonRecord('H', head);
  const files: Manifest['files'] = [];
  const seal = await readFile(join(deps.dataDir, 'seal.key'), 'utf8').catch(() => undefined);
  if (seal !== undefined) {
    yield jsonRecord('F', { name: 'seal.key', text: seal });
    files.push({ name: 'seal.key', sha256: createHash('sha256').update(seal).digest('hex') });
  }
  const tables: Manifest['tables'] = [];
  for (const table of copied(await readTables(session), deps.leftOut)) {
    yield jsonRecord('T', table);
    const tally = createTally(table);
    for await (const bytes of rowsOf(session, table)) {
      tally.add(bytes);
      yield record('D', bytes);
    }
    tables.push(tally.end());
  }
  const sequences = await readSequences(session);
  // Given back before the end is sent: whoever has the whole file may ask for the next one.
  await session.script(`commit; select pg_advisory_unlock(${backupLock})`);
  yield jsonRecord('M', { tables, sequences, files } satisfies Manifest);
}

/** The chain is verified as it passes; the others come as they lie. */
const orders: ReadonlyMap<string, string> = new Map([
  ['trail.checkpoint', 'seq'],
  ['trail.entry', 'seq'],
]);

async function* rowsOf(session: Tx, table: Table): AsyncGenerator<Buffer> {
  const columns = table.columns.map(quoted).join(', ');
  let parts: Buffer[] = [];
  let size = 0;
  const order = orders.get(nameOf(table));
  const source =
    order === undefined ? `${quotedTable(table)} (${columns})` : `(select ${columns} from ${quotedTable(table)} order by ${order})`;
  for await (const bytes of await session.copyTo(`copy ${source} to stdout`)) {
    parts.push(bytes);
    size += bytes.length;
    if (size < dataRecordBytes) continue;
    // A single row may be as large as an attachment.
    const all = Buffer.concat(parts);
    for (let at = 0; at < all.length; at += dataRecordBytes) yield all.subarray(at, at + dataRecordBytes);
    parts = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(parts);
}
