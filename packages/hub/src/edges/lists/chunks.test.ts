import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apply, type Chunk, chunkOf, inForce, sizeOf, split } from './chunks.ts';
import { compare, type Entry, keyOf } from './entry.ts';
import { mix } from './lists.ts';
import { cell } from './render.ts';
import type { LaneList } from './source.ts';

const entry = fc.record({
  kind: fc.constantFrom('ip' as const, 'domain' as const),
  value: fc.integer({ min: 0, max: 40 }).map((n) => `v${n}`),
  strength: fc.constantFrom(0, 1),
  confidence: fc.constantFrom(10, 50, 90),
  at: fc.integer({ min: 0, max: 5 }),
  until: fc.constantFrom(Number.POSITIVE_INFINITY, 100, 200),
});
const distinct = (entries: readonly Entry[]): Entry[] => [...new Map(entries.map((each) => [keyOf(each.kind, each.value), each])).values()];
const flat = (chunks: readonly Chunk[]): Entry[] => chunks.flatMap((chunk) => [...chunk.entries]);
/** Small chunks, so that every boundary is met. */
const chunked = (entries: readonly Entry[], size: number): Chunk[] => {
  const sorted = distinct(entries).sort(compare);
  const out: Chunk[] = [];
  for (let from = 0; from < sorted.length; from += size) out.push(chunkOf(sorted.slice(from, from + size)));
  return out;
};
const entries = fc.array(entry, { maxLength: 60 });

test('changes to a chunked list give the list that sorting everything anew would give', () => {
  fc.assert(
    fc.property(entries, entries, fc.array(entry, { maxLength: 20 }), fc.integer({ min: 1, max: 7 }), (before, add, remove, size) => {
      const gone = new Map(remove.map((each) => [keyOf(each.kind, each.value), each.value]));
      const added = distinct(add);
      const expected = new Map(distinct(before).map((each) => [keyOf(each.kind, each.value), each]));
      for (const key of gone.keys()) expected.delete(key);
      for (const each of added) expected.set(keyOf(each.kind, each.value), each);
      assert.deepEqual(flat(apply(chunked(before, size), gone, added)), [...expected.values()].sort(compare));
    }),
  );
});

test('a change leaves every chunk that it does not touch as it was', () => {
  const many = Array.from(
    { length: 30_000 },
    (_none, n): Entry => ({ kind: 'ip', value: `v${n}`, strength: 1, confidence: 50, at: n, until: Number.POSITIVE_INFINITY }),
  ).sort(compare);
  const before = split(many);
  const after = apply(before, [['ip v17', 'v17']], []);
  assert.equal(sizeOf(after), many.length - 1);
  assert.equal(after.filter((chunk) => !before.includes(chunk)).length, 1);
});

test('entries leave at their time and not before', () => {
  fc.assert(
    fc.property(entries, fc.constantFrom(99, 100, 150, 200), fc.integer({ min: 1, max: 7 }), (all, now, size) => {
      const chunks = chunked(all, size);
      assert.deepEqual(
        flat(inForce(chunks, now)),
        flat(chunks).filter((each) => each.until > now),
      );
    }),
  );
});

test('mixing lanes keeps of each value the strongest, and none that the owner lifted', () => {
  const lane = (blocks: readonly Entry[], allows: readonly Entry[] = []): LaneList => ({
    version: 1,
    hash: '',
    blocks: chunked(blocks, 3),
    allows: new Map(allows.map((each) => [keyOf(each.kind, each.value), each.value])),
  });
  fc.assert(
    fc.property(entries, entries, entries, fc.array(entry, { maxLength: 5 }), (community, own, group, lifted) => {
      const mine = distinct(own).filter((each) => !lifted.some((lift) => keyOf(lift.kind, lift.value) === keyOf(each.kind, each.value)));
      const expected = new Map<string, Entry>();
      for (const each of [...distinct(community), ...mine, ...distinct(group)]) {
        const key = keyOf(each.kind, each.value);
        const held = expected.get(key);
        if (held === undefined || compare(each, held) < 0) expected.set(key, each);
      }
      for (const lift of lifted) expected.delete(keyOf(lift.kind, lift.value));
      const mixed = mix(['c', 'e:x', 'g:y'], [lane(community), lane(mine, lifted), lane(group, lifted.slice(0, 1))]);
      assert.deepEqual(flat(mixed), [...expected.values()].sort(compare));
    }),
  );
});

test('only a lifting on the own lane counts', () => {
  const one: Entry = { kind: 'ip', value: 'v1', strength: 1, confidence: 50, at: 0, until: Number.POSITIVE_INFINITY };
  const blocks = { version: 1, hash: '', blocks: chunked([one], 3), allows: new Map() };
  const allows = { version: 1, hash: '', blocks: [], allows: new Map([['ip v1', 'v1']]) };
  assert.equal(sizeOf(mix(['c', 'g:y'], [blocks, allows])), 1);
  assert.equal(sizeOf(mix(['c', 'e:x'], [blocks, allows])), 0);
});

test('no cell begins like a formula, and every cell reads back', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const out = cell(text);
      assert.ok(!/^[=+\-@\t\r]/.test(out));
      const inner = out.startsWith('"') ? out.slice(1, -1).replaceAll('""', '"') : out;
      assert.ok(inner === text || inner === `'${text}`);
      assert.ok(out.startsWith('"') || !/[",\r\n]/.test(out));
    }),
  );
});
