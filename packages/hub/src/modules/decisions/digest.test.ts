import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { digestModulus } from '@rebato/contract';
import fc from 'fast-check';
import { addDigest, digestSum, parseDigest, printDigest } from './digest.ts';

const entry = fc.record({
  kind: fc.constantFrom('ip', 'domain', 'url'),
  value: fc.string(),
  id: fc.uuid(),
  until: fc.option(fc.constantFrom('2026-11-02T08:00:00.000Z', '2027-01-01T00:00:00.000Z')),
});
type Entry = typeof entry extends fc.Arbitrary<infer T> ? T : never;

const totalOf = (entries: readonly Entry[]): bigint => {
  const sum = digestSum();
  for (const { kind, value, id, until } of entries) sum.add(kind, value, id, until);
  return sum.total();
};
/** The contract's own words, in big numbers. */
const plain = (entries: readonly Entry[]): bigint =>
  entries.reduce(
    (sum, { kind, value, id, until }) =>
      (sum + BigInt(`0x${hash('sha256', `${kind}\n${value}\n${id}\n${until ?? ''}`, 'hex')}`)) % digestModulus,
    0n,
  );

test('the digest of a set is what the contract says, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 50 }), (entries) => {
      assert.equal(addDigest(0n, totalOf(entries)), plain(entries));
      assert.equal(addDigest(0n, totalOf(entries.toReversed())), plain(entries));
    }),
  );
});

test('what is taken out again leaves no trace, and any entry changes it', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), fc.array(entry, { minLength: 1, maxLength: 20 }), (stay, go) => {
      const both = addDigest(0n, totalOf([...stay, ...go]));
      assert.equal(addDigest(both, -totalOf(go)), plain(stay));
      assert.notEqual(addDigest(0n, totalOf([...stay, ...go.slice(0, 1)])), plain(stay));
    }),
  );
});

test('a digest is written as 64 hex digits and read as the same', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: digestModulus - 1n }), (sum) => {
      assert.match(printDigest(sum), /^[0-9a-f]{64}$/);
      assert.equal(parseDigest(printDigest(sum)), sum);
    }),
  );
});
