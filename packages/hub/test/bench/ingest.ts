import { type Bench, fullTotal, inFlight, type Row, whole } from './row.ts';
import { csvOf, jsonOf } from './values.ts';
import { startWorld, type World } from './world.ts';

/** Indicators of one request, and requests under way at once: what a feed importer would do. */
const perRequest = 10_000;
const width = 3;

/** Bulk import over HTTP, until every indicator and decision lies on the immediate shelf. */
export const ingest: Bench = async ({ quick, say }) => {
  const rows: Row[] = [];
  for (const form of ['csv', 'json'] as const) {
    // The second form is for comparison and need not take as long.
    const total = quick ? 60_000 : form === 'csv' ? fullTotal : fullTotal / 4;
    await using world = await startWorld();
    const { key } = await world.member('Feed importer');
    await load(world, key, 'warm-up', quick ? 5_000 : 20_000, form);
    await world.settled();
    const before = await world.usage();
    const count = await placed(world);
    const begun = performance.now();
    await load(world, key, 'ingest', total, form);
    const acceptedMs = performance.now() - begun;
    await world.settled();
    const tookMs = performance.now() - begun;
    const after = await world.usage();
    const arrived = (await placed(world)) - count;
    if (arrived !== total) throw new Error(`${arrived} of ${total} indicators arrived`);
    const perSecond = (total / tookMs) * 1000;
    const size = await sizes(world);
    const each = (now: number, then: number): number => ((now - then) * 1000) / total;
    const nodeUs = each(after.cpuMs, before.cpuMs);
    const postgresUs = each(after.postgresCpuMs, before.postgresCpuMs);
    say(
      `ingest ${form}: ${whole(perSecond)}/s, accepted after ${whole(acceptedMs)} of ${whole(tookMs)} ms, node ${nodeUs.toFixed(1)} µs, postgres ${postgresUs.toFixed(1)} µs`,
    );
    for (const { name, bytes, indexes } of size.tables)
      say(`  ${name}: ${Math.round(bytes)} bytes each, of it indexes ${Math.round(indexes)}`);
    rows.push({
      bench: 'ingest',
      what: `durable ingest, native bulk API, ${form}, ${whole(total)} indicators`,
      figure: `${whole(perSecond)}/s; CPU each: hub ${nodeUs.toFixed(1)} µs, PostgreSQL ${postgresUs.toFixed(1)} µs`,
      goal: '≥ 50,000/s',
      method: `${whole(perRequest)} a request, ${width} in flight, from the first request to the last decision on the immediate shelf`,
      numbers: { perSecond, acceptedMs, tookMs, nodeUs, postgresUs, hubPeakMb: await world.peak() },
    });
    if (form === 'csv')
      rows.push({
        bench: 'ingest',
        what: 'disk per indicator',
        figure: `${whole(size.shelf)} bytes on the shelf (indicator, event, decision), ${whole(size.batches)} signed batches, ${whole(size.core)} write side`,
        goal: '< 400 bytes per indicator and shelf',
        method: 'pg_total_relation_size of the tables after the import, by the number of indicators',
        numbers: { shelf: size.shelf, batches: size.batches, core: size.core },
      });
  }
  return rows;
};

/** Sends `total` values of a run; resolves when all are acknowledged. */
export async function load(world: World, key: string, run: string, total: number, form: 'csv' | 'json', size = perRequest): Promise<void> {
  await inFlight(width, Math.ceil(total / size), async (n) => {
    const count = Math.min(size, total - n * size);
    const body = form === 'csv' ? csvOf(run, n * size, count) : jsonOf(run, n * size, count);
    const reply = await fetch(`${world.url}${form === 'csv' ? '/api/v1/reports/file?format=csv' : '/api/v1/reports'}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': form === 'csv' ? 'text/csv' : 'application/json' },
      body: new Uint8Array(body),
    });
    const text = await reply.text();
    if (reply.status !== 202) throw new Error(`${reply.status}: ${text.slice(0, 500)}`);
  });
}

async function placed(world: World): Promise<number> {
  const row = await world.db.one<{
    n: number;
  }>`select least((select count(*) from shelf_immediate.indicator), (select count(*) from shelf_immediate.decision)) as n`;
  return row?.n ?? 0;
}

async function sizes(world: World) {
  const count = (await placed(world)) || 1;
  const found = await world.db.rows<{ name: string; bytes: number; indexes: number }>`
    select c.relnamespace::regnamespace || '.' || c.relname as name, pg_total_relation_size(c.oid) as bytes, pg_indexes_size(c.oid) as indexes
      from pg_class c
     where c.relkind = 'r' and c.relnamespace::regnamespace::text in ('shelf_immediate', 'intel', 'decisions', 'bus') and pg_total_relation_size(c.oid) > 200000
     order by 2 desc`;
  const sum = (pick: (name: string) => boolean): number =>
    found.filter((row) => pick(row.name)).reduce((total, row) => total + row.bytes, 0) / count;
  return {
    shelf: sum((name) => name.startsWith('shelf_immediate.') && !name.endsWith('.batch')),
    batches: sum((name) => name === 'shelf_immediate.batch'),
    core: sum((name) => !name.startsWith('shelf_immediate.')),
    tables: found.map((row) => ({ ...row, bytes: row.bytes / count, indexes: row.indexes / count })),
  };
}
