import { type Client, expectJson, openClient } from './client.ts';
import { load } from './ingest.ts';
import { type Bench, fullTotal, ms, percentile, type Row, whole } from './row.ts';
import { benchValue } from './values.ts';
import { startWorld } from './world.ts';

const path = '/feeds/all.txt';
const changeMaxMs = 30_000;

/** A block list of everything: first byte when it is ready, and how long until a change is served. Then the same hub's start on this data. */
export const lists: Bench = async ({ quick, say }) => {
  const total = quick ? 40_000 : fullTotal;
  await using world = await startWorld();
  const { key } = await world.member('Feed importer');
  await load(world, key, 'lists', total, 'csv');
  await world.settled();
  await world.db.script('vacuum analyze');
  const rows: Row[] = [];

  let client = openClient(world.url, key, 1);
  const cold = await client.get(path);
  if (cold.status !== 200) throw new Error(`${cold.status}: ${cold.text.slice(0, 300)}`);
  const first: number[] = [];
  const wholeMs: number[] = [];
  for (let i = 0; i < (quick ? 10 : 40); i += 1) {
    const reply = await client.get(path);
    first.push(reply.firstMs);
    wholeMs.push(reply.wholeMs);
  }
  const gzip = openClient(world.url, key, 1, true);
  await gzip.get(path);
  const gzipped: number[] = [];
  for (let i = 0; i < 10; i += 1) gzipped.push((await gzip.get(path)).firstMs);
  gzip.close();

  const changed: number[] = [];
  const reporter = openClient(world.url, key, 2);
  for (let i = 0; i < (quick ? 5 : 20); i += 1) changed.push(await changeOne(reporter, client, i));
  reporter.close();
  const { rssMb } = await world.usage();
  say(
    `lists: first byte p50 ${ms(percentile(first, 0.5))}, changed p50 ${ms(percentile(changed, 0.5))} p99 ${ms(percentile(changed, 0.99))}, first time ${ms(cold.wholeMs)}`,
  );
  rows.push({
    bench: 'lists',
    what: `full block list of ${whole(total)} entries`,
    figure: `first byte p50 ${ms(percentile(first, 0.5))}, p99 ${ms(percentile(first, 0.99))} (gzip ${ms(percentile(gzipped, 0.5))}); whole ${ms(percentile(wholeMs, 0.5))}; very first time ${ms(cold.wholeMs)}; hub ${whole(rssMb)} MB`,
    goal: 'cached: first byte < 20 ms',
    method: `GET ${path} of ${(cold.bytes / 1e6).toFixed(0)} MB over one connection, again and again`,
    numbers: {
      firstP50: percentile(first, 0.5),
      firstP99: percentile(first, 0.99),
      gzipP50: percentile(gzipped, 0.5),
      wholeP50: percentile(wholeMs, 0.5),
      coldMs: cold.wholeMs,
      rssMb,
    },
  });
  rows.push({
    bench: 'lists',
    what: 'block list changed by one',
    figure: `new version served p50 ${ms(percentile(changed, 0.5))}, worst ${ms(percentile(changed, 1))}`,
    goal: '< 200 ms after the change',
    method:
      'from the acknowledged report of one new value to the first byte of an answer with another entity tag, asked for again and again with If-None-Match',
    numbers: { p50: percentile(changed, 0.5), max: percentile(changed, 1) },
  });
  client.close();

  const starts: number[] = [];
  for (let i = 0; i < (quick ? 2 : 5); i += 1) {
    await world.restart();
    starts.push(world.readyMs);
  }
  client = openClient(world.url, key, 1);
  const after = await client.get(`/api/v1/values?value=${encodeURIComponent(benchValue('lists', 5).value)}`);
  if (after.status !== 200 || !after.text.includes('"events":[{')) throw new Error('the restarted hub does not know its values');
  client.close();
  say(`cold start: p50 ${ms(percentile(starts, 0.5))}`);
  rows.push({
    bench: 'lists',
    what: `cold start with ${whole(total)} indicators`,
    figure: `ready after p50 ${ms(percentile(starts, 0.5))}, worst ${ms(percentile(starts, 1))}`,
    goal: '< 3 s',
    method: 'from starting the hub program to its listening door; its PostgreSQL runs already',
    numbers: { p50: percentile(starts, 0.5), max: percentile(starts, 1) },
  });
  return rows;
};

/** Milliseconds from the acknowledgement of a new value to the first byte of a list that is not the old one. */
async function changeOne(reporter: Client, reader: Client, i: number): Promise<number> {
  const before = (await reader.head(path)).etag;
  expectJson(
    await reporter.post('/api/v1/reports', {
      title: 'Change',
      indicators: [{ type: 'domain', value: benchValue('change', i * 4 + 1).value }],
    }),
    202,
  );
  const begun = performance.now();
  for (;;) {
    const reply = await reader.head(path, before);
    if (reply.status === 200) return performance.now() - begun;
    if (performance.now() - begun > changeMaxMs) throw new Error('the list did not change');
  }
}
