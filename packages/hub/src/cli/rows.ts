/**
 * Reading of the hub's answers. A command line of one release talks to hubs of others, so a field that is missing is shown as nothing and
 * never ends the command; what is there is read with its type.
 */
export type Row = Readonly<Record<string, unknown>>;

export const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value behind a path such as `owner.name`. */
export function at(value: unknown, path: string): unknown {
  let current = value;
  for (const name of path.split('.')) {
    if (!isRow(current) || !Object.hasOwn(current, name)) return undefined;
    current = current[name];
  }
  return current;
}

/** As text for people: nothing for null, lists separated by commas. */
export function text(value: unknown, path: string): string {
  const found = at(value, path);
  if (found === undefined || found === null) return '';
  if (Array.isArray(found)) return found.map((item) => (isRow(item) ? JSON.stringify(item) : String(item))).join(', ');
  return isRow(found) ? JSON.stringify(found) : String(found);
}

export function number(value: unknown, path: string): number {
  const found = at(value, path);
  return typeof found === 'number' ? found : 0;
}

export const flag = (value: unknown, path: string): boolean => at(value, path) === true;

export function rows(value: unknown, path: string): readonly Row[] {
  const found = at(value, path);
  return Array.isArray(found) ? found.filter(isRow) : [];
}

export function texts(value: unknown, path: string): readonly string[] {
  const found = at(value, path);
  return Array.isArray(found) ? found.map(String) : [];
}
