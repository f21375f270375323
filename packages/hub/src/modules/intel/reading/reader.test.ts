import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import { parseInput } from '../codecs/index.ts';
import { createReader } from './reader.ts';

const quiet = { info() {}, warn() {}, error() {} };
const csvOf = (rows: number): Buffer =>
  Buffer.from(`type,value,comment\n${Array.from({ length: rows }, (_, i) => `domain,a${i}.example-reader.com,seen ${i}`).join('\n')}\n`);
const misp = (attributes: number): Buffer =>
  Buffer.from(
    JSON.stringify({
      Event: {
        uuid: '7b3f2c1e-58f3-4a51-9c1e-2f3d4a5b6c7d',
        info: 'Large',
        Attribute: Array.from({ length: attributes }, (_, i) => ({
          type: 'domain',
          category: 'Network activity',
          value: `m${i}.example-reader.com`,
        })),
        Object: Array.from({ length: 3 }, () => ({
          name: 'file',
          Attribute: [{ type: 'filename', object_relation: 'filename', value: 'a.exe' }],
        })),
      },
    }),
  );

test('what the thread reads is what is read here, in full and in order', async (t) => {
  const reader = createReader({ log: quiet });
  t.after(() => reader.stop());
  for (const bytes of [csvOf(2_500), misp(2_500), csvOf(3)]) assert.deepEqual(await reader.read(bytes, {}), await parseInput(bytes, {}));
});

test('attachments of a large input come back as buffers, byte by byte', async (t) => {
  const reader = createReader({ log: quiet });
  t.after(() => reader.stop());
  const data = Buffer.alloc(60_000, 'attached ').toString('base64');
  const bytes = Buffer.from(
    JSON.stringify({
      Event: { info: 'With a file', Attribute: [{ type: 'attachment', category: 'External analysis', value: 'a.bin', data }] },
    }),
  );
  const [here, there] = [await parseInput(bytes, {}), await reader.read(bytes, {})];
  assert.ok(here.ok && there.ok);
  assert.equal(there.drafts[0]?.attachments.length, 1);
  assert.ok(Buffer.isBuffer(there.drafts[0]?.attachments[0]?.bytes));
  assert.deepEqual(there.drafts[0]?.attachments, here.drafts[0]?.attachments);
});

test('a large broken file is refused with the place of its mistake, as a small one is', async (t) => {
  const reader = createReader({ log: quiet });
  t.after(() => reader.stop());
  const bytes = Buffer.concat([csvOf(2_000), Buffer.from('domain,"never closed\n')]);
  const read = await reader.read(bytes, { format: 'csv' });
  assert.deepEqual(read, await parseInput(bytes, { format: 'csv' }));
  assert.ok(!read.ok && read.problems[0]?.line !== undefined);
});

test('a thread that takes too long is ended: its input is refused, and the next one is read', async (t) => {
  const slow = createReader({ log: quiet, testing: { readMaxMs: 1 } });
  t.after(() => slow.stop());
  assert.equal((await slow.read(csvOf(20_000), {})).ok, false);
  assert.equal((await slow.read(csvOf(2), {})).ok, true);
  const reader = createReader({ log: quiet });
  t.after(() => reader.stop());
  const both = await Promise.all([reader.read(csvOf(2_000), {}), reader.read(csvOf(2_001), {})]);
  assert.deepEqual(
    both.map((read) => read.ok && read.drafts[0]?.attributes.length),
    [2_000, 2_001],
  );
});

test('while a large file is read the thread of the hub is free most of the time; reading it here would take it whole', async (t) => {
  const reader = createReader({ log: quiet });
  t.after(() => reader.stop());
  await reader.read(csvOf(1_000), {});
  const bytes = csvOf(40_000);
  const longest = async (work: () => Promise<unknown>): Promise<number> => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await new Promise((done) => setTimeout(done, 5));
    await work();
    await new Promise((done) => setTimeout(done, 5));
    delay.disable();
    return delay.max;
  };
  const here = await longest(() => parseInput(bytes, {}));
  const aside = await longest(() => reader.read(bytes, {}));
  assert.ok(aside < here / 2, `the hub's thread was held for ${Math.round(aside / 1e6)} ms; read here for ${Math.round(here / 1e6)} ms`);
});
