import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const watchdog = join(import.meta.dirname, 'test-watchdog.mjs');
const runs = (script: string, withWatchdog: boolean) =>
  spawnSync(process.execPath, [...(withWatchdog ? ['--import', watchdog] : []), '--eval', script], {
    env: { ...process.env, REBATO_TEST_FILE_MAX_MS: '300' },
    timeout: 5_000,
    encoding: 'utf8',
  });

test('a file that something keeps alive fails and says what; without the watchdog it waits for ever; one that ends is left alone', () => {
  const hanging = runs('setInterval(() => {}, 50)', true);
  assert.equal(hanging.status, 1);
  assert.match(hanging.stderr, /Still running after 300 ms\. Open: .*Timeout/);
  assert.equal(runs('setInterval(() => {}, 50)', false).signal, 'SIGTERM');
  const ending = runs('console.log("done")', true);
  assert.deepEqual([ending.status, ending.stdout, ending.stderr], [0, 'done\n', '']);
});
