import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueKinds } from '@rebato/contract';
import fc from 'fast-check';
import { defaultPolicy, type Evidence, fold, maxVoices } from './fold.ts';

const start = new Date('2026-11-02T08:00:00Z').getTime();
const evidence: fc.Arbitrary<Evidence> = fc.record({
  voice: fc.constantFrom(...Array.from({ length: 20 }, (_, i) => `voice-${String(i).padStart(2, '0')}`)),
  at: fc.integer({ min: 0, max: 1_000 }).map((hours) => new Date(start + hours * 3_600_000)),
  confidence: fc.integer({ min: 0, max: 100 }),
  consolidated: fc.boolean(),
});
const kind = fc.constantFrom(...valueKinds);
const some = fc.array(evidence, { minLength: 1, maxLength: 8 });
const any = fc.array(evidence, { maxLength: 20 });

test('sightings alone decide nothing, and neither does a ruling', () => {
  fc.assert(
    fc.property(kind, any, fc.constantFrom('consolidated', null), (of, sightings, ruling) => {
      assert.equal(fold(of, [], sightings, ruling, defaultPolicy), undefined);
    }),
  );
});

test('one voice that nobody confirmed is a lease from its newest report on; a sighting of its own does not prolong it', () => {
  fc.assert(
    fc.property(kind, some, any, (of, indicators, sightings) => {
      const one = (list: readonly Evidence[]) => list.map((each) => ({ ...each, voice: 'one', consolidated: false }));
      const folded = fold(of, one(indicators), one(sightings), null, defaultPolicy);
      assert.equal(folded?.strength, 'lease');
      assert.equal(folded.until.getTime(), Math.max(...indicators.map((each) => each.at.getTime())) + defaultPolicy.leaseMs);
    }),
  );
});

test('more evidence never weakens: neither strength nor confidence nor the number of voices goes down', () => {
  fc.assert(
    fc.property(kind, some, any, evidence, (of, indicators, sightings, more) => {
      const before = fold(of, indicators, sightings, null, defaultPolicy) ?? assert.fail();
      for (const after of [
        fold(of, [...indicators, more], sightings, null, defaultPolicy),
        fold(of, indicators, [...sightings, more], null, defaultPolicy),
      ]) {
        assert.ok(after !== undefined && after.voices >= before.voices && after.confidence >= before.confidence);
        if (before.strength === 'consolidated') assert.equal(after.strength, 'consolidated');
        if (before.strength === after.strength) assert.ok(after.until >= before.until);
      }
    }),
  );
});

test('order does not count, confidence stays within bounds, and the list of voices stays short', () => {
  fc.assert(
    fc.property(kind, some, any, fc.constantFrom('consolidated', null), (of, indicators, sightings, ruling) => {
      const folded = fold(of, indicators, sightings, ruling, defaultPolicy) ?? assert.fail();
      assert.deepEqual(fold(of, indicators.toReversed(), sightings.toReversed(), ruling, defaultPolicy), folded);
      assert.ok(folded.confidence >= 0 && folded.confidence <= 95 && folded.voices <= maxVoices);
      if (ruling === 'consolidated') assert.deepEqual([folded.strength, folded.confidence], ['consolidated', 95]);
    }),
  );
});
