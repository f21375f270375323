import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MachineClock } from '../clock.ts';

export type Lock = { /** False when somebody else took or removed it. */ held(): boolean; release(): void };
export type LockHolder = { readonly pid: number };

type LockText = { readonly pid: number; readonly started: string; readonly boot: string; readonly nonce: string };

/** When a process began, in ticks since boot: together with its id it is never used twice within a boot. Empty if there is no such process. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may contain anything, so count from behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function readLock(path: string): { text: string; holder: LockText | undefined } | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    try {
      const holder = JSON.parse(text) as LockText;
      return { text, holder: typeof holder.pid === 'number' ? holder : undefined };
    } catch {
      return { text, holder: undefined };
    }
  } catch {
    return undefined;
  }
}

function isAlive(holder: LockText, boot: string): boolean {
  return holder.boot === boot && holder.started !== '' && startOf(holder.pid) === holder.started;
}

/** Who runs on this state folder, if anybody. */
export function lockHolder(folder: string, clock: MachineClock): LockHolder | undefined {
  const found = readLock(join(folder, 'lock'));
  return found?.holder && isAlive(found.holder, clock.boot()) ? { pid: found.holder.pid } : undefined;
}

/**
 * Takes the state folder, or returns who has it. The lock is a file, because a socket would not be seen from another network namespace. What a
 * killed process left behind is recognised by its process number, start time and boot, so no number that was given again blocks for ever.
 */
export function takeLock(folder: string, clock: MachineClock): Lock | LockHolder {
  const path = join(folder, 'lock');
  const mine: LockText = { pid: process.pid, started: startOf(process.pid), boot: clock.boot(), nonce: randomBytes(12).toString('hex') };
  const text = JSON.stringify(mine);
  const candidate = `${path}.${mine.nonce}`;
  writeFileSync(candidate, text, { mode: 0o600 });
  try {
    // Each round either takes the lock, meets a living holder, or removes one stale file; more than a few mean that something else interferes.
    for (let round = 0; round < 5; round++) {
      try {
        linkSync(candidate, path);
        return {
          held: () => readLock(path)?.text === text,
          release() {
            if (readLock(path)?.text === text) unlinkSync(path);
          },
        };
      } catch {
        const found = readLock(path);
        if (!found) continue;
        if (found.holder && isAlive(found.holder, mine.boot)) return { pid: found.holder.pid };
        const aside = `${candidate}.stale`;
        try {
          renameSync(path, aside);
          // Between reading and renaming somebody may have taken it: then what was moved is a living lock and goes back.
          if (readLock(aside)?.text !== found.text) linkSync(aside, path);
          unlinkSync(aside);
        } catch {}
      }
    }
    return { pid: readLock(path)?.holder?.pid ?? 0 };
  } finally {
    unlinkSync(candidate);
  }
}
