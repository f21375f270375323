import { type Pap, paps, type Tlp } from '@rebato/contract';
import { CsvError, parse } from 'csv-parse/sync';
import { defaultsFor } from '#values';
import type { DraftAttribute, Parsed } from '../draft.ts';
import { tagMaxChars } from '../taxonomies/machine-tag.ts';
import { markingsOf, narrowerPap, narrowerTlp, papOfTag, tlpOfTag } from '../taxonomies/markings.ts';
import { type Column, type Layout, layoutOf, separatorOf, splitTags } from './csv-columns.ts';
import { fitValue, guessType } from './guess-type.ts';
import { storable } from './json.ts';
import { attributesMax, csvMaxColumns, csvMaxRows, problemsMax, valueMaxChars } from './limits.ts';
import { isMoment, isUuid } from './misp-fields.ts';
import { quote } from './notes.ts';
import { decodeText, titleOf } from './text-bytes.ts';

type Row = { readonly line: number; readonly cells: readonly string[] };
type LineProblem = { readonly line: number; readonly field?: string; readonly message: string };

/** Reads a table of values, or a plain list of them. Problems name lines; one problem refuses the file. */
export function parseCsv(bytes: Uint8Array, hint: { readonly fileName?: string } = {}): Parsed {
  const text = storable(decodeText(bytes));
  const read = rowsOf(text);
  if ('problem' in read) return { ok: false, problems: [read.problem] };
  const [first, ...others] = read.rows;
  if (!first) return { ok: false, problems: [{ message: 'there are no values in this file' }] };
  let layout = layoutOf(first.cells);
  let rows = layout.headed ? others : read.rows;
  const warnings: LineProblem[] = [];
  // A list with a title over it: the first line is no value, but the next one is.
  const [next] = others;
  if (!layout.headed && next && !layout.columns.includes('type') && !guessType(first.cells[0] ?? '') && guessType(next.cells[0] ?? '')) {
    warnings.push({ line: first.line, message: `${quote(first.cells[0])} is taken for a title` });
    layout = layoutOf(next.cells);
    rows = others;
  }
  const problems: LineProblem[] = [];
  const attributes: DraftAttribute[] = [];
  for (const row of rows) {
    const attribute = readRow(
      row,
      layout,
      (field, message) => problems.push({ line: row.line, ...(field && { field }), message }),
      warnings,
    );
    if (attribute) attributes.push(attribute);
    if (problems.length >= problemsMax) break;
  }
  if (problems.length === 0 && attributes.length > attributesMax)
    problems.push({ line: 1, message: `the file has ${attributes.length} values; ${attributesMax} are the most` });
  if (problems.length === 0 && attributes.length === 0)
    problems.push({ line: first.line, message: 'there are headings, and no values below them' });
  if (problems.length > 0) return { ok: false, problems };
  const tlp = onlyOne(attributes.map((attribute) => attribute.tlp));
  const pap = onlyOne(attributes.map((attribute) => attribute.pap));
  const info = titleOf(hint.fileName) ?? `List of ${attributes.length} values`;
  const draft = { info, ...(tlp && { tlp }), ...(pap && { pap }), tags: [], attributes, objects: [], attachments: [], sightings: [] };
  return { ok: true, drafts: [draft], warnings };
}

function rowsOf(text: string): { readonly rows: readonly Row[] } | { readonly problem: LineProblem } {
  const line = /^[ \t]*[^#\s][^\r\n]*/m.exec(text)?.[0];
  if (line === undefined) return { rows: [] };
  const separator = separatorOf(line);
  if (separator === undefined) return linesOf(text);
  try {
    const records = parse(text, {
      delimiter: separator,
      // A comment is a whole line: fragments of addresses have a # inside.
      comment: '#',
      comment_no_infix: true,
      relax_column_count: true,
      skip_empty_lines: true,
      info: true,
      max_record_size: valueMaxChars,
      to: csvMaxRows + 1,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    if (records.length > csvMaxRows) return { problem: { line: csvMaxRows, message: `the file has more than ${csvMaxRows} rows` } };
    const rows: Row[] = [];
    for (const { record, info } of records) {
      if (record.length > csvMaxColumns)
        return { problem: { line: info.lines, message: `this row has more than ${csvMaxColumns} columns` } };
      if (record.some((cell) => cell.trim() !== '')) rows.push({ line: info.lines, cells: record });
    }
    return { rows };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const at = (error as { lines?: unknown }).lines;
    return {
      problem: {
        line: typeof at === 'number' ? at : 1,
        message: `this is no table: ${csvMessages.get(error.code) ?? 'a row cannot be read'}`,
      },
    };
  }
}

const csvMessages = new Map<string, string>([
  ['CSV_QUOTE_NOT_CLOSED', 'a quote that was opened is never closed'],
  ['CSV_INVALID_CLOSING_QUOTE', 'there is text after a closing quote'],
  ['INVALID_OPENING_QUOTE', 'there is a quote in the middle of a cell: write the cell in quotes and double the inner ones'],
  ['CSV_MAX_RECORD_SIZE', `a row has more than ${valueMaxChars} characters`],
]);

/** One value per line. Quotes around a value are taken off. */
function linesOf(text: string): { readonly rows: readonly Row[] } | { readonly problem: LineProblem } {
  const rows: Row[] = [];
  let line = 0;
  for (const raw of text.split(/\r\n|\n|\r/)) {
    line++;
    const cell = raw.trim();
    if (cell === '' || cell.startsWith('#')) continue;
    if (rows.length >= csvMaxRows) return { problem: { line, message: `the file has more than ${csvMaxRows} rows` } };
    rows.push({ line, cells: [cell.length > 1 && cell.startsWith('"') && cell.endsWith('"') ? cell.slice(1, -1) : cell] });
  }
  return { rows };
}

function readRow(
  row: Row,
  layout: Layout,
  fail: (field: Column | undefined, message: string) => void,
  warnings: LineProblem[],
): DraftAttribute | undefined {
  const cells = new Map<Column, string>();
  const extra: [string, string][] = [];
  for (const [index, raw] of row.cells.entries()) {
    const cell = raw.trim();
    if (cell === '') continue;
    const column = layout.columns[index];
    if (column) cells.set(column, column === 'value' || column === 'comment' ? raw : cell);
    else if (layout.headings[index] !== '__proto__' && (layout.headings[index] || index >= layout.headings.length))
      extra.push([layout.headings[index] || `column ${index + 1}`, cell]);
  }
  const raw = cells.get('value');
  if (raw === undefined) {
    fail('value', 'this row has no value');
    return undefined;
  }
  const typed = typeOf(
    cells.get('type'),
    raw,
    fail,
    (message) => warnings.length < problemsMax && warnings.push({ line: row.line, message }),
  );
  if (!typed) return undefined;
  const tags = splitTags(cells.get('tags') ?? '');
  const long = tags.find((tag) => tag.length > tagMaxChars);
  if (long !== undefined) fail('tags', `a tag has at most ${tagMaxChars} characters`);
  const toIds = flagOf(cells.get('to_ids'), fail);
  const uuid = cells.get('uuid');
  if (uuid !== undefined && !isUuid(uuid)) fail('uuid', `${quote(uuid)} is no UUID`);
  const category = cells.get('category');
  const comment = cells.get('comment');
  const relation = cells.get('object_relation');
  const tagged = tags.map((name) => ({ name }));
  return {
    ...(uuid !== undefined && { uuid: uuid.toLowerCase() }),
    ...typed,
    ...(category !== undefined && { category }),
    toIds: toIds ?? defaultsFor(typed.type)?.toIds ?? false,
    ...(comment !== undefined && { comment }),
    ...momentOf('first_seen', 'firstSeen', cells, fail),
    ...momentOf('last_seen', 'lastSeen', cells, fail),
    ...timestampOf(cells.get('timestamp')),
    ...(relation !== undefined && { objectRelation: relation }),
    ...markedBy(cells, tagged, fail),
    tags: tagged,
    ...(extra.length > 0 && { extra: { csv: Object.fromEntries(extra) } }),
  };
}

function typeOf(
  given: string | undefined,
  raw: string,
  fail: (field: Column, message: string) => void,
  warn: (message: string) => void,
): { type: string; value: string } | undefined {
  const type = given?.toLowerCase() === 'as' ? 'AS' : given?.toLowerCase();
  // "ip", "hash" and the like are what people write; the value itself says which.
  if (type === undefined || vague.has(type)) {
    const guessed = guessType(raw);
    if (!guessed) fail('value', `${quote(raw.trim())} is no value that can be told by its looks: give its type in a column "type"`);
    return guessed;
  }
  if (!defaultsFor(type)) {
    warn(`${quote(type)} is no known attribute type; it is kept as it is and never acted upon`);
    return { type: given ?? type, value: raw };
  }
  const fitted = fitValue(type, raw);
  if ('value' in fitted) return { type, value: fitted.value };
  fail('value', `${quote(raw.trim())} is no ${type}: ${fitted.message}`);
  return undefined;
}

const vague = new Set([
  'ip',
  'ipv4',
  'ipv6',
  'ipv4-addr',
  'ipv6-addr',
  'hash',
  'domain-name',
  'fqdn',
  'dominio',
  'host',
  'correo',
  'address',
  'dirección',
  'cve',
  'cidr',
  'net',
]);

function flagOf(cell: string | undefined, fail: (field: Column, message: string) => void): boolean | undefined {
  const word = cell?.toLowerCase();
  if (word === undefined) return undefined;
  if (['1', 'true', 'yes', 'y', 'si', 'sí', 's'].includes(word)) return true;
  if (['0', 'false', 'no', 'n'].includes(word)) return false;
  fail('to_ids', `${quote(cell)} is neither yes nor no`);
  return undefined;
}

function momentOf<K extends 'firstSeen' | 'lastSeen'>(
  column: 'first_seen' | 'last_seen',
  key: K,
  cells: ReadonlyMap<Column, string>,
  fail: (field: Column, message: string) => void,
): { [key in K]?: string } {
  const cell = cells.get(column);
  if (cell === undefined) return {};
  const seconds = /^\d{9,10}$/.test(cell) ? new Date(Number(cell) * 1000).toISOString() : cell;
  if (!isMoment(seconds)) fail(column, `${quote(cell)} is no moment in ISO 8601`);
  return { [key]: seconds } as { [key in K]?: string };
}

/** MISP writes seconds since 1970 here, older ones a day without dashes; anything else is left out. */
function timestampOf(cell: string | undefined): { timestamp?: number } {
  return cell !== undefined && /^\d{9,10}$/.test(cell) ? { timestamp: Number(cell) } : {};
}

/** Markings of the columns and of the tags together; the narrower counts. */
function markedBy(
  cells: ReadonlyMap<Column, string>,
  tags: readonly { name: string }[],
  fail: (field: Column, message: string) => void,
): { tlp?: Tlp; pap?: Pap } {
  const { tlp, pap } = markingsOf(tags);
  const tlpCell = cells.get('tlp');
  const papCell = cells.get('pap');
  const ownTlp = tlpCell === undefined ? undefined : tlpOfTag(/^tlp:/i.test(tlpCell) ? tlpCell : `tlp:${tlpCell}`);
  const ownPap = papCell === undefined ? undefined : papOfTag(/^pap:/i.test(papCell) ? papCell : `pap:${papCell}`);
  if (ownTlp === 'unclear' || (tlpCell !== undefined && ownTlp === undefined)) fail('tlp', `${quote(tlpCell)} is no TLP level`);
  if (ownPap === 'unclear') fail('pap', `${quote(papCell)} is none of ${paps.join(', ')}`);
  const tlpBoth = ownTlp && ownTlp !== 'unclear' ? narrowerTlp(tlp, ownTlp) : tlp;
  const papBoth = ownPap && ownPap !== 'unclear' ? narrowerPap(pap, ownPap) : pap;
  return { ...(tlpBoth && { tlp: tlpBoth }), ...(papBoth && { pap: papBoth }) };
}

/** The marking of the whole list, when all of its rows say the same. */
function onlyOne<T>(values: readonly T[]): T | undefined {
  const [first] = values;
  return values.every((value) => value === first) ? first : undefined;
}
