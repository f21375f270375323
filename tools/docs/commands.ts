import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The command line as its own folder describes it; undefined while no file there exports `cliMarkdown`. */
export async function commandsMarkdown(root: string): Promise<string | undefined> {
  const folder = join(root, 'packages/hub/src/cli');
  if (!existsSync(folder)) return undefined;
  for (const name of globSync('**/*.ts', { cwd: folder }).sort()) {
    if (name.endsWith('.test.ts') || !/^export (?:const|function) cliMarkdown\b/m.test(readFileSync(join(folder, name), 'utf8'))) continue;
    const module: { cliMarkdown(): string } = await import(join(folder, name));
    return module.cliMarkdown();
  }
  return undefined;
}
