import type { Pool } from '#platform/db';

type Numbering = {
  readonly name: string;
  readonly first: number | null;
  readonly last: number | null;
  readonly n: number;
  readonly head: number;
};

/** Positions of the log and of every lane are 1, 2, 3 … without a gap, and end where the head says. Tells every breach. */
export async function gaps(db: Pool): Promise<string[]> {
  const log = await db.rows<Numbering>`
    select 'bus' as name, min(position) as first, max(position) as last, count(*) as n, (select position from bus.head) as head from bus.entry`;
  const shelves = await db.rows<{ name: string }>`select nspname as name from pg_namespace where nspname like 'shelf\\_%'`;
  const lanes: Numbering[] = [];
  for (const { name } of shelves) {
    lanes.push(
      ...(await db.rows<Numbering>`
        select ${name} || ' ' || l.lane as name, min(e.position) as first, max(e.position) as last, count(e.position) as n, l.position as head
          from ${db.name(name)}.lane l left join ${db.name(name)}.entry e on e.lane = l.lane group by l.lane, l.position`),
      ...(await db.rows<Numbering>`
        select ${name} || ' batches of ' || l.lane as name, min(b.version) as first, max(b.version) as last, count(b.version) as n, l.version as head
          from ${db.name(name)}.lane l left join ${db.name(name)}.batch b on b.lane = l.lane group by l.lane, l.version`),
    );
  }
  return [...log, ...lanes]
    .filter(({ first, last, n, head }) => n !== head || (n > 0 && (first !== 1 || last !== head)))
    .map(({ name, first, last, n, head }) => `${name}: ${n} entries from ${first} to ${last}, and the head says ${head}`);
}

/** Nothing was set aside as impossible to carry out. */
export async function setAside(db: Pool): Promise<string[]> {
  const rows = await db.rows<{
    position: number;
    topic: string;
    error: string;
  }>`select position, topic, error from bus.failed order by at limit 20`;
  return rows.map((row) => `set aside: entry ${row.position} (${row.topic}): ${row.error}`);
}

/** Whether everything announced and due has been carried out. */
export async function idle(db: Pool): Promise<boolean> {
  const row = await db.one<{ n: number }>`
    select (select count(*) from bus.outbox) + (select count(*) from bus.plan where due_at <= clock_timestamp()) as n`;
  return row?.n === 0;
}

const counted = (rows: readonly { readonly name: string; readonly n: number }[]): Map<string, number> =>
  new Map(rows.map(({ name, n }) => [name, n]));

/** How often each report's own element is at each place that it must reach. */
export type Views = {
  readonly reports: ReadonlyMap<string, number>;
  readonly events: ReadonlyMap<string, number>;
  readonly decisions: ReadonlyMap<string, number>;
  readonly released: ReadonlyMap<string, number>;
};

export async function readReports(db: Pool): Promise<Map<string, number>> {
  return counted(
    await db.rows<{ name: string; n: number }>`
      select idempotency_key as name, count(*) as n from intel.report where idempotency_key is not null group by 1`,
  );
}

export async function readViews(db: Pool, prefix: string): Promise<Views> {
  const like = `${prefix}%`;
  return {
    reports: await readReports(db),
    events: counted(
      await db.rows<{ name: string; n: number }>`
        select e.info as name, count(*) as n from intel.event e where e.info like ${like} and e.state = 'published' group by 1`,
    ),
    decisions: counted(
      await db.rows<{
        name: string;
        n: number;
      }>`select value as name, count(*) as n from shelf_immediate.decision where lane = 'c' and value like ${like} group by 1`,
    ),
    released: counted(
      await db.rows<{ name: string; n: number }>`
        select value as name, count(*) as n from shelf_immediate.indicator where lane = 'c' and value like ${like} group by 1`,
    ),
  };
}

/** What an assessor has taken back. */
export async function readRetracted(db: Pool, prefix: string): Promise<Map<string, number>> {
  return counted(
    await db.rows<{ name: string; n: number }>`
      select value as name, count(*) as n from decisions.ruling where ruling = 'retracted' and value like ${`${prefix}%`} group by 1`,
  );
}

/** Values that many report have one decision each, whoever came first. */
export async function doubledDecisions(db: Pool): Promise<string[]> {
  const rows = await db.rows<{ value: string; n: number }>`
    select value, count(*) as n from shelf_immediate.decision group by lane, kind, value having count(*) > 1 limit 20`;
  return rows.map(({ value, n }) => `${value} has ${n} decisions`);
}
