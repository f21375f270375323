import type { Actor } from '#platform/actor';
import type { Pool, Tx } from '#platform/db';
import type { Bus, Clock, Ids, Trail } from '#platform/ports';
import { fail } from './errors.ts';
import {
  type Decided,
  endLapsedLifts,
  endLift,
  insertLift,
  type LiftRow,
  listDeclared,
  listLifts,
  putRuling,
  type Ruling,
  readHalt,
  setHalt,
} from './store.ts';

export type RuleDeps = {
  readonly db: Pool;
  readonly bus: Bus;
  readonly trail: Trail;
  readonly clock: Clock;
  readonly ids: Ids;
  /** The value with this key, if anybody has reported it as one to block. */
  readonly blockableValue: (tx: Tx, vkey: string) => Promise<Decided | undefined>;
};

/**
 * An assessor's word on a value, for the whole network: `consolidated` makes it last, `retracted` takes it back everywhere and keeps later reports
 * from bringing it back, null takes the ruling itself back.
 */
export async function ruleDecision(
  deps: RuleDeps,
  actor: Actor,
  input: { readonly decisionId: string; readonly ruling: 'consolidated' | 'retracted' | null; readonly reason: string },
): Promise<Ruling> {
  const ruled = await deps.db.transaction(async (tx) => {
    const decided = await deps.blockableValue(tx, input.decisionId);
    if (decided === undefined) throw fail('decisions.not_found', `There is no decision ${input.decisionId}.`);
    await putRuling(tx, decided, input.ruling, actor.label, input.reason, deps.clock.now());
    await deps.trail.record(tx, actor, 'decisions.rule', decided.vkey, {
      ruling: input.ruling,
      reason: input.reason,
      value: decided.value,
    });
    await deps.bus.append(tx, 'decisions.ruled', { decisionId: decided.vkey });
    return { ...decided, ruling: input.ruling };
  });
  deps.bus.nudge();
  return ruled;
}

/** Lifts a block at the member's own controls, at once. A declared false positive also goes to an assessor, who decides for everybody. */
export async function liftAtHome(
  deps: RuleDeps,
  actor: Actor,
  input: {
    /** Found by the caller on the reader's own shelf. */ readonly decision: Decided;
    readonly reason: string;
    readonly until: Date | null;
    readonly falsePositive: boolean;
  },
): Promise<LiftRow> {
  const now = deps.clock.now();
  if (input.until !== null && input.until <= now)
    throw fail('decisions.until_past', 'The end lies in the past.', [{ field: 'until', message: 'must be in the future' }]);
  const lift: LiftRow = {
    id: deps.ids.uuid(),
    entityId: actor.entityId,
    ...input.decision,
    reason: input.reason,
    falsePositive: input.falsePositive,
    liftedAt: now,
    liftedBy: actor.label,
    until: input.until,
    endedAt: null,
  };
  await deps.db.transaction(async (tx) => {
    await endLapsedLifts(tx, actor.entityId, now);
    if (!(await insertLift(tx, lift))) throw fail('decisions.lifted_already', 'This block is lifted already.');
    await deps.trail.record(tx, actor, input.falsePositive ? 'decisions.declare_false_positive' : 'decisions.lift', lift.id, {
      value: lift.value,
      reason: lift.reason,
    });
    await deps.bus.append(tx, 'decisions.lifted', { liftId: lift.id });
  });
  deps.bus.nudge();
  return lift;
}

/** The member takes its lifting back: the block, if it still stands, is in force there again. */
export async function restoreAtHome(deps: RuleDeps, actor: Actor, liftId: string): Promise<LiftRow> {
  const ended = await deps.db.transaction(async (tx) => {
    const lift = await endLift(tx, actor.entityId, liftId, deps.clock.now());
    if (lift === undefined) throw fail('decisions.lift_not_found', 'There is no such lifting in force.');
    await deps.trail.record(tx, actor, 'decisions.restore', lift.id, { value: lift.value });
    await deps.bus.append(tx, 'decisions.lifted', { liftId: lift.id });
    return lift;
  });
  deps.bus.nudge();
  return ended;
}

/** Stops every new block in the network, or lets them go on. Removals are never stopped. */
export async function halt(deps: RuleDeps, actor: Actor, input: { readonly on: boolean; readonly reason: string }): Promise<void> {
  await deps.db.transaction(async (tx) => {
    await setHalt(tx, input.on, actor.label, input.reason, deps.clock.now());
    await deps.trail.record(tx, actor, 'decisions.halt', 'network', { on: input.on, reason: input.reason });
    await deps.bus.append(tx, 'decisions.halted', { on: input.on });
  });
  deps.bus.nudge();
}

export type Rulings = {
  rule(actor: Actor, input: Parameters<typeof ruleDecision>[2]): Promise<Ruling>;
  lift(actor: Actor, input: Parameters<typeof liftAtHome>[2]): Promise<LiftRow>;
  restore(actor: Actor, liftId: string): Promise<LiftRow>;
  lifts(actor: Actor): Promise<LiftRow[]>;
  declared(): Promise<LiftRow[]>;
  halt(actor: Actor, input: { readonly on: boolean; readonly reason: string }): Promise<void>;
  halted(): ReturnType<typeof readHalt>;
};

export function createRulings(deps: RuleDeps): Rulings {
  return {
    rule: (actor, input) => ruleDecision(deps, actor, input),
    lift: (actor, input) => liftAtHome(deps, actor, input),
    restore: (actor, liftId) => restoreAtHome(deps, actor, liftId),
    lifts: (actor) => listLifts(deps.db, actor.entityId, deps.clock.now()),
    declared: () => listDeclared(deps.db),
    halt: (actor, input) => halt(deps, actor, input),
    halted: () => readHalt(deps.db),
  };
}
