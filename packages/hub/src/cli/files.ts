import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { Stop, wrongUsage } from './exits.ts';
import { chunksOf } from './hub.ts';
import { shown } from './output.ts';

/** The hub takes this much in one request. */
export const fileMaxBytes = 64 * 1024 * 1024;
/** Files of one folder. More is a mistake, such as the root of a disk. */
const filesMax = 100_000;
const depthMax = 12;
const downloadMaxMs = 120_000;

/** Something to send: `path` names it to people, `name` to the hub, which tells the format by it. */
export type Source = { readonly path: string; readonly name: string };

const why = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'it may not be read',
    EISDIR: 'it is a folder',
  };
  return known[code] ?? (error instanceof Error ? error.message : String(error));
};

/**
 * The files behind the words of a command, folders with all beneath them, by name. From folders come those with one of the suffixes (all
 * without), and never hidden ones; a file that is named itself always counts.
 */
export async function sourcesOf(
  paths: readonly string[],
  options: { readonly suffixes?: readonly string[]; readonly leaveOut?: readonly string[] } = {},
): Promise<readonly Source[]> {
  const found: Source[] = [];
  const add = (path: string): void => {
    if (found.length >= filesMax) throw wrongUsage(`These are more than ${filesMax} files: send the folder in parts.`);
    found.push({ path, name: basename(path) });
  };
  async function walk(folder: string, depth: number): Promise<void> {
    if (depth > depthMax) throw wrongUsage(`${shown(folder)} is nested deeper than ${depthMax} folders.`);
    for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await walk(path, depth + 1);
      else if (entry.isFile() && fits(entry.name, options)) add(path);
    }
  }
  for (const path of paths) {
    try {
      if (path === '-' || isAddress(path)) found.push({ path, name: path === '-' ? '' : basename(new URL(path).pathname) });
      else if ((await stat(path)).isDirectory()) await walk(path, 0);
      else add(path);
    } catch (error) {
      throw error instanceof Stop ? error : wrongUsage(`${shown(path)}: ${why(error)}`);
    }
  }
  if (found.length === 0) throw wrongUsage(`There is nothing to send in ${paths.map(shown).join(', ')}.`);
  return found;
}

function fits(name: string, options: { readonly suffixes?: readonly string[]; readonly leaveOut?: readonly string[] }): boolean {
  if (options.leaveOut?.includes(name) === true) return false;
  return options.suffixes === undefined || options.suffixes.includes(extname(name).slice(1).toLowerCase());
}

export const isAddress = (word: string): boolean => /^https?:\/\//i.test(word);

/** The bytes of a source. Throws a usage Stop that names it. */
export async function readSource(source: Source, stdin: Readable): Promise<Buffer> {
  if (source.path === '-') return gather(stdin, 'standard input');
  if (isAddress(source.path)) return download(source.path);
  try {
    const { size } = await stat(source.path);
    if (size > fileMaxBytes) throw tooLarge(source.path);
    return await readFile(source.path);
  } catch (error) {
    throw error instanceof Stop ? error : wrongUsage(`${shown(source.path)}: ${why(error)}`);
  }
}

const tooLarge = (what: string): Stop =>
  wrongUsage(`${shown(what)}: larger than ${fileMaxBytes >> 20} MiB, which is what the hub takes at once. Send it in parts.`);

async function gather(chunks: AsyncIterable<Uint8Array | string>, what: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    const part = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk);
    size += part.length;
    if (size > fileMaxBytes) throw tooLarge(what);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Fetched from here, by whoever typed the address, without any credential of the hub. */
async function download(address: string): Promise<Buffer> {
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(downloadMaxMs) });
    if (!response.ok) throw wrongUsage(`${shown(address)}: the server answers with status ${response.status}.`);
    return await gather(chunksOf(response), address);
  } catch (error) {
    if (error instanceof Stop && error.exit === 'usage') throw error;
    throw wrongUsage(
      `${shown(address)}: it cannot be fetched (${error instanceof Error && error.cause instanceof Error ? error.cause.message : why(error)}).`,
    );
  }
}
