import { relative } from 'node:path';
import { inspect } from 'node:util';

/** The part of the test runner's events that is read here. `entryFile` is set for tests, and missing for a test file as a whole. */
export type TestEvent = {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly file?: string | undefined;
    readonly entryFile?: string | undefined;
    readonly line?: number | undefined;
    readonly skip?: string | boolean | undefined;
    readonly todo?: string | boolean | undefined;
    readonly message?: string;
    readonly details?: { readonly type?: string | undefined; readonly duration_ms?: number; readonly error?: unknown };
  };
};

export type TestResult = {
  /** Takes the next event; returns what to print now, often nothing. */
  take(event: TestEvent): string;
  /** Whether at least one test ran and none failed. */
  ok(): boolean;
  /** `tests: N passed, N failed, N skipped`, after the reasons of skipped tests and the names of failed ones. */
  closingLine(): string;
};

/** What a file prints is shown when one of its tests fails; a log that runs away is cut. */
const outputMaxChars = 100_000;

type FileState = { passed: number; failed: number; skipped: number; durationMs: number; output: string };

/**
 * Counts tests and renders them in plain lines: one per file, the whole story for failures. The runner's own summary is not used,
 * because it counts a file without a single test as a passed test.
 */
export function summarise(root: string): TestResult {
  const files = new Map<string, FileState>();
  const failures: string[] = [];
  const skips: string[] = [];
  const stateOf = (file: string): FileState => {
    const state = files.get(file) ?? { passed: 0, failed: 0, skipped: 0, durationMs: 0, output: '' };
    files.set(file, state);
    return state;
  };
  const total = (key: 'passed' | 'failed' | 'skipped'): number => [...files.values()].reduce((sum, state) => sum + state[key], 0);
  const fail = (file: string, where: string, why: string): string => {
    stateOf(file).failed += 1;
    failures.push(where);
    return `FAILED ${where}\n${indent(why)}\n`;
  };

  return {
    take({ type, data }) {
      const path = data.entryFile ?? data.file;
      if (path === undefined) return '';
      const file = relative(root, path);
      const state = stateOf(file);
      if (type === 'test:stdout' || type === 'test:stderr') {
        state.output = (state.output + (data.message ?? '')).slice(0, outputMaxChars);
        return '';
      }
      if (type === 'test:summary') {
        const output = state.failed > 0 && state.output !== '' ? `${indent(state.output)}\n` : '';
        const counts = `${state.passed} passed, ${state.failed} failed, ${state.skipped} skipped`;
        return `${output}${state.failed > 0 ? 'FAILED' : 'ok    '} ${file}: ${counts} (${(state.durationMs / 1000).toFixed(1)} s)\n`;
      }
      if ((type !== 'test:pass' && type !== 'test:fail') || data.details?.type === 'suite') return '';

      const isWholeFile = data.entryFile === undefined;
      if (isWholeFile) {
        if (type === 'test:pass') return fail(file, file, 'The file contains no test.');
        return fail(file, file, state.output || describe(data.details?.error));
      }
      const where = `${file}:${data.line ?? 0} ${data.name ?? ''}`;
      state.durationMs += data.details?.duration_ms ?? 0;
      if (data.skip !== undefined || data.todo !== undefined) {
        const reason = data.skip ?? data.todo;
        state.skipped += 1;
        skips.push(`${where}: ${typeof reason === 'string' ? reason : 'no reason given'}`);
        return '';
      }
      if (type === 'test:fail') return fail(file, where, describe(data.details?.error));
      state.passed += 1;
      return '';
    },
    ok: () => total('passed') > 0 && total('failed') === 0,
    closingLine() {
      const lines = [...skips.map((skip) => `skipped ${skip}`), ...failures.map((failure) => `failed ${failure}`)];
      if (total('passed') + total('failed') === 0) lines.push('No test ran.');
      lines.push(`tests: ${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
      return `${lines.join('\n')}\n`;
    },
  };
}

/** The runner wraps what a test threw; the reader wants what the test threw. */
function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return typeof cause === 'string' ? cause : inspect(cause);
}

function indent(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
