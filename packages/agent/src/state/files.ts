import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes the names in a folder durable: a rename survives a power cut only after this. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Replaces a file as a whole: a reader, or a process that is killed here, finds the old content or the new. The temporary file stands in the
 * same folder, because a rename across file systems is a copy.
 */
export async function replaceFile(path: string, write: (handle: FileHandle) => Promise<void>, mode: number): Promise<void> {
  const temporary = `${path}.new`;
  const handle = await open(temporary, 'w', mode);
  try {
    // `open` leaves the mode of a file that a killed process left behind.
    await handle.chmod(mode);
    await write(handle);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}
