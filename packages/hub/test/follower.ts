/** A real agent in the test's own process, with a control in memory that follows a hub. */
import assert from 'node:assert/strict';
import { enrol, memoryTarget, startAgent } from '@rebato/agent/src/index.ts';
import type { Clock } from '#platform/clock';
import type { TestHub, TestMember } from './hub.ts';

const untilMaxMs = 20_000;

/** Waits for a condition, with a limit. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = performance.now() + untilMaxMs; !(await condition()); ) {
    assert.ok(performance.now() < deadline, `waited for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Adds a control for the member and enrols an agent. With `clock`, hub and agent go by the same one. */
export async function startFollower(hub: TestHub, member: TestMember, clock?: Clock) {
  const added = await member.post<{ id: string; token: string }>('/api/v1/controls', {
    ...{ name: 'edge', target: 'memory', feed: 'agent', policy: { minConfidence: 0 } },
  });
  assert.equal(added.status, 201, added.text);
  const identity = await enrol({ hubUrl: hub.url, token: added.body.token, target: 'memory', agentVersion: 'test' });
  const target = memoryTarget();
  const agent = await startAgent(
    { identity, timing: { tickMs: 20, reconcileMs: 200, reportMs: 50, backoffFirstMs: 20, backoffMaxMs: 100 } },
    {
      target,
      surroundings: async () => ({ addresses: [], hubName: undefined }),
      ...(clock && { clock: { monotonicMs: clock.monotonicMs, wallMs: () => clock.now().getTime(), boot: () => 'one' } }),
    },
  );
  return { controlId: added.body.id, target, agent };
}
