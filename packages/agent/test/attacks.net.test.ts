import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { add, FakeHub, remove } from './fake-hub.ts';
import { startTestAgent } from './running.ts';
import { common, newSigner, signText } from './signer.ts';

/** A hub with one decision in force at a connected agent: what every attack tries to change. */
async function inForce(hub: FakeHub) {
  const first = add(1);
  hub.next([first]);
  const agent = await startTestAgent(hub);
  await hub.until(() => hub.listeners === 1 && hub.last(first.id)?.state === 'applied');
  return { agent, first, loaded: [...agent.target.loaded] };
}

const alarmed = (hub: FakeHub, code: string): boolean => hub.reports.some((report) => report.alarms.some((alarm) => alarm.code === code));

/** Sends an envelope that must be refused: nothing changes, the alarm reaches the hub, and good batches still arrive afterwards. */
async function refuses(make: (hub: FakeHub) => unknown, code: string): Promise<void> {
  await using hub = await new FakeHub().start();
  const { agent, first, loaded } = await inForce(hub);
  await using _ = agent;
  hub.push('batch', make(hub));
  await hub.until(() => alarmed(hub, code));
  assert.deepEqual([...agent.target.loaded], loaded);
  assert.equal(hub.receipts.filter((receipt) => receipt.decision !== first.id).length, 0);
  const good = add(77);
  hub.publish([good]);
  await hub.until(() => hub.last(good.id)?.state === 'applied');
}

/** A signed batch that is right but for `lie`; the hub's own history does not move. */
function lying(hub: FakeHub, lie: object, signer = hub.online): unknown {
  const { version, hash, digest, entries } = hub.channel();
  const evil = add(66);
  const sum = digest + BigInt(`0x${createHash('sha256').update(`ip\n${evil.value}\n${evil.id}\n`).digest('hex')}`);
  return signer.sign({
    ...common('batch', hub.hub, hub.epoch),
    channel: 'immediate/c',
    version: version + 1,
    prev: hash,
    mode: 'normal',
    changes: [evil],
    count: entries.size + 1,
    digest: (sum % (1n << 256n)).toString(16).padStart(64, '0'),
    ...lie,
  });
}

test('E01: an older batch is refused, whatever it says', async () => {
  await using hub = await new FakeHub().start();
  hub.next([add(2)]);
  hub.next([add(3)]);
  const { agent, loaded } = await inForce(hub);
  await using _ = agent;
  hub.push('batch', lying(hub, { version: 2 }));
  await hub.until(() => alarmed(hub, 'older'));
  assert.deepEqual([...agent.target.loaded], loaded);
});
test('E01: the same version with other content is refused', async () => {
  await using hub = await new FakeHub().start();
  const { agent } = await inForce(hub);
  await using _ = agent;
  const second = add(2);
  hub.publish([second]);
  await hub.until(() => hub.last(second.id)?.state === 'applied');
  hub.push('batch', lying(hub, { version: 2 }));
  await hub.until(() => alarmed(hub, 'forked'));
  assert.equal(agent.target.loaded.size, 2);
});
test('E01: a skipped version is not applied; what lies between is fetched', async () => {
  await using hub = await new FakeHub().start();
  const { agent } = await inForce(hub);
  await using _ = agent;
  const second = add(2);
  const third = add(3);
  hub.next([second]);
  hub.publish([third]);
  await hub.until(() => hub.last(third.id)?.state === 'applied');
  assert.equal(hub.last(second.id)?.state, 'applied');
  assert.ok(hub.requests.includes('GET /api/v1/agent/batches'));
});
test('E01: a version beyond what numbers can hold is refused', () => refuses((hub) => lying(hub, { version: 2 ** 53 }), 'wrong_type'));
test('E01: a broken chain is refused', () => refuses((hub) => lying(hub, { prev: 'f'.repeat(64) }), 'broken_chain'));
test('E02: a valid but expired batch is refused', () =>
  refuses((hub) => lying(hub, { expires: new Date(Date.now() - 60_000).toISOString() }), 'expired'));
test('E03: a batch with parts of another is refused', () =>
  refuses((hub) => {
    const good = lying(hub, {}) as { body: string; keyId: string; sig: string };
    const other = lying(hub, { changes: [] }) as { body: string };
    return { ...good, body: other.body };
  }, 'bad_signature'));
test('E03: a batch of another channel is not taken for this one', async () => {
  await using hub = await new FakeHub(['immediate/c', 'informed/c'], { channels: ['immediate/c'] }).start();
  const { agent, loaded } = await inForce(hub);
  await using _ = agent;
  hub.publish([add(9)], 'informed/c');
  const mark = add(5);
  hub.publish([mark]);
  await hub.until(() => hub.last(mark.id)?.state === 'applied');
  assert.equal(agent.target.loaded.size, loaded.length + 1);
});
test('E04: a batch signed by a key that the root has not certified is refused', () =>
  refuses((hub) => lying(hub, {}, newSigner()), 'unknown_signer'));
test('E04: a batch signed by another key under the name of the good one is refused', () =>
  refuses((hub) => signText(newSigner().key, hub.online.keyId, (lying(hub, {}) as { body: string }).body), 'bad_signature'));
test('E04: a batch signed by the root itself is refused', () => refuses((hub) => lying(hub, {}, hub.root), 'unknown_signer'));
test('E04: another hub, another epoch and another protocol are refused', async () => {
  await refuses((hub) => lying(hub, { hub: '11111111-1111-4111-8111-111111111111' }), 'wrong_hub');
  await refuses((hub) => lying(hub, { epoch: 2 }), 'wrong_epoch');
  await refuses((hub) => lying(hub, { v: 2 }), 'wrong_type');
  await refuses((hub) => lying(hub, { alg: 'none' }), 'wrong_type');
});
test('E05: a batch whose count is wrong is refused', () => refuses((hub) => lying(hub, { count: 999_999 }), 'count_mismatch'));
test('E05: a batch whose digest is wrong is refused', () => refuses((hub) => lying(hub, { digest: '1'.repeat(64) }), 'digest_mismatch'));
test('E06: garbage, an empty object and a cut-off envelope are refused', async () => {
  for (const garbage of ['', 'x', {}, [], null, 7, { body: '{}', keyId: 'x', sig: 'x' }, { body: 'x'.repeat(100) }])
    await refuses(() => garbage, 'malformed');
  await refuses((hub) => ({ ...(lying(hub, {}) as object), sig: '' }), 'malformed');
});
test('E16: an unknown kind, action or operation refuses the whole batch', async () => {
  await refuses((hub) => lying(hub, { changes: [{ ...add(3), kind: 'planet' }] }), 'wrong_type');
  await refuses((hub) => lying(hub, { changes: [{ ...add(3), action: 'nuke' }] }), 'wrong_type');
  await refuses((hub) => lying(hub, { changes: [{ ...add(3), op: 'merge' }] }), 'wrong_type');
});
test('E17: a rotation signed by the online key is refused, one signed by the root is followed', async () => {
  await using hub = await new FakeHub().start();
  const { agent } = await inForce(hub);
  await using _ = agent;
  const thief = newSigner();
  hub.push('certificate', hub.online.sign({ ...common('key', hub.hub, 1), keyId: thief.keyId, publicKey: thief.spki }));
  await hub.until(() => alarmed(hub, 'unknown_signer'));
  hub.online = newSigner();
  hub.certificate = hub.certify();
  hub.push('certificate', hub.certificate);
  const after = add(4);
  hub.publish([after]);
  await hub.until(() => hub.last(after.id)?.state === 'applied');
});
test('D02: after a rotation the former key is refused', async () => {
  await using hub = await new FakeHub().start();
  const { agent, loaded } = await inForce(hub);
  await using _ = agent;
  const former = hub.online;
  hub.online = newSigner();
  hub.certificate = hub.certify();
  hub.push('certificate', hub.certificate);
  hub.push('batch', lying(hub, {}, former));
  await hub.until(() => alarmed(hub, 'unknown_signer'));
  assert.deepEqual([...agent.target.loaded], loaded);
});
test('a new epoch of the root takes the agent to a restored hub; without the root it stays', async () => {
  await using hub = await new FakeHub().start();
  const { agent, first } = await inForce(hub);
  await using _ = agent;
  const second = add(2);
  hub.publish([second]);
  await hub.until(() => hub.last(second.id)?.state === 'applied');
  // Restored from a copy made before the second batch.
  hub.next([remove(second)]);
  const channel = hub.channel();
  channel.version = 1;
  channel.batches.length = 1;
  channel.hash = createHash('sha256')
    .update(channel.batches[0]?.body ?? '')
    .digest('hex');
  hub.cutStreams();
  await hub.until(() => alarmed(hub, 'older'));
  assert.equal(agent.target.loaded.size, 2);
  hub.epoch = 2;
  hub.certificate = hub.certify();
  hub.order = { ...hub.order, epoch: 2, version: 1 };
  hub.cutStreams();
  await hub.until(() => hub.last(second.id)?.state === 'withdrawn');
  assert.ok(agent.target.has('ip', first.value));
  assert.equal(agent.target.loaded.size, 1);
});
test('E02: a hub that is silent for three intervals raises an alarm, and what is in force stays', async () => {
  const hub = new FakeHub();
  hub.heartbeatMs = 60;
  await using _hub = await hub.start();
  const { agent, loaded } = await inForce(hub);
  await using _ = agent;
  hub.beat();
  hub.beat = () => {};
  await hub.until(() => alarmed(hub, 'frozen'));
  assert.deepEqual([...agent.target.loaded], loaded);
});
test('E02: replaying the same heartbeat for ever is no sign of life', async () => {
  const hub = new FakeHub();
  hub.heartbeatMs = 60;
  await using _hub = await hub.start();
  const { agent } = await inForce(hub);
  await using _ = agent;
  const last = hub.heartbeat(hub.channel());
  hub.beat = () => hub.push('heartbeat', last);
  await hub.until(() => alarmed(hub, 'frozen'));
});
test('an order that is older, for another control or signed by somebody else is refused', async () => {
  await using hub = await new FakeHub().start();
  const { agent, loaded } = await inForce(hub);
  await using _ = agent;
  const base = { ...hub.order, ...common('control', hub.hub, 1), capacity: 0 };
  hub.push('order', hub.online.sign({ ...base, version: 0 }));
  await hub.until(() => alarmed(hub, 'older'));
  hub.push('order', hub.online.sign({ ...base, version: 9, control: 'another' }));
  await hub.until(() => alarmed(hub, 'wrong_control'));
  hub.push('order', newSigner().sign({ ...base, version: 9 }));
  await hub.until(() => alarmed(hub, 'unknown_signer'));
  hub.push('order', hub.online.sign({ ...base }));
  await hub.until(() => alarmed(hub, 'forked'));
  assert.deepEqual([...agent.target.loaded], loaded);
});
