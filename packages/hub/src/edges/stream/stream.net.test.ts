import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { type Batch, type Envelope, type Heartbeat, type KeyCertificate, type SnapshotHeader, signaturePrefix } from '@rebato/contract';
import { startDoor } from '#test/controls-http';
import { quiet, startControlsWorld } from '#test/controls-world';
import { createFanout } from './fanout.ts';
import { limits } from './limits.ts';
import { streamRoutes } from './routes.ts';

async function startWorld() {
  const world = await startControlsWorld();
  const deps = { ...world.deps, leader: world.leader };
  const fanout = createFanout({ ...deps, metrics: quiet });
  const fan = { streams: undefined as ReturnType<typeof streamRoutes> | undefined };
  const door = await startDoor(world, (http, authenticate) => {
    fan.streams = streamRoutes(http, { ...deps, fanout, controls: world.controls, incarnation: 'first', authenticate });
  });
  const streams = fan.streams ?? assert.fail();
  streams.start();
  world.onClose(async () => streams.stop());
  const certificate = JSON.parse(world.keys.certificate().body) as KeyCertificate;
  const key = createPublicKey({ key: Buffer.from(certificate.publicKey, 'base64'), type: 'spki', format: 'der' });
  /** Checks the signature as a reader does, then reads. */
  const opened = <T>(input: unknown): T => {
    const envelope = input as Envelope;
    assert.equal(envelope.keyId, certificate.keyId);
    assert.ok(
      verify(
        'sha256',
        Buffer.from(signaturePrefix + envelope.body),
        { key, dsaEncoding: 'ieee-p1363' },
        Buffer.from(envelope.sig, 'base64'),
      ),
    );
    return JSON.parse(envelope.body) as T;
  };
  return { world, door, fanout, streams, opened };
}
const ip = (n: number) => ({ kind: 'ip', value: `198.51.100.${n}` }) as const;
const count = (seen: readonly { event: string }[], event: string): number => seen.filter((each) => each.event === event).length;

test('state and snapshot: a channel without a batch is version 0, empty and signed; a full one adds up to its digest', async () => {
  const { world, door, opened } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const { key } = await world.enrolled(owner);
  await world.seal('immediate', 'c', {
    add: [
      ip(1),
      { ...ip(2), strength: 0, until: new Date('2026-11-24T00:00:00.123Z') },
      { kind: 'url', value: 'https://a.example/"x"\\ñ' },
    ],
  });
  const last = await world.seal('immediate', 'c', { remove: [ip(1)] });

  const state = (await (await door.get('/api/v1/agent/state', key)).json()) as { heartbeats: Envelope[] };
  const beats = state.heartbeats.map((envelope) => opened<Heartbeat>(envelope));
  assert.deepEqual(
    beats.map(({ channel, version, mode, everyMs }) => [channel, version, mode, everyMs]),
    [
      ['immediate/c', 2, 'normal', 5_000],
      [`immediate/e:${owner.id}`, 0, 'normal', 5_000],
    ],
  );
  assert.equal(beats[1]?.hash, '0'.repeat(64));

  for (const encoding of ['gzip', 'identity']) {
    const reply = await door.get('/api/v1/agent/snapshot?channel=immediate/c', key, { 'accept-encoding': encoding });
    assert.equal(reply.headers.get('content-encoding'), encoding === 'gzip' ? 'gzip' : null);
    const text = await reply.text();
    const cut = text.indexOf('\n') + 1;
    const header = opened<SnapshotHeader>(JSON.parse(text.slice(0, cut)));
    const rows = text
      .slice(cut)
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as [string, string, string, string, string, number, string | null]);
    assert.deepEqual(
      [header.channel, header.version, header.hash, header.count, header.digest],
      ['immediate/c', 2, beats[0]?.hash, 2, last.digest],
    );
    assert.equal(header.sha256, createHash('sha256').update(text.slice(cut)).digest('hex'));
    let sum = 0n;
    for (const [id, kind, value, , , , until] of rows)
      sum += BigInt(
        `0x${createHash('sha256')
          .update(`${kind}\n${value}\n${id}\n${until ?? ''}`)
          .digest('hex')}`,
      );
    assert.equal((sum % (1n << 256n)).toString(16).padStart(64, '0'), header.digest);
    assert.deepEqual(rows.map((row) => row.slice(1)).sort(), [
      ['ip', '198.51.100.2', 'block', 'lease', 90, '2026-11-24T00:00:00.123Z'],
      ['url', 'https://a.example/"x"\\ñ', 'block', 'consolidated', 90, null],
    ]);
  }
  const empty = await (await door.get(`/api/v1/agent/snapshot?channel=immediate/e:${owner.id}`, key)).text();
  const header = opened<SnapshotHeader>(JSON.parse(empty));
  assert.deepEqual(
    [header.version, header.count, header.digest, header.hash, header.sha256],
    [0, 0, '0'.repeat(64), '0'.repeat(64), createHash('sha256').digest('hex')],
  );
});

test('a channel of somebody else is answered exactly like one that does not exist; people and strangers read none', async () => {
  const { world, door } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const other = world.addOwner();
  await world.seal('immediate', `e:${other.id}`, { add: [ip(1)] });
  await world.seal('informed', 'c', { add: [ip(1)] });
  const { key } = await world.enrolled(owner);
  for (const route of ['snapshot?', 'batches?after=0&']) {
    const answers = new Set<string>();
    for (const channel of [`immediate/e:${other.id}`, 'informed/c', 'immediate/e:00000000-0000-4000-8000-000000000000', 'nowhere/c']) {
      const reply = await door.get(`/api/v1/agent/${route}channel=${channel}`, key);
      const { status, code, detail } = (await reply.json()) as Record<string, unknown>;
      answers.add(JSON.stringify([reply.status, status, code, detail]));
    }
    assert.equal(answers.size, 1);
    assert.match([...answers][0] ?? '', /404.*stream.channel_not_found/);
  }
  const person = door.keyOf(owner.actor);
  for (const route of ['state', 'snapshot?channel=immediate/c', 'batches?channel=immediate/c&after=0', 'stream']) {
    assert.equal((await door.get(`/api/v1/agent/${route}`, person)).status, 403);
    assert.equal((await door.get(`/api/v1/agent/${route}`, 'rba_nobody')).status, 401);
  }
});

test('batches: pages chain from any version, and what is unknown, expired or of a former key is gone', async () => {
  const { world, door, opened } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const { key } = await world.enrolled(owner);
  for (let n = 1; n <= 5; n++) await world.seal('immediate', 'c', { add: [ip(n)] });
  const page = async (after: number) => {
    const reply = await door.get(`/api/v1/agent/batches?channel=immediate/c&after=${after}`, key);
    const body = (await reply.json()) as { batches?: Envelope[]; more?: boolean };
    return { status: reply.status, more: body.more, versions: (body.batches ?? []).map((envelope) => opened<Batch>(envelope).version) };
  };
  assert.deepEqual(await page(0), { status: 200, more: false, versions: [1, 2, 3, 4, 5] });
  assert.deepEqual(await page(3), { status: 200, more: false, versions: [4, 5] });
  assert.deepEqual(await page(5), { status: 200, more: false, versions: [] });
  assert.equal((await page(6)).status, 410);
  await world.db.run`delete from shelf_immediate.batch where lane = 'c' and version <= 2`;
  assert.equal((await page(1)).status, 410);
  assert.equal((await page(2)).status, 200);
  await world.seal('immediate', 'c', { add: [ip(6)], lifeMs: 1_000 });
  world.clock.advance(2_000);
  assert.equal((await page(4)).status, 410);
  await world.keys.raiseEpoch();
  assert.equal((await page(2)).status, 410);
});

test('stream: what was missed comes first, then live, each version once and in order; the mode comes with batch and heartbeat', async () => {
  const { world, door, fanout, opened } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const { key } = await world.enrolled(owner);
  for (let n = 1; n <= 3; n++) await world.seal('immediate', 'c', { add: [ip(n)] });
  const one = await door.events('/api/v1/agent/stream?after=immediate/c:1&after=informed/c:7', key);
  await one.until((seen) => count(seen, 'heartbeat') === 2);
  assert.deepEqual(
    one.seen.map(({ event }) => event),
    ['certificate', 'order', 'batch', 'batch', 'heartbeat', 'heartbeat'],
  );
  await Promise.all([world.seal('immediate', `e:${owner.id}`, { add: [ip(9)] }), world.seal('immediate', 'c', { add: [ip(4)] })]);
  await world.seal('immediate', 'c', { mode: 'halt' });
  await one.until((seen) => count(seen, 'batch') === 5);
  const batches = one.seen.filter(({ event }) => event === 'batch').map(({ data }) => opened<Batch>(JSON.parse(data)));
  assert.deepEqual(
    batches.filter(({ channel }) => channel === 'immediate/c').map(({ version }) => version),
    [2, 3, 4, 5],
  );
  await fanout.beat();
  await one.until((seen) => count(seen, 'heartbeat') === 4);
  const beats = one.seen
    .filter(({ event }) => event === 'heartbeat')
    .slice(2)
    .map(({ data }) => opened<Heartbeat>(JSON.parse(data)));
  assert.deepEqual(beats.map(({ channel, version, mode }) => `${channel} ${version} ${mode}`).sort(), [
    'immediate/c 5 halt',
    `immediate/e:${owner.id} 1 normal`,
  ]);
  await one.close();
});

test('stream: readers of one channel get the same bytes, and another entity’s lane reaches only its owner', async () => {
  const { world, door } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const other = world.addOwner();
  const mine = await door.events('/api/v1/agent/stream', (await world.enrolled(owner)).key);
  const theirs = await door.events('/api/v1/agent/stream', (await world.enrolled(other)).key);
  for (const stream of [mine, theirs]) await stream.until((seen) => count(seen, 'heartbeat') === 2);
  await world.seal('immediate', `e:${other.id}`, { add: [ip(1)] });
  await world.seal('immediate', 'c', { add: [ip(2)] });
  await mine.until((seen) => count(seen, 'batch') === 1);
  await theirs.until((seen) => count(seen, 'batch') === 2);
  assert.equal(mine.seen.find(({ event }) => event === 'batch')?.data, theirs.seen.filter(({ event }) => event === 'batch')[1]?.data);
  assert.ok(!mine.seen.some(({ data }) => data.includes(other.id)));
  await mine.close();
  await theirs.close();
});

test('stream: a version that does not exist, a gap in the table, and a rewound lane are answered with resync', async () => {
  const { world, door, fanout } = await startWorld();
  await using _ = world;
  const { key } = await world.enrolled(world.addOwner());
  for (let n = 1; n <= 3; n++) await world.seal('immediate', 'c', { add: [ip(n)] });
  await world.db.run`delete from shelf_immediate.batch where lane = 'c' and version = 2`;
  for (const version of [9, 1]) {
    const stream = await door.events(`/api/v1/agent/stream?after=immediate/c:${version}`, key);
    await stream.until((seen) => count(seen, 'heartbeat') === 2);
    assert.deepEqual(
      stream.seen.filter(({ event }) => event === 'resync').map(({ data }) => data),
      ['{"channel":"immediate/c"}'],
    );
    assert.equal(count(stream.seen, 'batch'), 0);
    await stream.close();
  }
  const stream = await door.events('/api/v1/agent/stream?after=immediate/c:3', key);
  await stream.until((seen) => count(seen, 'heartbeat') === 2);
  assert.equal(count(stream.seen, 'resync'), 0);
  await world.db.run`update shelf_immediate.lane set version = 1 where lane = 'c'`;
  await fanout.beat();
  await stream.until((seen) => count(seen, 'resync') === 1);
  await stream.close();
});

test('stream: who is far behind is not drowned but told by the heartbeat, and a batch too large to push is left to be fetched', async () => {
  const { world, door, opened } = await startWorld();
  await using _ = world;
  const { key } = await world.enrolled(world.addOwner());
  const many = Array.from({ length: 1_500 }, (_none, n) => ({ kind: 'domain', value: `host-${n}.${'x'.repeat(60)}.example` }) as const);
  const stream = await door.events('/api/v1/agent/stream', key);
  await stream.until((seen) => count(seen, 'heartbeat') === 2);
  await world.seal('immediate', 'c', { add: many });
  await stream.until((seen) => count(seen, 'heartbeat') === 3);
  assert.equal(count(stream.seen, 'batch'), 0);
  assert.equal(opened<Heartbeat>(JSON.parse(stream.seen.at(-1)?.data ?? '')).version, 1);
  await world.seal('immediate', 'c', { add: [ip(1)] });
  await stream.until((seen) => count(seen, 'batch') === 1);
  await stream.close();
});

test('stream: revocation, a suspended owner and another level end it; a new policy is sent as an order', async () => {
  const { world, door, streams } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const { key, id } = await world.enrolled(owner);
  const open = async () => {
    const stream = await door.events('/api/v1/agent/stream', key);
    await stream.until((seen) => count(seen, 'heartbeat') === 2);
    return stream;
  };
  let stream = await open();
  await world.controls.updateControl(owner.actor, id, { policy: { minConfidence: 55 } });
  await stream.until((seen) => count(seen, 'order') === 2);
  world.setOwner(owner.id, { shelf: 'informed' });
  world.clock.advance(limits.recheckEveryMs);
  await streams.recheck();
  await stream.until(() => stream.state.ended);
  stream = await open();
  assert.ok(stream.seen.some(({ event, data }) => event === 'heartbeat' && data.includes('informed/c')));
  await world.controls.revokeControl(owner.actor, id);
  await stream.until(() => stream.state.ended);
  assert.equal((await door.get('/api/v1/agent/stream', key)).status, 401);
});

async function announce(
  world: Awaited<ReturnType<typeof startWorld>>['world'],
  lane: string,
  topic: string,
  shelf = 'immediate',
): Promise<void> {
  await world.db.transaction(async (tx) => {
    await tx.run`select set_config('search_path', ${`shelf_${shelf}`}, true)`;
    await tx.run`
      with l as (insert into lane (lane, position) values (${lane}, 1) on conflict (lane) do update set position = lane.position + 1 returning position)
      insert into entry (lane, position, at, topic, object, body) select ${lane}, position, ${world.clock.now()}, ${topic}, gen_random_uuid(), '{"n":1}' from l`;
  });
  world.clock.advance(1);
  world.tell(shelf);
}

test('member stream: live and resumed exactly, in the reader’s own lanes, with positions of these lanes only', async () => {
  const { world, door } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const other = world.addOwner();
  const key = door.keyOf(owner.actor);
  await announce(world, 'c', 'event.released');
  const live = await door.events('/api/v1/stream', key);
  await live.until((seen) => count(seen, 'hello') === 1);
  assert.match(live.seen[0]?.id ?? '', /^first-[0-9a-f]{8}\.1-0$/);
  await announce(world, `e:${other.id}`, 'event.released');
  await announce(world, 'c', 'event.released', 'informed');
  await announce(world, `e:${owner.id}`, 'decision.lifted');
  await announce(world, 'c', 'event.retracted');
  await live.until((seen) => seen.length === 3);
  assert.deepEqual(
    live.seen.slice(1).map(({ event, id }) => `${event} ${id?.split('.')[1]}`),
    ['decision.lifted 1-1', 'event.retracted 2-1'],
  );
  await live.close();
  await announce(world, 'c', 'event.released');
  await announce(world, `e:${owner.id}`, 'decision.restored');
  const resumed = await door.events('/api/v1/stream', key, { 'last-event-id': live.seen[1]?.id ?? '' });
  await resumed.until((seen) => count(seen, 'hello') === 1);
  assert.deepEqual(
    resumed.seen.map(({ event, id }) => `${event} ${id?.split('.')[1]}`),
    ['event.retracted 2-1', 'event.released 3-1', 'decision.restored 3-2', 'hello 3-2'],
  );
  await resumed.close();
  const filtered = await door.events('/api/v1/stream?topics=decision.lifted,decision.restored', key, {
    'last-event-id': live.seen[0]?.id ?? '',
  });
  await filtered.until((seen) => count(seen, 'hello') === 1);
  assert.deepEqual(
    filtered.seen.map(({ event }) => event),
    ['decision.lifted', 'decision.restored', 'hello'],
  );
  await filtered.close();
});

test('member stream: a cursor of another incarnation, other lanes, or from the future means resync, and live goes on', async () => {
  const { world, door } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const other = world.addOwner();
  const key = door.keyOf(owner.actor);
  const first = await door.events('/api/v1/stream', key);
  await first.until((seen) => seen.length === 1);
  const id = first.seen[0]?.id ?? '';
  await first.close();
  const foreign = await door.events('/api/v1/stream', door.keyOf(other.actor));
  await foreign.until((seen) => seen.length === 1);
  await foreign.close();
  for (const bad of [
    id.replace('first', 'second'),
    foreign.seen[0]?.id ?? '',
    id.replace('.0-0', '.5-0'),
    id.replace('.0-0', '.0'),
    'nonsense',
  ]) {
    const stream = await door.events('/api/v1/stream', key, { 'last-event-id': bad });
    await stream.until((seen) => seen.length === 1);
    assert.equal(stream.seen[0]?.event, 'resync', bad);
    assert.equal(stream.seen[0]?.id?.split('.')[0], id.split('.')[0]);
    await announce(world, 'c', 'event.released');
    await stream.until((seen) => seen.length === 2);
    await stream.close();
  }
});

test('member stream: ends when the credential opens nothing or reads other lanes', async () => {
  const { world, door, streams } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  for (const change of ['revoked', 'demoted', 'none'] as const) {
    const key = door.keyOf(owner.actor);
    const stream = await door.events('/api/v1/stream', key);
    await stream.until((seen) => seen.length === 1);
    if (change === 'revoked') door.rebind(key, undefined);
    if (change === 'demoted') door.rebind(key, { ...owner.actor, viewer: { ...owner.actor.viewer, shelf: 'informed' } });
    await streams.recheck();
    if (change === 'none') {
      await announce(world, 'c', 'event.released');
      await stream.until((seen) => seen.length === 2);
      await stream.close();
    } else await stream.until(() => stream.state.ended);
  }
});
