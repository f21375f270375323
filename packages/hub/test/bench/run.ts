/** `npm run bench [-- NAME…]`: measures a real hub, prints a table and writes JSON to bench-results/. REBATO_TEST_BENCH_QUICK=1: small sizes. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { alert } from './alert.ts';
import { block } from './block.ts';
import { ingest } from './ingest.ts';
import { lists } from './lists.ts';
import { lookUp } from './look-up.ts';
import type { Bench, Row } from './row.ts';

const benches: Readonly<Record<string, Bench>> = { ingest, block, alert, 'look-up': lookUp, lists };

const quick = process.env.REBATO_TEST_BENCH_QUICK === '1';
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => benches[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`No bench is called ${unknown.join(', ')}. There are: ${Object.keys(benches).join(', ')}.\n`);
  process.exit(2);
}
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const begun = new Date();
const folder = join(import.meta.dirname, '../../../../bench-results');
await mkdir(folder, { recursive: true });
const file = join(folder, `${begun.toISOString().replaceAll(/[:.]/g, '')}.json`);
const machine = {
  cpus: cpus().length,
  model: cpus()[0]?.model ?? '',
  memoryGb: Math.round(totalmem() / 1e9),
  kernel: release(),
  node: process.version,
};
const rows: (Row & { readonly loadBefore: number })[] = [];
for (const [name, bench] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  // A machine with other work gives other figures: the load before each bench is kept beside them.
  const loadBefore = loadavg()[0] ?? Number.NaN;
  say(`${name}… (load ${loadBefore.toFixed(1)})`);
  rows.push(...(await bench({ quick, say })).map((row) => ({ ...row, loadBefore })));
  await writeFile(file, `${JSON.stringify({ at: begun.toISOString(), quick, machine, rows }, null, 2)}\n`);
}
process.stdout.write('| What | Measured | Goal | Method |\n| --- | --- | --- | --- |\n');
for (const row of rows) process.stdout.write(`| ${row.what} | ${row.figure} | ${row.goal} | ${row.method} |\n`);
say(`Written to ${file}`);
