import type { ValueKind } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { Db, Pool, Tx } from '#platform/db';
import type { Clock, Ids, Trail } from '#platform/ports';
import { canonicaliseKind } from '#values';
import { fail } from './errors.ts';
import { judge } from './judge.ts';
import { releaseDefaultMs, releaseMaxMs, releaseRequestTtlMs } from './limits.ts';
import { personOf } from './policy.ts';
import {
  insertRelease,
  lockOpenRelease,
  lockOver,
  lockRelease,
  markApproved,
  markEnded,
  type ReleaseKind,
  type ReleaseRow,
  raiseVersion,
} from './store.ts';
import type { GuardTables } from './tables.ts';
import { type GuardHold, type GuardVerdict, pass } from './verdict.ts';

export type ReleaseDeps = {
  readonly db: Pool;
  readonly trail: Trail;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly tables: () => GuardTables;
  /** Whoever keeps held values hears of a release in its own transaction. */
  readonly onReleased?: (tx: Tx, releaseId: string) => Promise<void>;
  /** The same when a release that was in force is over: what passed because of it is looked at again. */
  readonly onEnded?: (tx: Tx, releaseId: string) => Promise<void>;
  /** Holds that are not about a value alone (spread, rate): whoever keeps held values knows them. */
  readonly heldTogether?: (db: Db, kind: ReleaseKind, value: string) => Promise<GuardHold | undefined>;
};

export type ReleaseRequest = { readonly kind: ReleaseKind; readonly value: string; readonly reason: string; readonly forMs?: number };

/** Only what is held can be released. Asked again at the approval: the tables may have changed in between. */
async function requireHold(deps: ReleaseDeps, db: Db, kind: ReleaseKind, value: string): Promise<GuardHold> {
  const verdict = kind === 'event' ? pass : judgeAlone(kind, value, deps.tables());
  if (verdict.verdict === 'refuse') throw fail('guard.not_releasable', `${verdict.message} ${verdict.action}`);
  if (verdict.verdict === 'hold') return verdict;
  const together = await deps.heldTogether?.(db, kind, value);
  if (together === undefined) throw fail('guard.not_held', 'The guard lets this pass.');
  return together;
}

/** The widest marking, and no releases: the question is about the value alone. */
export function judgeAlone(kind: ValueKind, value: string, tables: GuardTables): GuardVerdict {
  return judge({ kind, value, tlp: 'clear', pap: 'clear' }, { ...tables, overrides: new Set() });
}

const eventId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function canonicalOf(kind: ReleaseKind, value: string): string {
  if (kind === 'event') {
    const id = value.toLowerCase();
    if (!eventId.test(id)) throw fail('guard.value_invalid', 'This is no id of an event.', [{ field: 'value', message: 'an event id' }]);
    return id;
  }
  const read = canonicaliseKind(kind, value);
  if (!read.ok) throw fail('guard.value_invalid', read.message, [{ field: 'value', message: read.message }]);
  return read.value;
}

/** The first person's word. An open request for the same value is returned as it is: asking twice is not approving. */
export async function requestRelease(deps: ReleaseDeps, actor: Actor, input: ReleaseRequest): Promise<ReleaseRow> {
  const person = personOf(actor);
  const value = canonicalOf(input.kind, input.value);
  const held = await requireHold(deps, deps.db, input.kind, value);
  const now = deps.clock.now();
  const row: ReleaseRow = {
    id: deps.ids.uuid(),
    kind: input.kind,
    value,
    rule: held.rule,
    reason: input.reason,
    requestedBy: actor.id,
    requestedPerson: person,
    requestedAt: now,
    answerBy: new Date(now.getTime() + releaseRequestTtlMs),
    until: new Date(now.getTime() + Math.min(input.forMs ?? releaseDefaultMs, releaseMaxMs)),
    state: 'open',
    approvedPerson: null,
    approvedAt: null,
    endedPerson: null,
    endedAt: null,
  };
  return deps.db.transaction(async (tx) => {
    const open = await lockOpenRelease(tx, input.kind, value);
    if (open && open.answerBy > now) return open;
    if (open) await markEnded(tx, open.id, null, now);
    if (!(await insertRelease(tx, row))) {
      const first = await lockOpenRelease(tx, input.kind, value);
      if (first) return first;
      throw fail('guard.release_closed', 'Another request for this value was answered at the same moment.');
    }
    await deps.trail.record(tx, actor, 'guard.release_request', row.id, { kind: row.kind, value, rule: held.rule, reason: input.reason });
    return row;
  });
}

/** The second person's word. `seen` is what that person was shown: an approval of one value is never taken for another. */
export async function approveRelease(
  deps: ReleaseDeps,
  actor: Actor,
  id: string,
  seen: { readonly kind: ReleaseKind; readonly value: string },
): Promise<ReleaseRow> {
  const person = personOf(actor);
  return deps.db.transaction(async (tx) => {
    const row = await lockRelease(tx, id);
    if (!row) throw fail('guard.release_not_found', `No release ${id}.`);
    const now = deps.clock.now();
    if (row.state !== 'open') throw fail('guard.release_closed', 'The request is no longer open.');
    if (row.answerBy <= now) throw fail('guard.release_expired', 'The request is older than a day.');
    if (row.kind !== seen.kind || row.value !== seen.value) throw fail('guard.release_mismatch', 'The request is about another value.');
    if (row.requestedPerson === person) throw fail('guard.second_person', 'The same person asked for this release.');
    await requireHold(deps, tx, row.kind, row.value);
    await markApproved(tx, id, person, now);
    await deps.trail.record(tx, actor, 'guard.release_approve', id, { kind: row.kind, value: row.value, rule: row.rule });
    await raiseVersion(tx);
    await deps.onReleased?.(tx, row.id);
    return { ...row, state: 'approved', approvedPerson: person, approvedAt: now };
  });
}

/** Takes a request or a release back. One person is enough: it makes the guard stricter. */
export async function endRelease(deps: ReleaseDeps, actor: Actor, id: string): Promise<void> {
  const person = personOf(actor);
  await deps.db.transaction(async (tx) => {
    const row = await lockRelease(tx, id);
    if (!row) throw fail('guard.release_not_found', `No release ${id}.`);
    if (row.state === 'ended') return;
    await markEnded(tx, id, person, deps.clock.now());
    await deps.trail.record(tx, actor, 'guard.release_end', id, { kind: row.kind, value: row.value });
    await raiseVersion(tx);
    if (row.state === 'approved') await deps.onEnded?.(tx, id);
  });
}

/** Ends what is over by the clock. Returns how many. */
export async function endOver(deps: ReleaseDeps, actor: Actor): Promise<number> {
  return deps.db.transaction(async (tx) => {
    const now = deps.clock.now();
    const over = await lockOver(tx, now);
    for (const row of over) {
      await markEnded(tx, row.id, null, now);
      await deps.trail.record(tx, actor, 'guard.release_over', row.id, { kind: row.kind, value: row.value });
      await deps.onEnded?.(tx, row.id);
    }
    if (over.length > 0) await raiseVersion(tx);
    return over.length;
  });
}
