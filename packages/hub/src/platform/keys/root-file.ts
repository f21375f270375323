import { chmod, link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { StartRefused } from '../start-refused.ts';
import { type KeyPair, pemOf, readKeyPair } from './envelope.ts';

export const rootFile = (dataDir: string): string => join(dataDir, 'root.key');

/** The root key, when its file is here. An operator who has moved it offline brings it back for the few acts that need it. */
export const readRoot = (dataDir: string): Promise<KeyPair | undefined> => readRootAt(rootFile(dataDir));

/** A root key from wherever it is kept. */
export async function readRootAt(path: string): Promise<KeyPair | undefined> {
  const pem = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new StartRefused(
      `The root key ${path} cannot be read (${error.code ?? error.message}). Give the hub's user access to it, or move it offline.`,
    );
  });
  if (pem === undefined) return undefined;
  // Whoever reads this file can be the hub for every agent, for ever.
  if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  try {
    return readKeyPair(pem);
  } catch {
    throw new StartRefused(
      `The file ${path} is not a P-256 private key in PKCS8 PEM form. Put the right root key there, or move the file away.`,
    );
  }
}

/** Writes the key so that after a power cut there is the whole file or none. Refuses to replace one. */
export async function writeRoot(dataDir: string, pair: KeyPair): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = rootFile(dataDir);
  const draft = `${path}.${process.pid}.new`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(pemOf(pair));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // A link fails where a rename would overwrite.
    await link(draft, path);
  } finally {
    await unlink(draft);
  }
  const folder = await open(dataDir, 'r');
  await folder.sync().finally(() => folder.close());
}
