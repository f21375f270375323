import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueKinds } from '@rebato/contract';
import fc from 'fast-check';
import { createVkeys } from './vkey.ts';

const vkeyOf = createVkeys('a secret');

test('the key of a value looks like a random UUID, and is the same each time', () => {
  fc.assert(
    fc.property(fc.constantFrom(...valueKinds), fc.string(), (kind, value) => {
      assert.match(vkeyOf(kind, value), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(vkeyOf(kind, value), createVkeys('a secret')(kind, value));
    }),
  );
});

test('one value of two kinds, two values of one kind, and one value at two hubs have different keys', () => {
  assert.notEqual(vkeyOf('ip', '1.1.1.1'), vkeyOf('net', '1.1.1.1'));
  assert.notEqual(vkeyOf('ip', '1.1.1.1'), vkeyOf('ip', '1.1.1.2'));
  assert.notEqual(vkeyOf('ip', '1.1.1.1'), createVkeys('another secret')('ip', '1.1.1.1'));
});

test('all sixteen digits appear at every free place of the key', () => {
  const seen = Array.from({ length: 36 }, () => new Set<string>());
  for (let i = 0; i < 2_000; i += 1) for (const [at, digit] of [...vkeyOf('ip', String(i))].entries()) seen[at]?.add(digit);
  const sizes = seen.map((digits) => digits.size);
  assert.deepEqual(
    sizes,
    [...'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'].map((place) => (place === 'x' ? 16 : place === 'y' ? 4 : 1)),
  );
});
