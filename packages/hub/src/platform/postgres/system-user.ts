import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StartRefused } from '#platform/start-refused';

export type SystemUser = { readonly name: string; readonly uid: number; readonly gid: number };

/** The user that PostgreSQL, which refuses to run as root, runs as. Undefined: this process is not root, and runs it as itself. */
export function postgresUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const own = findUser('rebato-postgres') ?? createUser('rebato-postgres');
  const user = own ?? findUser('postgres') ?? findUser('nobody');
  if (user === undefined) {
    throw new StartRefused(
      'PostgreSQL does not run as root, and no other system user was found or could be created. ' +
        'Start Rebato as an ordinary user, or set REBATO_DATABASE_URL.',
    );
  }
  return user;
}

function findUser(name: string): SystemUser | undefined {
  const id = (flag: string): number => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { name, uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}

function createUser(name: string): SystemUser | undefined {
  try {
    execFileSync(
      'useradd',
      ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin', name],
      {
        stdio: 'ignore',
      },
    );
  } catch {
    // No useradd, a read-only /etc, or another hub that was faster: the look-up tells.
  }
  return findUser(name);
}

/** Whether `user` may pass through every folder down to `path` and read it, by the permission bits. */
export function canTraverse(path: string, user: SystemUser): boolean {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
    if (((mode >> shift) & 0o1) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
