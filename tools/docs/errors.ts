import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCatalog, ErrorKind } from '../../packages/hub/src/platform/errors.ts';

/** What each kind means to a program that calls. */
const meanings: Readonly<Record<ErrorKind, string>> = {
  invalid: 'the request is wrong; repeating it changes nothing',
  unauthenticated: 'nobody that the hub knows',
  forbidden: 'known, but not allowed',
  not_found: 'does not exist, or is not visible to you: the two look alike on purpose',
  conflict: 'does not fit the present state',
  gone: 'was there, is not any more: start from the beginning',
  too_large: 'send less at once',
  too_many: 'wait, or use less',
  unavailable: 'not now; the same request may succeed in a moment',
};

/** Every code of the hub. One that two catalogues claim stops the making. */
export async function allErrors(root: string): Promise<ReadonlyMap<string, ErrorCatalog[string]>> {
  const all = new Map<string, ErrorCatalog[string]>();
  for (const catalog of await catalogs(root)) {
    for (const [code, entry] of Object.entries(catalog)) {
      if (all.has(code)) throw new Error(`the error code ${code} stands in two catalogues`);
      all.set(code, entry);
    }
  }
  return all;
}

/** All catalogues in one table. */
export async function errorsMarkdown(root: string): Promise<string> {
  const all = await allErrors(root);
  const kinds = Object.entries(meanings).map(([kind, meaning]) => `| ${kind} | ${meaning} |`);
  const codes = [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, { kind, help }]) => `| \`${code}\` | ${kind} | ${cell(help)} |`);
  return [
    '# Error codes',
    '',
    'A code keeps its meaning for ever. The native API sends it as `code` in a problem document (RFC 9457); which HTTP status a kind becomes',
    'is said in [the native API](../protocols/native-api.md).',
    '',
    '| Kind | Means |',
    '| --- | --- |',
    ...kinds,
    '',
    '| Code | Kind | What to do |',
    '| --- | --- | --- |',
    ...codes,
  ].join('\n');
}

export const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Catalogues are constants named `…Errors`, wherever in the hub they stand. */
async function catalogs(root: string): Promise<ErrorCatalog[]> {
  const found: ErrorCatalog[] = [];
  for (const path of globSync('packages/hub/src/**/*.ts', { cwd: root }).sort()) {
    if (path.endsWith('.test.ts')) continue;
    const names = [...readFileSync(join(root, path), 'utf8').matchAll(/^export const (\w+Errors) = \{/gm)].map((match) => match[1] ?? '');
    if (names.length === 0) continue;
    const module: Readonly<Record<string, unknown>> = await import(join(root, path));
    for (const name of names) found.push(module[name] as ErrorCatalog);
  }
  return found;
}
