// npm run docs [-- --check]: makes the documents that follow from the code. With --check it writes nothing and fails when one is stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { guardRulesMarkdown } from '../packages/hub/src/modules/guard/index.ts';
import { configMarkdown } from '../packages/hub/src/platform/config.ts';
import { errorsMarkdown } from './docs/errors.ts';
import { routesMarkdown } from './docs/routes.ts';
import { schemaDump } from './docs/schema.ts';

const root = resolve(import.meta.dirname, '..');

/** Makes one document; undefined when the code that it follows from is not in this copy of the repository. */
type Maker = () => string | undefined | Promise<string | undefined>;

const documents: Readonly<Record<string, Maker>> = {
  'docs/reference/config.md': () => `# Settings\n\nAll from the environment. An empty variable counts as none.\n\n${configMarkdown()}\n`,
  'docs/reference/errors.md': () => errorsMarkdown(root),
  'docs/reference/cli.md': () => made('packages/hub/src/cli/cli.ts', 'cliMarkdown'),
  'docs/reference/guard.md': guardRulesMarkdown,
  'docs/reference/routes.md': () => routesMarkdown(root),
  'packages/hub/migrations/schema.sql': () => schemaDump(root),
};

const checking = process.argv.includes('--check');
const stale: string[] = [];
for (const [path, make] of Object.entries(documents)) {
  const text = await make();
  if (text === undefined) {
    process.stdout.write(`${path}: left out, this copy of the repository has nothing to make it from\n`);
    continue;
  }
  const marked = mark(path, text);
  const file = join(root, path);
  if (existsSync(file) && readFileSync(file, 'utf8') === marked) continue;
  stale.push(path);
  if (checking) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, marked);
  process.stdout.write(`${path}: written\n`);
}
if (checking && stale.length > 0) {
  process.stdout.write(`Stale: ${stale.join(', ')}. Run npm run docs and commit what it writes.\n`);
  process.exitCode = 1;
}

/** What a function without parameters of that file returns; undefined when there is no such file or function. */
async function made(path: string, name: string): Promise<string | undefined> {
  if (!existsSync(join(root, path))) return undefined;
  const module: Readonly<Record<string, unknown>> = await import(join(root, path));
  const make = module[name];
  return typeof make === 'function' ? (make as () => string)() : undefined;
}

/** Says on top who made it, so that nobody edits it by hand. */
function mark(path: string, text: string): string {
  const note = 'Made by npm run docs from the code. Not to be edited.';
  const first = path.endsWith('.sql') ? `-- ${note}\n` : `<!-- ${note} -->\n\n`;
  return `${first}${text.trimEnd()}\n`;
}
