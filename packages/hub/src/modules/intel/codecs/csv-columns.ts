import { isType } from '#values';
import { isUuid } from './misp-fields.ts';

/** What a column may be. `category`, `object_relation` and the like come from MISP's own CSV export. */
export const columnNames = [
  'value',
  'type',
  'category',
  'comment',
  'tags',
  'first_seen',
  'last_seen',
  'to_ids',
  'tlp',
  'pap',
  'uuid',
  'timestamp',
  'object_relation',
] as const;
export type Column = (typeof columnNames)[number];
/** Position to meaning; columns without one are kept by their heading. */
export type Layout = { readonly columns: readonly (Column | undefined)[]; readonly headings: readonly string[]; readonly headed: boolean };

const synonyms = new Map<string, Column>([
  ...columnNames.map((name) => [name, name] as const),
  ...['indicator', 'ioc', 'indicador', 'valor', 'observable', 'indicator_value', 'ioc_value'].map((name) => [name, 'value'] as const),
  ...['tipo', 'indicator_type', 'ioc_type'].map((name) => [name, 'type'] as const),
  ...['comentario', 'comments', 'description', 'descripcion', 'descripción', 'notes', 'notas'].map((name) => [name, 'comment'] as const),
  ...['tag', 'etiqueta', 'etiquetas', 'attribute_tag', 'labels'].map((name) => [name, 'tags'] as const),
  ['ids', 'to_ids'],
  ['categoria', 'category'],
  ['categoría', 'category'],
  ['firstseen', 'first_seen'],
  ['lastseen', 'last_seen'],
  ['date', 'timestamp'],
]);

const mispOrder: readonly (Column | undefined)[] = [
  'uuid',
  undefined,
  'category',
  'type',
  'value',
  'comment',
  'to_ids',
  'timestamp',
  'object_relation',
  'tags',
];
const mispHeadings = ['uuid', 'event_id', 'category', 'type', 'value', 'comment', 'to_ids', 'date', 'object_relation', 'attribute_tag'];
const ownOrder: readonly Column[] = ['value', 'type', 'comment', 'tags', 'first_seen', 'last_seen', 'to_ids', 'tlp'];

/** Decides by the first row: a heading, MISP's export without one, `value,type,…`, `type,value,…`, or values with remarks behind them. */
export function layoutOf(first: readonly string[]): Layout {
  const names = first.map((cell) => cell.trim().toLowerCase().replace(/[ -]+/g, '_'));
  const columns = names.map((name, index) => {
    const column = synonyms.get(name);
    return column && names.slice(0, index).some((other) => synonyms.get(other) === column) ? undefined : column;
  });
  if (columns.includes('value')) return { columns, headings: first.map((cell) => cell.trim()), headed: true };
  const cell = (index: number) => first[index]?.trim() ?? '';
  const plain = (order: readonly (Column | undefined)[]): Layout => ({
    columns: order,
    headings: order.map((name) => name ?? ''),
    headed: false,
  });
  if (isUuid(cell(0)) && isType(cell(3))) return { columns: mispOrder, headings: mispHeadings, headed: false };
  if (isType(cell(1))) return plain(ownOrder);
  if (isType(cell(0)) && first.length > 1) return plain(['type', 'value', ...ownOrder.slice(2)]);
  return plain(['value', 'comment']);
}

/** The separator that the first line with content uses most outside quotes; undefined when there is none, so the line is one value. */
export function separatorOf(line: string): string | undefined {
  const counts = new Map([
    [',', 0],
    [';', 0],
    ['\t', 0],
  ]);
  let quoted = false;
  for (const char of line) {
    if (char === '"') quoted = !quoted;
    const count = counts.get(char);
    if (!quoted && count !== undefined) counts.set(char, count + 1);
  }
  const [best] = [...counts].sort((a, b) => b[1] - a[1]);
  return best && best[1] > 0 ? best[0] : undefined;
}

/** Tags of one cell, separated by commas, semicolons or bars outside quotes. */
export function splitTags(cell: string): string[] {
  const tags: string[] = [];
  let tag = '';
  let quoted = false;
  for (const char of cell) {
    if (char === '"') quoted = !quoted;
    if (!quoted && (char === ',' || char === ';' || char === '|')) {
      tags.push(tag.trim());
      tag = '';
    } else tag += char;
  }
  return [...tags, tag.trim()].filter((one) => one !== '');
}
