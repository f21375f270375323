import { openClient } from './client.ts';
import { load } from './ingest.ts';
import { type Bench, fullTotal, inFlight, ms, percentile, type Row, whole } from './row.ts';
import { benchValue } from './values.ts';
import { startWorld, type World } from './world.ts';

/** Requests of one figure, and those before it that are not counted: plans, caches, compiled code. */
const samples = 2_000;
const warmUp = 300;

/** `GET /api/v1/values` of present and absent values, at growing sizes of the store. */
export const lookUp: Bench = async ({ quick, say }) => {
  await using world = await startWorld();
  const { key } = await world.member('Feed importer');
  const rows: Row[] = [];
  const large = process.env.REBATO_TEST_BENCH_LARGE === '1';
  let have = 0;
  for (const size of quick ? [10_000, 30_000] : large ? [10_000, 100_000, 1_000_000, 10_000_000] : [10_000, 100_000, fullTotal]) {
    await load(world, key, `look-up ${have}`, size - have, 'csv');
    const run = `look-up ${have}`;
    const count = size - have;
    have = size;
    await world.settled();
    await world.db.script('vacuum analyze');
    await world.db.script('checkpoint');
    const one = await measure(world, key, run, count, 1, quick ? 500 : samples);
    const fifty = await measure(world, key, run, count, 50, quick ? 1_000 : 4 * samples);
    const { rssMb } = await world.usage();
    say(
      `look-up at ${whole(size)}: p50 ${ms(one.p50)}, p99 ${ms(one.p99)}; 50 connections p50 ${ms(fifty.p50)}, p99 ${ms(fifty.p99)}, ${whole(fifty.perSecond)}/s`,
    );
    rows.push({
      bench: 'look-up',
      what: `value look-up over HTTP with ${whole(size)} indicators`,
      figure: `p50 ${ms(one.p50)}, p99 ${ms(one.p99)}; 50 connections: p50 ${ms(fifty.p50)}, p99 ${ms(fifty.p99)}, ${whole(fifty.perSecond)}/s; hub ${whole(rssMb)} MB`,
      goal: 'p50 < 1 ms, p99 < 5 ms, flat',
      method: `${whole(samples)} GETs one after another over one kept connection, four of five present; then 50 connections at once`,
      numbers: { p50: one.p50, p99: one.p99, p50Of50: fifty.p50, p99Of50: fifty.p99, perSecondOf50: fifty.perSecond, rssMb },
    });
  }
  return rows;
};

async function measure(world: World, key: string, run: string, count: number, connections: number, wanted: number) {
  const client = openClient(world.url, key, connections);
  const took: number[] = [];
  const ask = async (n: number): Promise<void> => {
    const absent = n % 5 === 4;
    // A prime step spreads the requests over the whole store.
    const { value } = benchValue(absent ? 'absent' : run, (n * 7_919) % count);
    const begun = performance.now();
    const reply = await client.get(`/api/v1/values?value=${encodeURIComponent(value)}`);
    if (n >= warmUp) took.push(performance.now() - begun);
    const found = reply.text.includes('"events":[{');
    if (reply.status !== 200 || found === absent) throw new Error(`${reply.status} for ${value}: ${reply.text.slice(0, 300)}`);
  };
  await inFlight(connections, warmUp, ask);
  const begun = performance.now();
  await inFlight(connections, wanted, (n) => ask(n + warmUp));
  const perSecond = (wanted / (performance.now() - begun)) * 1000;
  client.close();
  return { p50: percentile(took, 0.5), p99: percentile(took, 0.99), perSecond };
}
