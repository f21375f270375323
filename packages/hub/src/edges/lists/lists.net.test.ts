import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDoor } from '#test/controls-http';
import { type ControlsWorld, startControlsWorld } from '#test/controls-world';
import { listRoutes } from './routes.ts';

async function startWorld() {
  const world = await startControlsWorld();
  const door = await startDoor(world, (http) => listRoutes(http, { ...world.deps, listControl: world.controls.listControl }));
  const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`fw:${key}`).toString('base64')}` });
  const fetchList = (file: string, key: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${door.url}/feeds/${file}`, { method, headers: { 'accept-encoding': 'identity', ...basic(key), ...headers } });
  const text = async (file: string, key: string): Promise<string> => {
    const reply = await fetchList(file, key);
    assert.equal(reply.status, 200, await reply.clone().text());
    return reply.text();
  };
  return { world, door, fetchList, text };
}
const ip = (n: number) => ({ kind: 'ip', value: `198.51.100.${n}` }) as const;
const lines = (...numbers: number[]): string => numbers.map((n) => `198.51.100.${n}\n`).join('');

/** Waits are not needed: every request reads where the lanes stand. */
async function fill(world: ControlsWorld): Promise<void> {
  await world.seal('immediate', 'c', {
    add: [
      { ...ip(1), strength: 0, confidence: 99 },
      { ...ip(2), confidence: 60 },
      { ...ip(3), confidence: 90 },
    ],
  });
  world.clock.advance(1_000);
  await world.seal('immediate', 'c', {
    add: [
      { ...ip(4), confidence: 90 },
      { kind: 'domain', value: 'bad.example' },
      { kind: 'hash', value: `sha256:${'a'.repeat(64)}` },
    ],
  });
}

test('a list holds the reader’s kind of value, strongest, surest and newest first, and follows every change', async () => {
  const { world, door, text } = await startWorld();
  await using _ = world;
  await fill(world);
  const key = door.keyOf(world.addOwner().actor);
  assert.equal(await text('ip.txt', key), lines(4, 3, 2, 1));
  assert.equal(await text('domain.txt', key), 'bad.example\n');
  assert.equal(await text('hash-sha256.txt', key), `${'a'.repeat(64)}\n`);
  assert.equal((await text('all.txt', key)).split('\n').length, 7);
  await world.seal('immediate', 'c', { remove: [ip(3)], add: [{ ...ip(5), strength: 0, confidence: 10 }] });
  await world.seal('immediate', 'c', { add: [{ ...ip(1), strength: 1, confidence: 95 }] });
  assert.equal(await text('ip.txt', key), lines(1, 4, 2, 5));
  await world.seal('immediate', 'c', { remove: [ip(1), ip(2), ip(4), ip(5)] });
  assert.equal(await text('ip.txt', key), '');
});

test('lanes are mixed for each reader: own entries are in, a lifting at home takes out, and nobody else notices', async () => {
  const { world, door, text } = await startWorld();
  await using _ = world;
  const owner = world.addOwner({ groups: ['11111111-1111-4111-8111-111111111111'] });
  const other = world.addOwner();
  await fill(world);
  const key = door.keyOf(owner.actor);
  const otherKey = door.keyOf(other.actor);
  const informedKey = door.keyOf(world.addOwner({ shelf: 'informed' }).actor);
  await world.seal('immediate', `e:${owner.id}`, {
    add: [
      { ...ip(2), action: 'allow' },
      { ...ip(7), confidence: 100 },
      { ...ip(3), strength: 0 },
    ],
  });
  await world.seal('immediate', 'g:11111111-1111-4111-8111-111111111111', {
    add: [
      { ...ip(8), strength: 0, confidence: 1 },
      { ...ip(2), confidence: 99 },
    ],
  });
  assert.equal(await text('ip.txt', key), lines(7, 4, 3, 1, 8));
  assert.equal(await text('ip.txt', otherKey), lines(4, 3, 2, 1));
  assert.equal(await text('ip.txt', informedKey), '');
  await world.seal('immediate', `e:${owner.id}`, { remove: [ip(2)] });
  assert.equal(await text('ip.txt', key), lines(7, 2, 4, 3, 1, 8));
});

test('what has run out is left out at that second, before the hub has removed it, also for those who ask with a tag', async () => {
  const { world, door, text, fetchList } = await startWorld();
  await using _ = world;
  const key = door.keyOf(world.addOwner().actor);
  await world.seal('immediate', 'c', { add: [{ ...ip(1), until: new Date(world.clock.now().getTime() + 60_000) }, ip(2)] });
  assert.equal(await text('ip.txt', key), lines(1, 2));
  const tag = (await fetchList('ip.txt', key)).headers.get('etag') ?? '';
  assert.equal((await fetchList('ip.txt', key, { 'if-none-match': tag })).status, 304);
  world.clock.advance(60_000);
  const after = await fetchList('ip.txt', key, { 'if-none-match': tag });
  assert.deepEqual([after.status, await after.text()], [200, lines(2)]);
});

test('tags, HEAD, gzip, length and date: the same content is sent once, in whichever coding', async () => {
  const { world, door, fetchList } = await startWorld();
  await using _ = world;
  await fill(world);
  const key = door.keyOf(world.addOwner().actor);
  const plain = await fetchList('ip.txt', key);
  const packed = await fetchList('ip.txt', key, { 'accept-encoding': 'gzip' });
  assert.equal(packed.headers.get('content-encoding'), 'gzip');
  assert.equal(await packed.text(), await plain.text());
  const tags = [plain.headers.get('etag') ?? '', packed.headers.get('etag') ?? ''];
  assert.match(tags[0] ?? '', /^"[0-9a-f]{40}"$/);
  assert.notEqual(tags[0], tags[1]);
  for (const tag of [...tags, `W/${tags[0]}`, `"x", ${tags[1]}`, '*'])
    assert.equal((await fetchList('ip.txt', key, { 'if-none-match': tag })).status, 304, tag);
  assert.equal((await fetchList('ip.txt', key, { 'if-none-match': '"other"' })).status, 200);
  const head = await fetchList('ip.txt', key, {}, 'HEAD');
  assert.deepEqual(
    [head.status, head.headers.get('content-length'), head.headers.get('x-rebato-entries'), await head.text()],
    [200, String(lines(1, 2, 3, 4).length), '4', ''],
  );
  assert.equal(head.headers.get('last-modified'), 'Mon, 23 Nov 2026 10:00:01 GMT');
  await world.seal('immediate', 'c', { add: [{ kind: 'domain', value: 'other.example' }] });
  assert.equal((await fetchList('ip.txt', key)).headers.get('etag'), tags[0], 'a change of another kind changes nothing here');
});

test('csv and json are well formed, and no cell is a formula', async () => {
  const { world, door, text } = await startWorld();
  await using _ = world;
  const key = door.keyOf(world.addOwner().actor);
  const hostile = ['=cmd|x', '+1', '-1', '@a', 'https://a.example/?q=",\'x'];
  assert.equal(await text('url.json', key), '[\n\n]\n');
  await world.seal('immediate', 'c', { add: hostile.map((value, n) => ({ kind: 'url', value, confidence: 90 - n }) as const) });
  const csv = (await text('url.csv', key)).split('\r\n');
  assert.equal(csv[0], 'value,kind,strength,confidence,changed,until');
  assert.deepEqual(
    csv.slice(1, 5).map((line) => line.split(',')[0]),
    ["'=cmd|x", "'+1", "'-1", "'@a"],
  );
  assert.ok(csv[5]?.startsWith('"https://a.example/?q="",\'x",url,consolidated,86,2026-11-23T10:00:00.000Z,'));
  const json = JSON.parse(await text('url.json', key)) as { value: string; until: null }[];
  assert.deepEqual(
    json.map(({ value, until }) => [value, until]),
    hostile.map((value) => [value, null]),
  );
});

test('a control takes its kinds, its confidence, its capacity and nothing that overlaps what it allows', async () => {
  const { world, door, fetchList, text } = await startWorld();
  await using _ = world;
  const owner = world.addOwner();
  const key = door.keyOf(owner.actor);
  const add = async (policy: object) =>
    (await world.controls.addControl(owner.actor, { name: 'pan', target: 'pan-os', feed: 'list', policy })).control.id;
  await fill(world);
  const small = await add({ kinds: ['ip'], minConfidence: 70, capacity: 2 });
  const reply = await fetchList(`ip.txt?control=${small}`, key);
  assert.deepEqual(
    [reply.headers.get('x-rebato-left-out'), reply.headers.get('x-rebato-entries'), await reply.text()],
    ['1', '2', lines(4, 3)],
  );
  await world.controls.updateControl(owner.actor, small, { policy: { capacity: 10 } });
  assert.equal(await text(`ip.txt?control=${small}`, key), lines(4, 3, 1));
  assert.equal((await fetchList(`domain.txt?control=${small}`, key)).status, 404, 'not an empty list');

  await world.seal('immediate', 'c', {
    add: [
      { kind: 'net', value: '198.51.100.0/25' },
      { kind: 'net', value: '203.0.113.0/24' },
      { kind: 'domain', value: 'www.ours.example' },
      { kind: 'domain', value: 'example' },
      { kind: 'url', value: 'https://ours.example/x' },
      { kind: 'url', value: 'http://198.51.100.4/x' },
      { kind: 'url', value: 'https://notours.example/x' },
    ],
  });
  const allow = [
    { kind: 'ip', value: '198.51.100.4' },
    { kind: 'net', value: '198.51.100.2/31' },
    { kind: 'domain', value: 'ours.example' },
  ];
  const careful = await add({ allow });
  assert.equal(await text(`ip.txt?control=${careful}`, key), lines(1));
  assert.equal(await text(`net.txt?control=${careful}`, key), '203.0.113.0/24\n');
  assert.equal(await text(`domain.txt?control=${careful}`, key), 'bad.example\n');
  assert.equal(await text(`url.txt?control=${careful}`, key), 'https://notours.example/x\n');

  const foreign = door.keyOf(world.addOwner().actor);
  const agent = await world.enrolled(owner);
  const answers = await Promise.all([
    fetchList(`ip.txt?control=${careful}`, foreign),
    fetchList('ip.txt?control=00000000-0000-4000-8000-000000000000', foreign),
    fetchList(`ip.txt?control=${agent.id}`, key),
  ]);
  const bodies = await Promise.all(answers.map(async (each) => ({ ...((await each.json()) as object), requestId: '', instance: '' })));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [404, 404, 404],
  );
  assert.deepEqual(bodies[0], bodies[1]);
});

test('without the database the last good list is served and says so; without one there is an error, and never an empty list', async () => {
  const { world, door, fetchList, text } = await startWorld();
  await using _ = world;
  const key = door.keyOf(world.addOwner().actor);
  await world.seal('immediate', 'c', { add: [{ ...ip(1), until: new Date(world.clock.now().getTime() + 60_000) }, ip(2)] });
  assert.equal(await text('ip.txt', key), lines(1, 2));
  await world.db.run`alter table shelf_immediate.lane rename to lane_away`;
  world.clock.advance(61_000);
  const stale = await fetchList('ip.txt', key);
  assert.deepEqual([stale.status, stale.headers.get('x-rebato-stale'), await stale.text()], [200, '2026-11-23T10:00:00.000Z', lines(2)]);
  assert.match(stale.headers.get('warning') ?? '', /^110/);
  assert.equal((await fetchList('domain.txt', key)).status, 503);
  await world.db.run`alter table shelf_immediate.lane_away rename to lane`;
  assert.equal((await fetchList('ip.txt', key)).headers.get('x-rebato-stale'), null);

  // Rows that vanish without a signed batch: the lane counts two.
  await world.db.run`delete from shelf_immediate.decision`;
  const other = door.keyOf(world.addOwner().actor);
  assert.equal((await fetchList('net.txt', other)).status, 503);
  const kept = await fetchList('ip.txt', key);
  assert.equal(await kept.text(), lines(2));
});

test('unknown lists and formats do not exist, and nobody reads without a credential', async () => {
  const { world, door, fetchList } = await startWorld();
  await using _ = world;
  const key = door.keyOf(world.addOwner().actor);
  for (const file of ['nothing.txt', 'ip.xml', 'ip', '__proto__.txt', 'constructor.txt'])
    assert.equal((await fetchList(file, key)).status, 404, file);
  const refused = await fetch(`${door.url}/feeds/ip.txt`);
  assert.equal(refused.status, 401);
  assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic/);
});

test('a list whose batches are not kept any more is made anew, and lacks nothing', async () => {
  const { world, door, text } = await startWorld();
  await using _ = world;
  await fill(world);
  const key = door.keyOf(world.addOwner().actor);
  assert.equal(await text('ip.txt', key), lines(4, 3, 2, 1));
  await world.seal('immediate', 'c', { remove: [ip(3)] });
  await world.seal('immediate', 'c', { remove: [ip(4)] });
  await world.db
    .run`delete from shelf_immediate.batch b where version < (select version from shelf_immediate.lane l where l.lane = b.lane)`;
  assert.equal(await text('ip.txt', key), lines(2, 1));
});
