import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shown } from './output.ts';
import { messagesOf } from './sse.ts';

async function* pieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const size of sizes) {
    yield bytes.subarray(start, start + size);
    start += size;
  }
  yield bytes.subarray(start);
}

test('messagesOf: the same events wherever the network cuts them, with any end of line', async () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replace(/[\r\n]/g, ''));
  const message = fc.record({ event: fc.constantFrom('events', 'halt'), data: fc.array(line, { minLength: 1, maxLength: 3 }), id: line });
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { maxLength: 5 }),
      fc.constantFrom('\n', '\r\n'),
      fc.array(fc.nat(9), { maxLength: 40 }),
      async (messages, end, sizes) => {
        const text = messages
          .map(({ event, data, id }) => [`event: ${event}`, ':', ...data.map((part) => `data: ${part}`), `id: ${id}`, '', ''].join(end))
          .join('');
        const found = [];
        for await (const each of messagesOf(pieces(Buffer.from(text), sizes))) found.push(each);
        assert.deepEqual(
          found,
          messages.map(({ event, data, id }) => ({ event, data: data.join('\n').toWellFormed(), id: id.toWellFormed() })),
        );
      },
    ),
    { numRuns: 200 },
  );
});

test('messagesOf: an event that never ends is given up, and half an event at the end is none', async () => {
  const endless = Array.from({ length: 6 }, () => Buffer.from(`data: ${'x'.repeat(1 << 20)}\n`));
  await assert.rejects(
    Array.fromAsync(
      messagesOf(
        (async function* () {
          yield* endless;
        })(),
      ),
    ),
    { name: 'Stop' },
  );
  assert.deepEqual(await Array.fromAsync(messagesOf(pieces(Buffer.from('event: a\ndata: 1\n'), []))), []);
});

test('shown: nothing that a terminal obeys is left, whatever comes in', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(shown(text))));
});
