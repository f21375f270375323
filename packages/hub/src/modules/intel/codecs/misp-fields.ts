import type { Distribution } from '@rebato/contract';
import { isObject, type JsonObject } from './json.ts';
import { type Notes, type Path, pathTo, quote } from './notes.ts';

/** Reads one MISP model's fields as loosely as MISP does: numbers and booleans may be text, text may be numbers, null and empty are absent. */
export type Fields = {
  /** Undefined for the document itself. */
  readonly path: Path | undefined;
  readonly source: JsonObject;
  readonly notes: Notes;
};

export function text(fields: Fields, key: string, maxChars: number): string | undefined {
  const value = fields.source[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'object') return wrong(fields, key, `this should be text, not ${Array.isArray(value) ? 'a list' : 'an object'}`);
  const string = String(value);
  if (string.length > maxChars) return wrong(fields, key, `this text has ${string.length} characters; ${maxChars} are the most`);
  return string;
}

export function whole(fields: Fields, key: string): number | undefined {
  const value = fields.source[key];
  if (value === undefined || value === null || value === '') return undefined;
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && /^\s*-?\d{1,15}\s*$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) return wrong(fields, key, `${quote(value)} is no whole number`);
  return number;
}

/** A whole number of a closed range. */
export function choice<const T extends number>(fields: Fields, key: string, allowed: readonly T[]): T | undefined {
  const number = whole(fields, key);
  if (number === undefined) return undefined;
  const hit = allowed.find((one) => one === number);
  return hit ?? wrong(fields, key, `${number} is not one of ${allowed.join(', ')}`);
}

export function flag(fields: Fields, key: string): boolean | undefined {
  const value = fields.source[key];
  if (value === undefined || value === null || value === '') return undefined;
  const word = typeof value === 'string' ? value.trim().toLowerCase() : value;
  if (word === true || word === 1 || word === '1' || word === 'true') return true;
  if (word === false || word === 0 || word === '0' || word === 'false') return false;
  return wrong(fields, key, `${quote(value)} is neither true nor false`);
}

const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && uuidShape.test(value.toLowerCase());
}

export function uuid(fields: Fields, key: string): string | undefined {
  const value = text(fields, key, 100);
  if (value === undefined) return undefined;
  return isUuid(value) ? value.toLowerCase() : wrong(fields, key, `${quote(value)} is no UUID`);
}

/** Year 9999, the last one that a date of four digits can say. */
const secondsMax = 253_402_300_799;

/** Epoch seconds; MISP writes 0 for "never". */
export function seconds(fields: Fields, key: string): number | undefined {
  const number = whole(fields, key);
  if (number === undefined || number === 0) return undefined;
  return number > 0 && number <= secondsMax ? number : wrong(fields, key, `${number} is no time in seconds since 1970`);
}

export function day(fields: Fields, key: string): string | undefined {
  const value = text(fields, key, 100);
  if (value === undefined || value === '0000-00-00') return undefined;
  const date = /^\d{4}-\d\d-\d\d$/.test(value) ? new Date(`${value}T00:00:00Z`) : undefined;
  if (date && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value)) return value;
  return wrong(fields, key, `${quote(value)} is no day written YYYY-MM-DD`);
}

const momentShape = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?$/i;

/** Whether a text is a moment in ISO 8601. Digits after the microseconds are allowed; they are kept as written. */
export function isMoment(value: string): boolean {
  const match = momentShape.exec(value.trim());
  if (!match) return false;
  const parsed = new Date(`${match[1]}T${match[2] ?? '00:00'}Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(match[1] ?? '');
}

export function moment(fields: Fields, key: string): string | undefined {
  const value = text(fields, key, 100);
  if (value === undefined) return undefined;
  return isMoment(value) ? value : wrong(fields, key, `${quote(value)} is no moment in ISO 8601`);
}

const levels: readonly Distribution[] = ['entity', 'community', 'connected', 'all', 'group'];
export const distributionNumber = (distribution: Distribution): number => levels.indexOf(distribution);

/** 5 means: like what it is part of. */
export function distribution(fields: Fields): Distribution | undefined {
  const number = choice(fields, 'distribution', [0, 1, 2, 3, 4, 5]);
  return number === undefined || number === 5 ? undefined : levels[number];
}

/** The members of a list field, with their paths. A single object, and PHP's objects with numbers as keys, count as lists. */
export function list(fields: Fields, key: string, max: number): Fields[] {
  const value = fields.source[key];
  if (value === undefined || value === null || value === '' || value === false) return [];
  const path = pathTo(fields.path, key);
  if (typeof value !== 'object') {
    fields.notes.problem(path, 'this should be a list');
    return [];
  }
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.map((item, index) => [index, item])
    : phpList(value as JsonObject);
  if (entries.length > max) {
    fields.notes.problem(path, `this list has ${entries.length} entries; ${max} are the most`);
    return [];
  }
  const members: Fields[] = [];
  for (const [index, item] of entries) {
    const at = index === '' ? path : pathTo(path, index);
    if (isObject(item)) members.push({ path: at, source: item, notes: fields.notes });
    else fields.notes.problem(at, 'this should be an object');
  }
  return members;
}

function phpList(value: JsonObject): [string, unknown][] {
  const entries = Object.entries(value);
  return entries.every(([key]) => /^\d+$/.test(key)) ? entries : [['', value]];
}

function wrong(fields: Fields, key: string, message: string): undefined {
  fields.notes.problem(pathTo(fields.path, key), message);
  return undefined;
}
