import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { StartRefused } from '#platform/start-refused';
import { binariesFor, type PostgresBinaries, systemStateDir } from './binaries.ts';
import { canTraverse, postgresUser, type SystemUser } from './system-user.ts';

/** A database cluster on disk, ready to be served. `dir` is its real path; `user` is set when this process is root. */
export type Cluster = {
  readonly dir: string;
  readonly user: SystemUser | undefined;
  readonly binaries: PostgresBinaries;
  readonly password: string;
};

/** The login, its database, and the cluster's bootstrap superuser: the hub creates one login per shelf, and databases in tests. */
export const ownerName = 'rebato';

/**
 * Finds the cluster of a data directory, or creates it. The caller holds the directory's lock. Throws StartRefused for a cluster of
 * another PostgreSQL version, of another user, or for a folder that is no cluster.
 */
export async function openCluster(dataDir: string, options: { sync: boolean; log: (line: string) => void }): Promise<Cluster> {
  const link = join(dataDir, 'postgres');
  const user = ownerOf(link) ?? postgresUser();
  const dir = placeCluster(dataDir, link, user, options.log);
  const binaries = binariesFor(user);
  const passwordFile = join(dataDir, 'postgres.password');

  if (existsSync(join(dir, 'PG_VERSION'))) {
    const major = readFileSync(join(dir, 'PG_VERSION'), 'utf8').trim();
    if (major !== binaries.major) {
      throw new StartRefused(
        `The database in ${link} was made by PostgreSQL ${major}, and this is PostgreSQL ${binaries.major}. ` +
          'Create a backup with the release that made it, and restore that backup with this one.',
      );
    }
    const known = readPassword(passwordFile);
    const cluster = { dir, user, binaries, password: known ?? newPassword(passwordFile) };
    // The file was lost, for instance in a copy of the directory: whoever owns the files may set another password.
    if (known === undefined) await runSingleUser(cluster, dir, [setPassword(cluster.password)]);
    return cluster;
  }
  const cluster = { dir, user, binaries, password: readPassword(passwordFile) ?? newPassword(passwordFile) };
  await createCluster(cluster, options);
  return cluster;
}

/** Root serves an existing cluster as the user that owns it; PostgreSQL refuses anything else. */
function ownerOf(link: string): SystemUser | undefined {
  if (!existsSync(link)) return undefined;
  const { uid, gid } = statSync(link);
  const self = process.getuid?.() ?? uid;
  if (self === 0) return uid === 0 ? undefined : { name: `uid ${uid}`, uid, gid };
  if (uid !== self) throw new StartRefused(`The database in ${link} belongs to another user (uid ${uid}). Start Rebato as that user.`);
  return undefined;
}

/** Decides where the cluster lives, and makes the way to it passable for `user`. Returns its real path; it may not exist yet. */
function placeCluster(dataDir: string, link: string, user: SystemUser | undefined, log: (line: string) => void): string {
  const existing = lstatSync(link, { throwIfNoEntry: false });
  if (existing?.isSymbolicLink()) return existsSync(link) ? realpathSync(link) : readlinkSync(link);
  if (existing !== undefined && !existsSync(join(link, 'PG_VERSION'))) {
    if (readdirSync(link).length > 0)
      throw new StartRefused(`${link} exists, but is not a PostgreSQL cluster. Move it away and start again.`);
    rmdirSync(link);
  }
  if (user === undefined) return link;
  if (!canTraverse(dataDir, user)) {
    // Root's data directory stays closed to everyone but the database's user, who may pass through and not list it.
    chownSync(dataDir, -1, user.gid);
    chmodSync(dataDir, (statSync(dataDir).mode & 0o700) | 0o010);
  }
  if (canTraverse(dataDir, user)) return link;

  mkdirSync(systemStateDir, { recursive: true, mode: 0o755 });
  const dir = join(systemStateDir, `cluster-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`);
  if (existsSync(dir)) {
    // The data directory was deleted or replaced: a fresh one must not come up with the old contents, nor may they be lost.
    const aside = `${dir}.until-${new Date().toISOString().replaceAll(/[:.]/g, '')}`;
    renameSync(dir, aside);
    log(`The database of an earlier data directory at the same place was moved to ${aside}; delete it if it is not needed.`);
  }
  symlinkSync(dir, link);
  return dir;
}

/** Makes the cluster beside its place and renames it, so that an interrupted start never leaves half a cluster. */
async function createCluster(cluster: Cluster, options: { sync: boolean; log: (line: string) => void }): Promise<void> {
  const draft = `${cluster.dir}.init`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  if (cluster.user !== undefined) chownSync(draft, cluster.user.uid, cluster.user.gid);
  options.log('Creating the database…');
  const args = [
    '-D',
    draft,
    '--username',
    ownerName,
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ];
  // "trust" is what initdb writes until the rules below replace it; nothing listens before.
  args.push('--data-checksums', '--auth=trust', ...(options.sync ? [] : ['--no-sync']));
  await runToEnd(spawnAs(cluster, 'initdb', args), 'initdb');
  // One way in: over loopback, with the password.
  writeFileSync(join(draft, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n');
  await runSingleUser(cluster, draft, [setPassword(cluster.password), `create database ${ownerName}`], options.sync);
  renameSync(draft, cluster.dir);
}

const setPassword = (password: string): string => `alter role ${ownerName} password '${password}'`;

/** Runs statements without a server, as the owner of the files. They go in through a pipe, so no argument list shows them. */
async function runSingleUser(cluster: Cluster, dir: string, statements: readonly string[], sync = true): Promise<void> {
  const child = spawnAs(cluster, 'postgres', [
    '--single',
    '-D',
    dir,
    '-j',
    '-c',
    `fsync=${sync ? 'on' : 'off'}`,
    '-c',
    'log_min_messages=fatal',
    'postgres',
  ]);
  // With -j a statement ends with a semicolon and an empty line.
  child.stdin?.end(statements.map((statement) => `${statement};\n\n`).join(''));
  await runToEnd(child, 'postgres --single');
}

/** Starts a program of PostgreSQL as the cluster's user, with nothing of our own environment: that may hold secrets. */
export function spawnAs(cluster: Cluster, program: 'initdb' | 'postgres', args: readonly string[]): ChildProcess {
  return spawn(join(cluster.binaries.root, 'bin', program), args, {
    ...(cluster.user === undefined ? {} : { uid: cluster.user.uid, gid: cluster.user.gid }),
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['pipe', 'ignore', 'pipe'],
    // A group of its own: Ctrl-C in a terminal must reach the hub, which stops the database after its own work, and not both at once.
    detached: true,
  });
}

/** What initdb and the single-user server say when they fail fits; anything longer is cut. */
const stderrMaxChars = 4_000;
/** Creating a cluster takes a second, and on the slowest disks a minute. */
const programMaxMs = 5 * 60_000;

async function runToEnd(child: ChildProcess, name: string): Promise<void> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-stderrMaxChars);
  });
  child.stdin?.on('error', () => {}); // It ended before reading: its exit code and words tell more.
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), programMaxMs);
  const code = await new Promise<number | null>((done, refuse) => {
    child.once('error', (error) => refuse(new StartRefused(`${name} could not be started: ${error.message}. Or set REBATO_DATABASE_URL.`)));
    child.once('close', done);
  }).finally(() => clearTimeout(timer));
  if (code !== 0) throw new StartRefused(`${name} failed (${code ?? 'killed'}): ${said.trim()}`);
}

function readPassword(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() || undefined : undefined;
}

/** 24 random bytes as hexadecimal: needs no escaping in SQL or in an address. */
function newPassword(file: string): string {
  const password = randomBytes(24).toString('hex');
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  return password;
}
