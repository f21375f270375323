import { startAgents } from './block.ts';
import { openClient } from './client.ts';
import { load } from './ingest.ts';
import { type Bench, fullTotal, ms, percentile, whole } from './row.ts';
import { benchValue } from './values.ts';
import { startWorld } from './world.ts';

const restMs = 100;
/** Few controls: what is measured is how long an alert waits behind the import. They are sent the import's batches, too. */
const controls = 10;

/** How long one reported value takes to its last receipt, on an idle hub and while an import runs. */
export const alert: Bench = async ({ quick, say }) => {
  await using world = await startWorld();
  const { key } = await world.member('Feed importer');
  await load(world, key, 'alert warm-up', 20_000, 'csv');
  await world.settled();
  const agents = await startAgents(world, controls);
  const reporter = openClient(world.url, (await world.member('Reporter')).key, 1);
  let n = 0;
  const once = async (): Promise<number> => {
    n += 1;
    const { times } = await agents.report(reporter, benchValue('alert', n * 4 + 1).value);
    await new Promise((done) => setTimeout(done, restMs));
    return Math.max(...times);
  };
  for (let i = 0; i < 10; i += 1) await once();
  const idle: number[] = [];
  for (let i = 0; i < (quick ? 20 : 200); i += 1) idle.push(await once());
  let running = true;
  const total = quick ? 60_000 : fullTotal;
  const importing = load(world, key, 'alert import', total, 'csv')
    .then(() => world.settled())
    .finally(() => {
      running = false;
    });
  const busy: number[] = [];
  while (running) busy.push(await once());
  await importing;
  agents.stop();
  reporter.close();
  const ratio = percentile(busy, 0.99) / percentile(idle, 0.99);
  say(
    `alert: idle p50 ${ms(percentile(idle, 0.5))} p99 ${ms(percentile(idle, 0.99))}; importing p50 ${ms(percentile(busy, 0.5))} p99 ${ms(percentile(busy, 0.99))} (${busy.length} samples)`,
  );
  return [
    {
      bench: 'alert',
      what: `alert latency during a bulk import of ${whole(total)}`,
      figure: `p99 ${ms(percentile(busy, 0.99))} against ${ms(percentile(idle, 0.99))} idle: ${ratio.toFixed(1)} ×; p50 ${ms(percentile(busy, 0.5))} against ${ms(percentile(idle, 0.5))}`,
      goal: 'p99 < 2 × the idle figure',
      method: `one value at a time, from sending the report to the last receipt of ${controls} controls; ${busy.length} alerts during the import, ${idle.length} before`,
      numbers: {
        idleP50: percentile(idle, 0.5),
        idleP99: percentile(idle, 0.99),
        busyP50: percentile(busy, 0.5),
        busyP99: percentile(busy, 0.99),
        ratio,
        samples: busy.length,
      },
    },
  ];
};
