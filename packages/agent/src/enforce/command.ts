import type { ValueKind } from '@rebato/contract';
import { isKind } from '../trust/shape.ts';
import { jsonLines, runProgram } from './program.ts';
import { type LoadedEntry, type Target, type TargetChanges, TargetError } from './target.ts';

export type CommandTargetOptions = {
  readonly argv: readonly string[];
  readonly kinds: readonly ValueKind[];
  readonly capacity: number;
  readonly timeoutMs: number;
};

/**
 * A program of the owner's. It is started for each batch with JSON lines on its standard input, `{"op":"add","kind","value","until"}` and
 * `{"op":"remove","kind","value"}`, and ends with 0 when all of them are in force. Started with the one line `{"op":"readback"}` it prints
 * what is loaded as JSON lines `{"kind","value"}`. `until` is an RFC 3339 time by this machine's clock, or null.
 */
export function commandTarget(options: CommandTargetOptions, wallMs: () => number): Target {
  function* linesFor(changes: TargetChanges): Generator<string> {
    // Removals first: a program with a full table has room for what comes after.
    for (const { kind, value } of changes.remove) yield `${JSON.stringify({ op: 'remove', kind, value })}\n`;
    for (const { kind, value, seconds } of changes.add) {
      const until = seconds === undefined ? null : new Date(wallMs() + seconds * 1_000).toISOString();
      yield `${JSON.stringify({ op: 'add', kind, value, until })}\n`;
    }
  }

  return {
    name: `command ${options.argv[0] ?? ''}`,
    kinds: new Set(options.kinds),
    capacity: options.capacity,
    async open() {},
    apply: (changes) => runProgram({ argv: options.argv, input: linesFor(changes), timeoutMs: options.timeoutMs }),
    async *readBack() {
      const entries: LoadedEntry[] = [];
      await runProgram({
        argv: options.argv,
        input: ['{"op":"readback"}\n'],
        timeoutMs: options.timeoutMs,
        async output(chunks) {
          for await (const values of jsonLines(chunks)) {
            for (const value of values) {
              const entry = value as Partial<LoadedEntry> | null;
              if (!isKind(entry?.kind) || typeof entry?.value !== 'string')
                throw new TargetError('readback_malformed', 'the program printed something else');
              entries.push({ kind: entry.kind, value: entry.value });
            }
          }
        },
      });
      yield entries;
    },
    async close() {},
  };
}
