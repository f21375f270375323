import { readFile, stat } from 'node:fs/promises';
import { replaceFile } from '../state/files.ts';
import { type LoadedEntry, type Target, TargetError } from './target.ts';

export type HostsTargetOptions = { readonly path: string; readonly capacity: number };

const begin = '# rebato begin: written by rebato-agent, changes in here are lost';
const end = '# rebato end';
/** A hosts file is read as a whole by every look-up, so one that is larger than this is somebody's mistake. */
const fileMaxBytes = 64 << 20;

type Parts = { readonly before: string; readonly block: readonly string[] | undefined; readonly after: string };

/** Splits a hosts file at the markers. A begin without an end, or more than one block, is not ours to guess about. */
export function splitHosts(text: string): Parts | undefined {
  const lines = text.split('\n');
  const begins = lines.filter((line) => line === begin).length;
  const ends = lines.filter((line) => line === end).length;
  if (begins === 0 && ends === 0) return { before: text, block: undefined, after: '' };
  const from = lines.indexOf(begin);
  const to = lines.indexOf(end);
  if (begins !== 1 || ends !== 1 || to < from) return undefined;
  return {
    before: lines.slice(0, from).join('\n') + (from > 0 ? '\n' : ''),
    block: lines.slice(from + 1, to),
    after: lines.slice(to + 1).join('\n'),
  };
}

/** Names that lead nowhere, in a block of their own inside a hosts file. Names below a listed one are not covered: a hosts file cannot. */
export function hostsTarget(options: HostsTargetOptions): Target {
  async function read(): Promise<{ parts: Parts; mode: number }> {
    const { size, mode } = await stat(options.path).catch(() => ({ size: 0, mode: 0o644 }));
    if (size > fileMaxBytes) throw new TargetError('file_too_large', `${options.path} is larger than ${fileMaxBytes} bytes`);
    const text = size === 0 ? '' : await readFile(options.path, 'utf8');
    const parts = splitHosts(text);
    if (!parts)
      throw new TargetError('markers_broken', `${options.path}: the markers of the managed block are damaged; repair or remove them`);
    return { parts, mode: mode & 0o777 };
  }

  return {
    name: `hosts ${options.path}`,
    kinds: new Set(['domain']),
    capacity: options.capacity,
    async open() {
      await read();
    },
    async apply(changes) {
      const { parts, mode } = await read();
      if (changes.count === 0 && !changes.emptyIsIntended) throw new TargetError('empty_refused', 'an empty list is not what was signed');
      const names: string[] = [];
      for (const { value } of changes.all()) names.push(`0.0.0.0 ${value}`);
      const before = parts.before === '' || parts.before.endsWith('\n') ? parts.before : `${parts.before}\n`;
      const text = `${before}${[begin, ...names, end].join('\n')}\n${parts.after}`;
      await replaceFile(options.path, (handle) => handle.writeFile(text), mode);
    },
    async *readBack() {
      const { parts } = await read();
      const entries: LoadedEntry[] = [];
      for (const line of parts.block ?? []) {
        if (line === '') continue;
        entries.push(line.startsWith('0.0.0.0 ') ? { kind: 'domain', value: line.slice(8) } : { kind: 'other', value: line });
      }
      yield entries;
    },
    async close() {},
  };
}
