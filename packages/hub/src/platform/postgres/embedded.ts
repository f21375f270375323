import { type ChildProcess, spawn } from 'node:child_process';
import { realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { StartRefused } from '#platform/start-refused';
import { type Cluster, openCluster, ownerName, spawnAs } from './cluster.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { clusterProcesses, fastShutdownMaxMs, immediateShutdownMaxMs, signalQuietly, stopSurvivors, waitUntil } from './processes.ts';
import { createReserve, giveUpForStart, type Reserve, reserveBytes } from './reserve.ts';

/**
 * A PostgreSQL server of our own. It does not keep the process alive by itself, and it ends with the process, however that ends.
 */
export type EmbeddedPostgres = {
  /** Login and superuser "rebato", database "rebato", with the password: not for logs. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** False when its disk is nearly full: take in nothing that only adds, so that retractions still get through. */
  hasRoom(): boolean;
  /** Shuts down cleanly, or by force when that takes too long; then frees the data directory. May be called again. */
  stop(): Promise<void>;
  /** Resolves when the server has ended, wanted or not. `code` is null after a signal. */
  readonly exited: Promise<{ readonly code: number | null }>;
};

/** For one hub on a small machine. A caller's settings replace these one by one. */
const defaultSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  work_mem: '16MB',
  maintenance_work_mem: '128MB',
  synchronous_commit: 'on',
  wal_compression: 'pglz',
  min_wal_size: '256MB',
  // Imports of a million indicators write gigabytes; fewer checkpoints mean fewer full pages in the log.
  max_wal_size: '2GB',
  checkpoint_timeout: '10min',
  random_page_cost: '1.1',
  // Compiling costs more than it saves on short queries.
  jit: 'off',
  log_checkpoints: 'off',
  log_line_prefix: '',
  // Statements and details carry values that members reported in confidence: they stay out of the operator's log.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  cluster_name: 'rebato',
} as const;

/** Between choosing a free port and PostgreSQL binding it, another program may take it. Five times in a row is no coincidence. */
const portAttempts = 5;
/** Lines that are kept for the message when it does not start: its last words are few. */
const complaintsMax = 10;
/** After a crash the log is replayed before the first connection: at most max_wal_size, which a slow disk reads in minutes. */
const readyMaxMs = 10 * 60_000;

/**
 * Starts PostgreSQL on the cluster in `<dataDir>/postgres`, which is created at the first start. Locks the data directory until
 * `stop`, and stops a server that a killed hub left behind. Throws StartRefused, with a sentence for the operator.
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  log: (line: string) => void;
  settings?: Record<string, string>;
  /** Room that is kept on the disk for retractions. */
  reserve?: number;
}): Promise<EmbeddedPostgres> {
  const lock = lockDataDir(resolve(options.dataDir));
  try {
    const settings = { ...defaultSettings, ...options.settings };
    const dataDir = realpathSync(options.dataDir);
    await stopSurvivors(realClusterDir(dataDir), options.log);
    const cluster = await openCluster(dataDir, { sync: options.settings?.fsync !== 'off', log: options.log });
    // No process works on the cluster, so a pid file is a leftover; PostgreSQL itself would trust it if its id is in use again.
    rmSync(join(cluster.dir, 'postmaster.pid'), { force: true });
    // Beside the cluster, wherever that is: it has to be on the same disk.
    const reserveFile = `${cluster.dir}.reserve`;
    giveUpForStart(reserveFile, cluster.dir);
    const launched = await launch(cluster, settings, options.log);
    const say = (_fields: object, line: string): void => options.log(line);
    const bytes = options.reserve ?? reserveBytes;
    const reserve = createReserve({ file: reserveFile, folder: cluster.dir, log: { warn: say, info: say }, bytes });
    await reserve.look();
    reserve.start();
    return serve(cluster, launched, reserve, lock.release);
  } catch (error) {
    lock.release();
    throw error;
  }
}

function realClusterDir(dataDir: string): string {
  try {
    return realpathSync(join(dataDir, 'postgres'));
  } catch {
    return join(dataDir, 'postgres'); // Not created yet.
  }
}

type Exit = { readonly code: number | null };
type Launched = { readonly child: ChildProcess; readonly port: number; readonly exited: Promise<Exit> };

async function launch(cluster: Cluster, settings: Record<string, string>, log: (line: string) => void): Promise<Launched> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const args = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawnAs(cluster, 'postgres', ['-D', cluster.dir, ...args]);
    const exited = new Promise<Exit>((done, refuse) => {
      child.once('error', (error) =>
        refuse(new StartRefused(`PostgreSQL could not be started: ${error.message}. Or set REBATO_DATABASE_URL.`)),
      );
      child.once('exit', (code) => done({ code }));
    });
    const outcome = await ready(child, exited, log);
    if (outcome === 'ready') return { child, port, exited };
    if (!outcome.portTaken || attempt === portAttempts) throw new StartRefused(`PostgreSQL did not start: ${outcome.said}`);
  }
}

/** Waits until the server accepts connections, or has ended. Passes on what it says, from now to its end. */
async function ready(
  child: ChildProcess,
  exited: Promise<Exit>,
  log: (line: string) => void,
): Promise<'ready' | { said: string; portTaken: boolean }> {
  if (child.stderr === null) throw new Error('postgres was started without a pipe for its messages');
  const lines = createInterface({ input: child.stderr });
  const complaints: string[] = [];
  const accepting = new Promise<'ready'>((done) => {
    lines.on('line', (line) => {
      log(line);
      if (line.includes('database system is ready to accept connections')) done('ready');
      if (/(?:FATAL|PANIC|HINT|LOG: {2}could not)/.test(line) && complaints.length < complaintsMax) complaints.push(line);
    });
  });
  const closed = new Promise((done) => lines.once('close', done));
  const timer = setTimeout(() => child.kill('SIGKILL'), readyMaxMs);
  const outcome = await Promise.race([accepting, exited]).finally(() => clearTimeout(timer));
  if (outcome === 'ready') return outcome;
  await closed;
  const said = complaints.join(' ') || `it ended with ${outcome.code ?? 'a signal'} and said nothing.`;
  return { said, portTaken: said.includes('could not bind') || said.includes('could not create any TCP/IP sockets') };
}

function serve(cluster: Cluster, { child, port, exited }: Launched, reserve: Reserve, release: () => void): EmbeddedPostgres {
  const pid = child.pid;
  if (pid === undefined) throw new Error('a running postgres has a process id');
  const dismissGuard = guard(pid);
  let running = true;
  void exited.then(() => {
    running = false;
    dismissGuard();
  });
  child.unref();
  for (const stream of child.stdio)
    if (stream !== null && stream !== undefined && 'unref' in stream && typeof stream.unref === 'function') stream.unref();

  const stop = async (): Promise<void> => {
    await reserve.stop();
    for (const [signal, maxMs] of [
      ['SIGINT', fastShutdownMaxMs],
      ['SIGQUIT', immediateShutdownMaxMs],
      ['SIGKILL', immediateShutdownMaxMs],
    ] as const) {
      if (running) signalQuietly(pid, signal);
      if (await waitUntil(() => !running, maxMs)) break;
    }
    // A server that was killed leaves its own processes behind for a moment; the next start must not meet them.
    await waitUntil(() => clusterProcesses(cluster.dir).length === 0, immediateShutdownMaxMs);
    release();
  };
  let stopping: Promise<void> | undefined;
  return {
    url: `postgres://${ownerName}:${cluster.password}@127.0.0.1:${port}/${ownerName}`,
    port,
    pid,
    exited,
    hasRoom: reserve.hasRoom,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

/**
 * A child does not end with its parent, and a hub that is killed cannot stop anything. So a shell waits on a pipe that only this
 * process holds open: when it closes without a word, the shell asks the server to shut down. Returns how to send the shell home.
 */
function guard(pid: number): () => void {
  const shell = spawn('/bin/sh', ['-c', 'read -r word || kill -INT "$0"', String(pid)], {
    cwd: '/',
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.on('error', () => {}); // No shell here: the next start still finds and stops the server.
  shell.stdin.on('error', () => {});
  shell.unref();
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref();
  return () => shell.stdin.end('stopped\n');
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done, refuse) => {
    probe.once('error', refuse);
    probe.listen(0, '127.0.0.1', done);
  });
  const address = probe.address();
  await new Promise((done) => probe.close(done));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}
