import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { startTestHub, type TestHub } from '../hub.ts';

type Event = { readonly event: string; readonly id: string };

/** A reader of the member stream on a bare socket, so that it can stop reading: then TCP tells the hub to wait. */
async function openReader(
  hub: TestHub,
  key: string,
  lastEventId?: string,
): Promise<{ readonly socket: Socket; readonly seen: Event[]; ended(): boolean }> {
  const socket = connect({ host: '127.0.0.1', port: hub.port });
  await once(socket, 'connect');
  const seen: Event[] = [];
  let text = '';
  let ended = false;
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.on('close', () => (ended = true));
  socket.on('data', (part: string) => {
    text += part;
    for (let at = text.indexOf('\n\n'); at >= 0; at = text.indexOf('\n\n')) {
      const block = text.slice(0, at);
      text = text.slice(at + 2);
      const field = (name: string): string | undefined => block.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1];
      const event = field('event');
      if (event !== undefined) seen.push({ event, id: field('id') ?? '' });
    }
  });
  socket.write(
    `GET /api/v1/stream HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer ${key}\r\nAccept: text/event-stream\r\n${lastEventId === undefined ? '' : `Last-Event-ID: ${lastEventId}\r\n`}\r\n`,
  );
  return { socket, seen, ended: () => ended };
}

/** Waits for a condition, with a limit. */
async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = performance.now() + 20_000; !(await condition()); ) {
    assert.ok(performance.now() < deadline, `waited for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Puts entries on the community's lane, as the leader does it. */
async function announce(hub: TestHub, count: number, chars: number): Promise<void> {
  // Fewer bytes at a time than any reader may be behind: a healthy one is not cut off for the size of a step.
  const step = 25;
  for (let done = 0; done < count; done += step) {
    await hub.db.run`
      with head as (update shelf_immediate.lane set position = position + ${step} where lane = 'c' returning position)
      insert into shelf_immediate.entry (lane, position, at, topic, object, body)
      select 'c', head.position - ${step} + n, clock_timestamp(), 'event.released', gen_random_uuid(), jsonb_build_object('text', repeat('x', ${chars}))
        from head, generate_series(1, ${step}) n`;
    await hub.db.run`select pg_notify('rebato_shelf', 'immediate')`;
  }
}

const positionOf = (id: string): number => Number(id.split('.')[1]?.split('-')[0]);

const positionsIn = (seen: readonly Event[]): number[] =>
  seen.filter(({ event }) => event === 'event.released').map(({ id }) => positionOf(id));
const numbers = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_none, n) => first + n);

async function startWithLane() {
  const hub = await startTestHub();
  const alice = await hub.member('Alice');
  const bob = await hub.member('Bob');
  await alice.post('/api/v1/reports', { title: 'First', indicators: [{ value: 'first-of-all.com', type: 'domain' }] });
  await hub.settled();
  return { hub, alice, bob };
}

test('a reader that stops reading is cut off before it costs much, hurts no other reader, and is not given a gap when it comes back', async () => {
  const { hub: started, alice, bob } = await startWithLane();
  await using hub = started;
  const slow = await openReader(hub, alice.key);
  const quick = await openReader(hub, bob.key);
  await until(() => slow.seen.length > 0 && quick.seen.length > 0, 'both readers are greeted');
  const from = positionOf(slow.seen.at(-1)?.id ?? '');
  slow.socket.pause();
  // Forty megabytes: several times what both kernels keep for a connection here, and the hub's one.
  const count = 2_000;
  for (let done = 0; done < count; done += 50) {
    await announce(hub, 50, 20_000);
    await until(() => quick.seen.length > done + 50, 'the quick reader keeps up');
  }
  assert.deepEqual(positionsIn(quick.seen), numbers(from + 1, from + count));
  const metrics = await hub.admin.get<string>('/metrics');
  assert.match(metrics.text, /rebato_sse_slow_clients_total 1\b/);
  slow.socket.resume();
  await until(() => slow.ended(), 'the slow reader notices that it was cut off');
  const had = positionsIn(slow.seen);
  const last = had.at(-1) ?? from;
  assert.deepEqual(had, numbers(from + 1, last));
  // What it gets now is what was kept for it. Unbounded, that would be everything.
  assert.ok(last < from + count / 2, `${last - from} of ${count} entries were kept for it`);

  const again = await openReader(hub, alice.key, slow.seen.at(-1)?.id ?? '');
  await until(() => again.ended() || again.seen.some(({ event }) => event === 'hello' || event === 'resync'), 'the replay ends');
  const more = positionsIn(again.seen);
  if (more.length > 0) assert.deepEqual(more, numbers(last + 1, last + more.length), 'it goes on with the next one');
  for (const reader of [quick, again]) reader.socket.destroy();
});

test('a reader whose connection breaks at any moment resumes with the last id that it has seen, and has every entry once', async () => {
  const { hub: started, alice } = await startWithLane();
  await using hub = started;
  let reader = await openReader(hub, alice.key);
  await until(() => reader.seen.length > 0, 'it is greeted');
  let cursor = reader.seen.at(-1)?.id ?? '';
  const from = positionOf(cursor);
  const count = 2_000;
  const announcing = announce(hub, count, 200);
  const positions: number[] = [];
  for (let cuts = 0; positions.length < count; cuts++) {
    const enough = positions.length + 50 + ((cuts * 37) % 200);
    await until(() => positions.length + positionsIn(reader.seen).length >= Math.min(enough, count), 'some entries arrive');
    reader.socket.destroy();
    positions.push(...positionsIn(reader.seen));
    cursor = reader.seen.at(-1)?.id ?? cursor;
    reader = await openReader(hub, alice.key, cursor);
  }
  await announcing;
  reader.socket.destroy();
  assert.deepEqual(positions, numbers(from + 1, from + count));
});

test('control: a reader that begins anew without its last id misses what came while it was away', async () => {
  const { hub: started, alice } = await startWithLane();
  await using hub = started;
  await announce(hub, 50, 200);
  const reader = await openReader(hub, alice.key);
  await until(() => reader.seen.some(({ event }) => event === 'hello'), 'it is greeted');
  assert.deepEqual(positionsIn(reader.seen), []);
  reader.socket.destroy();
});
