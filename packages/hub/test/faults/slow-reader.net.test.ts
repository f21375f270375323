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

/**
 * Together some twelve megabytes: more than the buffers of both kernels (at most ten) and the hub's bound (one) hold together, and what is left
 * over stays below the hub's bound for a replay.
 */
const count = 7_500;
const entryChars = 1_500;

async function announceMuch(hub: TestHub): Promise<void> {
  const step = 100;
  for (let done = 0; done < count; done += step) {
    await hub.db.run`
      with head as (update shelf_immediate.lane set position = position + ${step} where lane = 'c' returning position)
      insert into shelf_immediate.entry (lane, position, at, topic, object, body)
      select 'c', head.position - ${step} + n, clock_timestamp(), 'event.released', gen_random_uuid(), jsonb_build_object('text', repeat('x', ${entryChars}))
        from head, generate_series(1, ${step}) n`;
    await hub.db.run`select pg_notify('rebato_shelf', 'immediate')`;
  }
}

const positionOf = (id: string): number => Number(id.split('.')[1]?.split('-')[0]);

test('a reader that stops reading is cut off with little memory spent, hurts no other reader, and resumes without a gap', async () => {
  await using hub = await startTestHub();
  const alice = await hub.member('Alice');
  const bob = await hub.member('Bob');
  await alice.post('/api/v1/reports', { title: 'First', indicators: [{ value: 'first-of-all.com', type: 'domain' }] });
  await hub.settled();
  const slow = await openReader(hub, alice.key);
  const quick = await openReader(hub, bob.key);
  await until(() => slow.seen.length > 0 && quick.seen.length > 0, 'both readers are greeted');
  const from = positionOf(slow.seen.at(-1)?.id ?? '');
  slow.socket.pause();
  await announceMuch(hub);
  await until(() => quick.seen.filter(({ event }) => event === 'event.released').length >= count, 'the quick reader has everything');
  const metrics = await hub.admin.get<string>('/metrics');
  assert.match(metrics.text, /rebato_sse_slow_clients_total 1\b/);
  slow.socket.resume();
  await until(() => slow.ended(), 'the slow reader notices that it was cut off');
  const last = slow.seen.at(-1)?.id ?? '';
  // What it gets now is what the hub and the two kernels had kept for it. Unbounded, that would be everything.
  assert.ok(positionOf(last) < from + count, 'it has not been kept everything');

  // As a browser does it: again and again from where it stopped, until it is up to date.
  const positions = slow.seen.filter(({ event }) => event === 'event.released').map(({ id }) => positionOf(id));
  let cursor = last;
  for (let tries = 0; tries < 5 && (positions.at(-1) ?? 0) < from + count; tries++) {
    const had = positions.length;
    const again = await openReader(hub, alice.key, cursor);
    await until(() => again.ended() || again.seen.some(({ event }) => event === 'hello' || event === 'resync'), 'the replay ends');
    assert.ok(!again.seen.some(({ event }) => event === 'resync'), 'the cursor is good');
    positions.push(...again.seen.filter(({ event }) => event === 'event.released').map(({ id }) => positionOf(id)));
    assert.ok(positions.length > had, 'every attempt makes headway');
    cursor = again.seen.at(-1)?.id ?? cursor;
    again.socket.destroy();
  }
  assert.deepEqual(
    positions,
    Array.from({ length: count }, (_none, n) => from + 1 + n),
    'every entry once, in order',
  );
  quick.socket.destroy();
});
