import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '#platform/clock';
import { createTestDatabase, startTestHub } from '../hub.ts';

type Code = { readonly code: string };

test('tries to sign in count together over two hubs on one database, and a locked address is locked at both', async () => {
  const database = await createTestDatabase();
  const clock = manualClock(new Date('2026-11-23T10:00:00Z'));
  try {
    await using one = await startTestHub({ databaseUrl: database.url, clock });
    await using two = await startTestHub({ databaseUrl: database.url, clock, dataDir: one.dataDir });
    const guess = async (at: number, mail: string) =>
      (await [one, two][at % 2]?.as('').post<Code>('/api/v1/auth/password', { mail, password: `guess number ${at}`, code: '000000' }))?.body
        .code;
    const said: (string | undefined)[] = [];
    for (let at = 0; at < 12; at += 1) said.push(await guess(at, 'ana@example.org'));
    assert.deepEqual(said, [...Array(10).fill('auth.invalid'), ...Array(2).fill('auth.too_many_attempts')]);
    // Another address is not locked, and the lock ends with its window.
    assert.equal(await guess(0, 'bea@example.org'), 'auth.invalid');
    clock.advance(15 * 60_000);
    for (const at of [0, 1]) assert.equal(await guess(at, 'ana@example.org'), 'auth.invalid');
  } finally {
    await database.drop();
  }
});
