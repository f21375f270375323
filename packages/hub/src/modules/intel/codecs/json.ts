import { TextDecoder } from 'node:util';
import type { DraftProblem } from '../draft.ts';
import { positionAt, walkJson } from './json-position.ts';
import { jsonMaxBytes, jsonMaxDepth, jsonMaxNodes } from './limits.ts';

export type JsonObject = { readonly [key: string]: unknown };
export type ReadJson =
  | { readonly ok: true; readonly value: unknown; readonly text: string; readonly warnings: readonly DraftProblem[] }
  | { readonly ok: false; readonly problems: readonly DraftProblem[] };

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * JSON from outside as plain data that is safe to store: bounded in size, depth and number of values; no `__proto__` keys; no NUL (PostgreSQL
 * cannot store it) and no lone surrogates (they are no characters), both become U+FFFD; finite numbers. Of a repeated key the last one counts.
 */
export function readJson(bytes: Uint8Array): ReadJson {
  if (bytes.length > jsonMaxBytes) return refuse({ message: `the file has ${bytes.length} bytes; ${jsonMaxBytes} are the most` });
  const decoded = decodeJsonText(bytes);
  if (!decoded.ok) return refuse(decoded.problem);
  const { text } = decoded;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const { fault } = walkJson(text);
    if (!fault) return refuse({ message: 'this is not JSON' });
    return refuse({ ...positionAt(text, fault.offset), message: `this is not JSON: ${fault.message}` });
  }
  return clean(value, text);
}

/** Position of the value under a path, for messages. */
export function locateIn(text: string): (keys: readonly (string | number)[]) => { line: number; column: number } | undefined {
  return (keys) => {
    // The value may be the one that is missing: then its nearest parent is where to look.
    for (let length = keys.length; length > 0; length--) {
      const { found } = walkJson(text, keys.slice(0, length));
      if (found !== undefined) return positionAt(text, found);
    }
    return undefined;
  };
}

function refuse(problem: DraftProblem): ReadJson {
  return { ok: false, problems: [problem] };
}

function decodeJsonText(bytes: Uint8Array): { ok: true; text: string } | { ok: false; problem: DraftProblem } {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8';
  try {
    return { ok: true, text: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
  } catch {
    const text = new TextDecoder(encoding).decode(bytes);
    const broken = text.indexOf('\ufffd');
    return { ok: false, problem: { ...(broken >= 0 && positionAt(text, broken)), message: 'the text is not valid UTF-8' } };
  }
}

type Holder = { [key: string]: unknown } | unknown[];

function clean(root: unknown, text: string): ReadJson {
  const warnings: DraftProblem[] = [];
  const warned = new Set<string>();
  const warn = (message: string) => {
    if (!warned.has(message)) warnings.push({ message });
    warned.add(message);
  };
  const mend = (value: unknown): unknown => {
    if (typeof value === 'string') {
      const mended = storable(value);
      if (mended !== value) warn('some text contained NUL or half characters; they were replaced');
      return mended;
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
      warn('some number is too large to be one; it was left out');
      return null;
    }
    if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
      warn('some whole number is too large to be kept exactly');
    return value;
  };
  const box: Holder = [root];
  let level: Holder[] = [box];
  let nodes = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > jsonMaxDepth) return refuse({ message: `the document is nested deeper than ${jsonMaxDepth} levels` });
    const next: Holder[] = [];
    for (const holder of level) {
      if (Array.isArray(holder)) {
        nodes += holder.length;
        for (let index = 0; index < holder.length; index++) {
          const value = holder[index];
          if (typeof value === 'object' && value !== null) next.push(value as Holder);
          else if (typeof value === 'string' || typeof value === 'number') holder[index] = mend(value);
        }
      } else {
        for (const key of Object.keys(holder)) {
          nodes++;
          const value = holder[key];
          if (key === '__proto__' || storable(key) !== key) {
            warn('some key cannot be kept (__proto__, NUL or half characters); it was left out');
            delete holder[key];
          } else if (typeof value === 'object' && value !== null) next.push(value as Holder);
          else if (typeof value === 'string' || typeof value === 'number') {
            const mended = mend(value);
            if (mended !== value) holder[key] = mended;
          }
        }
      }
      if (nodes > jsonMaxNodes) return refuse({ message: `the document has more than ${jsonMaxNodes} values` });
    }
    level = next;
  }
  return { ok: true, value: box[0], text, warnings };
}

/** Text as PostgreSQL can store it. */
export function storable(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes('\0') ? whole.replaceAll('\0', '\ufffd') : whole;
}
