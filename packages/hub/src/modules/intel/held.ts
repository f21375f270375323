import { type ValueKind, valueKinds } from '@rebato/contract';
import { type GuardHold, type GuardTables, judge, type ReleaseKind, togetherRules } from '#guard';
import type { Actor } from '#platform/actor';
import type { Db, Tx } from '#platform/db';
import type { AssessDeps } from './assess.ts';
import { limits } from './limits.ts';
import { addRound } from './revisions/store.ts';
import { type EventRow, lockEvent } from './store.ts';
import type { VkeyOf } from './vkey.ts';

/** What the guard holds, after people have had their word: let go, and held again when the release is over. Runs in the leader's transaction, so that it happens once and is not lost. */

type HeldDeps = Pick<AssessDeps, 'bus' | 'trail' | 'clock'> & { readonly guardTables: () => GuardTables; readonly vkeyOf: VkeyOf };

/** More attributes of one value than this are let go, or held again, with the next release. */
const rowsMax = 5_000;

const together = togetherRules as readonly string[];
const isLive = (event: EventRow | undefined): event is EventRow => event?.state === 'published' || event?.state === 'assessing';

/** After two people have released a value: what was held for it passes, in every event that waits with it. */
export async function releaseHeld(deps: HeldDeps, tx: Tx, actor: Actor, vkey: string): Promise<number> {
  const rows = await tx.rows<Held & { eventId: string }>`
    select a.event_id, a.id, a.chunk, a.revision from intel.attribute a
     where a.vkey = ${vkey} and a.state = 'held' and a.rule is distinct from 'victim_data' order by a.event_id limit ${rowsMax} for update`;
  for (const eventId of new Set(rows.map((row) => row.eventId))) {
    const event = await lockEvent(tx, eventId);
    if (!isLive(event)) continue;
    const mine = rows.filter((row) => row.eventId === eventId);
    await letGo(deps, tx, actor, event, mine, 'released');
  }
  await deps.trail.record(tx, actor, 'intel.release_held', vkey, { attributes: rows.length });
  deps.bus.nudge();
  return rows.length;
}

type Held = { readonly id: string; readonly chunk: number; readonly revision: number | null };

/** In rounds of their own, like an import: the others have been on their way already. */
async function letGo(
  deps: HeldDeps,
  tx: Tx,
  actor: Actor,
  event: EventRow,
  rows: readonly Held[],
  rule: 'released' | 'released_together',
): Promise<void> {
  const published = event.state === 'published';
  const move = async (held: readonly Held[], from: number): Promise<number> => {
    let round = from;
    for (let at = 0; at < held.length; at += limits.chunkAttributes, round += 1) {
      const ids = held.slice(at, at + limits.chunkAttributes).map((row) => row.id);
      await tx.run`
        update intel.attribute set state = ${published ? 'accepted' : 'pending'}, blockable = true, chunk = ${round}, rule = ${rule}
         where event_id = ${event.id} and id = any (${ids}::uuid[]) and state = 'held'`;
    }
    return round;
  };
  // What came with a revision may be on its way still: it waits like any addition.
  const isLate = (row: Held): boolean => row.chunk >= event.chunks || row.revision !== null;
  const late = published ? rows.filter(isLate) : [];
  const round = await move(published ? rows.filter((row) => !isLate(row)) : rows, event.rounds);
  await tx.run`update intel.event set rounds = ${round} where id = ${event.id}`;
  if (!published) return;
  const lane = rows.length > limits.urgentAttributes ? 'bulk' : 'urgent';
  for (let chunk = event.rounds; chunk < round; chunk += 1)
    await deps.bus.append(tx, 'intel.published', { eventId: event.id, chunk }, lane);
  if (late.length === 0) return;
  const end = await move(late, round);
  await addRound(deps, tx, actor, { ...event, rounds: round }, { accepted: late.length }, end - round);
}

/**
 * After two people have released the blocks of an event that waited together: they pass, but for those that by now do not pass by themselves.
 */
export async function releaseEvent(deps: HeldDeps, tx: Tx, actor: Actor, eventId: string): Promise<number> {
  const event = await lockEvent(tx, eventId);
  if (!isLive(event)) return 0;
  const rows = await tx.rows<Held & { kind: number; value: string }>`
    select id, chunk, revision, kind, coalesce(canonical, value) as value from intel.attribute
     where event_id = ${eventId} and state = 'held' and rule = any (${together as string[]})
     order by chunk, id limit ${limits.attributesPerReport} for update`;
  const tables = deps.guardTables();
  const passing = rows.filter(
    (row) => judge({ kind: kindAt(row.kind), value: row.value, tlp: 'clear', pap: 'clear' }, tables).verdict === 'pass',
  );
  await letGo(deps, tx, actor, event, passing, 'released_together');
  await deps.trail.record(tx, actor, 'intel.release_event', eventId, { attributes: passing.length, left: rows.length - passing.length });
  deps.bus.nudge();
  return passing.length;
}

const kindAt = (index: number): ValueKind => valueKinds[index] ?? 'other';

/**
 * Holds again what passed because of a release that is over, or what has become dangerous since it passed. `alone`: the value itself is held,
 * so everything of it is, also what came while the release was in force; otherwise only what the release let go.
 */
export async function holdAgain(
  deps: HeldDeps,
  tx: Tx,
  actor: Actor,
  what: { readonly kind: ReleaseKind; readonly value: string; readonly hold: GuardHold; readonly alone: boolean },
): Promise<number> {
  const { kind, value, hold, alone } = what;
  const reason = `${hold.message} ${hold.action}`;
  const rows =
    kind === 'event'
      ? await tx.rows<{ eventId: string }>`
          update intel.attribute set state = 'held', blockable = false, rule = ${hold.rule}, reason = ${reason}
           where event_id = ${value} and state in ('accepted', 'pending') and rule = 'released_together' returning event_id`
      : await tx.rows<{ eventId: string }>`
          update intel.attribute set state = 'held', blockable = false, rule = ${hold.rule}, reason = ${reason}
           where vkey = ${deps.vkeyOf(kind, value)} and state in ('accepted', 'pending') and blockable and (${alone} or rule = 'released') returning event_id`;
  for (const eventId of new Set(rows.map((row) => row.eventId))) await deps.bus.append(tx, 'intel.withheld', { eventId });
  if (rows.length > 0) await deps.trail.record(tx, actor, 'intel.hold_again', value, { kind, rule: hold.rule, attributes: rows.length });
  deps.bus.nudge();
  return rows.length;
}

/** Holds that are not about a value alone: the guard asks before it lets two people release them. */
export async function heldTogether(
  deps: Pick<HeldDeps, 'vkeyOf'>,
  db: Db,
  kind: ReleaseKind,
  value: string,
): Promise<GuardHold | undefined> {
  const row =
    kind === 'event'
      ? await db.one<{ rule: string; reason: string | null }>`
          select rule, reason from intel.attribute where event_id = ${value} and state = 'held' and rule = any (${together as string[]}) limit 1`
      : await db.one<{ rule: string; reason: string | null }>`
          select rule, reason from intel.attribute where vkey = ${deps.vkeyOf(kind, value)} and state = 'held' and rule = any (${together as string[]}) limit 1`;
  const rule = togetherRules.find((one) => one === row?.rule);
  return rule === undefined ? undefined : { verdict: 'hold', rule, message: row?.reason ?? '', action: '' };
}
