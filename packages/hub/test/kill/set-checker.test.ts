import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSetChecker } from './set-checker.ts';

const counts = (...names: string[]): Map<string, number> => {
  const found = new Map<string, number>();
  for (const name of names) found.set(name, (found.get(name) ?? 0) + 1);
  return found;
};

test('set checker: what was acknowledged and is in every later reading is stable', () => {
  const set = createSetChecker();
  set.invoke('a', 0);
  set.acknowledge('a', 1);
  set.read(counts('a'), 2, 3);
  set.read(counts('a'), 4, 5);
  const verdict = set.verdict();
  assert.equal(verdict.stable, 1);
  assert.deepEqual([verdict.lost, verdict.neverRead, verdict.duplicated, verdict.stale], [[], [], [], []]);
});

test('set checker: acknowledged and in no later reading is never read; not yet acknowledged is no mistake', () => {
  const set = createSetChecker();
  for (const name of ['acknowledged', 'open']) set.invoke(name, 0);
  set.acknowledge('acknowledged', 1);
  set.read(counts(), 2, 3);
  assert.deepEqual(set.verdict().neverRead, ['acknowledged']);
});

test('set checker: a reading that began before the acknowledgement may miss the element', () => {
  const set = createSetChecker();
  set.invoke('a', 0);
  set.read(counts(), 1, 4);
  set.acknowledge('a', 3);
  assert.deepEqual(set.verdict().neverRead, []);
  assert.equal(set.verdict().stable, 0);
});

test('set checker: seen once and missing afterwards is lost, even if nobody was told that it was stored', () => {
  const set = createSetChecker();
  set.invoke('a', 0);
  set.read(counts('a'), 1, 2);
  set.read(counts(), 3, 4);
  assert.deepEqual(set.verdict().lost, ['a']);
});

test('set checker: missing for a while after the acknowledgement is stale, with its time', () => {
  const set = createSetChecker();
  set.invoke('a', 0);
  set.acknowledge('a', 1);
  set.read(counts(), 6, 7);
  set.read(counts('a'), 8, 9);
  const verdict = set.verdict();
  assert.deepEqual([verdict.stale, verdict.staleMaxMs, verdict.lost], [['a'], 5, []]);
});

test('set checker: twice in one reading is duplicated, never attempted is unexpected, unanswered and there is recovered', () => {
  const set = createSetChecker();
  set.invoke('a', 0);
  set.read(counts('a', 'a', 'b'), 1, 2);
  const verdict = set.verdict();
  assert.deepEqual([verdict.duplicated, verdict.unexpected, verdict.recovered], [['a'], ['b'], 1]);
});

test('set checker: an element that is attempted twice is a mistake of the test', () => {
  const set = createSetChecker();
  set.invoke('a', 0);
  assert.throws(() => set.invoke('a', 1));
  assert.throws(() => set.acknowledge('b', 1));
});
