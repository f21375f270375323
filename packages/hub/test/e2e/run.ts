// npm run e2e [-- PATTERN…]: real Chromium against a real hub. Installs the browser when it is missing and this is root.
import { installPeers } from '#test/interop/peers';
import { runFiles } from '#test/interop/run-files';

const notes = installPeers(['chromium'], (line) => void process.stdout.write(`${line}\n`));
process.exitCode = await runFiles({
  name: 'e2e',
  folder: import.meta.dirname,
  suffix: '.e2e.ts',
  patterns: process.argv.slice(2),
  notes,
});
