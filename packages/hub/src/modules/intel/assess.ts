import type { Actor } from '#platform/actor';
import type { Tx } from '#platform/db';
import { fail } from './errors.ts';
import { limits } from './limits.ts';
import { claim } from './own.ts';
import { acceptRounds, addRound, listPending } from './revisions/store.ts';
import { type EventRow, lockEvent, markConsolidated, markPublished, markState, moveAttributes } from './store.ts';
import type { SubmitDeps } from './submission.ts';
import { announce } from './submit-drafts.ts';

export type AssessDeps = Pick<SubmitDeps, 'db' | 'bus' | 'trail' | 'clock' | 'ids'>;

/** An assessor works on it; after this long others may take it over. */
const claimLifeMs = 15 * 60_000;

export async function claimEvent(deps: AssessDeps, actor: Actor, eventId: string): Promise<void> {
  const now = deps.clock.now();
  const got = await claim(deps.db, eventId, actor.label, now, new Date(now.getTime() - claimLifeMs));
  if (!got) throw fail('intel.not_waiting', 'The event is claimed by somebody else, or no longer waits.');
}

export type Verdict = {
  readonly eventId: string;
  readonly outcome: 'accept' | 'reject' | 'hold';
  /** Only these attributes; the others of the event are left out (accept in part) or kept (reject in part). */
  readonly only?: readonly string[];
  /** Required to reject or hold; reaches the reporter. */
  readonly reason?: string;
};

/**
 * Decides on a waiting event. Accept publishes it (in part: the rest is rejected with the reason). Reject keeps it from everyone but its author.
 * Hold leaves it in the queue with the reason. What the guard holds is not touched: that takes two people and another door.
 */
export async function decideEvent(deps: AssessDeps, actor: Actor, verdict: Verdict): Promise<void> {
  const reason = verdict.reason?.trim() ?? '';
  if (verdict.outcome !== 'accept' && reason === '')
    throw fail('intel.reason_needed', 'A reason is missing.', [{ field: 'reason', message: 'must not be empty' }]);
  await deps.db.transaction(async (tx) => {
    const event = await lockEvent(tx, verdict.eventId);
    if (event === undefined) throw fail('intel.event_not_found', `There is no event ${verdict.eventId}.`);
    if (event.state !== 'assessing' && !event.review) throw fail('intel.not_waiting', `The event is ${event.state}.`);
    await deps.trail.record(tx, actor, `intel.assess.${verdict.outcome}`, event.id, { reason, only: verdict.only?.length ?? null });
    if (verdict.outcome === 'hold') {
      await tx.run`update intel.event set retract_reason = ${reason}, claimed_by = null where id = ${event.id}`;
      return;
    }
    if (event.state === 'published') return decideRevision(deps, tx, actor, event, verdict, reason);
    if (verdict.outcome === 'reject') {
      await moveAttributes(tx, event.id, { ids: verdict.only ?? 'all', from: ['pending', 'accepted'], to: 'rejected', reason });
      if (verdict.only === undefined) await markState(tx, event.id, 'rejected', deps.clock.now(), reason);
      return;
    }
    const accepted = await acceptParts(tx, event.id, verdict.only, reason);
    await markPublished(tx, event.id, deps.clock.now(), event.rounds);
    await announce(deps.bus, tx, event.id, event.rounds, accepted);
  });
  deps.bus.nudge();
}

/** The word on what a revision added to a published event: what is accepted travels as a round of its own, and waits from now. */
async function decideRevision(deps: AssessDeps, tx: Tx, actor: Actor, event: EventRow, verdict: Verdict, reason: string): Promise<void> {
  const only = verdict.only ?? (await listPending(tx, event.id));
  const accepted = verdict.outcome === 'accept' ? await acceptRounds(tx, event.id, only, event.rounds, limits.chunkAttributes) : 0;
  const rejected = verdict.outcome === 'reject' ? only : (await listPending(tx, event.id)).filter((id) => !only.includes(id));
  if (verdict.outcome === 'reject' || verdict.only !== undefined)
    await moveAttributes(tx, event.id, { ids: rejected, from: ['pending'], to: 'rejected', reason: reason === '' ? leftOut : reason });
  await tx.run`
    update intel.event e set claimed_by = null, retract_reason = null,
           review = exists (select from intel.attribute a where a.event_id = e.id and a.state = 'pending')
     where e.id = ${event.id}`;
  if (accepted > 0) await addRound(deps, tx, actor, event, { accepted }, Math.ceil(accepted / limits.chunkAttributes));
}

const leftOut = 'left out by the assessor';

/** Attributes keep the chunk that they came in. */
async function acceptParts(tx: Tx, eventId: string, only: readonly string[] | undefined, reason: string): Promise<number> {
  const accepted = await tx.run`
    update intel.attribute set state = 'accepted'
     where event_id = ${eventId} and state = 'pending' and (${only === undefined} or id = any (${(only ?? []) as string[]}::uuid[]))`;
  if (only !== undefined) {
    await tx.run`update intel.attribute set state = 'rejected', blockable = false, reason = coalesce(reason, ${reason === '' ? leftOut : reason})
      where event_id = ${eventId} and state in ('pending', 'accepted', 'held', 'refused') and rule is distinct from 'victim_data' and not id = any (${only as string[]}::uuid[])`;
  }
  return accepted;
}

/** Takes back a published event: at once, for everybody who ever had it, and without a trace for those who had not. */
export async function retractEvent(
  deps: AssessDeps,
  actor: Actor,
  input: { readonly eventId: string; readonly reason: string },
): Promise<void> {
  if (input.reason.trim() === '')
    throw fail('intel.reason_needed', 'A reason is missing.', [{ field: 'reason', message: 'must not be empty' }]);
  await deps.db.transaction(async (tx) => {
    const event = await lockEvent(tx, input.eventId);
    if (event === undefined || !(event.ownerId === actor.entityId || actor.scopes.includes('rule')))
      throw fail('intel.event_not_found', 'There is no such event of yours.');
    if (event.state !== 'published' && event.state !== 'assessing') throw fail('intel.not_published', `The event is ${event.state}.`);
    await markState(tx, event.id, 'retracted', deps.clock.now(), input.reason);
    await deps.trail.record(tx, actor, 'intel.retract', event.id, { reason: input.reason });
    await deps.bus.append(tx, 'intel.retracted', { eventId: event.id });
  });
  deps.bus.nudge();
}

/** Confirms a published event: its blocks last, and delayed audiences need not wait any longer. */
export async function consolidateEvent(
  deps: AssessDeps,
  actor: Actor,
  input: { readonly eventId: string; readonly reason: string },
): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const event = await lockEvent(tx, input.eventId);
    if (event === undefined) throw fail('intel.event_not_found', `There is no event ${input.eventId}.`);
    if (event.state !== 'published') throw fail('intel.not_published', `The event is ${event.state}.`);
    await markConsolidated(tx, event.id, deps.clock.now());
    await deps.trail.record(tx, actor, 'intel.consolidate', event.id, { reason: input.reason });
    await deps.bus.append(tx, 'intel.consolidated', { eventId: event.id });
  });
  deps.bus.nudge();
}
