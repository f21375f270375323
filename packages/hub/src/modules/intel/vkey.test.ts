import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { valueKinds } from '@rebato/contract';
import fc from 'fast-check';
import { vkeyOf } from './vkey.ts';

test('the key of a value is the beginning of the digest of kind and value, in the form of a UUID', () => {
  fc.assert(
    fc.property(fc.constantFrom(...valueKinds), fc.string(), (kind, value) => {
      const key = vkeyOf(kind, value);
      assert.match(key, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.equal(key.replaceAll('-', ''), hash('sha256', `${kind}\n${value}`, 'hex').slice(0, 32));
    }),
  );
});

test('one value of two kinds, and two values of one kind, have different keys', () => {
  assert.notEqual(vkeyOf('ip', '1.1.1.1'), vkeyOf('net', '1.1.1.1'));
  assert.notEqual(vkeyOf('ip', '1.1.1.1'), vkeyOf('ip', '1.1.1.2'));
});
