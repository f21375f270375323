import { type Row, text } from './rows.ts';

/**
 * Text from outside as a terminal may show it. Reported values are written by attackers: control characters would move the cursor, change
 * colours or retitle the window, and direction marks would show a text in another order than it has.
 */
export function shown(raw: string): string {
  return raw.replace(/[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, (character) => {
    if (character === '\t') return ' ';
    if (character === '\n') return '⏎';
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}

/** `2026-11-23 19:55:14Z`, or a dash for none. */
export function time(value: unknown, path: string): string {
  const raw = text(value, path);
  const date = new Date(raw);
  return raw === '' ? '-' : Number.isNaN(date.getTime()) ? raw : `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** The largest unit that fits, whole: `3 min`, `2 d`, `340 ms`. */
export function duration(ms: number): string {
  for (const [name, size] of units) if (ms >= size) return `${Math.floor(ms / size)} ${name}`;
  return `${Math.max(0, Math.round(ms))} ms`;
}

export type Column = { readonly head: string; readonly of: (row: Row) => string; readonly right?: boolean };

/** A column that shows a field as it is. */
export const field = (head: string, path: string): Column => ({ head, of: (row) => text(row, path) });
export const timeField = (head: string, path: string): Column => ({ head, of: (row) => time(row, path) });
export const countField = (head: string, path: string): Column => ({ head, of: (row) => text(row, path), right: true });

/** A cell beyond this makes a table unreadable; the whole text is in `show` and in `--json`. */
const cellMaxChars = 120;

const cut = (cell: string): string => (cell.length <= cellMaxChars ? cell : `${cell.slice(0, cellMaxChars - 1)}…`);

/** Columns as wide as their widest cell, two spaces between them. Empty when there are no rows. */
export function table(rows: readonly Row[], columns: readonly Column[]): string {
  if (rows.length === 0) return '';
  const cells = [columns.map((column) => column.head), ...rows.map((row) => columns.map((column) => cut(shown(column.of(row)) || '-')))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => [...(line[index] ?? '')].length)));
  return cells
    .map((line) =>
      line
        .map((cell, index) => {
          const gap = ' '.repeat((widths[index] ?? 0) - [...cell].length);
          return columns[index]?.right ? gap + cell : cell + gap;
        })
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Names and values under each other. Pairs without a value are left out. */
export function fields(pairs: readonly (readonly [string, string])[]): string {
  const kept = pairs.filter(([, value]) => value !== '');
  const width = Math.max(0, ...kept.map(([name]) => name.length));
  return kept.map(([name, value]) => `${`${name}:`.padEnd(width + 1)} ${shown(value)}\n`).join('');
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
