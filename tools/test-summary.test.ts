import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summarise } from './test-summary.ts';

const inFile = { file: '/r/a.test.ts', entryFile: '/r/a.test.ts', line: 3 };

test('counts tests, not suites, and reports success when none failed', () => {
  const result = summarise('/r');
  result.take({ type: 'test:pass', data: { ...inFile, name: 'one', details: { type: 'test' } } });
  result.take({ type: 'test:pass', data: { ...inFile, name: 'group', details: { type: 'suite' } } });
  assert.equal(result.closingLine(), 'tests: 1 passed, 0 failed, 0 skipped\n');
  assert.equal(result.ok(), true);
});

test('a failed test makes the run fail and is named with its place', () => {
  const result = summarise('/r');
  result.take({ type: 'test:pass', data: { ...inFile, name: 'one' } });
  const error = new Error('runner', { cause: new Error('boom') });
  const printed = result.take({ type: 'test:fail', data: { ...inFile, name: 'two', details: { type: 'test', error } } });
  assert.match(printed, /FAILED a\.test\.ts:3 two\n {4}Error: boom/);
  assert.match(result.closingLine(), /failed a\.test\.ts:3 two\ntests: 1 passed, 1 failed, 0 skipped\n$/);
  assert.equal(result.ok(), false);
});

test('a skipped test is counted with its reason, and does not make a run that tested nothing a success', () => {
  const result = summarise('/r');
  result.take({ type: 'test:pass', data: { ...inFile, name: 'three', skip: 'needs root' } });
  assert.equal(result.closingLine(), 'skipped a.test.ts:3 three: needs root\nNo test ran.\ntests: 0 passed, 0 failed, 1 skipped\n');
  assert.equal(result.ok(), false);
});

test('a file without tests, a file that does not load, and a run without files are failures', () => {
  const empty = summarise('/r');
  empty.take({ type: 'test:pass', data: { name: '/r/b.test.ts', file: '/r/b.test.ts' } });
  assert.match(empty.closingLine(), /tests: 0 passed, 1 failed, 0 skipped/);
  const broken = summarise('/r');
  broken.take({ type: 'test:stderr', data: { file: '/r/b.test.ts', entryFile: '/r/b.test.ts', message: 'SyntaxError: x\n' } });
  assert.match(broken.take({ type: 'test:fail', data: { name: '/r/b.test.ts', file: '/r/b.test.ts' } }), /SyntaxError: x/);
  assert.equal(broken.ok(), false);
  assert.equal(summarise('/r').ok(), false);
});
