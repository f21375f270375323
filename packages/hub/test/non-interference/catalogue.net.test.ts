/** What the database itself lets the readers' logins do: the list is computed from its catalogue, so a new table or schema is in it at once. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestHub, type TestHub } from '../hub.ts';

let hub: TestHub;
let logins: { readonly shelf: string; readonly login: string }[];

before(async () => {
  hub = await startTestHub();
  logins = [];
  for (const [shelf, pool] of hub.pools) {
    const row = await pool.one<{ login: string }>`select current_user as login`;
    logins.push({ shelf, login: row?.login ?? '' });
  }
});
after(() => hub.stop());

const tablePrivileges = ['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'] as const;

test('each shelf has a login of its own that owns nothing, inherits nothing and administers nothing', async () => {
  assert.ok(logins.length >= 3);
  assert.equal(new Set(logins.map(({ login }) => login)).size, logins.length);
  for (const { login } of logins) {
    const row = await hub.db.one<{ plain: boolean; owned: number; memberships: number }>`
      select not (r.rolsuper or r.rolcreatedb or r.rolcreaterole or r.rolreplication or r.rolbypassrls or r.rolinherit) as plain,
             (select count(*) from pg_class c where c.relowner = r.oid) + (select count(*) from pg_namespace n where n.nspowner = r.oid)
               + (select count(*) from pg_proc p where p.proowner = r.oid) as owned,
             (select count(*) from pg_auth_members m where m.member = r.oid or m.roleid = r.oid and false) as memberships
        from pg_roles r where r.rolname = ${login}`;
    assert.deepEqual(row, { plain: true, owned: 0, memberships: 0 }, login);
  }
});

test('a login of a shelf may read the tables of its shelf, and has no other right on any relation', async () => {
  const relations = await hub.db.rows<{ oid: number; schema: string; name: string; kind: string }>`
    select c.oid::bigint as oid, n.nspname as schema, c.relname as name, c.relkind::text as kind
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`;
  assert.ok(relations.some(({ schema }) => schema === 'intel') && relations.some(({ schema }) => schema === 'shelf_informed'));
  for (const { shelf, login } of logins) {
    const expected = relations
      .filter(({ schema, name, kind }) => schema === `shelf_${shelf}` && kind === 'r' && name !== 'migration')
      .map(({ schema, name }) => `${schema}.${name} select`)
      .sort();
    const held: string[] = [];
    for (const privilege of tablePrivileges) {
      const rows = await hub.db.rows<{ schema: string; name: string }>`
        select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
           and (has_table_privilege(${login}, c.oid, ${privilege})
                or (${['select', 'insert', 'update', 'references'].includes(privilege)} and has_any_column_privilege(${login}, c.oid, ${
                  ['select', 'insert', 'update', 'references'].includes(privilege) ? privilege : 'select'
                })))`;
      held.push(...rows.map(({ schema, name }) => `${schema}.${name} ${privilege}`));
    }
    assert.deepEqual(held.sort(), expected, login);
    const sequences = await hub.db.rows<{ name: string }>`
      select c.oid::regclass::text as name from pg_class c
       where c.relkind = 'S' and (has_sequence_privilege(${login}, c.oid, 'usage') or has_sequence_privilege(${login}, c.oid, 'select')
                                  or has_sequence_privilege(${login}, c.oid, 'update'))`;
    assert.deepEqual(sequences, [], `${login}: a sequence tells how much there is`);
  }
});

test('a login of a shelf may look into its own schema only, and create nothing anywhere', async () => {
  for (const { shelf, login } of logins) {
    const rows = await hub.db.rows<{ schema: string; usage: boolean; create: boolean }>`
      select nspname as schema, has_schema_privilege(${login}, oid, 'usage') as usage, has_schema_privilege(${login}, oid, 'create') as create
        from pg_namespace where nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and nspname !~ '^pg_(temp|toast_temp)_'`;
    assert.deepEqual(
      rows.filter((row) => row.usage).map((row) => row.schema),
      [`shelf_${shelf}`],
      login,
    );
    assert.deepEqual(
      rows.filter((row) => row.create),
      [],
      login,
    );
    const database = await hub.db.one<{ create: boolean }>`select has_database_privilege(${login}, current_database(), 'create') as create`;
    assert.deepEqual(database, { create: false });
  }
});

test('no function of ours runs with its owner’s rights where a login of a shelf can call it, and no view is anybody’s but its caller’s', async () => {
  for (const { login } of logins) {
    const functions = await hub.db.rows<{ name: string }>`
      select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where n.nspname not in ('pg_catalog', 'information_schema') and p.prosecdef
         and has_function_privilege(${login}, p.oid, 'execute') and has_schema_privilege(${login}, n.oid, 'usage')`;
    assert.deepEqual(functions, [], login);
  }
  const views = await hub.db.rows<{ name: string }>`
    select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('v', 'm') and n.nspname ~ '^shelf_' and not coalesce(c.reloptions @> '{security_invoker=true}', false)`;
  assert.deepEqual(views, []);
});

test('tried and not only read: another shelf, the write side and the keys are refused to the login of a shelf', async () => {
  const informed = hub.pools.get('informed');
  assert.ok(informed !== undefined);
  const tables = await hub.db.rows<{ name: string }>`
    select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'shelf_informed')`;
  assert.ok(tables.length > 30);
  for (const { name } of tables) await assert.rejects(informed.script(`select 1 from ${name} limit 1`), /permission denied/, name);
  await assert.rejects(informed.script('create table shelf_informed.mine (n int)'), /permission denied/);
  await assert.rejects(informed.script('delete from event'), /permission denied/);
  await assert.rejects(informed.script('set role postgres'), /permission denied|does not exist/);
});

test('a login of one hub opens nothing of another hub on the same server', async () => {
  await using other = await startTestHub();
  for (const { login } of logins) {
    const rows = await other.db.rows<{ name: string }>`
      select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and c.relkind in ('r', 'p', 'v', 'm')
         and has_table_privilege(${login}, c.oid, 'select')`;
    assert.deepEqual(rows, [], login);
  }
});
