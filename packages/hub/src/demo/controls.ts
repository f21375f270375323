import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Member } from './network.ts';

/** A control of the demo: a real agent in a process of its own, on a real target. */
export type DemoControl = {
  readonly id: string;
  readonly name: string;
  readonly member: Member;
  readonly shows: string;
  stop(): Promise<void>;
};

const agentMain = join(import.meta.dirname, '../../../agent/src/main.ts');

/** A network namespace of our own, so that the demo's packet filter is real and touches nothing of this machine. Undefined: why not. */
export function makeNamespace(name: string): { readonly why: string } | { remove(): void } {
  if (process.getuid?.() !== 0) return { why: 'only root may make a network namespace' };
  if (spawnSync('nft', ['--version']).status !== 0) return { why: 'nft is not installed' };
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (made.status !== 0) return { why: made.error?.message ?? made.stderr.trim() };
  return { remove: () => void spawnSync('ip', ['netns', 'del', name]) };
}

/** Waits for a program that must succeed. The hub runs in this process, so nothing here may block it. */
async function finished(child: ChildProcess): Promise<void> {
  let words = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    words += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => child.once('exit', resolve).once('error', reject));
  if (code !== 0) throw new Error(`The agent could not enrol: ${words.trim()}`);
}

export async function startControl(
  hubUrl: string,
  folder: string,
  member: Member,
  input: { readonly name: string; readonly shows: string; readonly target: Readonly<Record<string, unknown>> },
): Promise<DemoControl> {
  const state = join(folder, input.name);
  await mkdir(state, { recursive: true, mode: 0o700 });
  const config = join(state, 'config.json');
  await writeFile(config, JSON.stringify({ target: input.target }, null, 2));
  const added = await member.call<{ control: { id: string }; token: string }>('POST', '/api/v1/controls', {
    name: input.name,
    target: input.target.type,
    feed: 'agent',
    // The demo does not wait the minute by which critical sites come last.
    policy: { delayMs: 0 },
  });
  const args = ['--state', state, '--config', config];
  await finished(
    spawn(process.execPath, [agentMain, 'enrol', '--hub', hubUrl, '--token', added.token, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    }),
  );
  const child: ChildProcess = spawn(process.execPath, [agentMain, 'run', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let last = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    last = (last + chunk.toString()).slice(-2000);
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('exit', (code) => {
    if (code !== 0 && code !== null) process.stderr.write(`The agent ${input.name} ended with code ${code}:\n${last}\n`);
  });
  return {
    id: added.control.id,
    name: input.name,
    member,
    shows: input.shows,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
