import type { ValueKind } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { Pool, Tx } from '#platform/db';
import type { Clock, Ids, Trail } from '#platform/ports';
import { canonicaliseKind } from '#values';
import { fail } from './errors.ts';
import { judge } from './judge.ts';
import { releaseDefaultMs, releaseMaxMs, releaseRequestTtlMs } from './limits.ts';
import { personOf } from './policy.ts';
import { insertRelease, lockOpenRelease, lockRelease, markApproved, markEnded, type ReleaseRow, raiseVersion } from './store.ts';
import type { GuardTables } from './tables.ts';
import type { GuardHold } from './verdict.ts';

export type ReleaseDeps = {
  readonly db: Pool;
  readonly trail: Trail;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly tables: () => GuardTables;
  /** Whoever keeps held values hears of a release in its own transaction. */
  readonly onReleased?: (tx: Tx, release: { readonly kind: ValueKind; readonly value: string; readonly until: Date }) => Promise<void>;
};

export type ReleaseRequest = { readonly kind: ValueKind; readonly value: string; readonly reason: string; readonly forMs?: number };

/** Only what is held can be released. Asked again at the approval: the tables may have changed in between. */
function requireHold(kind: ValueKind, value: string, tables: GuardTables): GuardHold {
  // The widest marking, and no releases: the question is about the value alone.
  const verdict = judge({ kind, value, tlp: 'clear', pap: 'clear' }, { ...tables, overrides: new Set() });
  if (verdict.verdict === 'pass') throw fail('guard.not_held', 'The guard lets this value pass.');
  if (verdict.verdict === 'refuse') throw fail('guard.not_releasable', `${verdict.message} ${verdict.action}`);
  return verdict;
}

/** The first person's word. An open request for the same value is returned as it is: asking twice is not approving. */
export async function requestRelease(deps: ReleaseDeps, actor: Actor, input: ReleaseRequest): Promise<ReleaseRow> {
  const person = personOf(actor);
  const read = canonicaliseKind(input.kind, input.value);
  if (!read.ok) throw fail('guard.value_invalid', read.message, [{ field: 'value', message: read.message }]);
  const { value } = read;
  const held = requireHold(input.kind, value, deps.tables());
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
  seen: { readonly kind: ValueKind; readonly value: string },
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
    requireHold(row.kind, row.value, deps.tables());
    await markApproved(tx, id, person, now);
    await deps.trail.record(tx, actor, 'guard.release_approve', id, { kind: row.kind, value: row.value, rule: row.rule });
    await raiseVersion(tx);
    await deps.onReleased?.(tx, { kind: row.kind, value: row.value, until: row.until });
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
  });
}
