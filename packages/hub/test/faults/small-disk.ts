import { spawnSync } from 'node:child_process';
import { existsSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Room for a fresh cluster and its first log files, for the reserve, and little more. */
const sizeMegabytes = 400;

/** A small file system of its own, or why there is none. */
export async function mountSmall(): Promise<{ readonly folder: string; unmount(): Promise<void> } | string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'mounting a small file system needs root on Linux';
  const folder = await mkdtemp(join(tmpdir(), 'rebato-full-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMegabytes}m`, 'tmpfs', folder]);
  if (mounted.status !== 0) {
    await rm(folder, { recursive: true });
    return `no small file system can be mounted here: ${mounted.stderr?.toString().trim() || mounted.error?.message}`;
  }
  await chmod(folder, 0o755);
  return {
    folder,
    async unmount() {
      spawnSync('umount', ['-l', folder]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const freeBytes = (folder: string): number => statfsSync(folder).bavail * statfsSync(folder).bsize;

/** Takes all room but `leave` bytes; freed by deleting the file. */
export function fill(folder: string, leave: number): string {
  const ballast = join(folder, 'ballast');
  if (existsSync(ballast)) truncateSync(ballast, 0);
  const chunk = Buffer.alloc(1 << 20, 1);
  writeFileSync(ballast, '');
  while (freeBytes(folder) > leave + chunk.length) writeFileSync(ballast, chunk, { flag: 'a' });
  return ballast;
}
