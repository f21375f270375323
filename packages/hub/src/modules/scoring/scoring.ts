import { authorityOf, entitiesWithLevel, findEntity, levelsInUse, type Members, mayManageNetwork, setEntityLevel } from '#members';
import type { Actor } from '#platform/actor';
import type { Pool } from '#platform/db';
import type { Bus, Clock, Ids, Trail } from '#platform/ports';
import { fail } from './errors.ts';
import { type Level, type Levels, type Policy, releaseDelays } from './levels.ts';
import { changesMax, delayMaxMs, historyMax, levelsMax } from './limits.ts';
import {
  type AssignmentRow,
  changesSince,
  insertAssignment,
  insertPolicy,
  listAssignments,
  listPolicies,
  lockPolicies,
  readPolicy,
} from './store.ts';

export type ScoringDeps = {
  readonly db: Pool;
  readonly bus: Bus;
  readonly trail: Trail;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly levels: Levels;
  readonly members: Pick<Members, 'forget'>;
  /** Shelves that exist in the database. A level cannot point anywhere else. */
  readonly shelves: readonly string[];
};

export type Scoring = ReturnType<typeof createScoring>;

export function createScoring(deps: ScoringDeps) {
  return {
    policy: deps.levels.current,
    audiences: deps.levels.audiences,
    policies: (limit: number) => listPolicies(deps.db, Math.min(limit, historyMax)),
    levelOf: (entityId: string) => levelOf(deps, entityId),
    history: (actor: Actor, entityId: string) => readHistory(deps, actor, entityId),
    setLevel: (actor: Actor, entityId: string, level: string, reason: string) => setLevel(deps, actor, entityId, level, reason),
    changePolicy: (actor: Actor, levels: readonly Level[], reason: string) => changePolicy(deps, actor, levels, reason),
  };
}

/** The level of an entity under the policy in force. */
export async function levelOf(deps: ScoringDeps, entityId: string): Promise<Level> {
  const entity = await findEntity(deps.db, entityId);
  if (!entity) throw fail('scoring.entity_not_found', `No entity ${entityId}.`);
  const level = (await deps.levels.current()).levels.find((candidate) => candidate.id === entity.level);
  if (!level) throw fail('scoring.level_unknown', `The level "${entity.level}" is not in the policy in force.`);
  return level;
}

/**
 * Gives an entity a level, with a reason that the entity may read. Nobody sets the level of the own entity, except an administrator: a level decides
 * who reads first.
 */
export async function setLevel(deps: ScoringDeps, actor: Actor, entityId: string, level: string, reason: string): Promise<AssignmentRow> {
  if (!mayManageNetwork(actor)) throw fail('scoring.forbidden', 'Only coordinators and administrators set levels.');
  if (actor.entityId === entityId && authorityOf(actor) !== 'all')
    throw fail('scoring.forbidden', 'Nobody sets the level of the own entity.');
  const row = await deps.db.transaction(async (tx) => {
    // Read inside the transaction and not from the cache: a level that was just dropped must not be given. The lock keeps it so.
    await lockPolicies(tx);
    const policy = await readPolicy(tx);
    if (!policy.levels.some((candidate) => candidate.id === level))
      throw fail('scoring.level_unknown', `There is no level "${level}" in the policy.`);
    const previous = await setEntityLevel(tx, entityId, level);
    if (previous === undefined) throw fail('scoring.entity_not_found', `No entity ${entityId}.`);
    const assignment: AssignmentRow = { id: deps.ids.uuid(), entityId, level, previous, reason, setBy: actor.id, setAt: deps.clock.now() };
    await insertAssignment(tx, assignment);
    await deps.trail.record(tx, actor, 'scoring.level_set', entityId, { level, previous, reason });
    await deps.bus.append(tx, 'members.entity_changed', { entityId });
    return assignment;
  });
  deps.members.forget(entityId);
  deps.bus.nudge();
  return row;
}

/** A new version of the whole policy, for what is published from then on: what was published before is released by the version of its time. */
export async function changePolicy(deps: ScoringDeps, actor: Actor, levels: readonly Level[], reason: string): Promise<Policy> {
  if (authorityOf(actor) !== 'all') throw fail('scoring.forbidden', 'Only administrators change the policy.');
  checkPolicy(levels, deps.shelves);
  const policy = await deps.db.transaction(async (tx) => {
    await lockPolicies(tx);
    const before = await readPolicy(tx);
    if ((await changesSince(tx, new Date(deps.clock.now().getTime() - delayMaxMs))) >= changesMax)
      throw fail('scoring.policy_invalid', `The policy has been changed ${changesMax} times within the longest delay.`);
    const dropped = before.levels.map((level) => level.id).filter((id) => !levels.some((level) => level.id === id));
    const used = await levelsInUse(tx, dropped);
    if (used.length > 0) throw fail('scoring.policy_invalid', `Levels in use cannot be dropped: ${used.join(', ')}.`);
    const next: Policy = { version: before.version + 1, validFrom: deps.clock.now(), setBy: actor.id, reason, levels };
    await insertPolicy(tx, next);
    await deps.trail.record(tx, actor, 'scoring.policy_change', String(next.version), { reason, audiences: releaseDelays(next) });
    // Who reads on another shelf from now on takes along what he had.
    const moved = levels.filter((level) => before.levels.some((old) => old.id === level.id && old.shelf !== level.shelf));
    for (const entityId of await entitiesWithLevel(
      tx,
      moved.map((level) => level.id),
    ))
      await deps.bus.append(tx, 'members.entity_changed', { entityId });
    return next;
  });
  deps.levels.forget();
  deps.bus.nudge();
  return policy;
}

export function checkPolicy(levels: readonly Level[], shelves: readonly string[]): void {
  if (levels.length === 0 || levels.length > levelsMax) throw fail('scoring.policy_invalid', `A policy has 1 to ${levelsMax} levels.`);
  if (new Set(levels.map((level) => level.id)).size !== levels.length) throw fail('scoring.policy_invalid', 'Two levels have the same id.');
  for (const level of levels) {
    if (!shelves.includes(level.shelf))
      throw fail(
        'scoring.policy_invalid',
        `There is no shelf "${level.shelf}": a level reads on one of ${shelves.join(', ')}. Shelves cannot be added to a network that runs.`,
      );
    if (!Number.isSafeInteger(level.delayMs) || level.delayMs < 0 || level.delayMs > delayMaxMs)
      throw fail('scoring.policy_invalid', 'A delay is 0 to 90 days.');
    const same = levels.filter((other) => other.shelf === level.shelf);
    if (
      same.some(
        (other) => other.delayMs !== level.delayMs || other.onConsolidation !== level.onConsolidation || other.maxTlp !== level.maxTlp,
      )
    ) {
      throw fail(
        'scoring.policy_invalid',
        `The levels of the shelf "${level.shelf}" differ in delay, consolidation or TLP: a shelf has one content.`,
      );
    }
  }
}

/** Why an entity has its level: for the entity itself and the network's people. */
async function readHistory(deps: ScoringDeps, actor: Actor, entityId: string): Promise<AssignmentRow[]> {
  if (actor.entityId !== entityId && !mayManageNetwork(actor)) throw fail('scoring.entity_not_found', `No entity ${entityId}.`);
  return listAssignments(deps.db, entityId, historyMax);
}
