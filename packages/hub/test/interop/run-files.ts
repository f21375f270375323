import { globSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { startScratchPostgres } from '#platform/postgres/scratch';
import { summarise, type TestEvent } from '../../../../tools/test-summary.ts';

const root = resolve(import.meta.dirname, '../../../..');

/** Starting a browser or a database cluster takes seconds; a file that hangs ends the run with its name. */
const fileMaxMs = 5 * 60_000;

/**
 * Runs the test files of `folder` that end in `suffix`, or those whose path contains one of the patterns, one after the other: the programs of
 * others share two cores with them. Prints a line for each file and `notes` before one closing line, `NAME: N passed, N failed, N skipped`.
 * Answers the exit code: 0 only when something passed and nothing failed.
 */
export async function runFiles(input: {
  readonly name: string;
  readonly folder: string;
  readonly suffix: string;
  readonly patterns: readonly string[];
  readonly notes: readonly string[];
}): Promise<number> {
  const files = globSync(`**/*${input.suffix}`, { cwd: input.folder })
    .map((file) => resolve(input.folder, file))
    .filter((file) => input.patterns.length === 0 || input.patterns.some((pattern) => relative(root, file).includes(pattern)))
    .sort();
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  const server = process.env.REBATO_TEST_PG_URL === undefined && files.length > 0 ? await startScratchPostgres() : undefined;
  if (server !== undefined) process.env.REBATO_TEST_PG_URL = server.url;

  const result = summarise(root);
  try {
    if (files.length > 0) {
      for await (const event of run({ files, cwd: root, concurrency: 1, timeout: fileMaxMs, signal: interrupt.signal, forceExit: false })) {
        const text = result.take(event as TestEvent);
        if (text !== '') process.stdout.write(text);
      }
    }
  } finally {
    await server?.stop();
  }
  for (const note of input.notes) process.stdout.write(`${note}\n`);
  process.stdout.write(result.closingLine().replace(/^tests: (?=\d+ passed)/m, `${input.name}: `));
  return result.ok() && !interrupt.signal.aborted ? 0 : 1;
}
