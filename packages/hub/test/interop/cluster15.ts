import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { programOf } from './peers.ts';

/** Nothing here outlives the test, so nothing waits for the disk. */
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  listen_addresses: '127.0.0.1',
};

/** Starting an empty cluster takes a second. */
const startMaxMs = 30_000;

const password = 'interop';

export type Cluster = {
  /** As the server's administrator, who gives out databases and logins. */
  readonly adminUrl: string;
  urlOf(login: string, database: string): string;
  [Symbol.asyncDispose](): Promise<void>;
};

/** PostgreSQL 15 as Debian builds it, with a cluster of its own in a temporary folder. It refuses to run as root, so it runs as `postgres`. */
export async function startCluster15(): Promise<Cluster> {
  const bin = dirname(programOf('postgresql15'));
  const folder = mkdtempSync(join(tmpdir(), 'rebato-pg15-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  try {
    const user = systemUser();
    writeFileSync(join(folder, 'password'), password);
    for (const path of [folder, join(folder, 'password')]) chownSync(path, user.uid, user.gid);
    const options = { ...user, cwd: folder, stdio: 'pipe' as const };
    const data = join(folder, 'data');
    const initial = [
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'scram-sha-256',
      '--pwfile',
      join(folder, 'password'),
      '-E',
      'UTF8',
      '--locale',
      'C',
    ];
    execFileSync(join(bin, 'initdb'), [...initial, '-N'], options);
    const port = await freePort();
    const flags = Object.entries({ ...settings, port: String(port), unix_socket_directories: folder }).flatMap(([key, value]) => [
      '-c',
      `${key}=${value}`,
    ]);
    const server = spawn(join(bin, 'postgres'), ['-D', data, ...flags], { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    server.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_000);
    });
    const ended = new Promise<void>((done) => server.once('exit', () => done()));
    const stop = async (): Promise<void> => {
      server.kill('SIGINT');
      await ended;
      remove();
    };
    const until = Date.now() + startMaxMs;
    while (spawnSync(join(bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)]).status !== 0) {
      await new Promise((done) => setTimeout(done, 50));
      if (server.exitCode !== null || Date.now() > until) {
        await stop();
        throw new Error(`PostgreSQL 15 did not start:\n${said}`);
      }
    }
    const urlOf = (login: string, database: string): string => `postgres://${login}:${password}@127.0.0.1:${port}/${database}`;
    return { adminUrl: urlOf('postgres', 'postgres'), urlOf, [Symbol.asyncDispose]: stop };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Debian's package makes this user; without root the cluster belongs to whoever runs the tests. */
function systemUser(): { uid: number; gid: number } {
  if (process.getuid?.() !== 0) return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const at = probe.address();
  await new Promise((done) => probe.close(done));
  if (at === null || typeof at === 'string') throw new Error('a TCP server has a port');
  return at.port;
}
