import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineClock } from '../src/clock.ts';
import {
  type AgentConfig,
  type AgentDeps,
  enrol,
  type Identity,
  memoryTarget,
  openDiskStore,
  type RunningAgent,
  startAgent,
} from '../src/index.ts';
import type { FakeHub } from './fake-hub.ts';

/** Short times, so that tests wait for conditions and not for clocks. */
export const fastTiming = {
  tickMs: 20,
  reconcileMs: 200,
  reportMs: 50,
  backoffFirstMs: 20,
  backoffMaxMs: 100,
  machineMs: 60_000,
  clockRecordMs: 50,
  heartbeatMs: 200,
} as const;

export const noSurroundings: NonNullable<AgentDeps['surroundings']> = async () => ({ addresses: [], hubName: undefined });

export function enrolAt(hub: FakeHub): Promise<Identity> {
  return enrol({ hubUrl: hub.url, token: hub.token, target: 'memory', agentVersion: 'test' });
}

export function scratchFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'rebato-agent-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** An agent on a memory control, with its state in `folder` if one is given. */
export async function startTestAgent(
  hub: FakeHub,
  options: {
    readonly identity?: Identity;
    readonly folder?: string;
    readonly config?: Partial<AgentConfig>;
    readonly deps?: Partial<AgentDeps>;
  } = {},
): Promise<RunningAgent & { readonly target: ReturnType<typeof memoryTarget>; [Symbol.asyncDispose](): Promise<void> }> {
  const target = memoryTarget();
  const agent = await startAgent(
    { identity: options.identity ?? (await enrolAt(hub)), timing: fastTiming, ...options.config },
    {
      target,
      surroundings: noSurroundings,
      ...(options.folder === undefined ? {} : { store: await openDiskStore(options.folder, machineClock) }),
      ...options.deps,
    },
  );
  return { ...agent, target, [Symbol.asyncDispose]: () => agent.stop() };
}
