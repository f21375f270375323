import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { leanEnv, leanFlags } from '../src/lean.ts';
import { add, FakeHub, publicAddress } from './fake-hub.ts';
import { enrolAt, scratchFolder } from './running.ts';

/** Not a test: prints what an agent process with a file control needs at several sizes. node measure.ts [ENTRIES …] */
/** Options of Node for the agent. */
const flags = (process.env.AGENT_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
const sizes = process.argv.slice(2).map(Number);
for (const size of sizes.length > 0 ? sizes : [100, 10_000, 100_000]) {
  using folder = scratchFolder();
  await using hub = await new FakeHub().start();
  for (let from = 0; from < size; from += 10_000) {
    hub.next(
      Array.from({ length: Math.min(10_000, size - from) }, (_, n) =>
        add(publicAddress(1 + from + n), { until: new Date(Date.now() + 86_400_000).toISOString() }),
      ),
    );
  }
  const identity = join(folder.path, 'id.json');
  writeFileSync(identity, JSON.stringify(await enrolAt(hub)));
  const startedMs = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...leanFlags,
      ...flags,
      fileURLToPath(new URL('agent-process.ts', import.meta.url)),
      join(folder.path, 'state'),
      identity,
      join(folder.path, 'list.txt'),
    ],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, REBATO_TEST_TIMING: 'real', ...leanEnv(join(folder.path, '..', 'rebato-measure-cache')) },
    },
  );
  await hub.until(() => hub.reports.at(-1)?.loaded.count === size, 60_000);
  const loadedMs = performance.now() - startedMs;
  await hub.until(() => new Set(hub.receipts.map((one) => one.decision)).size >= size, 60_000);
  const latencies: number[] = [];
  for (let n = 0; n < 60; n++) {
    const one = add(publicAddress(size + 10 + n));
    const envelope = hub.next([one]);
    const sentMs = performance.now();
    hub.push('batch', envelope);
    await hub.until(() => hub.last(one.id)?.state === 'applied');
    latencies.push((hub.receipts.findLast((receipt) => receipt.decision === one.id)?.arrivedMs ?? Number.NaN) - sentMs);
  }
  latencies.sort((a, b) => a - b);
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const kb = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  child.kill('SIGKILL');
  console.log(
    `${size} entries: in force after ${Math.round(loadedMs)} ms, frame to receipt median ${latencies[30]?.toFixed(1)} ms, p95 ${latencies[57]?.toFixed(1)} ms, ` +
      `resident ${Math.round(kb('VmRSS') / 1_024)} MB (${Math.round(kb('RssFile') / 1_024)} MB of it the program's own files), peak ${Math.round(kb('VmHWM') / 1_024)} MB`,
  );
}
