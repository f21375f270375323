import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** When a process started, in the kernel's ticks since boot: with the id it names a process for good. Undefined: no such process. */
export function processStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may contain anything; the state is field 3, the start time field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return process.platform === 'linux' ? undefined : isAlive(pid) ? 'unknown' : undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Sends a signal to a process that may be gone already. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone: that is what the signal was for.
  }
}

/**
 * The PostgreSQL processes that work in a cluster directory, the server first if it is among them. PostgreSQL makes the cluster its
 * working directory, so the kernel itself answers the question, and a reused process id in a stale pid file cannot mislead.
 */
export function clusterProcesses(clusterDir: string): number[] {
  const server = readServerPid(clusterDir);
  if (process.platform !== 'linux') return server !== undefined && isAlive(server) ? [server] : [];
  const found: number[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (readlinkSync(`/proc/${pid}/cwd`) === clusterDir && processStartTime(pid) !== undefined && isPostgres(pid)) found.push(pid);
    } catch {
      // Gone meanwhile, or another user's process, which cannot be our server.
    }
  }
  return found.sort((a, b) => Number(b === server) - Number(a === server));
}

/** A shell that somebody opened in the cluster directory is none of ours. (The kernel appends " (deleted)" after an upgrade.) */
function isPostgres(pid: number): boolean {
  return /\/postgres(?: \(deleted\))?$/.test(readlinkSync(`/proc/${pid}/exe`));
}

/** The process id in the cluster's pid file, true or stale. */
export function readServerPid(clusterDir: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(`${clusterDir}/postmaster.pid`, 'utf8'), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Polls a condition until it holds or the time is over; returns whether it held. */
export async function waitUntil(condition: () => boolean, maxMs: number): Promise<boolean> {
  for (const deadline = performance.now() + maxMs; ; ) {
    if (condition()) return true;
    if (performance.now() >= deadline) return false;
    await wait(pollMs);
  }
}

const pollMs = 20;

/** Fast shutdown: open transactions are rolled back and a checkpoint is written, at most a few seconds of disk writes. */
export const fastShutdownMaxMs = 15_000;
/** Immediate shutdown: nothing is written, so only an unresponsive disk takes longer. */
export const immediateShutdownMaxMs = 5_000;

/**
 * A server that still recovers from a crash obeys a fast shutdown only when it is done, and it has nothing to save: who was killed then is not
 * waited for.
 */
const survivorFastMaxMs = 3_000;

/** Stops the server of a cluster that a killed hub left behind: fast, then immediate, then by force. The data survives each. */
export async function stopSurvivors(clusterDir: string, log: (line: string) => void): Promise<void> {
  const survivors = clusterProcesses(clusterDir);
  if (survivors.length === 0) return;
  log(`A PostgreSQL server of an earlier run (process ${survivors[0]}) still works on ${clusterDir}; stopping it first.`);
  const gone = (): boolean => clusterProcesses(clusterDir).length === 0;
  const steps = [
    ['SIGINT', survivorFastMaxMs],
    ['SIGQUIT', immediateShutdownMaxMs],
    ['SIGKILL', immediateShutdownMaxMs],
  ] as const;
  for (const [signal, maxMs] of steps) {
    const server = readServerPid(clusterDir);
    // The server ends its own processes; without a server, they are ended one by one (SIGINT would only cancel their query).
    const targets = clusterProcesses(clusterDir);
    if (signal !== 'SIGKILL' && server !== undefined && targets.includes(server)) signalQuietly(server, signal);
    else for (const pid of targets) signalQuietly(pid, signal === 'SIGINT' ? 'SIGTERM' : signal);
    if (await waitUntil(gone, maxMs)) return;
  }
}
