import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startTestHub, type TestHub, type TestMember } from '#test/hub';
import { type Child, runChild, startChild } from '#test/kill/child';
import { startTwoMachines, type TwoMachines, withoutNamespaces } from './namespaces.ts';
import { programOf, without } from './peers.ts';

const skip = without('nftables', 'iproute2') || withoutNamespaces();
const agentScript = fileURLToPath(new URL('../../../agent/src/main.ts', import.meta.url));

const attacker = '185.220.101.7';
const bystander = '185.220.101.9';
const own = '185.220.100.1';

/** Short times of the agent; what it does in them is the same. */
const timing = { tickMs: 100, reconcileMs: 1_000, reportMs: 200, backoffFirstMs: 50, backoffMaxMs: 500 };

/** Repairs come with the agent's next look, a second later; the rest of the time is for a machine that is busy. */
const waitMaxMs = 30_000;

async function until(what: string, holds: () => boolean | Promise<boolean>, agent: Child): Promise<void> {
  const end = Date.now() + waitMaxMs;
  while (!(await holds())) {
    if (!agent.running() || Date.now() > end) assert.fail(`${what} did not happen. The agent said:\n${agent.said()}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

type Scene = {
  readonly hub: TestHub;
  readonly alice: TestMember;
  readonly net: TwoMachines;
  readonly agent: Child;
  readonly control: string;
  restart(): Promise<Child>;
  nft(...args: readonly string[]): string;
};

/** A hub, two machines, and an agent as an operator starts it: enrolled from the command line, in a process of its own, on the inside's filter. */
async function stage(play: (scene: Scene) => Promise<void>): Promise<void> {
  await using hub = await startTestHub();
  await using net = await startTwoMachines({ inside: own, outside: [attacker, bystander] });
  const state = await mkdtemp(join(tmpdir(), 'rebato-interop-agent-'));
  let agent: Child | undefined;
  try {
    const alice = await hub.member('Ayuntamiento de Alba');
    const bob = await hub.member('Hospital de Boira');
    const added = await bob.post<{ control: { id: string }; token: string }>('/api/v1/controls', {
      name: 'edge',
      target: 'nftables',
      feed: 'agent',
      policy: { minConfidence: 0 },
    });
    assert.equal(added.status, 201, added.text);
    const target = { type: 'nftables', netns: net.inside, program: programOf('nftables') };
    writeFileSync(join(state, 'config.json'), JSON.stringify({ target, timing, log: 'debug' }));
    await runChild(agentScript, ['enrol', '--hub', hub.url, '--token', added.body.token, '--state', state]);
    const start = async (): Promise<Child> => {
      agent = await startChild({ script: agentScript, args: ['run', '--state', state], env: {}, ready: /started/ });
      return agent;
    };
    const first = await start();
    const nft = (...args: readonly string[]): string => net.run(net.inside, programOf('nftables'), ...args);
    await play({ hub, alice, net, agent: first, control: added.body.control.id, restart: start, nft });
  } finally {
    await agent?.end();
    await rm(state, { recursive: true, force: true });
  }
}

async function report({ hub, alice }: Scene, address: string): Promise<string> {
  const sent = await alice.post<{ events: string[] }>('/api/v1/reports', { title: 'Scanner', text: `scans from ${address}` });
  assert.equal(sent.status, 202, sent.text);
  await hub.settled();
  return sent.body.events[0] ?? '';
}

const listed = ({ nft }: Scene, address: string): boolean => {
  try {
    return nft('list', 'set', 'inet', 'rebato', 'host4').includes(`${address} `);
  } catch {
    return false;
  }
};

test('nftables: a report drops the attacker’s packets at another member, both ways, and a retraction lets them pass', {
  skip,
}, async () => {
  await stage(async (scene) => {
    const { hub, alice, net, agent, nft } = scene;
    await net.serve(net.outside, attacker, 8080);
    await net.serve(net.outside, bystander, 8080);
    await net.serve(net.inside, own, 8080);
    const connections = () => ({
      toAttacker: net.connect(net.inside, attacker, 8080),
      toBystander: net.connect(net.inside, bystander, 8080),
    });
    assert.deepEqual(connections(), { toAttacker: 'greeted', toBystander: 'greeted' });
    // The outside machine's first address is the attacker's, so that it calls from there.
    assert.equal(net.connect(net.outside, own, 8080), 'greeted');

    const event = await report(scene, attacker);
    await until('the block', () => listed(scene, attacker), agent);
    // A first report blocks for two days and then ends by itself, in the kernel.
    assert.match(nft('list', 'set', 'inet', 'rebato', 'host4'), /185\.220\.101\.7 timeout (?:2d|1d23h59m\d+s\d*(?:ms)?) expires 1d23h59m/);
    assert.deepEqual(connections(), { toAttacker: 'silent', toBystander: 'greeted' });
    assert.equal(net.connect(net.outside, own, 8080), 'silent');
    for (const chain of ['input', 'output'])
      assert.match(nft('list', 'chain', 'inet', 'rebato', chain), /@host4 counter packets [1-9]\d* bytes \d+ drop/, `${chain} has dropped`);

    assert.equal((await alice.post(`/api/v1/events/${event}/retraction`, { reason: 'our own scanner' })).status, 200);
    await hub.settled();
    await until('the retraction', () => !listed(scene, attacker), agent);
    assert.deepEqual(connections(), { toAttacker: 'greeted', toBystander: 'greeted' });
    assert.equal(net.connect(net.outside, own, 8080), 'greeted');
  });
});

test('nftables: what somebody flushes by hand is back within the agent’s interval, and the hub hears of it', { skip }, async () => {
  await stage(async (scene) => {
    const { hub, net, agent, control, nft } = scene;
    await net.serve(net.outside, attacker, 8080);
    await report(scene, attacker);
    await until('the block', () => listed(scene, attacker), agent);

    nft('flush', 'set', 'inet', 'rebato', 'host4');
    await until('the repair of the set', () => listed(scene, attacker), agent);
    assert.equal(net.connect(net.inside, attacker, 8080), 'silent');

    nft('flush', 'ruleset');
    assert.equal(net.connect(net.inside, bystander, 9), 'refused');
    await until('the repair of everything', () => listed(scene, attacker), agent);
    assert.equal(net.connect(net.inside, attacker, 8080), 'silent');

    const asAdmin = () =>
      hub.admin.get<{ loaded: { agrees: boolean; loaded: number; driftRepaired: number } | null }>(`/api/v1/controls/${control}`);
    await until('the report of both repairs', async () => ((await asAdmin()).body.loaded?.driftRepaired ?? 0) >= 2, agent);
    const { loaded } = (await asAdmin()).body;
    assert.deepEqual([loaded?.agrees, loaded?.loaded], [true, 1]);
  });
});

test('nftables: a block outlives the agent, and what ended meanwhile goes when the agent is back', { skip }, async () => {
  await stage(async (scene) => {
    const { hub, alice, net, agent } = scene;
    await net.serve(net.outside, attacker, 8080);
    const event = await report(scene, attacker);
    await until('the block', () => listed(scene, attacker), agent);
    await agent.end();
    assert.equal(net.connect(net.inside, attacker, 8080), 'silent');
    assert.equal((await alice.post(`/api/v1/events/${event}/retraction`, { reason: 'our own scanner' })).status, 200);
    await hub.settled();
    assert.equal(listed(scene, attacker), true);
    const again = await scene.restart();
    await until('the removal', () => !listed(scene, attacker), again);
    assert.equal(net.connect(net.inside, attacker, 8080), 'greeted');
  });
});
