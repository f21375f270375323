/**
 * An immutable set of domain names. A name in it protects itself and, unless it is `exact`, everything beneath it; the names above it, down
 * to the registrable domain, are protected as well, because a block of a parent takes the child with it.
 */
export type NameIndex<T> = {
  /** `suffixes` as `suffixesOf` makes them, the whole name first. */
  find(suffixes: readonly string[], wanted?: (item: T) => boolean): T | undefined;
  readonly size: number;
  /** All names that a look-up can end at. */
  keys(): Iterable<string>;
};

export type NameEntry<T> = {
  readonly name: string;
  readonly item: T;
  readonly exact?: boolean;
  /** Names above this one that a block would hit too. */
  readonly above?: readonly string[];
};

export function indexNames<T>(entries: Iterable<NameEntry<T>>): NameIndex<T> {
  const builder = buildNames<T>();
  for (const entry of entries) builder.add(entry);
  return builder.finish();
}

/** For callers that add in slices. The first item of a name stays. */
export function buildNames<T>(): { add(entry: NameEntry<T>): void; finish(): NameIndex<T> } {
  const exact = new Map<string, T>();
  const beneath = new Map<string, T>();
  return {
    add({ name, item, exact: alone, above }) {
      const into = alone === true ? exact : beneath;
      if (!into.has(name)) into.set(name, item);
      for (const parent of above ?? []) if (!exact.has(parent)) exact.set(parent, item);
    },
    finish: () => ({
      size: exact.size + beneath.size,
      find: (suffixes, wanted = any) => findName(exact, beneath, suffixes, wanted),
      *keys() {
        yield* exact.keys();
        yield* beneath.keys();
      },
    }),
  };
}

function findName<T>(
  exact: ReadonlyMap<string, T>,
  beneath: ReadonlyMap<string, T>,
  suffixes: readonly string[],
  wanted: (item: T) => boolean,
): T | undefined {
  const whole = suffixes[0];
  if (whole === undefined) return undefined;
  for (const suffix of suffixes) {
    const found = beneath.get(suffix);
    if (found !== undefined && wanted(found)) return found;
  }
  const own = exact.get(whole);
  return own !== undefined && wanted(own) ? own : undefined;
}

const any = () => true;

/** RFC 1035: 253 characters in presentation form, and labels of at most 63. */
const nameMaxChars = 253;
const labelMaxChars = 63;

/**
 * The name and its parents, longest first: `a.b.es` gives `a.b.es`, `b.es`, `es`. Undefined when the text is not a canonical domain name
 * (lower-case ASCII, no empty label): whatever is not canonical must never be compared.
 */
export function suffixesOf(name: string): string[] | undefined {
  if (name.length === 0 || name.length > nameMaxChars) return undefined;
  // A last label that starts with a digit makes an address in many programs (`127.1`); no top-level domain does.
  const top = name.charCodeAt(name.lastIndexOf('.') + 1);
  if (top >= 48 && top <= 57) return undefined;
  const suffixes = [name];
  let label = 0;
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    if (c === 46) {
      if (label === 0 || i === name.length - 1) return undefined;
      label = 0;
      suffixes.push(name.slice(i + 1));
      continue;
    }
    label++;
    if (label > labelMaxChars || !((c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c === 45 || c === 95)) return undefined;
  }
  return suffixes;
}

/** The names above a name, nearest first. */
export function parentsOf(name: string): string[] {
  const parents: string[] = [];
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) parents.push(name.slice(dot + 1));
  return parents;
}
