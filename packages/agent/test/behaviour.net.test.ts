import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createTarget, parseConfig, StateInUseError, type Target } from '../src/index.ts';
import { add, FakeHub, publicAddress, remove } from './fake-hub.ts';
import { enrolAt, noSurroundings, scratchFolder, startTestAgent } from './running.ts';

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toISOString();

test('a lease ends by itself while the hub is away, with a receipt when the hub is back', async () => {
  await using hub = await new FakeHub().start();
  const lease = add(1, { until: inSeconds(1.5) });
  const lasting = add(2);
  hub.next([lease, lasting]);
  await using agent = await startTestAgent(hub);
  await hub.until(() => hub.last(lease.id)?.state === 'applied' && hub.last(lasting.id)?.state === 'applied');
  await hub.stop();
  await hub.until(() => !agent.target.has('ip', lease.value));
  assert.ok(agent.target.has('ip', lasting.value));
  await hub.start();
  await hub.until(() => hub.last(lease.id)?.state === 'expired');
});

test('two decisions on one value: it stays blocked until the last of them is gone', async () => {
  await using hub = await new FakeHub(['immediate/c', 'immediate/e:1']).start();
  const ours = add(1, { until: inSeconds(3_600) });
  const theirs = add(1);
  hub.next([ours], 'immediate/e:1');
  hub.next([theirs]);
  await using agent = await startTestAgent(hub);
  await hub.until(() => hub.last(ours.id)?.state === 'applied' && hub.last(theirs.id)?.state === 'applied' && hub.listeners === 1);
  hub.publish([remove(theirs)]);
  await hub.until(() => hub.last(theirs.id)?.state === 'withdrawn');
  assert.equal(hub.last(theirs.id)?.reason, 'held_by_other');
  assert.ok(agent.target.has('ip', ours.value));
  hub.publish([remove(ours)], 'immediate/e:1');
  await hub.until(() => hub.last(ours.id)?.state === 'withdrawn' && !agent.target.has('ip', ours.value));
});

test('a member that lifts a value at home has it lifted, whatever the community decides', async () => {
  await using hub = await new FakeHub(['immediate/c', 'immediate/e:1']).start();
  const block = add(1);
  const lift = add(1, { action: 'allow' });
  hub.next([block]);
  await using agent = await startTestAgent(hub);
  await hub.until(() => hub.last(block.id)?.state === 'applied' && hub.listeners === 1);
  hub.publish([lift], 'immediate/e:1');
  await hub.until(() => hub.last(lift.id)?.state === 'applied');
  assert.equal(agent.target.loaded.size, 0);
  hub.publish([remove(lift, 'lifted')], 'immediate/e:1');
  await hub.until(() => agent.target.has('ip', block.value));
});

test('halt: nothing new is taken, removals are carried out, and what waited is let in afterwards', async () => {
  await using hub = await new FakeHub().start();
  const first = add(1);
  const second = add(2);
  hub.next([first, second]);
  await using agent = await startTestAgent(hub);
  await hub.until(() => hub.last(second.id)?.state === 'applied' && hub.listeners === 1);
  hub.channel().mode = 'halt';
  hub.beat();
  const during = add(3);
  hub.publish([during, remove(first)]);
  await hub.until(() => hub.last(first.id)?.state === 'withdrawn' && hub.last(during.id)?.reason === 'halt');
  assert.deepEqual([...agent.target.loaded], [`a${second.value}`]);
  hub.channel().mode = 'normal';
  hub.beat();
  await hub.until(() => hub.last(during.id)?.state === 'applied');
});

test('critical sites take a block later than others, and a retraction at once', async () => {
  await using hub = await new FakeHub(['immediate/c'], { delayMs: 400 }).start();
  await using agent = await startTestAgent(hub);
  await hub.until(() => hub.listeners === 1);
  const one = add(1);
  hub.publish([one]);
  const publishedMs = Date.now();
  await hub.until(() => hub.last(one.id)?.state === 'applied');
  assert.ok(Date.now() - publishedMs >= 390);
  const never = add(2);
  hub.publish([never]);
  hub.publish([remove(never)]);
  await hub.until(() => hub.last(never.id)?.state === 'withdrawn');
  assert.equal(agent.target.loaded.size, 1);
});

test('E07: a hub that decides against the agent itself is refused with a reason, and the rest of its batch is taken', async () => {
  await using hub = await new FakeHub(['immediate/c'], { allow: [{ kind: 'ip', value: '45.1.1.1' }] }).start();
  const bad = [
    add('0.0.0.0/0', { kind: 'net' }),
    add('10.1.2.3'),
    add('8.8.8.8'),
    add('45.1.1.1'),
    add('45.2.0.0/24', { kind: 'net' }),
    add('mail.owner-name.com', { kind: 'domain' }),
    add('com', { kind: 'domain' }),
    add('::ffff:8.8.8.8'),
    add('45.3.0.9'),
  ];
  const good = add(1);
  hub.next([...bad, good]);
  await using agent = await startTestAgent(hub, {
    config: { neverBlock: ['45.2.0.7', 'owner-name.com'] },
    deps: {
      surroundings: async () => ({
        addresses: [{ family: 4, from: 45 * 2 ** 24 + 3 * 2 ** 16 + 9, to: 45 * 2 ** 24 + 3 * 2 ** 16 + 9, bits: 32 }],
        hubName: undefined,
      }),
    },
  });
  await hub.until(() => [...bad, good].every((one) => hub.last(one.id)));
  assert.deepEqual(
    bad.map((one) => `${hub.last(one.id)?.state} ${hub.last(one.id)?.reason}`),
    [
      'refused prefix_too_wide',
      'refused special_purpose',
      'refused well_known',
      'refused local_never_block',
      'refused local_never_block',
      'refused local_never_block',
      'refused public_suffix',
      'refused not_canonical',
      'refused own_machine',
    ],
  );
  assert.deepEqual([...agent.target.loaded], [`a${good.value}`]);
});

test('when more is decided than fits, the strongest stay and the others are refused', async () => {
  await using hub = await new FakeHub(['immediate/c'], { capacity: 2 }).start();
  const weak = add(1, { confidence: 10 });
  const sure = add(2, { confidence: 90 });
  const confirmed = add(3, { confidence: 50, strength: 'consolidated' });
  hub.next([weak, sure, confirmed]);
  await using agent = await startTestAgent(hub);
  await hub.until(() => hub.last(weak.id)?.reason === 'capacity' && hub.last(confirmed.id)?.state === 'applied');
  assert.deepEqual([...agent.target.loaded].sort(), [`a${sure.value}`, `a${confirmed.value}`].sort());
  await hub.until(() => hub.listeners === 1);
  hub.publish([remove(sure)]);
  await hub.until(() => agent.target.has('ip', weak.value));
});

test('E14: the local off switch empties the control without the hub, and on fills it again', async () => {
  using folder = scratchFolder();
  await using hub = await new FakeHub().start();
  hub.next([add(1), add(2)]);
  await using agent = await startTestAgent(hub, { folder: folder.path });
  await hub.until(() => agent.target.loaded.size === 2);
  await hub.stop();
  writeFileSync(join(folder.path, 'off'), '');
  await hub.until(() => agent.target.loaded.size === 0, 5_000);
  rmSync(join(folder.path, 'off'));
  await hub.until(() => agent.target.loaded.size === 2, 5_000);
  await hub.start();
});

test('E09: two agents on one state folder: the second is refused, the first goes on', async () => {
  using folder = scratchFolder();
  await using hub = await new FakeHub().start();
  await using _ = await startTestAgent(hub, { folder: folder.path });
  await assert.rejects(startTestAgent(hub, { folder: folder.path }), StateInUseError);
});

test('after a restart without the hub everything is in force again, from the disk', async () => {
  using folder = scratchFolder();
  await using hub = await new FakeHub().start();
  const identity = await enrolAt(hub);
  const [first, second] = [add(1), add(2)];
  hub.next([first]);
  {
    await using agent = await startTestAgent(hub, { folder: folder.path, identity });
    await hub.until(() => hub.last(first.id)?.state === 'applied' && hub.listeners === 1);
    hub.publish([second]);
    await hub.until(() => hub.last(second.id)?.state === 'applied' && agent.status().settled);
  }
  await hub.stop();
  await using again = await startTestAgent(hub, { folder: folder.path, identity });
  await hub.until(() => again.target.loaded.size === 2);
  await hub.start();
});

/** Damages the state of a stopped agent, and says what its control must still hold before the hub has spoken and after. */
async function damaged(damage: (folder: string) => void): Promise<void> {
  using folder = scratchFolder();
  await using hub = await new FakeHub().start();
  const identity = await enrolAt(hub);
  const list = join(folder.path, 'list.txt');
  const file = (): Target => createTarget(parseConfig({ target: { type: 'file', path: list } }, list).target, Date.now);
  hub.next(Array.from({ length: 40 }, (_, n) => add(n + 1)));
  const late = add(99);
  {
    await using agent = await startTestAgent(hub, { folder: join(folder.path, 'state'), identity, deps: { target: file() } });
    await hub.until(() => hub.listeners === 1 && agent.status().loaded.count === 40);
    hub.publish([late]);
    await hub.until(() => hub.last(late.id)?.state === 'applied');
  }
  const before = readFileSync(list, 'utf8');
  damage(join(folder.path, 'state'));
  await hub.stop();
  {
    await using agent = await startTestAgent(hub, { folder: join(folder.path, 'state'), identity, deps: { target: file() } });
    // Long enough for several ticks and comparisons, were they allowed.
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(agent.status().held || agent.status().loaded.count === 41, true);
    assert.equal(readFileSync(list, 'utf8'), before);
    await hub.start();
    hub.next([remove(late)]);
    await hub.until(() => agent.status().loaded.count === 40 && agent.status().settled);
    assert.equal(agent.status().held, false);
  }
}
const only = (folder: string, prefix: string): string =>
  join(folder, readdirSync(folder).find((name) => name.startsWith(prefix)) ?? 'none');
const flip = (file: string, at: (length: number) => number): void => {
  const content = readFileSync(file);
  const position = at(content.length);
  content[position] = (content[position] ?? 0) ^ 4;
  writeFileSync(file, content);
};

test('E09: a cut-off journal keeps the control as it was and is made good by the hub', () =>
  damaged((folder) => truncateSync(only(folder, 'journal-'), readFileSync(only(folder, 'journal-')).length - 7)));
test('E09: a bit flipped in the journal', () => damaged((folder) => flip(only(folder, 'journal-'), (length) => Math.floor(length / 2))));
test('E09: a bit flipped in the set', () => damaged((folder) => flip(only(folder, 'set-'), (length) => Math.floor(length / 2))));
test('E09: a bit flipped in the header of the set', () => damaged((folder) => flip(only(folder, 'set-'), () => 40)));
test('E09: an empty set file', () => damaged((folder) => truncateSync(only(folder, 'set-'), 0)));
test('E09: the set is gone', () => damaged((folder) => rmSync(only(folder, 'set-'))));
test('E09: garbage behind the journal', () => damaged((folder) => appendFileSync(only(folder, 'journal-'), 'not a record\n')));

test('an agent that was away for long takes a snapshot, and withdraws what is gone', async () => {
  using folder = scratchFolder();
  await using hub = await new FakeHub().start();
  const identity = await enrolAt(hub);
  const [first, second] = [add(1), add(2)];
  hub.next([first, second]);
  {
    await using _ = await startTestAgent(hub, { folder: folder.path, identity });
    await hub.until(() => hub.last(second.id)?.state === 'applied');
  }
  hub.next([remove(first)]);
  hub.next([add(3)]);
  hub.oldestBatch = 3;
  await using agent = await startTestAgent(hub, { folder: folder.path, identity });
  await hub.until(() => hub.last(first.id)?.state === 'withdrawn');
  assert.deepEqual([...agent.target.loaded].sort(), [`a${second.value}`, `a${publicAddress(3)}`].sort());
});

/** Serves a bad snapshot at enrolment: nothing may come into force. */
async function refusesSnapshot(make: (hub: FakeHub) => Buffer | string, code: string): Promise<void> {
  await using hub = await new FakeHub().start();
  hub.next([add(1), add(2)]);
  const content = make(hub);
  hub.intercept = (request, response) => {
    if (!request.url?.startsWith('/api/v1/agent/snapshot')) return false;
    response.writeHead(200, typeof content === 'string' ? {} : { 'content-encoding': 'gzip' }).end(content);
    return true;
  };
  await using agent = await startTestAgent(hub);
  await hub.until(() => hub.reports.some((report) => report.alarms.some((alarm) => alarm.code === code)));
  assert.equal(agent.target.loaded.size, 0);
  hub.intercept = undefined;
  await hub.until(() => agent.target.loaded.size === 2);
}
test('E05: a snapshot with fewer or more entries than it says, or twice the same', async () => {
  await refusesSnapshot((hub) => hub.snapshot('immediate/c', { count: 1_000_000 }), 'count_mismatch');
  await refusesSnapshot((hub) => hub.snapshot('immediate/c', { count: 1 }), 'count_mismatch');
  await refusesSnapshot((hub) => {
    const [header = '', line = ''] = hub.snapshot().split('\n');
    return `${header}\n${line}\n${line}\n`;
  }, 'duplicate_entry');
});
test('E05: a snapshot whose digest or content differs from what was signed', async () => {
  await refusesSnapshot((hub) => hub.snapshot('immediate/c', { digest: '7'.repeat(64) }), 'digest_mismatch');
  await refusesSnapshot((hub) => hub.snapshot().replace(publicAddress(2), publicAddress(3)), 'content_mismatch');
});
test('E06: a snapshot cut off, of garbage, or as an endless line from a small packet', async () => {
  await refusesSnapshot((hub) => hub.snapshot().slice(0, -5), 'malformed');
  await refusesSnapshot(() => '<html>503</html>\n', 'malformed');
  await refusesSnapshot((hub) => gzipSync(`${hub.snapshot()}${'x'.repeat(20_000_000)}`), 'too_large');
});

test('the file control never becomes empty by accident, and does when the last decision is gone', async () => {
  using folder = scratchFolder();
  await using hub = await new FakeHub().start();
  mkdirSync(folder.path, { recursive: true });
  const list = join(folder.path, 'list.txt');
  writeFileSync(list, '45.99.0.1\n');
  const target = createTarget(parseConfig({ target: { type: 'file', path: list } }, list).target, Date.now);
  await assert.rejects(target.apply({ add: [], remove: [], all: () => [], count: 0, emptyIsIntended: false }), { code: 'empty_refused' });
  assert.equal(readFileSync(list, 'utf8'), '45.99.0.1\n');
  const one = add(1);
  hub.next([one]);
  await using _ = await startTestAgent(hub, { deps: { target } });
  await hub.until(() => hub.last(one.id)?.state === 'applied' && hub.listeners === 1);
  assert.equal(readFileSync(list, 'utf8'), `${one.value}\n`);
  hub.publish([remove(one)]);
  await hub.until(() => hub.last(one.id)?.state === 'withdrawn');
  assert.equal(readFileSync(list, 'utf8'), '');
  assert.ok(existsSync(list));
});

test('a control that fails is told about, no receipt is sent, and work goes on when it is well', async () => {
  await using hub = await new FakeHub().start();
  const one = add(1);
  hub.next([one]);
  let broken = true;
  const { memoryTarget } = await import('../src/index.ts');
  const inner = memoryTarget();
  const target: Target = {
    ...inner,
    async apply(changes) {
      if (broken) throw new Error('out of order');
      await inner.apply(changes);
    },
  };
  await using _ = await startTestAgent(hub, { deps: { target, surroundings: noSurroundings } });
  await hub.until(() => hub.reports.some((report) => report.alarms.some((alarm) => alarm.code === 'target_failed')));
  assert.equal(hub.last(one.id), undefined);
  broken = false;
  await hub.until(() => hub.last(one.id)?.state === 'applied');
});
