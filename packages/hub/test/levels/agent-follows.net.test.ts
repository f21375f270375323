import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFollower, until } from '../follower.ts';
import type { TestMember } from '../hub.ts';
import { dayMs, hand, hourMs, startNetwork } from '../intel/network.ts';

async function startWithAgent() {
  const network = await startNetwork();
  const { hub, clock } = network;
  const source = await hub.member('Puerto de Cala');
  const member = await hub.member('Proveedor Movil', 'public', 'gold');
  const { target, agent } = await startFollower(hub, member, clock);
  const level = async (of: TestMember, name: string): Promise<void> => {
    await hub.scoring.setLevel(hand, of.entityId, name, 'for the test');
    await network.settle();
  };
  /** The agent serves the channels of this shelf, and what it wants is what is loaded. */
  const follows = (shelf: string) =>
    until(() => {
      const { wanted, loaded, settled, versions } = agent.status();
      return settled && wanted.digest === loaded.digest && Object.keys(versions).every((channel) => channel.startsWith(`${shelf}/`));
    }, `the agent reads ${shelf}`);
  return {
    ...{ network, hub, source, member, target, agent, level, follows },
    async [Symbol.asyncDispose]() {
      await agent.stop();
      await hub[Symbol.asyncDispose]();
    },
  };
}

test('the agent of a demoted member keeps every block without a gap, gets no new one early, and hears of a retraction', {
  timeout: 60_000,
}, async () => {
  await using world = await startWithAgent();
  const { network, source, member, target, level, follows } = world;
  await network.tell(source, ['old-enough-one.com']);
  await network.pass(dayMs + hourMs);
  await network.tell(source, ['fresh-kept-two.com']);
  const wrong = await network.tell(source, ['fresh-wrong-three.com']);
  await until(() => target.loaded.size === 3, 'three blocks');
  const id = (await network.decision(member, 'old-enough-one.com'))?.id ?? assert.fail();
  assert.equal((await member.post(`/api/v1/decisions/${id}/lift`, { reason: 'ours' })).status, 201);
  await until(() => target.loaded.size === 2, 'one is lifted');

  const missing: string[] = [];
  const watch = setInterval(() => {
    if (!target.has('domain', 'fresh-kept-two.com')) missing.push('fresh-kept-two.com');
    if (target.has('domain', 'old-enough-one.com')) missing.push('the lifting');
  }, 5);
  await level(member, 'informed');
  await follows('informed');
  await network.tell(source, ['not-yet-four.com']);
  assert.equal((await source.post(`/api/v1/events/${wrong.event}/retraction`, { reason: 'wrong' })).status, 200);
  await until(() => !target.has('domain', 'fresh-wrong-three.com'), 'the retraction arrives');
  assert.ok(!target.has('domain', 'not-yet-four.com'), 'nothing new early');

  await network.pass(dayMs);
  await until(() => target.has('domain', 'not-yet-four.com'), 'the new one comes when it is due');
  await level(member, 'gold');
  await follows('immediate');
  clearInterval(watch);
  assert.deepEqual(missing, [], 'no moment without a block, nor with what was lifted');
  assert.ok(target.has('domain', 'fresh-kept-two.com') && !target.has('domain', 'old-enough-one.com'));
});
