import type { Db } from '#platform/db';

export type TableName = { readonly schema: string; readonly table: string };
export type Table = TableName & { readonly columns: readonly string[] };
export type Sequence = { readonly schema: string; readonly name: string; readonly value: number };

export const nameOf = ({ schema, table }: TableName): string => `${schema}.${table}`;
export const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;
export const quotedTable = ({ schema, table }: TableName): string => `${quoted(schema)}.${quoted(table)}`;

/** What ran is told in the backup's head; a restore writes it down as it runs it. */
const isBookkeeping = ({ schema, table }: TableName): boolean =>
  table === 'migration' && (schema === 'platform' || schema.startsWith('shelf_'));

/**
 * Every table of the hub as the database has it now, those first that others refer to. Generated columns are not among
 * the columns. Not ours are the server's own schemas, what an operator put into `public`, and the calendar of jobs, which a start makes anew.
 */
export async function readTables(db: Db): Promise<Table[]> {
  const rows = await db.rows<Table>`
    select n.nspname as schema, c.relname as table, json_agg(a.attname order by a.attnum) as columns
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public', 'graphile_worker')
     group by n.nspname, c.relname
     order by n.nspname, c.relname`;
  const references = await db.rows<{ from: string; to: string }>`
    select fn.nspname || '.' || f.relname as from, tn.nspname || '.' || t.relname as to
      from pg_constraint k
      join pg_class f on f.oid = k.conrelid join pg_namespace fn on fn.oid = f.relnamespace
      join pg_class t on t.oid = k.confrelid join pg_namespace tn on tn.oid = t.relnamespace
     where k.contype = 'f' and k.conrelid <> k.confrelid`;
  return inOrder(rows, references);
}

function inOrder(tables: readonly Table[], references: readonly { readonly from: string; readonly to: string }[]): Table[] {
  const ordered: Table[] = [];
  const done = new Set<string>();
  let waiting = [...tables];
  while (waiting.length > 0) {
    const free = waiting.filter((table) => references.every(({ from, to }) => from !== nameOf(table) || done.has(to)));
    if (free.length === 0) throw new Error(`tables refer to each other in a circle: ${waiting.map(nameOf).join(', ')}`);
    for (const table of free) done.add(nameOf(table));
    ordered.push(...free);
    waiting = waiting.filter((table) => !done.has(nameOf(table)));
  }
  return ordered;
}

/** Those whose rows a backup holds: all but the bookkeeping of migrations and what the modules name as not worth keeping. */
export const copied = (tables: readonly Table[], leftOut: readonly string[]): Table[] =>
  tables.filter((table) => !isBookkeeping(table) && !leftOut.includes(nameOf(table)));

/** Numbers that were given out. They are no part of a snapshot and may be ahead of it, which leaves gaps and no doubles. */
export async function readSequences(db: Db): Promise<Sequence[]> {
  return db.rows<Sequence>`
    select schemaname as schema, sequencename as name, last_value as value
      from pg_sequences
     where schemaname !~ '^pg_' and schemaname not in ('information_schema', 'public', 'graphile_worker') and last_value is not null
     order by schemaname, sequencename`;
}

/** Whether nothing of a hub is in the database: neither tables nor schemas. */
export async function isEmpty(db: Db): Promise<boolean> {
  const found = await db.one`
    select from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public') limit 1`;
  return found === undefined;
}
