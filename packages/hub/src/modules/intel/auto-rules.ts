import type { ValueKind } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { Pool } from '#platform/db';
import type { Clock, Ids, Trail } from '#platform/ports';
import { fail } from './errors.ts';
import { kindIndex } from './normalise.ts';

/** Whose reports pass without a person: an entity's, a kind of entity's, or a level's. The most particular rule decides; among equals the newest. */
export type AutoRule = {
  readonly id: string;
  readonly entityId: string | null;
  readonly entityKind: string | null;
  readonly level: string | null;
  /** Indexes of kinds of values; empty: all. */
  readonly kinds: readonly number[];
  readonly accept: boolean;
  /** A bulk feed: the guard's pace does not hold it. */
  readonly feed: boolean;
  /** Blocks in an hour that pass without a question, and in one event; null: the guard's default. */
  readonly hourlyMax: number | null;
  readonly createdAt: Date;
  readonly createdBy: string;
};

export type AutoRuleDeps = { readonly db: Pool; readonly trail: Trail; readonly clock: Clock; readonly ids: Ids };

/** More rules than a person can keep in mind are a mistake. */
const rulesMax = 500;

export async function listAutoRuleRows(db: Pool): Promise<AutoRule[]> {
  return db.rows<AutoRule>`
    select id, entity_id, entity_kind, level, kinds, accept, feed, hourly_max, created_at, created_by from intel.auto_rule
     order by entity_id is null, entity_kind is null, created_at desc limit ${rulesMax}`;
}

export async function addAutoRule(
  deps: AutoRuleDeps,
  actor: Actor,
  input: {
    readonly entityId?: string;
    readonly entityKind?: string;
    readonly level?: string;
    readonly kinds: readonly ValueKind[];
    readonly accept: boolean;
    readonly feed?: boolean;
    readonly hourlyMax?: number;
  },
): Promise<AutoRule> {
  const named = [input.entityId, input.entityKind, input.level].filter((each) => each !== undefined).length;
  if (named !== 1)
    throw fail('intel.rule_subject', 'A rule speaks of one entity, one kind of entity, or one level.', [
      { field: 'entityId', message: 'exactly one of entityId, entityKind and level' },
    ]);
  const rule: AutoRule = {
    id: deps.ids.uuid(),
    entityId: input.entityId ?? null,
    entityKind: input.entityKind ?? null,
    level: input.level ?? null,
    kinds: input.kinds.map((kind) => kindIndex[kind]),
    accept: input.accept,
    feed: input.feed ?? false,
    hourlyMax: input.hourlyMax ?? null,
    createdAt: deps.clock.now(),
    createdBy: actor.label,
  };
  await deps.db.transaction(async (tx) => {
    await tx.run`
      insert into intel.auto_rule (id, entity_id, entity_kind, level, kinds, accept, feed, hourly_max, created_at, created_by)
      values (${rule.id}, ${rule.entityId}, ${rule.entityKind}, ${rule.level}, ${rule.kinds as number[]}, ${rule.accept}, ${rule.feed}, ${rule.hourlyMax},
              ${rule.createdAt}, ${rule.createdBy})`;
    await deps.trail.record(tx, actor, 'intel.add_auto_rule', rule.id, { ...input });
  });
  return rule;
}

export async function removeAutoRule(deps: AutoRuleDeps, actor: Actor, id: string): Promise<void> {
  await deps.db.transaction(async (tx) => {
    if ((await tx.run`delete from intel.auto_rule where id = ${id}`) === 0) throw fail('intel.rule_not_found', `There is no rule ${id}.`);
    await deps.trail.record(tx, actor, 'intel.remove_auto_rule', id, {});
  });
}
