import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  BackupRefused,
  type BackupReport,
  checkRelease,
  isLocked,
  type Lock,
  readContainer,
  restoreBackup,
  settleRestored,
  verifyBackup,
  writeContainer,
} from '#platform/backup';
import { systemClock } from '#platform/clock';
import { openPool } from '#platform/db';
import { systemIds } from '#platform/ids';
import { raiseEpochAfterRestore } from '#platform/keys';
import { fingerprint, type KeyPair } from '#platform/keys/envelope';
import { readRootAt, rootFile } from '#platform/keys/root-file';
import type { Log } from '#platform/ports';
import type { Command, Context, Options } from '../command.ts';
import { type Exit, Stop, wrongUsage } from '../exits.ts';
import { chunksOf } from '../hub.ts';
import { withDatabase } from '../offline.ts';
import { fields, plural, shown } from '../output.ts';

const migrationsFolder = join(import.meta.dirname, '../../../migrations');

/** A backup of ten million indicators over a slow line; a hub that hangs must not hang its calendar for ever. */
const createMaxMs = 12 * 3_600_000;
/** Whoever has the file may guess as long as they like. */
const passphraseMinChars = 12;
const passphraseMaxBytes = 1024;
const startBytes = 1024;

const silent: Log = { info() {}, warn() {}, error() {} };

async function lockOf(context: Context): Promise<Lock | undefined> {
  const path = context.given.text('passphrase-file');
  if (path === undefined) return undefined;
  const text = await readFile(path, 'utf8').catch(() => {
    throw wrongUsage(`${shown(path)} cannot be read.`);
  });
  // Editors end a file with a line feed; it is no part of the passphrase.
  const passphrase = text.replace(/\r?\n$/, '');
  if (Buffer.byteLength(passphrase) > passphraseMaxBytes || /[\r\n]/.test(passphrase))
    throw wrongUsage(`${shown(path)} should hold one line: the passphrase.`);
  if (passphrase.length < passphraseMinChars) throw wrongUsage(`A passphrase has at least ${passphraseMinChars} characters.`);
  return { passphrase };
}

/** Runs what reads a backup, and says what is wrong with it as a command does. */
async function judged<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BackupRefused)) throw error;
    throw new Stop(({ damaged: 'failed', passphrase: 'usage', newer: 'refused', place: 'refused' } as const)[error.reason], error.message);
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : String(error));

async function create(context: Context): Promise<Exit> {
  const [file = ''] = context.args;
  const lock = await lockOf(context);
  if (lock === undefined && !context.given.is('plain'))
    throw wrongUsage(
      'A backup holds every secret of the hub: give --passphrase-file FILE, or say --plain if the place where it goes is locked itself.',
    );
  if (lock !== undefined && context.given.is('plain')) throw wrongUsage('--plain and --passphrase-file exclude each other.');
  if ((await stat(file).catch(() => undefined)) !== undefined) throw wrongUsage(`${shown(file)} is there already. Give another name.`);
  const response = await context.hub.open('GET', '/api/v1/backup', {
    headers: { accept: 'application/octet-stream' },
    signal: AbortSignal.timeout(createMaxMs),
  });
  const partial = `${file}.partial`;
  await rm(partial, { force: true });
  try {
    // Looked at on the way, so that half a backup never gets the name of a whole one.
    const whole = writeContainer(readContainer(chunksOf(response), undefined), lock);
    await pipeline(whole, createWriteStream(partial, { mode: 0o600, flags: 'wx', flush: true }));
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    if (error instanceof BackupRefused) throw new Stop('hubFailed', `The hub did not send a whole backup. ${error.message}`);
    if (error instanceof Stop) throw error;
    throw wrongUsage(`${shown(file)} cannot be written (${codeOf(error)}).`);
  }
  const { size } = await stat(file);
  context.answer({ file, bytes: size, locked: lock !== undefined });
  const key = lock === undefined ? '' : ` --passphrase-file ${shown(context.given.text('passphrase-file') ?? '')}`;
  context.say(`Saved in ${shown(file)} (${size} bytes). Check it: rebato backup verify ${shown(file)}${key}\n`);
  if (lock === undefined) context.note('It is not locked: whoever reads it can be this hub. Keep root.key apart from it.\n');
  return 'ok';
}

async function startOf(file: string): Promise<Buffer> {
  try {
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(startBytes), 0, startBytes, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw wrongUsage(`${shown(file)} cannot be read (${codeOf(error)}).`);
  }
}

/** Reads the whole file. Throws Stop for one that is no use, a broken trail excepted. */
async function examine(context: Context, file: string): Promise<{ readonly report: BackupReport; readonly lock: Lock | undefined }> {
  const lock = await lockOf(context);
  const start = await startOf(file);
  return judged(async () => {
    if (isLocked(start) && lock === undefined) throw wrongUsage('The backup is locked: give --passphrase-file FILE.');
    return { report: await verifyBackup(createReadStream(file), lock), lock };
  });
}

function summary({ head, manifest, trail }: BackupReport): string {
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  return fields([
    ['hub', `${head.hub.name} (${head.hub.id})`],
    ['root key', head.root],
    ['made', `${head.at} by Rebato ${head.product}, PostgreSQL ${Math.floor(head.postgres / 10_000)}`],
    ['log', `position ${head.position}, epoch ${head.hub.epoch}`],
    ['holds', `${plural(rows, 'row')} in ${plural(manifest.tables.length, 'table')}`],
    ['trail', trail.ok ? `whole, ${plural(trail.entries, 'entry', 'entries')}, ${plural(trail.checkpoints, 'checkpoint')}` : ''],
  ]);
}

const brokenTrail = ({ trail }: BackupReport): string =>
  `The backup is what was written, but the trail in it is damaged at entry ${trail.firstBad?.seq ?? 0}: ${trail.firstBad?.why ?? ''}.`;

async function verify(context: Context): Promise<Exit> {
  const [file = ''] = context.args;
  const { report } = await examine(context, file);
  context.answer({ ok: report.trail.ok, ...report.head, tables: report.manifest.tables, trailReport: report.trail });
  context.say(summary(report));
  if (!report.trail.ok) throw new Stop('failed', brokenTrail(report));
  context.say('The backup is whole.\n');
  return 'ok';
}

/** The root key that is given, or the one in the data folder; checked before anything is done. */
async function rootFor(context: Context, report: BackupReport): Promise<KeyPair | undefined> {
  const given = context.given.text('root-key');
  const root = await readRootAt(given ?? rootFile(context.dataDir));
  if (context.given.is('as-copy')) {
    if (root !== undefined)
      throw wrongUsage('A copy must not have the root key of the original: its agents would obey it. Take it out of the data folder.');
    return undefined;
  }
  if (given !== undefined && root === undefined) throw wrongUsage(`${shown(given)} cannot be read.`);
  if (root !== undefined && fingerprint(Buffer.from(root.spki, 'base64')) !== report.head.root)
    throw wrongUsage(`The root key in ${shown(given ?? rootFile(context.dataDir))} is not the one of the backup's agents.`);
  return root;
}

async function restore(context: Context): Promise<Exit> {
  const [file = ''] = context.args;
  const { report, lock } = await examine(context, file);
  if (!report.trail.ok && !context.given.is('damaged-trail'))
    throw new Stop('failed', `${brokenTrail(report)} Nothing was restored. Take an older backup, or give --damaged-trail.`);
  await judged(() => checkRelease(report.head, migrationsFolder));
  const root = await rootFor(context, report);
  const { disarmControls } = await import('#decisions');
  await mkdir(context.dataDir, { recursive: true, mode: 0o700 });
  await withDatabase(context, async ({ databaseUrl, dataDir }) => {
    const db = openPool(databaseUrl, { max: 4, application: 'rebato restore' });
    try {
      await judged(() =>
        restoreBackup({
          ...{ db, dataDir, lock, migrationsFolder, clock: systemClock, ids: systemIds, source: createReadStream(file) },
          ...(context.given.is('as-copy') ? { asCopy: { disarm: disarmControls } } : {}),
        }),
      );
      if (root !== undefined) {
        await raiseEpochAfterRestore({ db, clock: systemClock, log: silent }, root);
        await settleRestored(db, { epochDue: false });
      }
    } finally {
      await db.close();
    }
  });
  context.answer({ restored: true, madeAt: report.head.at, epochRaised: root !== undefined, copy: context.given.is('as-copy') });
  context.say(`${summary(report)}Restored. Start the hub: it writes a new administrator's key into ${shown(context.dataDir)}/admin.key.\n`);
  if (context.given.is('as-copy')) context.note('This is a copy: no agent of the original will listen to it. Enrol agents of its own.\n');
  else if (root === undefined)
    context.note(
      `The root key was not at hand, so there is no new epoch yet: agents refuse what the restored hub says, and keep what they have. Put the key into ${shown(rootFile(context.dataDir))} before the start, or run \`rebato epoch raise --root-key FILE\`.\n`,
    );
  context.note('Revoke again what was revoked since the backup: keys, people, controls.\n');
  return 'ok';
}

const passphraseOption: Options = {
  'passphrase-file': { value: 'FILE', help: 'File with one line: the passphrase that locks the backup' },
};
const fileArgument = { name: 'FILE', help: 'The backup.' };

export const backupCommands: readonly Command[] = [
  {
    noun: 'backup',
    verb: 'create',
    summary: 'Save everything of a running hub in one file',
    more: 'The file holds what was committed when the command began. It is complete when it has its name; until then it ends in .partial. The root key is not in it.',
    args: [{ name: 'FILE', help: 'Where to; must not be there yet.' }],
    options: { ...passphraseOption, plain: { help: 'Without a passphrase: the file holds every secret of the hub as it is' } },
    examples: ['rebato backup create /backup/rebato-2026-11-23.backup --passphrase-file /etc/rebato/backup.passphrase'],
    run: create,
  },
  {
    noun: 'backup',
    verb: 'verify',
    summary: 'Check a backup without a hub: nothing changed, nothing missing, trail whole',
    args: [fileArgument],
    options: passphraseOption,
    run: verify,
  },
  {
    noun: 'backup',
    verb: 'restore',
    summary: 'Put a backup into an empty data folder or an empty database, while no hub runs there',
    more: 'All of it or nothing. REBATO_DATA_DIR and REBATO_DATABASE_URL say where to. With the root key, agents that are ahead of the backup follow the restored hub.',
    args: [fileArgument],
    options: {
      ...passphraseOption,
      'root-key': { value: 'FILE', help: 'The root key. Default: root.key in the data folder, if it is there' },
      'as-copy': { help: 'For tests beside the original: an identity of its own, unknown to all agents' },
      'damaged-trail': { help: 'Also when the record of who did what in it is damaged' },
    },
    run: restore,
  },
];
