import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { createTarget, parseConfig } from '../src/index.ts';
import { add, FakeHub, publicAddress, remove } from './fake-hub.ts';
import { startTestAgent } from './running.ts';

/** Path of the nft program; some systems keep it where only root looks. */
const program = process.env.REBATO_NFT ?? 'nft';
const netns = `rebato-test-${process.pid}`;

function whyNot(): string | undefined {
  if (spawnSync(program, ['--version']).status !== 0) return 'nft is not installed (REBATO_NFT names another place)';
  if (spawnSync('ip', ['netns', 'add', netns]).status !== 0) return 'network namespaces are not permitted here';
  const works = spawnSync('ip', ['netns', 'exec', netns, program, 'add', 'table', 'inet', 'probe']).status === 0;
  execFileSync('ip', ['netns', 'del', netns]);
  return works ? undefined : 'the kernel has no nf_tables';
}
const reason = whyNot();
const skip = reason ?? false;

before(() => {
  if (!skip) execFileSync('ip', ['netns', 'add', netns]);
});
after(() => {
  if (!skip) execFileSync('ip', ['netns', 'del', netns]);
});

const nft = (...args: string[]): string =>
  execFileSync('ip', ['netns', 'exec', netns, program, ...args], { encoding: 'utf8', stdio: 'pipe' });
const target = () => createTarget(parseConfig({ target: { type: 'nftables', netns, program } }, 'unused').target, Date.now);

test('nftables: hosts, nets and leases are loaded, read back, narrowed and withdrawn', { skip }, async () => {
  await using hub = await new FakeHub().start();
  const lease = add(1, { until: new Date(Date.now() + 600_000).toISOString() });
  const net = add('45.7.0.0/20', { kind: 'net' });
  const inside = add('45.7.1.0/24', { kind: 'net' });
  const six = add('2a00:1450::1');
  const sixNet = add('2a00:1451:2::/48', { kind: 'net' });
  hub.next([lease, net, inside, six, sixNet, add(2)]);
  await using _ = await startTestAgent(hub, { deps: { target: target() } });
  await hub.until(() => [lease, net, inside, six, sixNet].every((one) => hub.last(one.id)?.state === 'applied'));
  const host4 = nft('list', 'set', 'inet', 'rebato', 'host4');
  assert.match(host4, /45\.0\.0\.1 timeout (9m\d\ds|10m)/);
  assert.match(host4, /45\.0\.0\.2[,\s]/);
  assert.match(nft('list', 'set', 'inet', 'rebato', 'net4'), /45\.7\.0\.0\/20/);
  assert.doesNotMatch(nft('list', 'set', 'inet', 'rebato', 'net4'), /45\.7\.1\.0/);
  assert.match(nft('list', 'set', 'inet', 'rebato', 'host6'), /2a00:1450::1/);
  assert.match(nft('list', 'chain', 'inet', 'rebato', 'input'), /ip saddr @host4 counter .* drop/);

  hub.publish([remove(net, 'narrowed'), remove(six), { ...lease, until: new Date(Date.now() + 7_200_000).toISOString() }]);
  await hub.until(() => hub.last(six.id)?.state === 'withdrawn' && hub.last(net.id)?.state === 'withdrawn');
  assert.match(nft('list', 'set', 'inet', 'rebato', 'net4'), /45\.7\.1\.0\/24/);
  assert.doesNotMatch(nft('list', 'set', 'inet', 'rebato', 'host6'), /2a00:1450::1/);
  assert.match(nft('list', 'set', 'inet', 'rebato', 'host4'), /45\.0\.0\.1 timeout (1h59m\d+s|2h)/);
});

test('nftables: what is changed by hand is repaired, rules and foreign elements included', { skip }, async () => {
  await using hub = await new FakeHub().start();
  hub.next([add(1), add(2), add('45.7.0.0/24', { kind: 'net' })]);
  await using agent = await startTestAgent(hub, { deps: { target: target() } });
  await hub.until(() => hub.reports.at(-1)?.loaded.count === 3 && agent.status().settled);
  nft('add', 'element', 'inet', 'rebato', 'host4', '{ 46.1.1.1 }');
  nft('delete', 'element', 'inet', 'rebato', 'host4', '{ 45.0.0.1 }');
  await hub.until(() => agent.status().driftRepaired >= 2);
  assert.match(nft('list', 'set', 'inet', 'rebato', 'host4'), /45\.0\.0\.1/);
  assert.doesNotMatch(nft('list', 'set', 'inet', 'rebato', 'host4'), /46\.1\.1\.1/);
  nft('flush', 'chain', 'inet', 'rebato', 'input');
  await hub.until(() => nft('list', 'chain', 'inet', 'rebato', 'input').includes('@host4'));
  nft('flush', 'ruleset');
  await hub.until(() => {
    try {
      return (
        nft('list', 'set', 'inet', 'rebato', 'host4').includes('45.0.0.2') &&
        nft('list', 'set', 'inet', 'rebato', 'net4').includes('45.7.0.0/24')
      );
    } catch {
      return false;
    }
  });
});

test('nftables: a new process takes over what an earlier one loaded, without a gap and without leftovers', { skip }, async () => {
  await using hub = await new FakeHub().start();
  const gone = add(3);
  hub.next([add(1), add('45.9.0.0/20', { kind: 'net' }), gone]);
  {
    await using first = await startTestAgent(hub, { deps: { target: target() } });
    await hub.until(() => hub.last(gone.id)?.state === 'applied' && first.status().settled);
  }
  hub.next([remove(gone), add('45.9.1.0/24', { kind: 'net' })]);
  await using second = await startTestAgent(hub, { deps: { target: target() } });
  await hub.until(() => second.status().loaded.count === 3 && second.status().settled);
  assert.doesNotMatch(nft('list', 'set', 'inet', 'rebato', 'host4'), /45\.0\.0\.3/);
  // A machine that stood still for a second hears no heartbeat in time, and is right to say so; the take-over itself must alarm nobody.
  assert.deepEqual(
    second.status().alarms.filter((alarm) => alarm.code !== 'frozen'),
    [],
  );
});

test('nftables: an entry that ends while no agent runs goes by itself, and is not put back', { skip }, async () => {
  await using hub = await new FakeHub().start();
  const short = add(4, { until: new Date(Date.now() + 2_500).toISOString() });
  hub.next([short, add(5)]);
  {
    await using first = await startTestAgent(hub, { deps: { target: target() } });
    await hub.until(() => hub.last(short.id)?.state === 'applied' && first.status().settled);
  }
  await hub.until(() => !nft('list', 'set', 'inet', 'rebato', 'host4').includes(short.value));
  await using second = await startTestAgent(hub, { deps: { target: target() } });
  await hub.until(() => second.status().loaded.count === 1 && second.status().settled);
  assert.doesNotMatch(nft('list', 'set', 'inet', 'rebato', 'host4'), new RegExp(`${short.value}[ ,]`));
});

test('nftables: twenty thousand hosts load in chunks and agree by digest', { skip }, async () => {
  await using hub = await new FakeHub().start();
  hub.next(Array.from({ length: 20_000 }, (_, n) => add(publicAddress(70_000 + n))));
  await using agent = await startTestAgent(hub, {
    deps: { target: target() },
    config: { timing: { tickMs: 20, reportMs: 100, reconcileMs: 60_000 } },
  });
  await hub.until(() => agent.status().loaded.count === 20_000, 30_000);
  assert.equal(agent.status().loaded.digest, agent.status().wanted.digest);
});
