import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clusterProcesses, readServerPid } from '#platform/postgres/processes';
import { type Child, runChild, startChild } from './child.ts';

const hubScript = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const agentScript = fileURLToPath(new URL('../../../agent/src/main.ts', import.meta.url));

/** A member of the network, with a key that may report and manage controls. */
export type Member = { readonly entityId: string; readonly key: string };
/** An agent of its own folder that keeps a file. */
export type AgentPlace = { readonly folder: string; readonly file: string; readonly member: Member; readonly channels: readonly string[] };

/** Short times of the agent, so that rounds of seconds mean something. */
const agentTiming = { tickMs: 100, reconcileMs: 5_000, reportMs: 500, backoffFirstMs: 50, backoffMaxMs: 500 };

/** A hub with its embedded PostgreSQL in a folder of its own, and agents beside it: programs as an operator runs them, on one fixed port. */
export type Installation = {
  readonly dataDir: string;
  readonly url: string;
  adminKey(): string;
  /** The owner's login of the embedded database that runs now. */
  databaseUrl(): string;
  /** Processes of the database, the server first. */
  postgres(): number[];
  postmaster(): number | undefined;
  startHub(started?: (child: Child) => void): Promise<Child>;
  addMember(name: string): Promise<Member>;
  addAgent(name: string, member: Member): Promise<AgentPlace>;
  startAgent(place: AgentPlace): Promise<Child>;
  remove(): Promise<void>;
};

export async function createInstallation(options: { readonly dataDir?: string } = {}): Promise<Installation> {
  const home = await mkdtemp(join(tmpdir(), 'rebato-kill-'));
  // Beside the other folder and not in it: the database's own user has to reach it.
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'rebato-kill-hub-')));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const cluster = (): string => realpathSync(join(dataDir, 'postgres'));
  const adminKey = (): string => readFileSync(join(dataDir, 'admin.key'), 'utf8').trim();

  async function call<T>(path: string, body: unknown, key: string): Promise<T> {
    const reply = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!reply.ok) throw new Error(`POST ${path}: ${reply.status} ${await reply.text()}`);
    return (await reply.json()) as T;
  }

  return {
    dataDir,
    url,
    adminKey,
    databaseUrl() {
      const password = readFileSync(join(dataDir, 'postgres.password'), 'utf8').trim();
      // The fourth line of the pid file is the port.
      const databasePort = readFileSync(join(cluster(), 'postmaster.pid'), 'utf8').split('\n')[3] ?? '';
      return `postgres://rebato:${password}@127.0.0.1:${databasePort}/rebato`;
    },
    postgres: () => clusterProcesses(cluster()),
    postmaster: () => readServerPid(cluster()),
    startHub: (started) =>
      startChild({
        script: hubScript,
        args: ['serve'],
        env: { REBATO_DATA_DIR: dataDir, REBATO_PORT: String(port), REBATO_RATE_LIMIT: '1000000', REBATO_LOG: 'warn' },
        ready: /^Rebato serves at /,
        ...(started === undefined ? {} : { started }),
      }),
    async addMember(name) {
      const entity = await call<{ id: string }>('/api/v1/entities', { name, kind: 'public' }, adminKey());
      const issued = await call<{ key: string }>(
        '/api/v1/keys',
        { label: name, entityId: entity.id, scopes: ['read', 'report', 'control'] },
        adminKey(),
      );
      // A campaign sends in minutes what a member sends in months.
      await call('/api/v1/auto-rules', { entityId: entity.id, accept: true, feed: true }, adminKey());
      return { entityId: entity.id, key: issued.key };
    },
    async addAgent(name, member) {
      const { control, token } = await call<{ control: { channels: string[] }; token: string }>(
        '/api/v1/controls',
        { name, target: 'file', feed: 'agent', policy: { minConfidence: 0 } },
        member.key,
      );
      const folder = join(home, name);
      const file = join(home, `${name}.txt`);
      await mkdir(folder, { mode: 0o700 });
      writeFileSync(
        join(folder, 'config.json'),
        JSON.stringify({ target: { type: 'file', path: file }, timing: agentTiming, log: 'info' }),
      );
      await runChild(agentScript, ['enrol', '--hub', url, '--token', token, '--state', folder, '--plain-http']);
      const order = JSON.parse(readFileSync(join(folder, 'identity.json'), 'utf8')) as { order: { body: string } };
      const { channels } = JSON.parse(order.order.body) as { channels: string[] };
      return { folder, file, member, channels: control.channels.length > 0 ? control.channels : channels };
    },
    startAgent: (place) => startChild({ script: agentScript, args: ['run', '--state', place.folder], env: {}, ready: /started/ }),
    async remove() {
      for (const folder of options.dataDir === undefined ? [home, dataDir] : [home])
        await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
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
