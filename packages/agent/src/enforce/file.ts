import { hash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ValueKind } from '@rebato/contract';
import { parseAddress, parseNet } from '../guard/address.ts';
import { limits } from '../limits.ts';
import { linesOf } from '../lines.ts';
import { replaceFile } from '../state/files.ts';
import { isKind } from '../trust/shape.ts';
import { runProgram } from './program.ts';
import { type LoadedEntry, type Target, type TargetChanges, TargetError } from './target.ts';

export type FileFormat = 'plain' | 'csv' | 'json';
export type FileTargetOptions = {
  readonly path: string;
  readonly kinds: readonly ValueKind[];
  readonly format: FileFormat;
  readonly capacity: number;
  /** Program and arguments that make the reader of the file load it; run without a shell. */
  readonly reload?: readonly string[];
  readonly reloadTimeoutMs: number;
};

/**
 * One entry per line. `plain` holds the value, so the kinds in it must be told apart by their look; `csv` holds kind and value, the value
 * quoted when it must be; `json` one object per line.
 */
const formats: Record<FileFormat, { write(entry: LoadedEntry): string; read(line: string): LoadedEntry | undefined }> = {
  plain: {
    write: ({ value }) => value,
    read: (value) => ({ kind: kindByLook(value), value }),
  },
  csv: {
    write: ({ kind, value }) => `${kind},${/[",]/.test(value) || value.startsWith(' ') ? `"${value.replaceAll('"', '""')}"` : value}`,
    read(line) {
      const comma = line.indexOf(',');
      const kind = line.slice(0, comma);
      const rest = line.slice(comma + 1);
      if (comma < 0 || !isKind(kind)) return undefined;
      return { kind, value: rest.startsWith('"') && rest.endsWith('"') ? rest.slice(1, -1).replaceAll('""', '"') : rest };
    },
  },
  json: {
    write: ({ kind, value }) => JSON.stringify({ kind, value }),
    read(line) {
      try {
        const { kind, value } = JSON.parse(line) as Record<string, unknown>;
        return isKind(kind) && typeof value === 'string' ? { kind, value } : undefined;
      } catch {
        return undefined;
      }
    },
  },
};

function kindByLook(value: string): ValueKind {
  if (parseAddress(value)) return 'ip';
  if (parseNet(value)) return 'net';
  if (value.includes('://')) return 'url';
  if (value.includes('@')) return 'email';
  return /^[0-9a-f]{32,128}$/.test(value) ? 'hash' : 'domain';
}

/** Kinds that `plain` can tell apart again. */
export const plainKinds: readonly ValueKind[] = ['ip', 'net', 'domain', 'url', 'email', 'hash'];

/** A block list in a file, for firewalls, proxies and resolvers that read one. */
export function fileTarget(options: FileTargetOptions): Target {
  const format = formats[options.format];
  let written: { readonly size: number; readonly hash: string } | undefined;

  /** Kept between writes: a new megabyte for each batch would leave the memory of the process in pieces. */
  let page: Buffer = Buffer.alloc(4_096);

  function contentOf(changes: TargetChanges): Buffer {
    let at = 0;
    for (const entry of changes.all()) {
      const line = `${format.write(entry)}\n`;
      // A character takes at most three bytes of UTF-8 per unit of its string.
      if (at + line.length * 3 > page.length) {
        const larger = Buffer.alloc(page.length * 2 + line.length * 3);
        page.copy(larger, 0, 0, at);
        page = larger;
      }
      at += page.write(line, at, 'utf8');
    }
    return page.subarray(0, at);
  }

  return {
    name: `file ${options.path}`,
    kinds: new Set(options.kinds),
    capacity: options.capacity,
    async open() {
      await mkdir(dirname(options.path), { recursive: true });
    },
    async apply(changes) {
      if (changes.count === 0 && !changes.emptyIsIntended) throw new TargetError('empty_refused', 'an empty list is not what was signed');
      const content = contentOf(changes);
      // Read by other programs, so readable for all; it says nothing that the firewall does not show.
      await replaceFile(options.path, (handle) => handle.writeFile(content), 0o644);
      written = { size: content.length, hash: hash('sha256', content, 'hex') };
      if (options.reload) await runProgram({ argv: options.reload, timeoutMs: options.reloadTimeoutMs });
    },
    async confirm() {
      if (!written) return false;
      const content = await readFile(options.path);
      return content.length === written.size && hash('sha256', content, 'hex') === written.hash;
    },
    async *readBack() {
      if (!existsSync(options.path)) return;
      for await (const lines of linesOf(createReadStream(options.path), limits.programLineBytes)) {
        const entries: LoadedEntry[] = [];
        for (const line of lines) {
          // What is no entry was put there by somebody else; as a foreign entry it makes the file be written anew.
          if (line !== '') entries.push(format.read(line) ?? { kind: 'other', value: line });
        }
        yield entries;
      }
    },
    async close() {},
  };
}
