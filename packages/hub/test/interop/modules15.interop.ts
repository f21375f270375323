import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startCluster15 } from './cluster15.ts';
import { without } from './peers.ts';

const root = resolve(import.meta.dirname, '../../../..');

/** All that speak SQL. Left out: the tests of the embedded server, which are about another program. */
const files = globSync(
  ['packages/hub/src/**/*.pg.test.ts', 'packages/hub/src/{modules,edges}/**/*.net.test.ts', 'packages/hub/test/*.net.test.ts'],
  {
    cwd: root,
  },
).filter((file) => !file.includes('/postgres/'));

/** 80 seconds on two cores. */
const runMaxMs = 4 * 60_000;

test(`on PostgreSQL 15, the ${files.length} test files of the hub with a database pass`, { skip: without('postgresql15') }, async () => {
  assert.ok(files.length > 10, `only ${files.length} files`);
  await using cluster = await startCluster15();
  // A runner inside a test of another one reports to that one, unless it does not know of it.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const options = { cwd: root, env: { ...env, REBATO_TEST_PG_URL: cluster.adminUrl }, timeout: runMaxMs, maxBuffer: 32 << 20 };
  const args = ['--test', '--test-concurrency=2', '--test-reporter=tap', ...files];
  const stdout = await promisify(execFile)(process.execPath, args, options).then(
    (ended) => ended.stdout,
    (error: { stdout?: string; message: string }) => assert.fail(failures(error.stdout ?? '') || error.message),
  );
  const passed = Number(/^# pass (\d+)$/m.exec(stdout)?.[1] ?? 0);
  assert.ok(passed > 100, `only ${passed} tests passed`);
});

/** What failed, and some lines of why. */
const failures = (tap: string): string =>
  tap
    .split(/\n(?= *(?:not )?ok )/)
    .filter((part) => /^ *not ok /.test(part))
    .map((part) => part.split('\n').slice(0, 25).join('\n'))
    .join('\n')
    .slice(0, 20_000);
