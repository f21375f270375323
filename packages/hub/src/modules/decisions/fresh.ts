import type { ValueKind } from '@rebato/contract';
import type { PlacedValue } from '#intel';
import type { Tx } from '#platform/db';
import { type DecisionPolicy, type Folded, fold } from './fold.ts';
import { kindAt, strengthIndex, type Transition } from './store.ts';

/**
 * The short way for values whose only evidence on the lane is what was placed a moment ago, which in an import is nearly all of them: what
 * follows from one event's word is the same for all values of a kind, so it is folded once and written in bulk. Everything else is folded
 * from the tables (`refold`); both say what `fold` says.
 */
export async function placeFresh(
  tx: Tx,
  lane: string,
  values: readonly PlacedValue[],
  policy: DecisionPolicy,
  now: Date,
  uuid: () => string,
): Promise<{ readonly placed: Transition[]; readonly others: string[] }> {
  const known = new Map((await readKnown(tx, lane, values)).map((row) => [row.vkey, row]));
  const others: string[] = [];
  const created: (Decided & { readonly arrivedAt: Date })[] = [];
  const placed: (Decided & { readonly arrivedAt: Date; readonly folded: Folded })[] = [];
  const foldOf = foldOnce(policy);
  for (const value of values) {
    const before = known.get(value.vkey);
    if (before?.more === true || (before !== undefined && before.ruling !== null)) {
      others.push(value.vkey);
      continue;
    }
    const decided = {
      id: before?.id ?? uuid(), // What this audience has, never the first report anywhere.
      arrivedAt: value.event.arrivedAt,
      value,
    };
    if (before?.id == null) created.push(decided);
    const folded = foldOf(value);
    if (folded !== undefined && folded.until > now) placed.push({ ...decided, folded });
  }
  if (created.length > 0) await tx.copy('decisions.decision', coreColumns, coreRows(created, now));
  if (placed.length > 0) await tx.copy('decision', shelfColumns, shelfRows(lane, placed, now));
  return {
    others,
    placed: placed.map(({ id, value, folded }) => ({
      vkey: value.vkey,
      kind: value.kind,
      value: value.value,
      oldId: null,
      oldUntil: null,
      id,
      action: 'block',
      strength: strengthIndex[folded.strength],
      confidence: folded.confidence,
      until: folded.until,
      gone: null,
    })),
  };
}

type Decided = { readonly id: string; readonly value: PlacedValue };
type Known = {
  readonly vkey: string;
  readonly id: string | null;
  readonly ruling: string | null;
  readonly arrivedAt: Date | null;
  readonly more: boolean;
};

/**
 * Of the given values those that the network has met before, or that were seen on the lane. `more`: the lane has said or holds more of it than
 * what was just placed. A value without a row in the core has never had evidence anywhere: every fold gives it one. `offset 0` keeps the
 * planner from reading the whole table for a join by hash, which it prefers while the table is small.
 */
async function readKnown(tx: Tx, lane: string, values: readonly PlacedValue[]): Promise<Known[]> {
  return tx.rows<Known>`
    select w.vkey, d.id, d.ruling, d.arrived_at,
           s.seen or exists (select from decision t where t.lane = ${lane} and t.vkey = w.vkey)
           or (select count(*) from indicator i where i.vkey = w.vkey and i.lane = ${lane} and i.blockable) <> w.n as more
      from unnest(${values.map((value) => value.vkey)}::uuid[], ${values.map((value) => value.rows)}::integer[]) as w (vkey, n)
      left join lateral (select x.id, x.ruling, x.arrived_at from decisions.decision x where x.vkey = w.vkey offset 0) d on true
     cross join lateral (select exists (select from sighting x where x.vkey = w.vkey and x.lane = ${lane}) as seen) s
     where d.id is not null or s.seen`;
}

/** The fold of one event's evidence, once per event and kind. */
function foldOnce(policy: DecisionPolicy): (value: PlacedValue) => Folded | undefined {
  const done = new Map<string, Folded | undefined>();
  return ({ event, kind }) => {
    const key = `${event.num} ${kind}`;
    if (done.has(key)) return done.get(key);
    const evidence = { voice: event.voice, at: event.publishedAt, confidence: event.confidence, consolidated: event.consolidated };
    const folded = fold(kindAt(kind) satisfies ValueKind, [evidence], [], null, policy);
    done.set(key, folded);
    return folded;
  };
}

const coreColumns = ['id', 'vkey', 'kind', 'value', 'arrived_at', 'created_at'] as const;
const shelfColumns = [
  ...['lane', 'vkey', 'id', 'kind', 'value', 'action', 'strength', 'confidence', 'voices', 'evidence'],
  ...['arrived_at', 'decided_at', 'changed_at', 'until'],
] as const;

function* coreRows(rows: readonly (Decided & { readonly arrivedAt: Date })[], now: Date) {
  const at = now.toISOString();
  for (const { id, value, arrivedAt } of rows) yield [id, value.vkey, value.kind, value.value, arrivedAt, at];
}

function* shelfRows(lane: string, rows: readonly (Decided & { readonly arrivedAt: Date; readonly folded: Folded })[], now: Date) {
  const at = now.toISOString();
  for (const { id, value, arrivedAt, folded } of rows) {
    const strength = strengthIndex[folded.strength];
    yield [
      lane,
      value.vkey,
      id,
      value.kind,
      value.value,
      'block',
      strength,
      folded.confidence,
      folded.voices,
      value.rows,
      arrivedAt,
      at,
      at,
      folded.until,
    ];
  }
}
