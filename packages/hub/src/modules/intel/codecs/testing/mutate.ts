import fc from 'fast-check';
import { isObject } from '../json.ts';

/** JSON values, hostile ones among them. */
const piece: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }),
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    '',
    '0',
    '1',
    -1,
    1e308,
    2 ** 63,
    [],
    {},
    [[]],
    'a\0b',
    '\ud800',
    'x'.repeat(10_000),
    { constructor: 1 },
    ['x', null],
  ),
);

/** A document with one to four of its values replaced, removed, wrapped or repeated, wherever they stand. */
export function mutated(document: unknown): fc.Arbitrary<unknown> {
  const change = fc.record({ at: fc.nat(), by: piece, how: fc.constantFrom('replace', 'remove', 'wrap', 'repeat', 'proto') });
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const box = { root: structuredClone(document) };
    for (const { at, by: shared, how } of changes) {
      // The same piece may be drawn twice: put into itself it would be a circle, which is no JSON.
      const by = structuredClone(shared);
      const places = placesOf(box.root);
      const place = places[at % Math.max(1, places.length)];
      if (!place) continue;
      const holder = place.holder as Record<string | number, unknown>;
      // Assigning to this key would change the prototype instead.
      if (place.key === '__proto__') continue;
      if (how === 'replace') holder[place.key] = by;
      else if (how === 'remove') delete holder[place.key];
      else if (how === 'wrap') holder[place.key] = [holder[place.key]];
      else if (how === 'repeat') holder[place.key] = [holder[place.key], holder[place.key]];
      else Object.defineProperty(holder, '__proto__', { value: by, enumerable: true, configurable: true, writable: true });
    }
    return box.root;
  });
}

type Place = { readonly holder: object; readonly key: string | number };

function placesOf(root: unknown): Place[] {
  const places: Place[] = [];
  const visit = (value: unknown) => {
    const entries = Array.isArray(value) ? [...value.entries()] : isObject(value) ? Object.entries(value) : [];
    for (const [key, inner] of entries) {
      places.push({ holder: value as object, key });
      visit(inner);
    }
  };
  visit(root);
  return places;
}

/** Bytes with some of them changed, cut out or repeated. */
export function bent(bytes: Buffer): fc.Arbitrary<Buffer> {
  const change = fc.record({ at: fc.nat(), length: fc.nat({ max: 40 }), by: fc.uint8Array({ maxLength: 20 }) });
  return fc.array(change, { minLength: 1, maxLength: 8 }).map((changes) => {
    let out = bytes;
    for (const { at, length, by } of changes) {
      const from = at % Math.max(1, out.length);
      out = Buffer.concat([out.subarray(0, from), by, out.subarray(from + length)]);
    }
    return out;
  });
}
