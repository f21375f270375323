import { hash } from 'node:crypto';
import { type Piece, pieceOfAsync } from '#platform/gzip';
import type { Chunk } from './chunks.ts';
import type { Entry } from './entry.ts';
import { limits } from './limits.ts';

export const formats = ['txt', 'csv', 'json'] as const;
export type Format = (typeof formats)[number];

/** A chunk's text, compressed, with its own digest so that the whole list's tag needs no reading of the whole list. */
export type Rendered = Piece & { readonly count: number; readonly digest: string };

/** What a control takes. `key` names the filter, so that its results can be kept. */
export type Filter = { readonly key: string; takes(entry: Entry): boolean };

export const contentTypes: Readonly<Record<Format, string>> = {
  txt: 'text/plain; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  json: 'application/json; charset=utf-8',
};

/** What stands before, between and after the chunks. */
export const frames: Readonly<Record<Format, readonly [before: string, between: string, after: string]>> = {
  txt: ['', '', ''],
  csv: ['value,kind,strength,confidence,changed,until\r\n', '', ''],
  json: ['[\n', ',\n', '\n]\n'],
};

/** A hash stands in plain lists without its algorithm. */
const plain = (entry: Entry): string => (entry.kind === 'hash' ? entry.value.slice(entry.value.indexOf(':') + 1) : entry.value);

const strengthNames = ['lease', 'consolidated'];
const timeOf = (ms: number): string | null => (ms === Number.POSITIVE_INFINITY ? null : new Date(ms).toISOString());

/** Cells that a spreadsheet would take for a formula begin with an apostrophe; RFC 4180 for the rest. */
export function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const lineOf: Readonly<Record<Format, (entry: Entry) => string>> = {
  txt: (entry) => `${plain(entry)}\n`,
  csv: (entry) =>
    `${cell(entry.value)},${entry.kind},${strengthNames[entry.strength]},${entry.confidence},${timeOf(entry.at)},${timeOf(entry.until) ?? ''}\r\n`,
  json: (entry) =>
    JSON.stringify({
      value: entry.value,
      kind: entry.kind,
      strength: strengthNames[entry.strength],
      confidence: entry.confidence,
      changed: timeOf(entry.at),
      until: timeOf(entry.until),
    }),
};

async function render(entries: readonly Entry[], format: Format): Promise<Rendered> {
  const line = lineOf[format];
  const text = Buffer.from(entries.map(line).join(format === 'json' ? ',\n' : ''));
  return { ...(await pieceOfAsync(text)), count: entries.length, digest: hash('sha256', text, 'hex') };
}

/** The chunk's text after a filter; kept with the chunk. `most`: only so many, and not kept. */
export function renderChunk(chunk: Chunk, format: Format, filter: Filter | undefined, most?: number): Promise<Rendered> {
  const taken = (): readonly Entry[] => (filter === undefined ? chunk.entries : chunk.entries.filter((entry) => filter.takes(entry)));
  if (most !== undefined) return render(taken().slice(0, most), format);
  const key = `${format} ${filter?.key ?? ''}`;
  const known = chunk.rendered.get(key);
  if (known !== undefined) return known;
  if (chunk.rendered.size >= limits.renderingsPerChunk) {
    const oldest = chunk.rendered.keys().next();
    if (!oldest.done) chunk.rendered.delete(oldest.value);
  }
  const made = render(taken(), format);
  made.catch(() => chunk.rendered.delete(key));
  chunk.rendered.set(key, made);
  return made;
}
