#!/usr/bin/env node
// node tools/run.mjs TARGET [arguments]: installs what is missing, then runs a part of Rebato on the pinned Node.js.
// Plain JavaScript for Node.js 20 and later, without dependencies.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled, PlainError, pinnedNode, root } from './install.mjs';

/** Every target is one script; arguments that belong to the target itself stand before those of the caller. */
export const targets = {
  hub: ['packages/hub/src/main.ts'],
  agent: ['packages/agent/src/main.ts'],
  demo: ['packages/hub/src/demo.ts'],
  test: ['tools/test.ts'],
  check: ['tools/check.ts'],
  new: ['tools/new.ts'],
  docs: ['tools/docs.ts'],
  e2e: ['packages/hub/test/e2e/run.ts'],
  interop: ['packages/hub/test/interop/run.ts'],
  bench: ['packages/hub/test/bench/run.ts'],
  kill: ['packages/hub/test/kill/run.ts'],
  format: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write'],
};

/** Installs what is missing and hands over to the target. Where the system can, this process becomes the target. */
export async function run(target, args) {
  try {
    const [script, ...fixed] = targets[target] ?? [];
    if (script === undefined) {
      throw new PlainError(`Unknown target ${JSON.stringify(target ?? '')}. Targets: ${Object.keys(targets).join(', ')}.`);
    }
    await ensureInstalled();
    const path = join(root, script);
    if (!existsSync(path)) throw new PlainError(`The target ${target} needs ${script}, which this copy of the repository does not have.`);
    handOver(findNode(), [path, ...fixed, ...args]);
  } catch (error) {
    if (!(error instanceof PlainError)) throw error;
    process.stderr.write(`rebato: ${error.message}\n`);
    process.exitCode = 1;
  }
}

function findNode() {
  const pinned = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  try {
    accessSync(pinned, constants.X_OK);
    return pinned;
  } catch {
    if (Number.parseInt(process.versions.node, 10) >= pinnedNode.major) return process.execPath;
  }
  throw new PlainError(
    `Rebato runs on Node.js ${pinnedNode.major} or later. For ${process.platform}-${process.arch} it is not among the dependencies, ` +
      `and this is Node.js ${process.versions.node}: install Node.js ${pinnedNode.version} and start again with it.`,
  );
}

function handOver(node, args) {
  // Becoming the target keeps the process id, the terminal and every signal as they are. Node.js 20 cannot do that yet.
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.emitWarning = () => {}; // "experimental", on standard error, before every command.
    process.execve(node, [node, ...args], { ...process.env });
  }
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  // A terminal sends Ctrl-C to both processes itself; a second copy would look like impatience.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.once('error', (error) => {
    process.stderr.write(`rebato: Node.js could not be started: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => process.exit(signal === null ? code : 128 + (osConstants.signals[signal] ?? 0)));
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [, , target, ...args] = process.argv;
  // `npm run check -- --fast` and `npm run check -- -- --fast` mean the same.
  await run(target, args[0] === '--' ? args.slice(1) : args);
}
