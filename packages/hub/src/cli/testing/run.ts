import { Readable } from 'node:stream';
import { runCli } from '../cli.ts';

export type Ran = { readonly code: number; readonly out: string; readonly err: string };

/** The clock of these tests. */
export const testNow = new Date('2026-11-23T20:00:00Z');

/** Runs one command against `url` with a key, and answers what it printed. */
export async function run(
  url: string,
  argv: readonly string[],
  options: { readonly stdin?: string; readonly env?: Readonly<Record<string, string>>; readonly key?: string; readonly now?: Date } = {},
): Promise<Ran> {
  let out = '';
  let err = '';
  const code = await runCli(argv, {
    env: { REBATO_URL: url, REBATO_KEY: options.key ?? 'test-key', ...options.env },
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    now: () => options.now ?? testNow,
  });
  return { code, out, err };
}
