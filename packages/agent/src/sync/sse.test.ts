import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffMs } from './backoff.ts';
import { type SseEvent, SseReader } from './sse.ts';

function readAll(pieces: readonly string[], eventBytes = 1_000): { events: SseEvent[]; good: boolean } {
  const events: SseEvent[] = [];
  const reader = new SseReader({ eventBytes }, (event) => events.push(event));
  return { good: pieces.every((piece) => reader.push(piece)), events };
}

test('events come out as they were sent, with any line ends, comments and fields that are not ours', () => {
  const text = '\ufeff: hello\n\nevent: batch\r\nid: 7\r\ndata: {"a":1}\r\n\r\nretry: 5\ndata\ndata:x\rdata:  y\r\revent: alone\n\n';
  assert.deepEqual(readAll([text]).events, [
    { event: 'batch', data: '{"a":1}' },
    { event: 'message', data: '\nx\n y' },
  ]);
});

test('it does not matter where a stream is cut into pieces', () => {
  const line = fc.constantFrom('data: x', 'data:{"a":"b"}', 'event: batch', ': c', '', 'id: 1', 'data', 'unknown: z');
  const text = fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 20 })
    .map((lines) => lines.map(([a, b]) => a + b).join(''));
  fc.assert(
    fc.property(text, fc.array(fc.nat({ max: 30 }), { maxLength: 20 }), (whole, sizes) => {
      const pieces: string[] = [];
      let at = 0;
      for (const size of sizes) {
        pieces.push(whole.slice(at, at + size));
        at += size;
      }
      pieces.push(whole.slice(at));
      assert.deepEqual(readAll(pieces), readAll([whole]));
    }),
  );
});

test('an event without an end is given up at the limit, in one line or in many; comments are not counted for ever', () => {
  assert.equal(readAll([`data: ${'x'.repeat(2_000)}`]).good, false);
  assert.equal(readAll(Array.from({ length: 300 }, () => 'data: xx\n')).good, false);
  assert.equal(readAll(Array.from({ length: 10_000 }, () => 'x')).good, false);
  assert.equal(readAll(Array.from({ length: 3_000 }, () => ': still here\n')).good, true);
  assert.equal(readAll(Array.from({ length: 3_000 }, () => 'data: x\n\n')).events.length, 3_000);
});

test('the wait doubles up to its limit, and differs between agents', () => {
  assert.equal(
    backoffMs(0, 500, 30_000, () => 1),
    500,
  );
  assert.equal(
    backoffMs(3, 500, 30_000, () => 0),
    2_000,
  );
  assert.equal(
    backoffMs(500, 500, 30_000, () => 1),
    30_000,
  );
});
