import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { acceptsGzip, combineCrc, gzipParts, pieceOf, pieceOfAsync, plainOf } from './gzip.ts';

test('parts that were compressed apart read as one gzip file, in any order and number', () => {
  const part = fc.uint8Array({ maxLength: 3_000 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const pieces = parts.map(pieceOf);
      assert.ok(gunzipSync(Buffer.concat(gzipParts(pieces))).equals(Buffer.concat(parts)));
      for (const [index, piece] of pieces.entries()) assert.ok(plainOf(piece).equals(parts[index] ?? Buffer.alloc(0)));
    }),
    { numRuns: 100 },
  );
});

test('checksums add up to that of the whole', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.uint8Array({ maxLength: 500 }), (a, b) => {
      assert.equal(combineCrc(crc32(a), crc32(b), b.length), crc32(Buffer.concat([a, b])));
    }),
  );
});

test('a part that is compressed on another thread is the same part', async () => {
  const data = Buffer.from('198.51.100.7\n'.repeat(5_000));
  const piece = await pieceOfAsync(data);
  assert.ok(plainOf(piece).equals(data));
  assert.ok(gunzipSync(Buffer.concat(gzipParts([piece, pieceOf(data)]))).equals(Buffer.concat([data, data])));
});

test('a changed byte in one part is noticed by whoever unpacks the whole', () => {
  const pieces = [pieceOf(Buffer.from('one\n')), pieceOf(Buffer.from('two\n'))];
  const whole = Buffer.concat(gzipParts([{ ...(pieces[0] ?? assert.fail()), crc: 7 }, pieces[1] ?? assert.fail()]));
  assert.throws(() => gunzipSync(whole));
});

test('gzip is sent to those who take it and to nobody else', () => {
  for (const yes of ['gzip', 'deflate, GZIP;q=0.5', 'br, *', 'x-gzip']) assert.ok(acceptsGzip(yes), yes);
  for (const no of [undefined, '', 'br', 'identity', 'gzip;q=0', 'deflate, gzip; q=0.0']) assert.ok(!acceptsGzip(no), String(no));
});
