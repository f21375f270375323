import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '#platform/clock';
import { startTestHub } from '../hub.ts';
import { dayMs, hourMs, startNetwork } from '../intel/network.ts';

type Policy = { readonly leaseMs: number; readonly consolidatedMs: Record<string, number>; readonly voicesToConsolidate: number };
type Answered = { readonly version: number; readonly policy: Policy; readonly history: readonly { version: number }[] };
type Refused = { readonly code: string; readonly errors: readonly { field: string }[] };
const path = '/api/v1/decision-policy';

test('a new policy holds for what is decided from then on, is kept with the ones before, and stands on the trail', async () => {
  const network = await startNetwork();
  await using hub = network.hub;
  const member = await hub.member('Puerto de Cala');
  const lasts = async (value: string): Promise<number> => {
    await network.tell(member, [value]);
    return Date.parse((await network.decision(member, value))?.until ?? '') - network.clock.now().getTime();
  };
  const before = (await member.get<Answered>(path)).body;
  assert.deepEqual([before.version, before.history, await lasts('first-value-one.com')], [0, [], 2 * dayMs]);
  const policy = { ...before.policy, leaseMs: 30 * hourMs };
  assert.equal((await hub.admin.call('PUT', path, { policy, reason: 'shorter leases' })).status, 200);
  assert.equal(await lasts('second-value-two.com'), 30 * hourMs);
  assert.equal((await hub.admin.call('PUT', path, { policy: before.policy, reason: 'as it was' })).status, 200);
  assert.deepEqual(
    (await member.get<Answered>(path)).body.history.map((each) => each.version),
    [2, 1],
  );
  const recorded = await hub.db.rows`
    select from (select action from trail.inbox union all select action from trail.entry) t where action = 'decisions.policy_change'`;
  assert.equal(recorded.length, 2);
});

test('figures out of bounds are refused by name and change nothing; who may not, may not', async () => {
  await using hub = await startTestHub();
  const [member, assessor] = [await hub.member('Alba'), await hub.member('Boira', 'public', undefined, ['read', 'assess'])];
  const { policy } = (await member.get<Answered>(path)).body;
  for (const [wrong, field] of [
    [{ ...policy, leaseMs: 23 * hourMs }, 'leaseMs'],
    [{ ...policy, leaseMs: 31 * dayMs }, 'leaseMs'],
    [{ ...policy, voicesToConsolidate: 1 }, 'voicesToConsolidate'],
    [{ ...policy, consolidatedMs: { ...policy.consolidatedMs, ip: 0 } }, 'consolidatedMs.ip'],
    [{ ...policy, consolidatedMs: { ...policy.consolidatedMs, other: 731 * dayMs } }, 'consolidatedMs.other'],
  ] as const) {
    const refused = await hub.admin.call<Refused>('PUT', path, { policy: wrong, reason: 'a test' });
    assert.deepEqual([refused.status, refused.body.code], [400, 'decisions.policy_invalid'], refused.text);
    assert.ok(
      refused.body.errors.some((error) => error.field === field),
      refused.text,
    );
  }
  for (const by of [member, assessor]) assert.equal((await by.call('PUT', path, { policy, reason: 'a test' })).status, 403);
  assert.equal((await member.get<Answered>(path)).body.version, 0);
});

test('another process of the same database folds by the new policy within seconds', async () => {
  const clock = manualClock(new Date('2026-11-23T10:00:00Z'));
  await using one = await startTestHub({ clock });
  await using two = await startTestHub({ clock, databaseUrl: one.databaseUrl, dataDir: one.dataDir });
  const { policy } = (await one.admin.get<Answered>(path)).body;
  assert.equal(
    (await two.as(one.admin.key).call('PUT', path, { policy: { ...policy, leaseMs: 30 * hourMs }, reason: 'elsewhere' })).status,
    200,
  );
  const leader = one.leader.leads() ? one : two;
  const seen = leader === one ? () => one.policies.inForce().leaseMs : () => two.policies.inForce().leaseMs;
  for (const deadline = performance.now() + 10_000; seen() !== 30 * hourMs; ) {
    assert.ok(performance.now() < deadline, 'the leader hears of it');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});
