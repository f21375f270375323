// Who may import whom, and whose tables. `npm run check` runs it over the whole repository.
import { globSync, readFileSync } from 'node:fs';
import { posix, resolve } from 'node:path';

/** A module may import the face of any module in an earlier row. */
export const moduleOrder = [
  ['members'],
  ['scoring'], // levels decide who sees what when, so almost everything asks it; it learns of contributions by topic
  ['values'], // canonical forms: pure
  ['guard'],
  ['intel'],
  ['decisions', 'alerts', 'incidents', 'advisories', 'library'],
  ['correlation', 'exchange', 'positions', 'audits'],
  ['board', 'exercises'],
] as const;

/** Database schemas that belong to the platform. Every other schema belongs to the module of its name. */
export const platformSchemas = ['platform', 'bus', 'shelf', 'trail'] as const;

/** Files that may read the environment. Everybody else takes a value from those. */
const environmentReaders = [
  'packages/hub/src/platform/config.ts',
  'packages/hub/src/platform/postgres/scratch.ts',
  'packages/agent/src/config.ts',
  // Starts Node again with other settings and hands the environment on.
  'packages/agent/src/lean.ts',
];

/** One source file: its path from the repository's root, with forward slashes, and its text. */
export type SourceFile = { readonly path: string; readonly text: string };

/** Everything that is wrong with who imports what, as sentences that begin with the file. Empty: all is well. */
export function checkImports(files: readonly SourceFile[]): string[] {
  const problems: string[] = [];
  const graph = new Map<string, readonly string[]>();
  for (const file of files) {
    const place = placeOf(file.path);
    if (place.area === 'unknown') {
      problems.push(`${file.path}: is in no folder that the layout knows.`);
      continue;
    }
    if (file.path.endsWith('.sql')) {
      if (!place.free) problems.push(...foreignTables(file, place));
      continue;
    }
    const code = withoutComments(file.text);
    const imports = importsOf(code);
    for (const { specifier } of imports) {
      const reason = refusal(place, file.path, specifier);
      if (reason !== undefined) problems.push(`${file.path}: may not import ${specifier}: ${reason}.`);
    }
    graph.set(
      file.path,
      imports.filter((found) => !found.typeOnly).flatMap(({ specifier }) => targetOf(file.path, specifier) ?? []),
    );
    if (!place.free) problems.push(...foreignTables({ path: file.path, text: code }, place));
    if (!place.free && !environmentReaders.includes(file.path) && /\bprocess\.env\b/.test(code)) {
      problems.push(`${file.path}: may not read process.env: settings come from platform/config.`);
    }
  }
  return [...problems, ...cycles(graph)];
}

type Area = 'contract' | 'platform' | 'module' | 'edge' | 'agent' | 'web' | 'top' | 'unknown';
/** `folder` is what relative imports must not leave; `free` marks tests and composition roots, which may see everything. */
type Place = { readonly area: Area; readonly name: string; readonly folder: string; readonly free: boolean };

const modules: readonly string[] = moduleOrder.flat();
const rowOf = (name: string): number => moduleOrder.findIndex((row) => (row as readonly string[]).includes(name));

function placeOf(path: string): Place {
  // A folder named testing holds what the tests beside it share.
  const isTest = /\.(?:test|e2e|interop)\.ts$|\/testing\//.test(path);
  const [packages, owner, part, kind, name = ''] = path.split('/');
  const place = (area: Area, folder: string, title = '', free = isTest): Place => ({ area, name: title, folder, free });
  if (packages === 'tools') return place('top', '', '', true);
  if (packages !== 'packages' || owner === undefined) return place('unknown', '');
  if (part === 'test' && owner === 'hub') return place('top', '', '', true);
  if (part === 'test') return place(owner === 'web' ? 'web' : 'agent', `packages/${owner}/`, '', true);
  if (owner === 'contract' && part === 'src') return place('contract', 'packages/contract/src/');
  if (owner === 'agent' && part === 'src')
    return place('agent', 'packages/agent/src/', '', isTest || path === 'packages/agent/src/main.ts');
  if (owner === 'web' && part === 'src') return place('web', 'packages/web/src/');
  if (owner !== 'hub') return place('unknown', '');
  if (part === 'migrations') return placeOfMigration(path);
  if (part !== 'src' || kind === undefined) return place('unknown', '');
  // The command line and the composition roots: app.ts, main.ts, demo.ts and their parts.
  if (kind.endsWith('.ts') || kind === 'cli' || kind === 'demo') return place('top', 'packages/hub/src/', '', true);
  if (kind === 'platform') return place('platform', 'packages/hub/src/platform/');
  if (kind === 'modules') {
    return modules.includes(name) ? place('module', `packages/hub/src/modules/${name}/`, name) : place('unknown', '');
  }
  // An edge may be a folder or a single file.
  if (kind === 'edges') return place('edge', `packages/hub/src/edges/${name.endsWith('.ts') ? '' : `${name}/`}`, name.replace(/\.ts$/, ''));
  return place('unknown', '');
}

/** `202611221416_intel_sighting.sql` belongs to intel: the first word of its name is its owner. */
function placeOfMigration(path: string): Place {
  const file = posix.basename(path);
  const folder = posix.dirname(path);
  if (file === 'schema.sql') return { area: 'top', name: '', folder: '', free: true };
  const owner = /^\d+_([a-z]+)/.exec(file)?.[1] ?? '';
  if ((platformSchemas as readonly string[]).includes(owner)) return { area: 'platform', name: owner, folder, free: false };
  return { area: modules.includes(owner) ? 'module' : 'unknown', name: owner, folder, free: false };
}

function refusal(place: Place, path: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return refusalOfRelative(place, path, specifier);
  if (specifier.startsWith('#')) return refusalOfFace(place, path, specifier.slice(1));
  if (specifier.startsWith('@rebato/')) {
    // The hub's tests run real agents, by the face that is meant for embedding.
    if (specifier === '@rebato/agent/src/index.ts' && place.area === 'top' && path.startsWith('packages/hub/test/')) return undefined;
    if (specifier !== '@rebato/contract') return 'only the face of the contract crosses packages';
    return place.area === 'contract' ? 'the contract does not import itself by name' : undefined;
  }
  if (specifier.startsWith('/') || specifier.startsWith('file:')) return 'a path is no name';
  if (place.area === 'contract' && !place.free && !/^typebox(?:\/|$)/.test(specifier))
    return 'the contract depends on a schema library and nothing else';
  return undefined;
}

function refusalOfRelative(place: Place, path: string, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(path), specifier);
  // Tests beside their subject use the tools of their package's tests.
  const ownTests = place.free && target.startsWith(`${path.split('/').slice(0, 2).join('/')}/test/`);
  if (!target.startsWith(place.folder) && !ownTests) return `relative imports stay in ${place.folder}`;
  return /\.(?:ts|tsx|mjs|json|css|svg)$/.test(target) ? undefined : 'relative imports end in .ts';
}

function refusalOfFace(place: Place, path: string, face: string): string | undefined {
  if (!path.startsWith('packages/hub/')) return 'names with # belong to the hub';
  if (place.area === 'top') return undefined;
  if (face.startsWith('test/')) return place.free ? undefined : 'only tests use the test tools';
  if (face.startsWith('platform/')) return undefined;
  if (!modules.includes(face)) return `${face} is no module, and only the face of a module can be imported`;
  if (place.area === 'platform') return place.free ? undefined : 'the platform knows no feature';
  if (place.area === 'module') {
    if (face === place.name) return 'a module does not import its own face';
    if (rowOf(face) >= rowOf(place.name)) return `${face} is not in an earlier row than ${place.name}`;
  }
  return undefined;
}

type Import = { readonly specifier: string; readonly typeOnly: boolean };

/** Static, re-exporting and dynamic imports with a literal specifier. */
export function importsOf(code: string): Import[] {
  const found: Import[] = [];
  const statement = /^[ \t]*(?:import|export)\b(\s+type\b)?[^'"`;=]*?\bfrom\s*['"]([^'"\n]+)['"]/gm;
  for (const match of code.matchAll(statement)) found.push({ specifier: match[2] ?? '', typeOnly: match[1] !== undefined });
  for (const match of code.matchAll(/^[ \t]*import\s*['"]([^'"\n]+)['"]/gm)) found.push({ specifier: match[1] ?? '', typeOnly: false });
  // A dynamic import is made while running, so it closes no cycle; who may be imported stays the same.
  for (const match of code.matchAll(/\bimport\(\s*['"]([^'"\n]+)['"]/g)) found.push({ specifier: match[1] ?? '', typeOnly: true });
  return found;
}

/** Block comments that begin a line, and comments to the end of a line. Inside strings both may be lost, which hides no import. */
function withoutComments(text: string): string {
  return text.replaceAll(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replaceAll(/(?:^|[ \t;{(,])\/\/[^\n]*/g, '');
}

/** The file that an import of ours means; undefined for packages. */
function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(path), specifier);
  if (specifier.startsWith('#platform/')) return `packages/hub/src/${specifier.slice(1)}.ts`;
  if (specifier.startsWith('#test/')) return `packages/hub/${specifier.slice(1)}.ts`;
  if (specifier.startsWith('#')) return `packages/hub/src/modules/${specifier.slice(1)}/index.ts`;
  return specifier === '@rebato/contract' ? 'packages/contract/src/index.ts' : undefined;
}

/** Each cycle once, as the chain of files that closes it. Types are free: they leave nothing behind at run time. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at >= 0) {
      found.push(`${file}: is part of a cycle: ${[...trail.slice(at), file].join(' → ')}.`);
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

const schemas: readonly string[] = [...platformSchemas, ...modules];
const anySchema = schemas.join('|');
// A schema after a word that is followed by a table, function or schema name. Columns and aliases never follow these.
const tableName = new RegExp(
  `\\b(?:from|join|into|update|table|view|on|references|truncate|copy|using|sequence|function)\\s+` +
    `(?:only\\s+|if not exists\\s+|if exists\\s+)?"?(${anySchema})"?\\.[a-z_"]`,
  'gi',
);
const schemaName = new RegExp(`\\b(?:create|drop|alter|on|in|set) schema\\s+(?:if not exists\\s+|if exists\\s+)?"?(${anySchema})\\b`, 'gi');

/** Names of other modules' schemas in SQL. No TypeScript looks like these, so the whole text is searched and not its literals alone. */
function foreignTables(file: SourceFile, place: Place): string[] {
  const text = file.path.endsWith('.sql') ? file.text.replaceAll(/--[^\n]*/g, '') : file.text;
  const own: readonly string[] = place.area === 'platform' ? platformSchemas : place.area === 'module' ? [place.name, 'shelf'] : ['shelf'];
  const named = new Set([...text.matchAll(tableName), ...text.matchAll(schemaName)].map((match) => (match[1] ?? '').toLowerCase()));
  return [...named]
    .filter((schema) => !own.includes(schema))
    .map((schema) => `${file.path}: names the schema ${schema} in SQL, which belongs to ${ownerOf(schema)}.`);
}

const ownerOf = (schema: string): string =>
  (platformSchemas as readonly string[]).includes(schema) ? 'the platform' : `the module ${schema}`;

/** Reads the sources of the repository. Generated and third-party files are not among them. */
export function readSources(root: string): SourceFile[] {
  const patterns = ['packages/*/src/**/*.{ts,tsx}', 'packages/*/test/**/*.ts', 'packages/hub/migrations/**/*.sql', 'tools/**/*.{ts,mjs}'];
  return globSync(patterns, { cwd: root, exclude: ['**/node_modules/**'] })
    .sort()
    .map((path) => ({ path: path.replaceAll('\\', '/'), text: readFileSync(resolve(root, path), 'utf8') }));
}
