/** A real hub in a process of its own, over HTTP, on a PostgreSQL of its own that flushes every commit. */
import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPool, type Pool } from '#platform/db';
import { startEmbeddedPostgres } from '#platform/postgres/embedded';
import type { Ask, Usage } from './hub-process.ts';

export type World = {
  readonly url: string;
  readonly adminKey: string;
  /** From the start of the program to its answer to requests, milliseconds. */
  readonly readyMs: number;
  readonly db: Pool;
  member(name: string): Promise<{ readonly key: string; readonly entityId: string }>;
  settled(): Promise<void>;
  usage(): Promise<Usage & { readonly postgresCpuMs: number }>;
  /** Largest resident size of the hub since the last call, MB. */
  peak(): Promise<number>;
  /** Ends the hub and starts it again on the same data. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

const readyMaxMs = 60_000;

export async function startWorld(): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'rebato-bench-'));
  const lines: string[] = [];
  const settings = process.env.REBATO_TEST_BENCH_POSTGRES;
  const postgres = await startEmbeddedPostgres({
    dataDir: dir,
    log: (line) => void (lines.length < 1_000 && lines.push(line)),
    // For trying settings out; the documented figures are made with those that a hub starts with.
    ...(settings === undefined ? {} : { settings: Object.fromEntries(new URLSearchParams(settings)) }),
  });
  let hub = await startHubProcess(postgres.url, dir);
  const db = openPool(postgres.url, { max: 2, application: 'bench' });
  return {
    get url() {
      return hub.url;
    },
    get readyMs() {
      return hub.readyMs;
    },
    adminKey: hub.adminKey,
    db,
    member: (name) => hub.ask({ what: 'member', name }) as Promise<{ key: string; entityId: string }>,
    settled: () => hub.ask({ what: 'settled' }) as Promise<void>,
    async usage() {
      return { ...((await hub.ask({ what: 'usage' })) as Usage), postgresCpuMs: cpuOfTree(postgres.pid) };
    },
    peak: () => hub.ask({ what: 'peak' }) as Promise<number>,
    async restart() {
      await hub.stop();
      hub = await startHubProcess(postgres.url, dir);
    },
    async [Symbol.asyncDispose]() {
      await hub.stop();
      await db.close();
      if (process.env.REBATO_TEST_BENCH_LINES !== undefined) process.stderr.write(`${lines.join('\n')}\n`);
      await postgres.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

type HubProcess = {
  readonly url: string;
  readonly adminKey: string;
  readonly readyMs: number;
  ask(ask: Ask): Promise<unknown>;
  stop(): Promise<void>;
};

async function startHubProcess(databaseUrl: string, dataDir: string): Promise<HubProcess> {
  const begun = performance.now();
  const child = fork(join(import.meta.dirname, 'hub-process.ts'), [databaseUrl, dataDir], {
    execArgv: (process.env.REBATO_TEST_BENCH_HUB_FLAGS ?? '').split(' ').filter((flag) => flag !== ''),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let next = 0;
  const ready = await new Promise<{ url: string; adminKey: string }>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the hub did not start')), readyMaxMs);
    child.once('exit', (code) => reject(new Error(`the hub ended with ${code}`)));
    child.on('message', (message: { ready?: { url: string; adminKey: string }; id?: number; result?: unknown; error?: string }) => {
      if (message.ready !== undefined) {
        clearTimeout(timer);
        return resolve(message.ready);
      }
      const wanted = waiting.get(message.id ?? -1);
      waiting.delete(message.id ?? -1);
      if (message.error !== undefined) wanted?.reject(new Error(message.error));
      else wanted?.resolve(message.result);
    });
  });
  const readyMs = performance.now() - begun;
  const ask = (question: Ask): Promise<unknown> =>
    new Promise((resolve, reject) => {
      next += 1;
      waiting.set(next, { resolve, reject });
      child.send({ id: next, ask: question }, (error) => error && reject(error));
    });
  return { ...ready, readyMs, ask, stop: () => stopChild(child, ask, exited) };
}

async function stopChild(child: ChildProcess, ask: (question: Ask) => Promise<unknown>, exited: Promise<void>): Promise<void> {
  await ask({ what: 'stop' }).catch(() => child.kill('SIGKILL'));
  await exited;
}

/** CPU of the server and of all its backends, the ended ones too, in milliseconds; NaN where the system does not tell. */
function cpuOfTree(postmaster: number): number {
  const ticksPerSecond = 100;
  try {
    let ticks = 0;
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      let text: string;
      try {
        text = readFileSync(`/proc/${name}/stat`, 'utf8');
      } catch {
        continue; // It has just ended.
      }
      // Behind the name in brackets: state, parent, …, user and system ticks, and those of waited-for children.
      const fields = text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      const [, parent = -1] = fields;
      if (Number(name) === postmaster) ticks += (fields[11] ?? 0) + (fields[12] ?? 0) + (fields[13] ?? 0) + (fields[14] ?? 0);
      else if (parent === postmaster) ticks += (fields[11] ?? 0) + (fields[12] ?? 0);
    }
    return (ticks * 1000) / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}
