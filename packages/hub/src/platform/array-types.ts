/**
 * Arrays in PostgreSQL's text form. Type numbers of built-in types never change, so they stand here: the library would ask for them on every new
 * connection, and when a connection is lost just then, nobody catches its error and the process ends.
 */
type Element = string | number | boolean | Date | null;

const text = (item: string): string => item;
const arrayTypes: Readonly<Record<string, { readonly oids: readonly number[]; readonly parse: (item: string) => Element }>> = {
  booleans: { oids: [1000], parse: (item) => item === 't' },
  // int2, int4, int8 (positions and counts stay far below 2^53), float4, float8
  numbers: { oids: [1005, 1007, 1016, 1021, 1022], parse: Number },
  // text, varchar, name, uuid
  texts: { oids: [1009, 1015, 1003, 2951], parse: text },
  times: { oids: [1185], parse: (item) => new Date(item) },
};

export type ArrayType = {
  readonly to: number;
  readonly from: number[];
  readonly serialize: (value: unknown) => unknown;
  readonly parse: (literal: string) => Element[];
};

/** For the library's `types`: one-dimensional arrays of what our tables hold, both ways. */
export function builtInArrays(): Record<string, ArrayType> {
  return Object.fromEntries(
    Object.entries(arrayTypes).map(([name, { oids, parse }]) => [
      name,
      { to: oids[0] ?? 0, from: [...oids], serialize: arrayLiteral, parse: (literal: string) => parseArray(literal, parse) },
    ]),
  );
}

/** `{"a","b",NULL}`. What is no array goes through as it is. */
export function arrayLiteral(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return `{${value.map(elementLiteral).join(',')}}`;
}

function elementLiteral(item: unknown): string {
  if (item === null || item === undefined) return 'NULL';
  const plain = item instanceof Date ? item.toISOString() : String(item);
  return `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

export function parseArray(literal: string, parse: (item: string) => Element = text): Element[] {
  const items: Element[] = [];
  if (literal === '{}') return items;
  let at = 1;
  while (at < literal.length) {
    let item = '';
    const quoted = literal[at] === '"';
    if (quoted) {
      for (at += 1; at < literal.length && literal[at] !== '"'; at += 1) {
        if (literal[at] === '\\') at += 1;
        item += literal[at] ?? '';
      }
      at += 1;
    } else {
      const start = at;
      while (at < literal.length && literal[at] !== ',' && literal[at] !== '}') at += 1;
      item = literal.slice(start, at);
    }
    items.push(!quoted && item === 'NULL' ? null : parse(item));
    at += 1;
  }
  return items;
}
