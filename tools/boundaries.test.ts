import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkImports, importsOf, moduleOrder, platformSchemas, readSources } from './boundaries.ts';

const inModule = (name: string, file = 'store.ts'): string => `packages/hub/src/modules/${name}/${file}`;
const problemsOf = (path: string, text: string): string[] => checkImports([{ path, text }]);

const allowed: readonly (readonly [string, string])[] = [
  ['packages/contract/src/wire.ts', "import { Type } from 'typebox';"],
  ['packages/contract/src/wire.ts', "import type { Tlp } from './markings.ts';"],
  ['packages/hub/src/platform/postgres/embedded.ts', "import { StartRefused } from '../start-refused.ts';"],
  ['packages/hub/src/platform/db.ts', "import postgres from 'postgres';\nimport type { Wire } from '@rebato/contract';"],
  [inModule('intel'), "import { canonical } from '#values';\nimport type { Db } from '#platform/db';"],
  [inModule('intel', 'codecs/misp.ts'), "import { limits } from '../limits.ts';"],
  [inModule('board'), "import { listDecisions } from '#decisions';"],
  [inModule('intel', 'a.pg.test.ts'), "import { startTestHub } from '#test/hub';\nprocess.env.CI;"],
  ['packages/hub/src/edges/misp/routes.ts', "import { intel } from '#intel';\nimport './shape.ts';"],
  ['packages/hub/src/app.ts', "import { createIntel } from '#intel';\nimport { misp } from './edges/misp/index.ts';"],
  ['packages/agent/src/enforce/nftables.ts', "import type { Batch } from '@rebato/contract';\nimport { limits } from '../limits.ts';"],
  ['tools/new.ts', "import { moduleOrder } from './boundaries.ts';\nprocess.env.HOME;"],
];
for (const [path, text] of allowed) {
  test(`${path} may: ${text.split('\n')[0]}`, () => assert.deepEqual(problemsOf(path, text), []));
}

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['packages/contract/src/wire.ts', "import { intel } from '#intel';", /belong to the hub/],
  ['packages/contract/src/wire.ts', "import fastify from 'fastify';", /schema library/],
  ['packages/hub/src/platform/db.ts', "import { intel } from '#intel';", /knows no feature/],
  ['packages/hub/src/platform/db.ts', "import { x } from '../modules/intel/store.ts';", /stay in packages\/hub\/src\/platform\//],
  [inModule('values'), "import { guard } from '#guard';", /not in an earlier row/],
  [inModule('decisions'), "import type { Alert } from '#alerts';", /not in an earlier row/],
  [inModule('intel'), "import { intel } from '#intel';", /its own face/],
  [inModule('intel'), "import { x } from '#members/store';", /only the face/],
  [inModule('intel'), "export { x } from '../members/store.ts';", /stay in/],
  [inModule('intel'), "const x = await import('../members/store.ts');", /stay in/],
  [inModule('intel'), "import { startTestHub } from '#test/hub';", /only tests/],
  [inModule('intel'), "import { x } from './store';", /end in \.ts/],
  [inModule('intel'), "import {\n  type A,\n  b,\n} from '#board';", /not in an earlier row/],
  [inModule('intel'), "import { hub } from '@rebato/hub';", /only the face of the contract/],
  ['packages/hub/src/edges/misp/routes.ts', "import { x } from '../taxii/shape.ts';", /stay in/],
  ['packages/agent/src/verdict.ts', "import { judge } from '#guard';", /belong to the hub/],
  ['packages/agent/src/verdict.ts', "import { judge } from '../../hub/src/modules/guard/judge.ts';", /stay in/],
  [inModule('gossip'), "import { x } from './x.ts';", /no folder that the layout knows/],
  [inModule('intel'), 'const url = process.env.REBATO_URL;', /process\.env/],
];
for (const [path, text, reason] of refused) {
  test(`${path} may not: ${text.replaceAll('\n', ' ')}`, () => {
    const problems = problemsOf(path, text);
    assert.equal(problems.length, 1);
    assert.ok(problems[0]?.startsWith(`${path}: `));
    assert.match(problems[0] ?? '', reason);
  });
}

test('a module names its own tables and those of a shelf, and nobody else does', () => {
  const sql = 'await db.rows`select e.id from intel.event e join shelf.entry s on s.object = e.id`;';
  assert.deepEqual(problemsOf(inModule('intel'), sql), []);
  assert.match(problemsOf(inModule('decisions'), sql).join(), /names the schema intel in SQL, which belongs to the module intel/);
  assert.match(problemsOf('packages/hub/src/edges/misp/read.ts', sql).join(), /schema intel/);
  assert.match(problemsOf('packages/hub/src/platform/bus.ts', sql).join(), /schema intel/);
  assert.match(problemsOf(inModule('intel'), 'db.run`insert into bus.outbox (topic) values (1)`').join(), /belongs to the platform/);
  assert.deepEqual(problemsOf('packages/hub/src/platform/bus.ts', 'db.run`insert into bus.outbox (topic) values (1)`'), []);
});

test('a use of another module in code or in prose is not taken for SQL', () => {
  assert.deepEqual(problemsOf(inModule('board'), '// taken from decisions.value\nreturn deps.decisions.list(intel.event);'), []);
});

test('a migration belongs to the first word of its name, and touches the tables of that owner only', () => {
  const create = 'create schema intel;\ncreate table intel.event (id uuid); -- like members.member';
  assert.deepEqual(problemsOf('packages/hub/migrations/202611221416_intel.sql', create), []);
  assert.match(problemsOf('packages/hub/migrations/202611221416_members_more.sql', create).join(), /schema intel/);
  assert.match(problemsOf('packages/hub/migrations/202611221416_misc.sql', create).join(), /no folder that the layout knows/);
  const reference = 'create table intel.sighting (member_id uuid references members.member (id));';
  assert.match(problemsOf('packages/hub/migrations/202611221417_intel_sighting.sql', reference).join(), /schema members/);
});

test('files that import each other at run time are a cycle; types close none', () => {
  const a = { path: inModule('intel', 'a.ts'), text: "import { b } from './b.ts';" };
  const b = { path: inModule('intel', 'b.ts'), text: "import { c } from './c.ts';" };
  const c = (text: string) => ({ path: inModule('intel', 'c.ts'), text });
  const problems = checkImports([a, b, c("import { a } from './a.ts';")]);
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? '', /part of a cycle: .*a\.ts → .*b\.ts → .*c\.ts → .*a\.ts\./);
  assert.deepEqual(checkImports([a, b, c("import type { a } from './a.ts';")]), []);
});

test('imports are found in every form, and not in comments', () => {
  const code = "import a from 'a';\nimport 'b';\nexport * from 'c';\nexport type { D } from 'd';\nconst e = import('e');";
  assert.deepEqual(
    importsOf(code)
      .map((found) => found.specifier)
      .sort(),
    ['a', 'b', 'c', 'd', 'e'],
  );
  assert.deepEqual(problemsOf(inModule('values'), "/**\n * import { x } from '#board';\n */\n// import { x } from '#board';"), []);
});

test('every module stands in one row, and no module is named like a schema of the platform', () => {
  const names: readonly string[] = moduleOrder.flat();
  assert.equal(new Set(names).size, names.length);
  for (const schema of platformSchemas) assert.ok(!names.includes(schema));
});

test('the repository itself is read', () => {
  const paths = readSources(`${import.meta.dirname}/..`).map((file) => file.path);
  assert.ok(paths.includes('tools/boundaries.ts') && paths.some((path) => path.startsWith('packages/hub/src/platform/')));
});
