import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestDatabase } from '#test/hub';
import { startJobs } from './jobs.ts';

/** The calendar's steps are minutes: the next one, and some time to carry it out. */
const nextMinuteMs = 90_000;

test('of two processes on one database one does what the calendar says; control: on two databases each does it', {
  timeout: 120_000,
}, async () => {
  const [shared, other] = [await createTestDatabase(), await createTestDatabase()];
  const ran = { one: [] as number[], two: [] as number[], apart: [] as number[] };
  const log = { info() {}, warn() {}, error() {} };
  const limit = AbortSignal.timeout(nextMinuteMs);
  let wake = (): void => {};
  limit.addEventListener('abort', () => wake(), { once: true });
  const start = (url: string, runs: number[]) => {
    const run = async (): Promise<void> => {
      runs.push(Math.floor(Date.now() / 60_000));
      wake();
    };
    return startJobs(url, [{ name: 'tick', cron: '* * * * *', run }], log);
  };
  const running = [await start(shared.url, ran.one), await start(shared.url, ran.two), await start(other.url, ran.apart)];
  try {
    // The control: on a database of its own the same minute is carried out once more.
    while (!ran.apart.some((minute) => ran.one.includes(minute) || ran.two.includes(minute))) {
      assert.ok(!limit.aborted, `the calendar did nothing: ${JSON.stringify(ran)}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    // What is running is finished first.
    for (const each of running) await each.stop();
    await shared.drop();
    await other.drop();
  }
  const together = [...ran.one, ...ran.two];
  assert.equal(new Set(together).size, together.length, 'no minute twice');
});
