import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonDepthMax, parseJson, scanJson } from './json.ts';

const parse = (text: string): unknown => parseJson(Buffer.from(text));
const refusal = (bytes: string | Buffer): { code: string; message: string } => {
  try {
    parseJson(Buffer.from(bytes as string));
  } catch (error) {
    return error as { code: string; message: string };
  }
  return { code: 'accepted', message: '' };
};

test('what the grammar allows is read like the built-in parser reads it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => {
      const keys = /__proto__|constructor|\\u0000|\u0000/.test(text);
      if (!keys && text.isWellFormed()) assert.deepEqual(parse(text), JSON.parse(text));
    }),
  );
});

test('property: a text is taken exactly when the built-in parser takes it and no rule of ours is broken', () => {
  const pieces = fc.array(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '"',
      '\\',
      '1',
      '-',
      '0',
      '.5',
      'e3',
      'true',
      'null',
      'nul',
      ' ',
      '\n',
      '\t',
      '\u0001',
      '"\\u0041"',
      '"\\x"',
      '01',
      '+1',
      'NaN',
      "'a'",
      '/',
    ),
    { maxLength: 14 },
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      const text = parts.join('');
      let right = true;
      try {
        JSON.parse(text);
      } catch {
        right = false;
      }
      assert.equal('keys' in scanJson(text), right, text);
    }),
    { numRuns: 5000 },
  );
});

test('a byte order mark is skipped; bytes that are not UTF-8 are refused', () => {
  assert.deepEqual(parse('\ufeff{"a":1}'), { a: 1 });
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc0, 0xaf, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0xff, 0xfe, 0x7b, 0],
  ])
    assert.equal(refusal(Buffer.from(bytes)).code, 'http.invalid_json');
});

test('a mistake is named by line and column', () => {
  assert.match(refusal('{\n  "a": 1,\n  "b" 2\n}').message, /lacks a colon at line 3, column 7/);
  assert.match(refusal('{"a":1').message, /ends too early at line 1, column 7/);
  assert.match(refusal('{"a":1} x').message, /goes on after its end at line 1, column 9/);
});

test('depth is bounded, and what is just within passes', () => {
  assert.doesNotThrow(() => parse('['.repeat(jsonDepthMax) + ']'.repeat(jsonDepthMax)));
  for (const depth of [jsonDepthMax + 1, 100_000]) assert.match(refusal('['.repeat(depth) + ']'.repeat(depth)).message, /nested deeper/);
  assert.match(refusal('{"a":'.repeat(65) + '1' + '}'.repeat(65)).message, /nested deeper/);
});

test('a key may come once per object, however it is spelled', () => {
  assert.doesNotThrow(() => parse('{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}'));
  for (const text of ['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '[{"x":{"a":1,"b":2,"a":3}}]', '{"":1,"":2}', '{"1":1,"1":2}'])
    assert.match(refusal(text).message, /twice/, text);
});

test('keys that reach into prototypes are refused at any depth, and values of that text are not', () => {
  for (const text of ['{"__proto__":{"admin":true}}', '[{"a":{"constructor":{}}}]', '{"\\u005f_proto__":1}'])
    assert.equal(refusal(text).code, 'http.invalid_json', text);
  assert.deepEqual(parse('{"a":"__proto__"}'), { a: '__proto__' });
});

test('what cannot be stored is refused: NUL, half a surrogate pair, numbers beyond a double', () => {
  for (const text of ['"a\\u0000"', '{"a\\u0000":1}', '"\\ud800"', '["\\udc00x"]', '1e999', '[-1e999]'])
    assert.equal(refusal(text).code, 'http.invalid_json', text);
  assert.equal(parse('"\\ud83d\\ude00"'), '😀');
});

test('the field of a refused value is named', () => {
  const error = refusal('{"list":[{"name":"a\\u0000"}]}') as unknown as { details: { field: string }[] };
  assert.equal(error.details[0]?.field, 'list[0].name');
});
