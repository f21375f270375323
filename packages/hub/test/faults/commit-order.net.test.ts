import assert from 'node:assert/strict';
import { test } from 'node:test';
import { append, readBus } from '#platform/bus';
import { openPool, type Pool } from '#platform/db';
import { createTestDatabase, startTestHub } from '../hub.ts';
import { randomFrom } from '../kill/campaign.ts';

/** Entries of the run: 5,000 in the tests, more by REBATO_TEST_ENTRIES in a campaign. */
const entries = Number(process.env.REBATO_TEST_ENTRIES ?? 5_000);
const writers = 16;

/** Sixteen writers append one entry per transaction; one in fifty pauses up to 20 ms before its commit, so commits overtake one another. */
async function write(db: Pool, seed: number): Promise<void> {
  const each = Math.ceil(entries / writers);
  await Promise.all(
    Array.from({ length: writers }, async (_none, writer) => {
      const random = randomFrom(seed + writer);
      for (let n = 0; n < each; n++) {
        await db.transaction(async (tx) => {
          await append(tx, 'members.access_changed', { principalId: `${writer}-${n}` } as never);
          if (random() < 0.02) await tx.run`select pg_sleep(${random() * 0.02})`;
        });
      }
    }),
  );
}

const total = Math.ceil(entries / writers) * writers;

test('a reader of the log that follows positions misses none of the entries that commit late, and meets each once', async () => {
  await using hub = await startTestHub({ connections: writers + 4 });
  const identity = await hub.db.one<{ incarnation: string }>`select incarnation from platform.hub`;
  const incarnation = identity?.incarnation ?? '';
  const from = (await hub.db.one<{ position: number }>`select position from bus.head`)?.position ?? 0;
  const seen: string[] = [];
  let position = from;
  let writing = true;
  const reading = (async () => {
    while (seen.length < total && (writing || !(await caughtUp()))) {
      const page = await readBus(hub.db, { incarnation, position }, 500);
      for (const entry of page) {
        assert.equal(entry.position, position + 1, 'positions are dense');
        position = entry.position;
        if (entry.topic === 'members.access_changed') seen.push(String(entry.payload.principalId));
      }
      if (page.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  async function caughtUp(): Promise<boolean> {
    await hub.settled();
    return (await hub.db.one<{ position: number }>`select position from bus.head`)?.position === position;
  }
  await write(hub.db, 11);
  writing = false;
  await reading;
  assert.equal(seen.length, total);
  assert.equal(new Set(seen).size, total);
});

test('control: a reader that follows the serial numbers of the outbox misses entries in the same load', async () => {
  const database = await createTestDatabase();
  const db = openPool(database.url, { max: writers + 2, application: 'test' });
  try {
    const seen = new Set<string>();
    let last = 0;
    // Nobody numbers or deletes here: what the tail misses, it misses by its cursor alone.
    const tail = async (): Promise<void> => {
      const rows = await db.rows<{ id: number; name: string }>`
        select id, payload->>'principalId' as name from bus.outbox where id > ${last} order by id`;
      for (const row of rows) seen.add(row.name);
      last = rows.at(-1)?.id ?? last;
    };
    let writing = true;
    const reading = (async () => {
      while (writing) await tail();
      await tail();
    })();
    await write(db, 11);
    writing = false;
    await reading;
    assert.equal((await db.one<{ n: number }>`select count(*) as n from bus.outbox`)?.n, total);
    assert.ok(seen.size < total, `the tail has seen ${seen.size} of ${total}`);
  } finally {
    await db.close();
    await database.drop();
  }
});

test('a cursor of another incarnation is refused, and one of this incarnation is answered', async () => {
  await using hub = await startTestHub();
  await hub.member('Alice');
  const before = await hub.db.one<{ incarnation: string }>`select incarnation from platform.hub`;
  const cursor = { incarnation: before?.incarnation ?? '', position: 0 };
  assert.ok((await readBus(hub.db, cursor, 10)).length > 0);
  await hub.db.run`update platform.hub set incarnation = 'restored'`;
  await assert.rejects(readBus(hub.db, cursor, 10), { code: 'bus.unknown_incarnation' });
  assert.ok((await readBus(hub.db, { incarnation: 'restored', position: 0 }, 10)).length > 0);
});
