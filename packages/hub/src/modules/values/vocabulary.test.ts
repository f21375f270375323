import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { attributeTypes, canonicalise, categories, defaultsFor, isCategory, isType, typesOf } from './index.ts';

test('the vocabulary has every type and category once, and every default is allowed', () => {
  assert.equal(attributeTypes.length, 194);
  assert.equal(new Set(attributeTypes).size, attributeTypes.length);
  assert.equal(categories.length, 16);
  for (const type of attributeTypes) {
    const defaults = defaultsFor(type);
    assert.ok(defaults, type);
    assert.ok(typesOf(defaults.category).includes(type), type);
  }
  assert.deepEqual(defaultsFor('ip-dst'), { category: 'Network activity', toIds: true });
  assert.deepEqual(typesOf('Targeting data').toSorted().slice(0, 3), ['anonymised', 'comment', 'target-email']);
});

test('unknown names are unknown, also those every object has', () => {
  for (const name of ['constructor', '__proto__', 'toString', 'IP-DST', '']) {
    assert.equal(isType(name), false);
    assert.equal(isCategory(name), false);
    assert.equal(defaultsFor(name), undefined);
    assert.deepEqual(typesOf(name), []);
  }
});

test('every type of the vocabulary can be canonicalised: none is answered as unknown', () => {
  for (const type of attributeTypes) {
    const read = canonicalise(type, 'x');
    assert.ok(read.ok || read.code !== 'type_unknown', type);
  }
});

type Published = {
  readonly types: string[];
  readonly categories: string[];
  readonly sane_defaults: Record<string, { default_category: string; to_ids: number }>;
  readonly category_type_mappings: Record<string, string[]>;
};

const oracle = process.env.REBATO_DESCRIBE_TYPES ?? '';

test('the vocabulary equals the list that MISP publishes', {
  skip: existsSync(oracle) ? false : 'REBATO_DESCRIBE_TYPES names no describeTypes.json',
}, () => {
  const published = (JSON.parse(readFileSync(oracle, 'utf8')) as { result: Published }).result;
  assert.deepEqual([...attributeTypes].sort(), [...published.types].sort());
  assert.deepEqual(categories, published.categories);
  for (const category of categories) {
    assert.deepEqual([...typesOf(category)].sort(), [...(published.category_type_mappings[category] ?? [])].sort(), category);
  }
  for (const [type, defaults] of Object.entries(published.sane_defaults)) {
    assert.deepEqual(defaultsFor(type), { category: defaults.default_category, toIds: defaults.to_ids === 1 }, type);
  }
});
