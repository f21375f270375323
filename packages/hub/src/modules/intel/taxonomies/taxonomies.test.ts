import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { builtinTaxonomies, importTaxonomy, isExclusive, parseMachineTag, printMachineTag, rsitTaxonomy } from './index.ts';

const folder = join(process.env.REBATO_SHARED ?? join(import.meta.dirname, '../../../../../../../shared'), 'data/taxonomies');
const skip = existsSync(folder) ? false : 'no published taxonomies here (set REBATO_SHARED)';
const published = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));

test('machine tags are read and printed as the same', () => {
  assert.deepEqual(parseMachineTag('rsit:fraud="phishing"'), { namespace: 'rsit', predicate: 'fraud', value: 'phishing' });
  assert.deepEqual(parseMachineTag('tlp:ex:chr'), { namespace: 'tlp', predicate: 'ex:chr' });
  assert.deepEqual(parseMachineTag('x:path="C:\\temp"'), { namespace: 'x', predicate: 'path', value: 'C:\\temp' });
  assert.deepEqual(parseMachineTag('x:two words '), { namespace: 'x', predicate: 'two words ' });
  for (const free of ['', 'x: ', 'word', ':x', 'a:', 'a b:c', 'note: free', 'a:b=c', 'a:b="c', 'a:="c"', 'a:b="c"d"', 'a:b="\\"'])
    assert.equal(parseMachineTag(free), undefined, free);
  fc.assert(
    fc.property(fc.string(), (value) => {
      const tag = { namespace: 'ns', predicate: 'p', value };
      assert.deepEqual(parseMachineTag(printMachineTag(tag)), printMachineTag(tag).length > 512 ? undefined : tag);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => void parseMachineTag(`a:b="${text}`)),
    { numRuns: 2_000 },
  );
});

test('our own tables are well formed: each tag once, parseable, labelled in both languages', () => {
  for (const taxonomy of builtinTaxonomies) {
    const tags = taxonomy.entries.map((entry) => entry.tag);
    assert.equal(new Set(tags).size, tags.length);
    for (const entry of taxonomy.entries) {
      assert.equal(parseMachineTag(entry.tag)?.namespace, taxonomy.namespace);
      assert.match(entry.colour, /^#[0-9a-f]{6}$/);
      assert.ok(entry.label.es !== '' && entry.label.en !== '');
    }
  }
  assert.equal(rsitTaxonomy.entries.length, 39);
});

test('our own tables have the tags of the published ones', { skip }, () => {
  const files = { tlp: 'tlp.json', PAP: 'PAP.json', 'admiralty-scale': 'admiralty-scale.json', rsit: 'rsit.json', ensoc: 'ensoc.json' };
  const leftOut = new Set(['tlp:white', 'tlp:ex:chr', 'tlp:unclear', 'PAP:WHITE']);
  for (const taxonomy of builtinTaxonomies) {
    const imported = importTaxonomy(published(files[taxonomy.namespace as keyof typeof files]));
    assert.ok(imported.ok);
    const theirs = imported.taxonomy.entries.filter((entry) => !leftOut.has(entry.tag));
    assert.deepEqual(taxonomy.entries.map((entry) => entry.tag).sort(), theirs.map((entry) => entry.tag).sort());
    assert.equal(taxonomy.version, imported.taxonomy.version);
    for (const entry of theirs) assert.equal(taxonomy.entries.find((one) => one.tag === entry.tag)?.grade, entry.grade);
  }
});

test('every published taxonomy is imported', { skip }, () => {
  for (const name of readdirSync(folder)) {
    const imported = importTaxonomy(published(name));
    assert.ok(imported.ok, `${name}: ${JSON.stringify(imported)}`);
    assert.ok(imported.taxonomy.entries.length > 0);
  }
});

test('a broken taxonomy is refused with the field', () => {
  const field = (change: object) => {
    const imported = importTaxonomy({ namespace: 'x', version: 1, predicates: [{ value: 'p' }], ...change });
    return imported.ok ? 'accepted' : imported.problems[0]?.field;
  };
  assert.equal(field({}), 'accepted');
  assert.equal(field({ namespace: 'a b' }), 'namespace');
  assert.equal(field({ version: '1' }), 'version');
  assert.equal(field({ predicates: [{ value: 'a"b' }] }), 'predicates[0].value');
  assert.equal(field({ values: [{ predicate: 'other', entry: [] }] }), 'values[0].predicate');
  assert.equal(field({ values: [{ predicate: 'p', entry: [{ value: 'v', colour: 'red' }] }] }), 'values[0].entry[0].colour');
  assert.equal(field({ values: [{ predicate: 'p', entry: [{ value: 'v' }, { value: 'v' }] }] }), 'values[0].entry[1]');
  fc.assert(
    fc.property(fc.object({ maxDepth: 4 }), (value) => void importTaxonomy({ ...value, namespace: 'x', version: 1 })),
    { numRuns: 2_000 },
  );
});

test('an item carries one TLP, one PAP and one grade per scale; qualifiers and other families are free', () => {
  const exclusive = (tag: string) => {
    const namespace = parseMachineTag(tag)?.namespace.toLowerCase();
    const taxonomy = builtinTaxonomies.find((one) => one.namespace.toLowerCase() === namespace);
    assert.ok(taxonomy, tag);
    return isExclusive(tag, taxonomy);
  };
  for (const tag of [
    'tlp:red',
    'TLP:GREEN',
    'PAP:RED',
    'admiralty-scale:source-reliability="a"',
    'admiralty-scale:information-credibility="1"',
  ])
    assert.equal(exclusive(tag), true, tag);
  for (const tag of ['tlp:ex:chr', 'TLP:EX:CHR', 'rsit:fraud="phishing"', 'ensoc:source="feed"']) assert.equal(exclusive(tag), false, tag);
  assert.equal(isExclusive('free words', rsitTaxonomy), false);
});
