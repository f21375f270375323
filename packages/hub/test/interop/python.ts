import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programOf, without } from './peers.ts';

/** Readers written by others, at fixed versions: a new release must not turn a green run red by itself. */
const packages = ['pymisp==2.5.34.4', 'stix2==3.0.2', 'prometheus_client==0.26.0'];

/** Some thirty packages with their dependencies; a slow index must not hold the run for ever. */
const installMaxMs = 5 * 60_000;
const scriptMaxMs = 60_000;

const programVariable = 'REBATO_TEST_PYTHON';
const reasonVariable = 'REBATO_TEST_WITHOUT_PYTHON';

/** Makes a Python environment of the run's own in a temporary folder, and tells the test files where it is. */
export async function installPython(say: (line: string) => void): Promise<{ readonly notes: readonly string[]; remove(): Promise<void> }> {
  const nothing = async (): Promise<void> => {};
  if (process.env[programVariable] !== undefined) return { notes: [], remove: nothing };
  const absent = without('python');
  if (absent !== false) return { notes: [], remove: nothing };
  const folder = await mkdtemp(join(tmpdir(), 'rebato-python-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  say(`Installing ${packages.join(' ')} …`);
  const whyNot =
    attempt(programOf('python'), ['-m', 'venv', folder]) ??
    attempt(join(folder, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', '--no-input', ...packages]);
  if (whyNot === undefined) {
    process.env[programVariable] = join(folder, 'bin/python');
    return { notes: [], remove };
  }
  const reason = `the Python packages could not be installed: ${whyNot}`;
  process.env[reasonVariable] = reason;
  return { notes: [`skipped peer pymisp, stix2, prometheus_client: ${reason}`], remove };
}

function attempt(program: string, args: readonly string[]): string | undefined {
  const { status, error, stderr } = spawnSync(program, args, {
    timeout: installMaxMs,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return status === 0 ? undefined : (error?.message ?? stderr.trim().split('\n').at(-1) ?? `status ${status}`).slice(0, 300);
}

/** For a test's `skip`. */
export const withoutPython = (): string | false =>
  without('python') ||
  (process.env[programVariable] === undefined ? (process.env[reasonVariable] ?? 'run by npm run interop, which installs it') : false);

/** Runs a script with `input` on its standard input; answers what it printed as JSON. Throws with the traceback. */
export function runPython<T>(script: string, input: string): Promise<T> {
  return new Promise((done, refuse) => {
    const options = { timeout: scriptMaxMs, maxBuffer: 32 << 20 };
    const child = execFile(process.env[programVariable] ?? '', ['-c', script], options, (error, stdout, stderr) => {
      if (error !== null) refuse(new Error(`${error.message.split('\n')[0]?.slice(0, 100)}\n${stderr}`));
      else done(JSON.parse(stdout) as T);
    });
    child.stdin?.end(input);
  });
}
