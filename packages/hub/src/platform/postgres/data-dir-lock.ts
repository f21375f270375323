import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartRefused } from '#platform/start-refused';
import { processStartTime } from './processes.ts';

export type DataDirLock = { release(): void };

/**
 * Locks that this process holds. A lock ends with its connection, so a connection that nobody refers to any more must not be
 * collected: that would open the data directory to a second hub while the first one still runs.
 */
const heldConnections = new Set<DatabaseSync>();

/**
 * Takes a data directory for this process, or throws StartRefused naming the process that has it.
 *
 * The lock is the kernel's, on an empty file that SQLite opens exclusively, because Node.js itself has no file locks. So it ends with
 * the process however that ends, no stale lock can exist, taking it is one step, and it holds across containers that share a volume,
 * where process ids say nothing. Who has it stands in a second file, for the message alone. (Nothing else in this process may open
 * the lock file: closing any descriptor of it would release the lock.)
 */
export function lockDataDir(dataDir: string): DataDirLock {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const holderFile = join(dataDir, 'lock.holder');
  const connection = new DatabaseSync(join(dataDir, 'lock'));
  try {
    connection.exec('pragma journal_mode = memory; begin exclusive');
  } catch (error) {
    connection.close();
    if (!(error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy)) throw error;
    throw new StartRefused(
      `The data directory ${dataDir} is in use by ${readHolder(holderFile)}. Stop that one, or set REBATO_DATA_DIR to another directory.`,
    );
  }
  writeFileSync(holderFile, JSON.stringify({ pid: process.pid, startTime: processStartTime(process.pid) }), { mode: 0o600 });
  heldConnections.add(connection);
  return {
    release() {
      if (heldConnections.delete(connection)) connection.close();
    },
  };
}

/** SQLITE_BUSY: another connection holds the lock. */
const sqliteBusy = 5;

function readHolder(holderFile: string): string {
  try {
    const holder: unknown = JSON.parse(readFileSync(holderFile, 'utf8'));
    if (typeof holder === 'object' && holder !== null && 'pid' in holder && 'startTime' in holder && typeof holder.pid === 'number') {
      if (processStartTime(holder.pid) === holder.startTime) return `process ${holder.pid}`;
    }
  } catch {
    // Being written at this moment: the number is a courtesy, the refusal stands without it.
  }
  return 'another process (outside this container, or just starting)';
}
