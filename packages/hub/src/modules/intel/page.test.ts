import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCursor, parseTimeCursor, printCursor } from './page.ts';

const uuid = '0b5e2002-7a11-4c0d-8e5e-5eed00000001';

test('a cursor that was printed is read as the same', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }), fc.uuid(), (at, id) => {
      assert.deepEqual(parseTimeCursor(printCursor([at, id])), { at, id });
      assert.deepEqual(parseCursor(printCursor([id]), 1), [id]);
    }),
  );
  assert.equal(parseTimeCursor(undefined), undefined);
});

test('anything else is refused, naming the field', () => {
  const bad = [
    '',
    'x',
    printCursor([uuid]),
    printCursor(['yesterday', uuid]),
    printCursor([new Date(), 'x']),
    printCursor([new Date(), '-'.repeat(36)]),
    printCursor([new Date(), 'a'.repeat(36)]),
    printCursor(['-200000-01-01T00:00:00Z', uuid]),
    printCursor([new Date(8.64e15), uuid]),
    printCursor([new Date(), uuid, uuid]),
    Buffer.from('{"0":1}').toString('base64url'),
  ];
  for (const text of bad) assert.throws(() => parseTimeCursor(text), { code: 'intel.bad_input' }, text);
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.throws(() => parseTimeCursor(text), { code: 'intel.bad_input' });
    }),
  );
});
