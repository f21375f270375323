import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One program as a child, with what it said last. Whoever starts one ends it: `end` is safe to call at any time, and again. */
export type Child = {
  readonly pid: number;
  readonly exited: Promise<{ readonly code: number | null }>;
  running(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Kills it if it still runs, and waits until it is gone. */
  end(): Promise<void>;
  said(): string;
};

/** Lines kept for the message when something goes wrong. */
const linesKept = 40;

/** Starts a program of ours under this Node. Resolves when it has said `ready`, or at once without it. */
export async function startChild(input: {
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly ready?: RegExp;
  readonly readyMaxMs?: number;
  /** Told as soon as there is a process, so that it can be killed while it starts. */
  readonly started?: (child: Child) => void;
}): Promise<Child> {
  // Settings of the surroundings must not reach the child: it gets exactly what the test says.
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:REBATO_|NODE_TEST)/.test(name)));
  const child: ChildProcess = spawn(process.execPath, [input.script, ...input.args], {
    env: { ...inherited, ...input.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${input.script} could not be started`);
  const lines: string[] = [];
  const exit = Promise.withResolvers<{ readonly code: number | null }>();
  const isReady = Promise.withResolvers<'ready'>();
  let running = true;
  child.once('exit', (code) => {
    running = false;
    exit.resolve({ code });
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line.slice(0, 500));
      if (lines.length > linesKept) lines.shift();
      if (input.ready?.test(line) === true) isReady.resolve('ready');
    });
  }
  const self: Child = {
    pid,
    exited: exit.promise,
    running: () => running,
    kill: (signal) => void child.kill(signal),
    async end() {
      if (!running) return;
      child.kill('SIGKILL');
      await exit.promise;
    },
    said: () => lines.join('\n'),
  };
  input.started?.(self);
  if (input.ready === undefined) return self;
  const late = setTimeout(() => child.kill('SIGKILL'), input.readyMaxMs ?? 60_000);
  const outcome = await Promise.race([isReady.promise, exit.promise]).finally(() => clearTimeout(late));
  if (outcome === 'ready') return self;
  throw new ChildEnded(`${input.script} ended before it was ready (${outcome.code ?? 'by a signal'}):\n${self.said()}`);
}

export class ChildEnded extends Error {}

/** Runs a program of ours to its end; throws with its words unless it ends well. */
export async function runChild(script: string, args: readonly string[]): Promise<string> {
  const child = await startChild({ script, args, env: {} });
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`${script} ${args[0] ?? ''} ended with ${code}:\n${child.said()}`);
  return child.said();
}
