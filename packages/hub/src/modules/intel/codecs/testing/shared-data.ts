import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../../../../../..');

export const fixtureNames = (folder: string): string[] => readdirSync(join(root, 'fixtures', folder)).sort();
export const fixture = (path: string): Buffer => readFileSync(join(root, 'fixtures', path));

/** Real data that stands beside the repository on some machines: its files, or why there are none. */
export function sharedFiles(
  folder: string,
  suffix: string,
): { readonly files: readonly { name: string; bytes: () => Buffer }[]; readonly skip: string | false } {
  const dir = join(process.env.REBATO_SHARED ?? join(root, '../shared'), 'data', folder);
  if (!existsSync(dir)) return { files: [], skip: `no real data here: ${folder} (set REBATO_SHARED)` };
  const names = readdirSync(dir).filter((name) => name.endsWith(suffix));
  return { files: names.map((name) => ({ name, bytes: () => readFileSync(join(dir, name)) })), skip: false };
}
