// npm run new -- module|migration|note|change NAME: makes the files that every such thing begins with.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { moduleOrder, platformSchemas } from './boundaries.ts';

const root = resolve(import.meta.dirname, '..');
const usage = 'Usage: npm run new -- module NAME | migration OWNER_WHAT | note TITLE-IN-WORDS | change TITLE-IN-WORDS';

const makers: Record<string, (name: string) => void> = {
  module(name) {
    const modules: readonly string[] = moduleOrder.flat();
    if (!modules.includes(name)) stop(`${name} has no row yet: decide who may import it in moduleOrder of tools/boundaries.ts.`);
    const title = name.charAt(0).toUpperCase() + name.slice(1);
    write(
      `packages/hub/src/modules/${name}/README.md`,
      `# ${title}\n\nWhat it owns, its invariants, topics it writes and reads, its tables.\n`,
    );
    write(`packages/hub/src/modules/${name}/index.ts`, `export { create${title} } from './${name}.ts';\n`);
    write(
      `packages/hub/src/modules/${name}/${name}.ts`,
      `import type { Db } from '#platform/db';\n\nexport type ${title}Deps = { readonly db: Db };\n\n` +
        `/** Binds the use cases of ${name}. */\nexport function create${title}(_deps: ${title}Deps): Record<never, never> {\n  return {};\n}\n`,
    );
    process.stdout.write(`Add "#${name}": "./src/modules/${name}/index.ts" to the imports of packages/hub/package.json.\n`);
  },
  migration(name) {
    const owner = name.split('_')[0] ?? '';
    const owners: readonly string[] = [...platformSchemas, ...moduleOrder.flat()];
    if (!owners.includes(owner)) stop(`A migration is named after its owner first: one of ${owners.join(', ')}.`);
    const minute = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 12);
    write(
      `packages/hub/migrations/${minute}_${name}.sql`,
      '-- What changes and why.\n-- Safe while the previous release still runs: because …\n',
    );
  },
  note(name) {
    const folder = join(root, 'docs', 'adr');
    const numbers = existsSync(folder) ? readdirSync(folder).map((file) => Number.parseInt(file, 10) || 0) : [];
    const number = String(Math.max(0, ...numbers) + 1).padStart(4, '0');
    const title = name.replaceAll('-', ' ');
    write(
      `docs/adr/${number}-${name}.md`,
      `# ${number}: ${title}\n\n## Context\n\n## Decision\n\n## Consequences\n\n## What would change our mind\n`,
    );
  },
  change(name) {
    write(`changes/${name}.md`, `${name.replaceAll('-', ' ')}\n`);
  },
};

const [kind = '', name = ''] = process.argv.slice(2);
const make = Object.hasOwn(makers, kind) ? makers[kind] : undefined;
if (make === undefined) stop(usage);
if (!/^[a-z][a-z0-9_-]{0,60}$/.test(name)) stop(`A name is in lower case, from a to z, with digits, - and _. ${usage}`);
make(name);

function write(path: string, text: string): void {
  const file = join(root, path);
  if (existsSync(file)) stop(`${path} exists already.`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(`${path}\n`);
}

function stop(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
