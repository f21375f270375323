import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Level, releaseAt, releaseDelays } from './levels.ts';

const level = (changes: Partial<Level>): Level => ({
  id: 'x',
  name: 'X',
  shelf: 's',
  delayMs: 0,
  onConsolidation: false,
  maxTlp: 'red',
  ...changes,
});
const at = (ms: number) => new Date(1_800_000_000_000 + ms);

test('releaseDelays: one audience per shelf; where levels disagree the stricter word counts', () => {
  const levels = [
    level({ id: 'a', delayMs: 5, onConsolidation: true, maxTlp: 'amber' }),
    level({ id: 'b', delayMs: 3, maxTlp: 'red' }),
    level({ id: 'c', shelf: 't' }),
  ];
  assert.deepEqual(releaseDelays({ levels }), [
    { name: 't', delayMs: 0, onConsolidation: false, maxTlp: 'red' },
    { name: 's', delayMs: 5, onConsolidation: false, maxTlp: 'amber' },
  ]);
});

test('releaseAt: never before publication, never after the delay, and consolidation shortens only where the level says so', () => {
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.option(fc.integer({ min: -5_000, max: 15_000 }), { nil: null }),
      fc.boolean(),
      (delayMs, consolidated, onConsolidation) => {
        const audience = { name: 's', delayMs, onConsolidation, maxTlp: 'red' as const };
        const due = releaseAt(audience, at(0), consolidated === null ? null : at(consolidated)).getTime();
        assert.ok(due >= at(0).getTime() && due <= at(delayMs).getTime());
        if (!onConsolidation || consolidated === null) assert.equal(due, at(delayMs).getTime());
        else assert.equal(due, at(Math.min(delayMs, Math.max(0, consolidated))).getTime());
      },
    ),
  );
});
