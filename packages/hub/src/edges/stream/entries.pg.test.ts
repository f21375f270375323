import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Viewer } from '#platform/actor';
import { openPool, type Pool } from '#platform/db';
import type { SseSink } from '#platform/http';
import { createTestDatabase } from '#test/hub';
import { createEntryStreams } from './entries.ts';

const viewer: Viewer = { entityId: '00000000-0000-4000-8000-000000000001', shelf: 'immediate', lanes: ['c'] };
const rows = 100;
const rowChars = 100_000;

/** A shelf whose lane holds ten megabytes in rows of 100 kB. */
async function largeRows(t: TestContext): Promise<Pool> {
  const database = await createTestDatabase();
  const db = openPool(database.url, { max: 3, application: 'test', searchPath: 'shelf_immediate' });
  t.after(async () => {
    await db.close();
    await database.drop();
  });
  await db.run`insert into lane (lane, position) values ('c', ${rows}) on conflict (lane) do update set position = excluded.position`;
  await db.run`
    insert into entry (lane, position, at, topic, object, body)
    select 'c', n, clock_timestamp(), 'event.released', gen_random_uuid(), jsonb_build_object('text', repeat('x', ${rowChars}))
      from generate_series(1, ${rows}) n`;
  return db;
}

/** A reader that takes `perLook` bytes each time it is looked at; Infinity reads at once, 0 never. */
function reader(perLook: number): SseSink & { readonly ids: string[]; most(): number } {
  const ids: string[] = [];
  let [unsent, most, closed] = [0, 0, false];
  const take = (frame: Buffer | string): void => {
    if (closed) return;
    unsent += frame.length;
    most = Math.max(most, unsent);
    const id = /^id: .*\.(\d+)$/m.exec(String(frame))?.[1];
    if (id !== undefined) ids.push(id);
  };
  return {
    ids,
    most: () => most,
    send: take,
    event: (name, _data, id) => take(`event: ${name}\nid: ${id}\n\n`),
    close: () => (closed = true),
    get closed() {
      return closed;
    },
    get unsentBytes() {
      unsent = Math.max(0, unsent - perLook);
      return unsent;
    },
  };
}

async function replayTo(
  pool: Pool,
  sink: SseSink,
  bounds: { pageBytes: number; drainMaxMs: number },
  { after = 0, ...more }: { readonly after?: number; readonly follows?: () => boolean } = {},
): Promise<void> {
  const log = { info() {}, warn() {}, error() {} };
  const streams = createEntryStreams({ pools: new Map([['immediate', pool]]), incarnation: 'i', log, bounds, ...more });
  // The first greeting tells the cursor's form; from its beginning everything is replayed.
  const greeted = reader(Number.POSITIVE_INFINITY);
  let cursor = '';
  const again = async () => undefined;
  await streams.open({
    viewer,
    lastEventId: undefined,
    topics: undefined,
    sink: {
      ...greeted,
      event: (_name, _data, id) => {
        cursor = id ?? '';
      },
    } as SseSink,
    again,
  });
  await streams.open({ viewer, lastEventId: cursor.replace(/\.\d+$/, `.${after}`), topics: undefined, sink, again });
}

const numbers = Array.from({ length: rows }, (_none, n) => String(n + 1));
/** What a reader may be behind before the door cuts it off. */
const cutOffBytes = 1 << 20;

test('large entries are replayed to a slow reader in steps that it can take, each once and in order', { timeout: 60_000 }, async (t) => {
  const sink = reader(60_000);
  await replayTo(await largeRows(t), sink, { pageBytes: 256 << 10, drainMaxMs: 30_000 });
  // The last one is the greeting, at the same place.
  assert.deepEqual(sink.ids, [...numbers, String(rows)]);
  assert.equal(sink.closed, false);
  assert.ok(sink.most() < cutOffBytes, `${sink.most()} bytes waited`);
});

test('control: pages without a bound in bytes pile up beyond what a reader may be behind', { timeout: 60_000 }, async (t) => {
  const sink = reader(60_000);
  await replayTo(await largeRows(t), sink, { pageBytes: Number.MAX_SAFE_INTEGER, drainMaxMs: 30_000 });
  assert.ok(sink.most() > cutOffBytes, `${sink.most()} bytes waited`);
});

test('a reader that reads nothing during a replay is cut off, and not sent more', { timeout: 60_000 }, async (t) => {
  const sink = reader(0);
  await replayTo(await largeRows(t), sink, { pageBytes: 256 << 10, drainMaxMs: 100 });
  assert.equal(sink.closed, true);
  assert.ok(sink.ids.length < 10, `${sink.ids.length} entries`);
});

const bounds = { pageBytes: 256 << 10, drainMaxMs: 30_000 };

/** Large rows of which the older half is not kept any more. */
async function cutRows(t: TestContext): Promise<Pool> {
  const db = await largeRows(t);
  await db.run`delete from entry where lane = 'c' and position <= ${rows / 2}`;
  return db;
}

test('who comes back from before the oldest entry begins anew, and is sent nothing from behind the gap', { timeout: 60_000 }, async (t) => {
  const db = await cutRows(t);
  const sink = reader(Number.POSITIVE_INFINITY);
  await replayTo(db, sink, bounds, { after: rows / 2 - 1 });
  assert.deepEqual(sink.ids, [String(rows)]);
  const inTime = reader(Number.POSITIVE_INFINITY);
  await replayTo(db, inTime, bounds, { after: rows / 2 });
  assert.deepEqual(inTime.ids, [...numbers.slice(rows / 2), String(rows)]);
  await db.run`delete from entry where lane = 'c'`;
  const late = reader(Number.POSITIVE_INFINITY);
  await replayTo(db, late, bounds, { after: rows - 1 });
  assert.deepEqual(late.ids, [String(rows)]);
});

test('control: a stream that just goes on skips what is not kept, without a word', { timeout: 60_000 }, async (t) => {
  const sink = reader(Number.POSITIVE_INFINITY);
  await replayTo(await cutRows(t), sink, bounds, { follows: () => true });
  assert.equal(sink.ids[0], String(rows / 2 + 1));
});
