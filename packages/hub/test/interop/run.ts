// npm run interop [-- PATTERN…]: the hub and its agent against programs of others. Installs what is missing when this is root.
import { installPeers } from './peers.ts';
import { installPython } from './python.ts';
import { runFiles } from './run-files.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const notes = installPeers(['postgresql15', 'nftables', 'iproute2', 'curl', 'gzip', 'python'], say);
const python = await installPython(say);
try {
  process.exitCode = await runFiles({
    name: 'interop',
    folder: import.meta.dirname,
    suffix: '.interop.ts',
    patterns: process.argv.slice(2),
    notes: [...notes, ...python.notes],
  });
} finally {
  await python.remove();
}
