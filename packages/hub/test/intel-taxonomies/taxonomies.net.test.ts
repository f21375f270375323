import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startTestHub, type TestHub, type TestMember } from '../hub.ts';

const folder = join(process.env.REBATO_SHARED ?? join(import.meta.dirname, '../../../../../shared'), 'data/taxonomies');
const skip = existsSync(folder) ? false : 'no published taxonomies here (set REBATO_SHARED)';

type Head = {
  namespace: string;
  version: number;
  origin: string;
  label: { es: string; en: string };
  tags: number;
  importedAt: string | null;
};
type Whole = Head & {
  exclusive: boolean;
  exclusivePredicates: string[];
  entries: { tag: string; label: { es: string; en: string }; colour: string; exclusive: boolean; grade: number | null }[];
};
type Problem = { code: string; detail: string; errors?: { field: string; message: string }[] };

let hub: TestHub;
let alice: TestMember;
before(async () => {
  hub = await startTestHub();
  alice = await hub.member('Alice');
});
after(() => hub.stop());

const weather = (change: object = {}): object => ({
  namespace: 'weather',
  version: 3,
  expanded: 'Weather of the day',
  predicates: [
    { value: 'sky', expanded: 'Sky', exclusive: true, colour: '#AABBCC' },
    { value: 'windy', expanded: 'Wind' },
  ],
  values: [
    {
      predicate: 'sky',
      entry: [
        { value: 'blue', numerical_value: 100 },
        { value: 'grey', expanded: 'Clouds', colour: '#777777' },
      ],
    },
  ],
  ...change,
});
const take = (source: unknown, query = '') => hub.admin.post<Problem & Head>(`/api/v1/taxonomies${query}`, source);
const show = (namespace: string, member = alice) => member.get<Whole & Problem>(`/api/v1/taxonomies/${namespace}`);
const list = async (member = alice) => (await member.get<{ items: Head[] }>('/api/v1/taxonomies')).body.items;
const imports = async () => {
  while ((await hub.trail.chainOnce()) > 0);
  const rows = await hub.db.rows<{ target: string; detail: string }>`
    select target, detail from trail.entry where action = 'intel.import_taxonomy' order by seq`;
  return rows.map(({ target, detail }) => ({ target, detail: JSON.parse(detail) as unknown }));
};

test('a reader finds the built-in taxonomies, with labels in both languages and what excludes what', async () => {
  const found = await list();
  assert.deepEqual(
    found.filter((one) => one.origin === 'built-in').map((one) => one.namespace),
    ['admiralty-scale', 'ensoc', 'PAP', 'rsit', 'tlp'],
  );
  const pap = await show('pap');
  assert.equal(pap.status, 200);
  assert.deepEqual([pap.body.namespace, pap.body.exclusive, pap.body.importedAt], ['PAP', true, null]);
  assert.ok(pap.body.entries.every((entry) => entry.exclusive && entry.label.es !== entry.label.en));
  const ensoc = (await show('ensoc')).body;
  assert.deepEqual(ensoc.exclusivePredicates, ['workflow', 'state']);
  const exclusive = (tag: string) => ensoc.entries.find((entry) => entry.tag === tag)?.exclusive;
  assert.deepEqual([exclusive('ensoc:workflow="validated"'), exclusive('ensoc:source="feed"')], [true, false]);
});

test('an administrator imports one: every reader has it, and the trail says so; a member may not import', async () => {
  const refused = await alice.post<Problem>('/api/v1/taxonomies', weather());
  assert.deepEqual([refused.status, (await show('weather')).status], [403, 404]);
  assert.equal((await show('weather')).body.code, 'intel.taxonomy_not_found');
  assert.deepEqual(await imports(), []);

  const taken = await take(weather());
  assert.equal(taken.status, 201, taken.text);
  assert.deepEqual(
    { ...taken.body, importedAt: '' },
    {
      ...{ namespace: 'weather', version: 3, origin: 'imported', tags: 3, importedAt: '' },
      label: { es: 'Weather of the day', en: 'Weather of the day' },
    },
  );
  assert.deepEqual(
    (await list()).find((one) => one.namespace === 'weather'),
    taken.body,
  );
  assert.deepEqual((await show('Weather')).body.entries, [
    { tag: 'weather:sky="blue"', label: { es: 'blue', en: 'blue' }, colour: '#aabbcc', exclusive: true, grade: 100 },
    { tag: 'weather:sky="grey"', label: { es: 'Clouds', en: 'Clouds' }, colour: '#777777', exclusive: true, grade: null },
    { tag: 'weather:windy', label: { es: 'Wind', en: 'Wind' }, colour: '#8a9ba8', exclusive: false, grade: null },
  ]);
  assert.deepEqual(await imports(), [{ target: 'weather', detail: { version: 3, force: false, replaced: null, tags: 3 } }]);
});

test('a right to read is needed and is enough', async () => {
  const reader = await hub.member('Reads', 'public', undefined, ['read']);
  const reporter = await hub.member('Reports', 'public', undefined, ['report']);
  for (const path of ['/api/v1/taxonomies', '/api/v1/taxonomies/tlp']) {
    assert.equal((await reader.get(path)).status, 200);
    assert.equal((await reporter.get(path)).status, 403);
    assert.equal((await hub.as('').get(path)).status, 401);
  }
});

test('a newer version, or the same again, replaces; an older one does only when forced', async () => {
  const version = async (): Promise<number> => (await show('seasons')).body.version;
  assert.equal((await take(weather({ namespace: 'seasons', version: 3 }))).status, 201);
  assert.equal((await take(weather({ namespace: 'seasons', version: 3 }))).status, 201);
  const old = await take(weather({ namespace: 'seasons', version: 2 }));
  assert.deepEqual([old.status, old.body.code, old.body.errors?.[0]?.field], [409, 'intel.taxonomy_stale', 'version']);
  assert.equal((await take(weather({ namespace: 'Seasons', version: 2 }))).status, 409, 'another spelling is the same taxonomy');
  assert.equal(await version(), 3);
  assert.equal((await take(weather({ namespace: 'seasons', version: 2 }), '?force=true')).status, 201);
  assert.equal(await version(), 2);
  assert.equal((await take(weather({ namespace: 'Seasons', version: 4 }))).status, 201);
  assert.deepEqual(
    (await list()).filter((one) => one.namespace.toLowerCase() === 'seasons').map((one) => [one.namespace, one.version]),
    [['Seasons', 4]],
  );
});

test('of two imports at once, the older version does not stay', async () => {
  const answers = await Promise.all([5, 9, 7, 8, 6].map((version) => take(weather({ namespace: 'race', version }))));
  assert.ok(answers.every(({ status }) => status === 201 || status === 409));
  assert.equal((await show('race')).body.version, 9);
});

test('a built-in taxonomy is not replaced, in whatever case and with whatever force', async () => {
  for (const namespace of ['tlp', 'TLP', 'pap', 'rsit']) {
    const answer = await take(weather({ namespace, version: 9_999 }), '?force=true');
    assert.deepEqual([answer.status, answer.body.code, answer.body.errors?.[0]?.field], [409, 'intel.taxonomy_builtin', 'namespace']);
  }
  assert.equal((await show('tlp')).body.origin, 'built-in');
});

test('what is wrong is named by its field, and nothing of it is taken', async () => {
  const refused = async (source: unknown): Promise<unknown[]> => {
    const { status, body } = await take(source);
    return [status, body.code, body.errors?.[0]?.field];
  };
  const before = await list();
  const invalid = (field: string) => [400, 'intel.taxonomy_invalid', field];
  assert.deepEqual(await refused(weather({ namespace: 'two words' })), invalid('namespace'));
  assert.deepEqual(await refused(weather({ namespace: 'bad', version: '3' })), invalid('version'));
  assert.deepEqual(await refused(weather({ namespace: 'bad', predicates: [{ value: 'a"b' }] })), invalid('predicates[0].value'));
  assert.deepEqual(await refused(weather({ namespace: 'bad', values: [{ predicate: 'no', entry: [] }] })), invalid('values[0].predicate'));
  const long = { predicate: 'sky', entry: [{ value: '\\'.repeat(250) }] };
  assert.deepEqual(await refused(weather({ namespace: 'backslashes', values: [long] })), invalid('values[0].entry[0]'));
  assert.deepEqual(await refused([]), invalid(''));
  assert.deepEqual((await refused('{"namespace":"bad",')).slice(0, 2), [400, 'http.invalid_json']);
  assert.deepEqual((await refused('{"namespace":"bad","namespace":"worse"}')).slice(0, 2), [400, 'http.invalid_json']);
  assert.deepEqual((await refused(undefined)).slice(0, 2), [400, 'intel.taxonomy_invalid']);
  assert.equal((await refused(weather({ namespace: 'bad', description: 'x'.repeat(4 * 1024 * 1024) })))[0], 413);
  assert.deepEqual(await list(), before);
});

test('a label that is cut within a character is still stored', async () => {
  const answer = await take(weather({ namespace: 'cut', expanded: `${'x'.repeat(1_999)}😀` }));
  assert.equal(answer.status, 201, answer.text);
});

test('every published taxonomy that is not built in is imported and read back whole', { skip }, async () => {
  const builtin = new Set((await list()).filter((one) => one.origin === 'built-in').map((one) => one.namespace));
  let taken = 0;
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.json'))) {
    const bytes = readFileSync(join(folder, name));
    const answer = await hub.admin.post<Head & Problem>('/api/v1/taxonomies', bytes);
    const namespace = String((JSON.parse(bytes.toString()) as { namespace: unknown }).namespace);
    assert.equal(answer.status, builtin.has(namespace) ? 409 : 201, `${name}: ${answer.text}`);
    if (answer.status !== 201) continue;
    taken += 1;
    const whole = (await show(namespace)).body;
    assert.equal(whole.entries.length, answer.body.tags);
    assert.ok(whole.entries.length > 0 && whole.entries.every((entry) => entry.tag.startsWith(`${namespace}:`)));
  }
  assert.ok(taken > 0);
});
