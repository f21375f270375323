import { fail } from './errors.ts';
import { asUuid } from './normalise.ts';

/** Page cursors are opaque to the caller and bound to nothing secret: they hold the sort key of the last row that he was shown. */
export function printCursor(parts: readonly (string | number | Date)[]): string {
  return Buffer.from(JSON.stringify(parts.map((part) => (part instanceof Date ? part.toISOString() : part)))).toString('base64url');
}

export function parseCursor(text: string | undefined, length: number): string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (Array.isArray(parts) && parts.length === length && parts.every((part) => typeof part === 'string' && part.length <= 64))
      return parts as string[];
  } catch {
    // Falls through to the refusal: what is wrong with it is of no use to the caller.
  }
  throw fail('intel.bad_input', 'The cursor is not one of ours.', [{ field: 'after', message: 'pass the value of `next` unchanged' }]);
}

/** A cursor of a time and an id, as lists are sorted by. */
export function parseTimeCursor(text: string | undefined): { at: Date; id: string } | undefined {
  const parts = parseCursor(text, 2);
  if (parts === undefined) return undefined;
  const at = new Date(parts[0] ?? '');
  const id = parts[1] ?? '';
  if (!isStorable(at) || asUuid(id) !== id)
    throw fail('intel.bad_input', 'The cursor is not one of ours.', [{ field: 'after', message: 'pass the value of `next` unchanged' }]);
  return { at, id };
}

/** A cursor of the id of a part; in one's own event, where parts are sorted by the chunk or round that they travel in, with that. */
export function parsePartCursor(text: string | undefined, own: boolean): readonly string[] | undefined {
  const parts = parseCursor(text, own ? 2 : 1);
  if (parts === undefined) return undefined;
  const [id, chunk = '0'] = parts;
  if (asUuid(id) !== id || !/^\d{1,9}$/.test(chunk))
    throw fail('intel.bad_input', 'The cursor is not one of ours.', [{ field: 'after', message: 'pass the value of `next` unchanged' }]);
  return parts;
}

/** Whether the database can read it: its times have four digits of a year here, and nothing that we print has another. */
const isStorable = (at: Date): boolean => at.getTime() >= 0 && at.getTime() < Date.UTC(10_000, 0);
