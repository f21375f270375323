import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { arrayLiteral, parseArray } from './array-types.ts';

test('any texts survive the way into an array literal and back', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.string({ unit: 'binary' }))), (items) => {
      assert.deepEqual(parseArray(String(arrayLiteral(items))), items);
    }),
  );
});

test('what PostgreSQL writes without quotes is read, and a quoted NULL is a word', () => {
  assert.deepEqual(parseArray('{}'), []);
  assert.deepEqual(parseArray('{1,2,NULL}', Number), [1, 2, null]);
  assert.deepEqual(parseArray('{plain,"with,comma","NULL",""}'), ['plain', 'with,comma', 'NULL', '']);
});

test('any text is read to its end, without an error', () => {
  fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseArray(text))));
});

test('times are written as one form, and what is no array is left alone', () => {
  assert.equal(arrayLiteral([new Date(0), null]), '{"1970-01-01T00:00:00.000Z",NULL}');
  assert.equal(arrayLiteral('{1}'), '{1}');
});
