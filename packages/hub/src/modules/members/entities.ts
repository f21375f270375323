import type { Actor } from '#platform/actor';
import type { Tx } from '#platform/db';
import type { MembersDeps } from './deps.ts';
import { fail } from './errors.ts';
import { mayManageEntity, mayManageNetwork } from './policy.ts';
import {
  type EntityRow,
  findEntity,
  findKind,
  insertEntity,
  listEntities,
  lockEntity,
  nameTakenByOther,
  type Page,
  updateEntity,
  updateLevel,
} from './store/entities.ts';

export type EntityView = Pick<EntityRow, 'id' | 'name' | 'kind' | 'level' | 'region'> & {
  /** Only for who administers the entity. */
  readonly critical?: boolean;
  readonly suspendedAt?: string | null;
  readonly createdAt?: string;
};

export function presentEntity(actor: Actor, row: EntityRow): EntityView {
  const shown = { id: row.id, name: row.name, kind: row.kind, level: row.level, region: row.region };
  if (!mayManageEntity(actor, row.id)) return shown;
  return { ...shown, critical: row.critical, suspendedAt: row.suspendedAt?.toISOString() ?? null, createdAt: row.createdAt.toISOString() };
}

export const tidyName = (raw: string): string => raw.normalize('NFC').trim().replace(/\s+/g, ' ');

export type EntityInput = { readonly name: string; readonly kind: string; readonly region?: string | null; readonly critical?: boolean };

export async function createEntity(deps: MembersDeps, actor: Actor, input: EntityInput): Promise<EntityRow> {
  if (!mayManageNetwork(actor)) throw fail('members.forbidden', 'Only coordinators and administrators admit entities.');
  const row = await deps.db.transaction(async (tx) => {
    const created = await admit(deps, tx, input);
    await deps.trail.record(tx, actor, 'members.entity_create', created.id, {
      name: created.name,
      kind: created.kind,
      level: created.level,
    });
    await deps.bus.append(tx, 'members.entity_changed', { entityId: created.id });
    return created;
  });
  deps.bus.nudge();
  return row;
}

/** Inserts an entity with the default level of its kind. Records nothing: that is the use case's matter. */
export async function admit(deps: MembersDeps, tx: Tx, input: EntityInput): Promise<EntityRow> {
  const kind = await findKind(tx, input.kind);
  if (!kind) throw fail('members.kind_unknown', `There is no kind of entity "${input.kind}".`);
  const row: EntityRow = {
    id: deps.ids.uuid(),
    name: tidyName(input.name),
    kind: kind.name,
    level: kind.defaultLevel,
    region: input.region ?? null,
    critical: input.critical ?? false,
    suspendedAt: null,
    createdAt: deps.clock.now(),
  };
  if (!(await insertEntity(tx, row))) throw fail('members.entity_name_taken', `There is an entity named "${row.name}" already.`);
  return row;
}

export type EntityChange = {
  readonly name?: string;
  readonly kind?: string;
  readonly region?: string | null;
  readonly critical?: boolean;
  readonly suspended?: boolean;
};

/** All fields belong to the network's people: a name, kind or criticality that a member chose itself would be worth nothing to the others. */
export async function changeEntity(deps: MembersDeps, actor: Actor, id: string, change: EntityChange): Promise<EntityRow> {
  if (!mayManageNetwork(actor)) throw fail('members.forbidden', 'Only coordinators and administrators change entities.');
  if (change.suspended === true && actor.entityId === id)
    throw fail('members.forbidden', 'Nobody suspends the own entity: the way back would be closed.');
  const row = await deps.db.transaction(async (tx) => {
    const before = await lockEntity(tx, id);
    if (!before) throw fail('members.entity_not_found', `No entity ${id}.`);
    if (change.kind !== undefined && !(await findKind(tx, change.kind)))
      throw fail('members.kind_unknown', `There is no kind of entity "${change.kind}".`);
    const after: EntityRow = {
      ...before,
      name: change.name === undefined ? before.name : tidyName(change.name),
      kind: change.kind ?? before.kind,
      region: change.region === undefined ? before.region : change.region,
      critical: change.critical ?? before.critical,
      suspendedAt: change.suspended === undefined ? before.suspendedAt : change.suspended ? (before.suspendedAt ?? deps.clock.now()) : null,
    };
    if (await nameTakenByOther(tx, id, after.name))
      throw fail('members.entity_name_taken', `There is an entity named "${after.name}" already.`);
    await updateEntity(tx, after);
    await deps.trail.record(tx, actor, 'members.entity_change', id, { ...change });
    await deps.bus.append(tx, 'members.entity_changed', { entityId: id });
    return after;
  });
  deps.forget(id);
  deps.bus.nudge();
  return row;
}

/**
 * Module scoring decides levels and keeps their history; the current one is stored here, because every request needs it. In the caller's
 * transaction. Answers the level before, or undefined when there is no such entity.
 */
export async function setEntityLevel(tx: Tx, entityId: string, level: string): Promise<string | undefined> {
  const before = await lockEntity(tx, entityId);
  if (!before) return undefined;
  await updateLevel(tx, entityId, level);
  return before.level;
}

export async function readEntities(deps: MembersDeps, actor: Actor, page: Page): Promise<EntityView[]> {
  return (await listEntities(deps.db, page, mayManageNetwork(actor))).map((row) => presentEntity(actor, row));
}

/** A suspended member looks to the others like one that does not exist. */
export async function readEntity(deps: MembersDeps, actor: Actor, id: string): Promise<EntityView> {
  const row = await findEntity(deps.db, id);
  if (!row || (row.suspendedAt !== null && !mayManageEntity(actor, id))) throw fail('members.entity_not_found', `No entity ${id}.`);
  return presentEntity(actor, row);
}
