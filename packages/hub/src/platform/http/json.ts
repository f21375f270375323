import { isUtf8 } from 'node:buffer';
import { fail } from './problems.ts';
import { fieldOf } from './schema.ts';

/** Deeper than anything we declare or MISP sends, and shallow enough that every later walk may recurse. */
export const jsonDepthMax = 64;

const refusedKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

type Scan = { readonly keys: number } | { readonly offset: number; readonly problem: string };

const quote = 0x22;
const backslash = 0x5c;

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** End of the string that starts after `at` (just past its closing quote), or minus the offset of what is wrong, less one. */
function endOfString(text: string, at: number): number {
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === quote) return i + 1;
    if (code < 0x20) return -i - 1;
    if (code === backslash) {
      const next = text[i + 1];
      if (next === 'u') {
        if (!/^[0-9a-fA-F]{4}$/.test(text.slice(i + 2, i + 6))) return -i - 1;
        i += 5;
      } else if (next !== undefined && '"\\/bfnrt'.includes(next)) i += 1;
      else return -i - 1;
    }
  }
  return -text.length - 1;
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** End of the number, word or nothing at `at`; `at` itself when no value starts there. */
function endOfScalar(text: string, at: number, code: number): number {
  if (code === 0x2d || isDigit(code)) {
    number.lastIndex = at;
    return number.test(text) ? number.lastIndex : at;
  }
  for (const word of ['true', 'false', 'null']) if (text.startsWith(word, at)) return at + word.length;
  return at;
}

/**
 * One pass over the text by the grammar of RFC 8259, with the depth bounded. The built-in parser does not bound depth, and does not always
 * say where it stopped. Counts the members of all objects: the parsed value having fewer means that a key came twice.
 */
export function scanJson(text: string): Scan {
  // One entry per open container: true for an object.
  const open: boolean[] = [];
  let keys = 0;
  /** What may come next: a value, a key (after a comma), a first element or the closing bracket, or a comma or the closing bracket. */
  let next: 'value' | 'key' | 'first' | 'more' = 'value';
  let at = 0;
  for (;;) {
    let code = text.charCodeAt(at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text.charCodeAt(++at);
    const inObject = open[open.length - 1];
    if (Number.isNaN(code)) return next === 'more' && open.length === 0 ? { keys } : { offset: at, problem: 'ends too early' };
    if (next === 'more' && inObject === undefined) return { offset: at, problem: 'goes on after its end' };
    if ((next === 'first' || next === 'more') && code === (inObject ? 0x7d : 0x5d)) {
      open.pop();
      next = 'more';
      at += 1;
      continue;
    }
    if (next === 'more') {
      if (code !== 0x2c) return { offset: at, problem: 'lacks a comma or a closing bracket' };
      next = inObject ? 'key' : 'value';
      at += 1;
      continue;
    }
    if (next === 'key' || (next === 'first' && inObject)) {
      if (code !== quote) return { offset: at, problem: 'lacks a quoted key' };
      const end = endOfString(text, at + 1);
      if (end < 0) return { offset: -end - 1, problem: 'has a broken string' };
      at = end;
      code = text.charCodeAt(at);
      while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text.charCodeAt(++at);
      if (code !== 0x3a) return { offset: at, problem: 'lacks a colon' };
      keys += 1;
      next = 'value';
      at += 1;
      continue;
    }
    if (code === 0x7b || code === 0x5b) {
      if (open.length === jsonDepthMax) return { offset: at, problem: `is nested deeper than ${jsonDepthMax}` };
      open.push(code === 0x7b);
      next = 'first';
      at += 1;
      continue;
    }
    if (code === quote) {
      const end = endOfString(text, at + 1);
      if (end < 0) return { offset: -end - 1, problem: 'has a broken string' };
      at = end;
    } else {
      const end = endOfScalar(text, at, code);
      if (end === at) return { offset: at, problem: 'has something that is no value' };
      at = end;
    }
    next = 'more';
  }
}

function whereOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return `line ${line}, column ${offset - before.lastIndexOf('\n')}`;
}

/** Why a text is not stored by the database, nor meant by anybody: NUL, or half a surrogate pair. */
const unstorable = (text: string): boolean => text.includes('\u0000') || !text.isWellFormed();

/**
 * Members of all objects in a value, or -1 when something in it is refused. Finding where costs more than finding that, so it is a second
 * walk, which good bodies never take. The scan has bounded the depth.
 */
function countMembers(value: unknown, escapes: boolean): number {
  if (typeof value === 'string') return escapes && unstorable(value) ? -1 : 0;
  if (typeof value === 'number') return Number.isFinite(value) ? 0 : -1;
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const inner of value) {
      const below = countMembers(inner, escapes);
      if (below === -1) return -1;
      count += below;
    }
    return count;
  }
  for (const key of Object.keys(value)) {
    if (refusedKeys.has(key) || (escapes && unstorable(key))) return -1;
    const below = countMembers((value as Record<string, unknown>)[key], escapes);
    if (below === -1) return -1;
    count += below + 1;
  }
  return count;
}

function refuseAt(value: unknown, pointer: string): void {
  const refuse = (message: string): never => {
    throw fail('http.invalid_json', `${fieldOf(pointer) || 'the value'} ${message}`, [{ field: fieldOf(pointer), message }]);
  };
  if (typeof value === 'string' && unstorable(value)) refuse('holds a NUL or half a surrogate pair');
  if (typeof value === 'number' && !Number.isFinite(value)) refuse('is a number out of range');
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (refusedKeys.has(key)) refuse(`has a member named ${key}`);
    if (unstorable(key)) refuse('has a member whose name holds a NUL or half a surrogate pair');
    refuseAt(inner, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
}

/**
 * Parses JSON from outside: UTF-8 only (a byte order mark is skipped), depth at most 64, no key twice, no `__proto__` or `constructor`, no
 * number beyond a double, no NUL in text. Throws `http.invalid_json` with line and column. Edges that read raw bodies use it, too.
 */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw fail('http.invalid_json', 'the body is not UTF-8');
  const marked = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const text = bytes.toString('utf8', marked ? 3 : 0);
  const scan = scanJson(text);
  if ('problem' in scan) throw fail('http.invalid_json', `the body ${scan.problem} at ${whereOf(text, scan.offset)}`);
  const value: unknown = JSON.parse(text);
  const members = countMembers(value, text.includes('\\u'));
  if (members === -1) refuseAt(value, '');
  if (members !== scan.keys) throw fail('http.invalid_json', 'the body names a key twice in one object');
  return value;
}
