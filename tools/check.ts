// npm run check [-- --fast]: everything that can be judged without running the product. Tests are a command of their own (npm test).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkImports, readSources, type SourceFile } from './boundaries.ts';

const root = resolve(import.meta.dirname, '..');

/** A longer file probably holds two ideas. A hint, not a failure: tables and prose may be long. */
const fileMaxLines = 400;
/** Of the complaints of one part; the rest is repeated by running that part alone. */
const outputMaxChars = 20_000;
/** The slowest part, the compiler, needs a few seconds. */
const partMaxMs = 5 * 60_000;

type Outcome = { readonly ok: boolean; readonly skipped?: string; readonly said: string };
type Part = { readonly name: string; readonly fast: boolean; run(): Promise<Outcome> | Outcome };

const parts: readonly Part[] = [
  { name: 'types', fast: true, run: () => program(join('node_modules', 'typescript', 'bin', 'tsc'), ['-p', '.']) },
  // Hints are left to the editor: a hundred of them hide the error that matters.
  {
    name: 'lint and format',
    fast: true,
    run: () =>
      program(join('node_modules', '@biomejs', 'biome', 'bin', 'biome'), ['check', '--diagnostic-level=warn', '--max-diagnostics=30']),
  },
  { name: 'boundaries', fast: true, run: boundaries },
  { name: 'generated documents', fast: false, run: documents },
];

const fast = process.argv.includes('--fast');
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const part of parts) {
  const outcome: Outcome = fast && !part.fast ? { ok: true, skipped: 'left out by --fast', said: '' } : await part.run();
  const state = outcome.skipped !== undefined ? 'skipped' : outcome.ok ? 'passed' : 'failed';
  counts[state] += 1;
  process.stdout.write(`${state.padEnd(7)} ${part.name}${outcome.skipped === undefined ? '' : `: ${outcome.skipped}`}\n`);
  if (state === 'failed') process.stdout.write(`${outcome.said.slice(0, outputMaxChars).trimEnd()}\n`);
}
for (const warning of longFiles(readSources(root))) process.stdout.write(`warning ${warning}\n`);
process.stdout.write(`check: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
process.exitCode = counts.failed === 0 ? 0 : 1;

function boundaries(): Outcome {
  const problems = checkImports(readSources(root));
  return { ok: problems.length === 0, said: problems.join('\n') };
}

function documents(): Promise<Outcome> | Outcome {
  const script = join('tools', 'docs.ts');
  return existsSync(join(root, script)) ? program(script, ['--check']) : { ok: true, skipped: `there is no ${script}`, said: '' };
}

function longFiles(files: readonly SourceFile[]): string[] {
  return files
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > fileMaxLines)
    .map(({ path, lines }) => `${path}: ${lines} lines; look for a second idea past ${fileMaxLines}.`);
}

/** Runs a script with this Node.js; what it says counts only when it fails. */
async function program(script: string, args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [join(root, script), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: partMaxMs,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < outputMaxChars) said += text;
    });
  }
  const code = await new Promise<number | null>((done, refuse) => {
    child.once('error', refuse);
    child.once('close', done);
  });
  return { ok: code === 0, said: code === null ? `${said}\n${script} did not end within ${partMaxMs / 60_000} minutes.` : said };
}
