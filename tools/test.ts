// npm test [-- PATTERN…]: runs the tests whose path contains one of the patterns, or all of them.
import { globSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { summarise, type TestEvent } from './test-summary.ts';

const root = resolve(import.meta.dirname, '..');

/** Everything that needs no browser and no third-party program; those have suffixes of their own (.e2e.ts, .interop.ts). */
const testFiles = ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'tools/**/*.test.ts'];

/** Two cores; more files at once only make each other slow, and the database with them. */
const concurrency = 2;
/** The slowest file runs for a minute and a half. One test's limit; what stays open when all tests of a file are over is the watchdog's matter. */
const testMaxMs = 5 * 60_000;

const patterns = process.argv.slice(2).map((pattern) => (pattern.startsWith('/') ? relative(root, pattern) : pattern.replace(/^\.\//, '')));
const files = globSync(testFiles, { cwd: root })
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort()
  .map((file) => resolve(root, file));

const stopDatabase = await startDatabase(files);
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());

const result = summarise(root);
try {
  if (files.length > 0) {
    const execArgv = ['--import', resolve(import.meta.dirname, 'test-watchdog.mjs')];
    const events = run({ files, cwd: root, concurrency, timeout: testMaxMs, execArgv, signal: interrupt.signal, forceExit: false });
    for await (const event of events) {
      const text = result.take(event as TestEvent);
      if (text !== '') process.stdout.write(text);
    }
  }
} finally {
  await stopDatabase();
}
process.stdout.write(result.closingLine());
process.exitCode = result.ok() && !interrupt.signal.aborted ? 0 : 1;

/** One server for all files, when one of them needs a database; each test makes its own database in it. */
async function startDatabase(selected: readonly string[]): Promise<() => Promise<void>> {
  if (process.env.REBATO_TEST_PG_URL !== undefined || !selected.some((file) => /\.(?:pg|net)\.test\.ts$/.test(file))) return async () => {};
  const { startScratchPostgres } = await import('../packages/hub/src/platform/postgres/scratch.ts');
  const server = await startScratchPostgres();
  process.env.REBATO_TEST_PG_URL = server.url;
  return server.stop;
}
