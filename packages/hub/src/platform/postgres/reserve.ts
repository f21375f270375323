import { randomBytes } from 'node:crypto';
import { rmSync, statfsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { Log } from '#platform/ports';

/** Three files of PostgreSQL's log, which are 16 MB each: what thousands of retractions write. */
export const reserveBytes = 48 << 20;
/** Below this the database's next file may not fit: the reserve is given up. */
const giveUpBytes = 32 << 20;
/** Below these, what only adds is refused: a twentieth of the disk, at least two files of the log beyond the reserve, at most what a large import writes. */
const roomShare = 1 / 20;
const roomMinBytes = 64 << 20;
const roomMaxBytes = 1 << 30;
const lookEveryMs = 500;

/**
 * Room on the database's disk. Long before it is full, nothing more is taken in; and a file that can be deleted at once keeps room for what must
 * still get through then: retractions, receipts, the end of leases.
 */
export type Reserve = {
  /** False: take in nothing that only adds. */
  hasRoom(): boolean;
  /** Deletes the reserve when the disk is nearly full, and makes it again when there is plenty. */
  look(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
};

type Space = { readonly freeBytes: number; readonly totalBytes: number };

/** `file` is on the database's disk; with `bytes` 0 there is no reserve. */
export function createReserve(options: {
  readonly file: string;
  readonly folder: string;
  readonly log: Pick<Log, 'warn' | 'info'>;
  readonly bytes?: number;
  /** Tests: another disk than the real one. */
  readonly space?: () => Space;
}): Reserve {
  const bytes = options.bytes ?? reserveBytes;
  const space = options.space ?? (() => spaceOf(options.folder));
  let held = false;
  let room = true;
  let failed = false;
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();

  const neededBytes = (totalBytes: number): number => Math.min(roomMaxBytes, Math.max(roomMinBytes, totalBytes * roomShare));

  function hasRoom(): boolean {
    const { freeBytes, totalBytes } = space();
    const now = freeBytes >= neededBytes(totalBytes);
    if (now !== room)
      options.log.warn(
        { freeBytes },
        now
          ? 'There is room on the disk again: reports are taken.'
          : 'The disk of the database is nearly full: reports are refused, retractions go on. Make room.',
      );
    room = now;
    return now;
  }

  async function lookOnce(): Promise<void> {
    const { freeBytes, totalBytes } = space();
    hasRoom();
    if (freeBytes < giveUpBytes && held) {
      rmSync(options.file, { force: true });
      held = false;
      options.log.warn({ freeBytes }, 'The disk of the database is full: the room that was kept for retractions is given to them.');
    } else if (!held && bytes > 0 && freeBytes >= neededBytes(totalBytes) + bytes) {
      held = await fill(options.file, bytes).catch((error: unknown) => {
        if (!failed) options.log.warn({ err: String(error) }, `No room could be kept in ${options.file}.`);
        failed = true;
        return false;
      });
    }
  }

  return {
    hasRoom,
    look() {
      looking = looking
        .then(lookOnce)
        .catch((error: unknown) => options.log.warn({ err: String(error) }, 'The disk could not be looked at.'));
      return looking;
    },
    start() {
      timer = setInterval(() => void this.look(), lookEveryMs);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

/** Before a start: a database that recovers on a full disk needs the room more than anything. */
export function giveUpForStart(file: string, folder: string): void {
  if (spaceOf(folder).freeBytes < giveUpBytes) rmSync(file, { force: true });
}

function spaceOf(folder: string): Space {
  const { bavail, blocks, bsize } = statfsSync(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** Random, so that no file system stores it in less. A file of an earlier run is written over: it may be half. */
async function fill(file: string, bytes: number): Promise<boolean> {
  const chunk = randomBytes(1 << 20);
  const handle = await open(file, 'w', 0o600);
  try {
    for (let done = 0; done < bytes; done += chunk.length) await handle.write(chunk);
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return true;
}
