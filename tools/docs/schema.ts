import { join } from 'node:path';
import { type Db, openPool, type Pool } from '../../packages/hub/src/platform/db.ts';
import { migrate } from '../../packages/hub/src/platform/migrate.ts';
import { startScratchPostgres } from '../../packages/hub/src/platform/postgres/scratch.ts';
import { prepareShelves, shelfSchema } from '../../packages/hub/src/platform/shelf.ts';

/** Every shelf has the same tables, so one stands for all. */
const audience = { name: 'immediate', delayMs: 0, onConsolidation: false, maxTlp: 'amber+strict' } as const;

/** The database as the migrations leave it, read from the catalogue of a server of its own, in an order that never changes. */
export async function schemaDump(root: string): Promise<string> {
  const folder = join(root, 'packages/hub/migrations');
  const server = await startScratchPostgres();
  try {
    const db = openPool(server.url, { max: 2, application: 'rebato docs' });
    try {
      await migrate(db, folder, () => {});
      await prepareShelves(db, [audience], join(folder, 'shelf'), () => {});
      return await dump(db);
    } finally {
      await db.close();
    }
  } finally {
    await server.stop();
  }
}

async function dump(db: Pool): Promise<string> {
  const [head] = await db.rows<{ version: string }>`select current_setting('server_version') as version`;
  const parts = [
    `-- Read from the catalogue of PostgreSQL ${head?.version.split('.')[0] ?? ''} after all migrations. The shelves of all audiences look like ${shelfSchema(audience.name)}.`,
  ];
  for (const schema of await schemasOf(db)) {
    parts.push('', `create schema ${schema};`);
    const sections = [await tables(db, schema), await others(db, schema), await grants(db, schema)];
    parts.push(...sections.filter((section) => section !== ''));
  }
  return parts.join('\n');
}

async function schemasOf(db: Db): Promise<string[]> {
  const rows = await db.rows<{ name: string }>`
    select nspname as name from pg_namespace
     where nspname !~ '^pg_' and nspname not in ('information_schema', 'public') order by nspname collate "C"`;
  return rows.map((row) => row.name);
}

async function tables(db: Db, schema: string): Promise<string> {
  const found = await db.rows<{ oid: number; name: string; options: string | null }>`
    select c.oid::int as oid, quote_ident(c.relname) as name, array_to_string(c.reloptions, ', ') as options
      from pg_class c where c.relnamespace = to_regnamespace(${schema}) and c.relkind in ('r', 'p') order by c.relname collate "C"`;
  const texts: string[] = [];
  for (const table of found) {
    const lines = [...(await columns(db, table.oid)), ...(await constraints(db, table.oid))];
    const tail = table.options === null ? '' : ` with (${table.options})`;
    texts.push(`\ncreate table ${schema}.${table.name} (\n  ${lines.join(',\n  ')}\n)${tail};`, ...(await indexes(db, table.oid)));
  }
  return texts.join('\n');
}

async function columns(db: Db, table: number): Promise<string[]> {
  const rows = await db.rows<{ name: string; type: string; notNull: boolean; fallback: string | null; identity: string }>`
    select quote_ident(a.attname) as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as not_null,
           pg_get_expr(d.adbin, d.adrelid) as fallback, a.attidentity::text as identity
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attrelid = ${table} and a.attnum > 0 and not a.attisdropped order by a.attnum`;
  return rows.map((row) => {
    const identity = row.identity === '' ? '' : ` generated ${row.identity === 'a' ? 'always' : 'by default'} as identity`;
    const fallback = row.fallback === null ? '' : ` default ${row.fallback}`;
    return `${row.name} ${row.type}${row.notNull ? ' not null' : ''}${identity}${fallback}`;
  });
}

/** Without those that say "not null": newer servers keep these as constraints, older ones do not. */
async function constraints(db: Db, table: number): Promise<string[]> {
  const rows = await db.rows<{ text: string }>`
    select format('constraint %I %s', conname, pg_get_constraintdef(oid)) as text
      from pg_constraint where conrelid = ${table} and contype <> 'n' order by contype <> 'p', contype, conname collate "C"`;
  return rows.map((row) => row.text);
}

/** Those that no constraint stands behind. */
async function indexes(db: Db, table: number): Promise<string[]> {
  const rows = await db.rows<{ text: string }>`
    select pg_get_indexdef(i.indexrelid) || ';' as text
      from pg_index i join pg_class c on c.oid = i.indexrelid
     where i.indrelid = ${table} and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
     order by c.relname collate "C"`;
  return rows.map((row) => row.text);
}

/** Views, functions and triggers: few or none, and never silently left out. */
async function others(db: Db, schema: string): Promise<string> {
  const rows = await db.rows<{ text: string }>`
    select text from (
      select 1 as rank, c.relname as name, format('create view %I.%I as %s', ${schema}::text, c.relname, pg_get_viewdef(c.oid)) as text
        from pg_class c where c.relnamespace = to_regnamespace(${schema}) and c.relkind in ('v', 'm')
      union all
      select 2, p.proname, pg_get_functiondef(p.oid) || ';' from pg_proc p where p.pronamespace = to_regnamespace(${schema}) and p.prokind in ('f', 'p')
      union all
      select 3, t.tgname, pg_get_triggerdef(t.oid) || ';'
        from pg_trigger t join pg_class c on c.oid = t.tgrelid where c.relnamespace = to_regnamespace(${schema}) and not t.tgisinternal
    ) found order by rank, name collate "C", text collate "C"`;
  return rows.map((row) => `\n${row.text}`).join('\n');
}

/** What other logins than the owner may do: the readers' rights are part of the schema. */
async function grants(db: Db, schema: string): Promise<string> {
  const rows = await db.rows<{ text: string }>`
    select format('grant %s on %I.%I to %I;', lower(string_agg(g.privilege_type, ', ' order by g.privilege_type)), table_schema, table_name, grantee) as text
      from information_schema.role_table_grants g
     where table_schema = ${schema} and grantee <> current_user
     group by table_schema, table_name, grantee order by grantee collate "C", table_name collate "C"`;
  return rows.length === 0 ? '' : `\n${rows.map((row) => row.text).join('\n')}`;
}
