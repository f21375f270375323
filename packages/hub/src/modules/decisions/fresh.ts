import type { ValueKind } from '@rebato/contract';
import type { PlacedValue } from '#intel';
import type { Tx } from '#platform/db';
import { type DecisionPolicy, type Folded, fold } from './fold.ts';
import { kindAt, strengthIndex, type Transition } from './store.ts';

/**
 * The short way for values whose only evidence on the lane is what was placed a moment ago, which in an import is nearly all of them: what
 * follows from one event's word is the same for all values of a kind, so it is folded once and written with one statement. Everything else is
 * folded from the tables (`refold`); both say what `fold` says.
 */
export async function placeFresh(
  tx: Tx,
  lane: string,
  values: readonly PlacedValue[],
  policy: DecisionPolicy,
  now: Date,
): Promise<{ readonly placed: Transition[]; readonly others: string[] }> {
  const known = await findKnown(tx, lane, values);
  const others: string[] = [];
  const foldOf = foldOnce(policy);
  // One statement for all that have one end: those of one event, unless it is confirmed and their kinds last differently.
  const groups = new Map<string, { readonly folded: Folded; readonly values: PlacedValue[] }>();
  for (const value of values) {
    const folded = foldOf(value);
    if (known.has(value.vkey) || folded.until <= now) {
      others.push(value.vkey);
      continue;
    }
    const key = `${value.event.num} ${folded.until.getTime()}`;
    const group = groups.get(key) ?? { folded, values: [] };
    groups.set(key, group);
    group.values.push(value);
  }
  const placed: Transition[] = [];
  for (const { folded, values: mine } of groups.values()) {
    await insertDecisions(tx, lane, mine, folded, now);
    const strength = strengthIndex[folded.strength];
    for (const { vkey, kind, value } of mine)
      placed.push({
        ...{ vkey, kind, value, oldId: null, oldUntil: null, id: vkey, action: 'block', strength },
        ...{ confidence: folded.confidence, until: folded.until, gone: null },
      });
  }
  return { placed, others };
}

/** What follows from one event's word on a value, once per event and kind. */
function foldOnce(policy: DecisionPolicy): (value: PlacedValue) => Folded {
  const done = new Map<string, Folded>();
  return ({ event, kind }) => {
    const key = `${event.num} ${kind}`;
    const known = done.get(key);
    if (known !== undefined) return known;
    const evidence = { voice: event.voice, at: event.publishedAt, confidence: event.confidence, consolidated: event.consolidated };
    const folded = fold(kindAt(kind) satisfies ValueKind, [evidence], [], null, policy);
    if (folded === undefined) throw new Error('an indicator is evidence');
    done.set(key, folded);
    return folded;
  };
}

/**
 * Those of the values of which the lane has said or holds more than what was just placed, or on which somebody has ruled. Four questions with a
 * list of keys, sent at once, take a third of the time of one that joins them all.
 */
async function findKnown(tx: Tx, lane: string, values: readonly PlacedValue[]): Promise<Set<string>> {
  const expected = new Map(values.map((value) => [value.vkey, value.rows]));
  const vkeys = [...expected.keys()];
  const [said, ...met] = await Promise.all([
    tx.rows<{ vkey: string; n: number }>`
      select vkey, count(*) as n from indicator where vkey = any (${vkeys}::uuid[]) and lane = ${lane} and blockable group by vkey having count(*) > 1`,
    // As a list of keys this one would be answered by reading the whole lane in another index.
    tx.rows<{ vkey: string }>`
      select w.vkey from unnest(${vkeys}::uuid[]) as w (vkey) cross join lateral (select from decision d where d.lane = ${lane} and d.vkey = w.vkey offset 0) d`,
    tx.rows<{ vkey: string }>`select vkey from sighting where lane = ${lane} and vkey = any (${vkeys}::uuid[])`,
    tx.rows<{ vkey: string }>`select vkey from decisions.ruling where vkey = any (${vkeys}::uuid[])`,
  ]);
  const counts = new Map(said.map((row) => [row.vkey, row.n]));
  return new Set([
    ...[...expected].flatMap(([vkey, rows]) => ((counts.get(vkey) ?? 1) === rows ? [] : [vkey])),
    ...met.flat().map((row) => row.vkey),
  ]);
}

/** Writes new decisions, all of one event. Only the leader writes here: what was not there a moment ago is not there now. */
async function insertDecisions(tx: Tx, lane: string, values: readonly PlacedValue[], folded: Folded, now: Date): Promise<void> {
  await tx.run`
    insert into decision (lane, vkey, kind, strength, confidence, voices, evidence, arrived_at, decided_at, changed_at, until, value)
    select ${lane}, w.vkey, w.kind, ${strengthIndex[folded.strength]}, ${folded.confidence}, ${folded.voices}, w.n,
           -- What this audience has, never the first report anywhere.
           ${values[0]?.event.arrivedAt ?? now}, ${now}, ${now}, ${folded.until}, w.value
      from unnest(${values.map((value) => value.vkey)}::uuid[], ${values.map((value) => value.kind)}::smallint[], ${values.map((value) => value.rows)}::integer[],
                  ${values.map((value) => value.value)}::text[]) as w (vkey, kind, n, value)`;
}
