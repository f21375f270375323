import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ValueKind, valueKinds } from '@rebato/contract';
import fc from 'fast-check';
import { systemIds } from '#platform/ids';
import { waitingTimes } from '#platform/shelf';
import { defaultPolicy, type Evidence, fold } from '../../src/modules/decisions/fold.ts';
import { refold } from '../../src/modules/decisions/store.ts';
import { createVkeys } from '../../src/modules/intel/vkey.ts';

const vkeyOf = createVkeys('test');

import { dayMs, hourMs, startNetwork } from '../intel/network.ts';

type Said = Evidence & { readonly blockable: boolean; readonly arrivedAt: Date };
type Seen = Evidence & { readonly type: 'seen' | 'false_positive' | 'expired' };
type History = {
  readonly kind: ValueKind;
  readonly said: readonly Said[];
  readonly seen: readonly Seen[];
  readonly ruling: { readonly word: 'consolidated' | 'retracted'; readonly at: Date } | null;
  /** Which of the indicators are taken back before the second fold. */
  readonly removed: readonly boolean[];
};

const now = new Date('2026-11-23T10:00:00Z');
const voices = Array.from({ length: 20 }, (_, i) => `0b5e3000-7a11-4c0d-8e5e-5eed000000${String(i).padStart(2, '0')}`);
const before = (maxDays: number) => fc.integer({ min: 0, max: maxDays * 24 }).map((hours) => new Date(now.getTime() - hours * hourMs));
const evidence = { voice: fc.constantFrom(...voices), at: before(70), confidence: fc.integer({ min: 0, max: 100 }) };
const history: fc.Arbitrary<History> = fc.record({
  kind: fc.constantFrom(...valueKinds),
  said: fc.array(fc.record({ ...evidence, consolidated: fc.boolean(), blockable: fc.boolean(), arrivedAt: before(90) }), { maxLength: 6 }),
  seen: fc.array(
    fc.record({
      ...evidence,
      confidence: fc.constant(0),
      consolidated: fc.constant(false),
      type: fc.constantFrom('seen', 'false_positive', 'expired'),
    }),
    { maxLength: 20 },
  ),
  ruling: fc.option(fc.record({ word: fc.constantFrom('consolidated', 'retracted'), at: before(100) })),
  removed: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
});

type Row = { vkey: string; strength: number; confidence: number; voices: number; until: Date; gone: string | null };

/** What should be in force, by the specification; a ruling counts as `refold` says. */
function expected({ kind, said, seen, ruling }: History, delayMs: number) {
  const indicators = said.filter((each) => each.blockable);
  const arrived = Math.min(...indicators.map((each) => each.arrivedAt.getTime()));
  const counts = ruling !== null && (ruling.at.getTime() <= now.getTime() - delayMs || ruling.at.getTime() >= arrived);
  const word = counts ? ruling.word : null;
  if (word === 'retracted') return undefined;
  const folded = fold(
    kind,
    indicators,
    seen.filter((each) => each.type === 'seen'),
    word,
    defaultPolicy,
  );
  return folded !== undefined && folded.until > now ? folded : undefined;
}

test('what the database folds from random histories is what the specification says, and again after parts were taken back', async (t) => {
  await using network = await startNetwork();
  const { db } = network.hub;
  for (const { shelf, delayMs } of [
    { shelf: 'immediate', delayMs: 0 },
    { shelf: 'informed', delayMs: dayMs },
  ]) {
    await t.test(shelf, async () => {
      const histories = fc.sample(history, { numRuns: 150, seed: Number(process.env.REBATO_SEED ?? 20261123) });
      const lane = 'c';
      const values = histories.map((each, index) => ({
        ...each,
        value: `value-${shelf}-${index}`,
        vkey: vkeyOf(each.kind, `value-${shelf}-${index}`),
      }));
      await db.transaction(async (tx) => {
        await tx.run`select set_config('search_path', ${`shelf_${shelf}`}, true)`;
        const copy: [number, string, string][] = [];
        for (const { kind, said, seen, ruling, value, vkey } of values) {
          for (const each of said) {
            const id = systemIds.uuid();
            const row = await tx.one<{ num: number }>`
              insert into event (id, uuid, lane, owner_id, owner_name, voice, confidence, arrived_at, info, date, threat_level, analysis, tlp, pap, distribution,
                                 timestamp, published_at, released_at, consolidated, attribute_count)
              values (${id}, ${id}, ${lane}, ${each.voice}, 'x', ${each.voice}, ${each.confidence}, ${each.arrivedAt}, 'x', '2026-11-23', 4, 0, 'green', 'green', 'community',
                      0, ${each.at}, ${each.at}, ${each.consolidated}, 1) returning num`;
            const indicator = systemIds.uuid();
            await tx.run`
              insert into indicator (id, event_num, vkey, timestamp, kind, to_ids, blockable, lane, type, value)
              values (${indicator}, ${row?.num ?? 0}, ${vkey}, 0, ${valueKinds.indexOf(kind)}, true, ${each.blockable}, ${lane}, 'text', ${value})`;
            copy.push([copy.length, vkey, indicator]);
          }
          for (const each of seen)
            await tx.run`
              insert into sighting (id, lane, vkey, type, at, entity_id, entity_name, voice)
              values (${systemIds.uuid()}, ${lane}, ${vkey}, ${each.type}, ${each.at}, ${each.voice}, 'x', ${each.voice})`;
          if (ruling !== null)
            await tx.run`
              insert into decisions.ruling (vkey, kind, value, ruling, ruled_at, ruled_by, reason)
              values (${vkey}, ${valueKinds.indexOf(kind)}, ${value}, ${ruling.word}, ${ruling.at}, 'x', 'x')`;
        }
        const vkeys = values.map((each) => each.vkey);
        const compare = async (cases: readonly (History & { vkey: string })[], round: string): Promise<number> => {
          const transitions = await refold(tx, lane, vkeys, defaultPolicy, 'retracted', now, waitingTimes({ delayMs }, now));
          const rows = new Map(
            (await tx.rows<Row>`select vkey, strength, confidence, voices, until, gone from decision where lane = ${lane}`).map((row) => [
              row.vkey,
              row,
            ]),
          );
          let inForce = 0;
          for (const each of cases) {
            const row = rows.get(each.vkey);
            const is =
              row === undefined || row.gone !== null
                ? undefined
                : {
                    strength: row.strength === 1 ? 'consolidated' : 'lease',
                    confidence: row.confidence,
                    voices: row.voices,
                    until: row.until,
                  };
            assert.deepEqual(is, expected(each, delayMs), `${round}: ${JSON.stringify(each)}`);
            if (is !== undefined) inForce += 1;
          }
          assert.deepEqual(
            await refold(tx, lane, vkeys, defaultPolicy, 'retracted', now, waitingTimes({ delayMs }, now)),
            [],
            `${round}: folding again changes nothing`,
          );
          assert.ok(transitions.every((each) => each.id === null || each.until !== null));
          return inForce;
        };
        const first = await compare(values, 'first');
        // Some of what was said is taken back.
        const rest = values.map((each) => ({ ...each, said: each.said.filter((_, index) => each.removed[index] !== true) }));
        let at = 0;
        for (const each of values)
          for (const [index] of each.said.entries()) {
            if (each.removed[index] === true) await tx.run`delete from indicator where id = ${copy[at]?.[2] ?? ''}`;
            at += 1;
          }
        const second = await compare(rest, 'after removal');
        assert.ok(first > 20 && second > 5 && second < first, `the histories are worth folding: ${first}, ${second}`);
      });
    });
  }
});
