import type { Actor } from '#platform/actor';
import type { MembersDeps } from './deps.ts';
import { tidyName } from './entities.ts';
import { fail } from './errors.ts';
import { mayManageEntity, mayManageNetwork } from './policy.ts';
import type { Page } from './store/entities.ts';
import {
  countEntities,
  deleteGroup,
  findGroup,
  type GroupRow,
  insertGroup,
  listGroups,
  renameGroup,
  replaceGroupMembers,
} from './store/socs.ts';

export type GroupInput = { readonly name: string; readonly ownerEntityId: string; readonly members: readonly string[] };

/** A group is known to its owner, its members and the network's people. For all others it does not exist, nor does its name. */
const sees = (actor: Actor, group: GroupRow): boolean =>
  group.ownerEntityId === actor.entityId || group.members.includes(actor.entityId) || mayManageNetwork(actor);

/** The owner is always a member: it could read everything anyway, and nobody should believe otherwise. */
const withOwner = (owner: string, members: readonly string[]): string[] => [...new Set([owner, ...members])].sort();

export async function createGroup(deps: MembersDeps, actor: Actor, input: GroupInput): Promise<GroupRow> {
  if (!mayManageEntity(actor, input.ownerEntityId)) throw fail('members.forbidden', 'Managers create groups of their own entity only.');
  const group: GroupRow = {
    id: deps.ids.uuid(),
    name: tidyName(input.name),
    ownerEntityId: input.ownerEntityId,
    createdAt: deps.clock.now(),
    members: withOwner(input.ownerEntityId, input.members),
  };
  await deps.db.transaction(async (tx) => {
    if ((await countEntities(tx, group.members)) !== group.members.length)
      throw fail('members.entity_not_found', 'One of the members does not exist.');
    if (!(await insertGroup(tx, group))) throw fail('members.group_name_taken', `The name "${group.name}" is taken.`);
    await replaceGroupMembers(tx, group.id, group.members);
    await deps.trail.record(tx, actor, 'members.group_create', group.id, {
      name: group.name,
      owner: group.ownerEntityId,
      members: group.members.length,
    });
    for (const entityId of group.members) await deps.bus.append(tx, 'members.entity_changed', { entityId });
  });
  afterwards(deps, group.members);
  return group;
}

export type GroupChange = { readonly name?: string; readonly members?: readonly string[] };

export async function changeGroup(deps: MembersDeps, actor: Actor, id: string, change: GroupChange): Promise<GroupRow> {
  const { after, touched } = await deps.db.transaction(async (tx) => {
    const before = await findGroup(tx, id);
    if (!before || !sees(actor, before)) throw fail('members.group_not_found', `No sharing group ${id}.`);
    if (!mayManageEntity(actor, before.ownerEntityId)) throw fail('members.forbidden', 'Only the owner of a group changes it.');
    const members = change.members === undefined ? before.members : withOwner(before.ownerEntityId, change.members);
    const name = change.name === undefined ? before.name : tidyName(change.name);
    if ((await countEntities(tx, members)) !== members.length) throw fail('members.entity_not_found', 'One of the members does not exist.');
    if (!(await renameGroup(tx, id, name))) throw fail('members.group_name_taken', `The name "${name}" is taken.`);
    await replaceGroupMembers(tx, id, members);
    const touched = [...new Set([...before.members, ...members])].filter(
      (entityId) => before.members.includes(entityId) !== members.includes(entityId),
    );
    await deps.trail.record(tx, actor, 'members.group_change', id, { name, changed: touched.slice(0, 100), members: members.length });
    for (const entityId of touched) await deps.bus.append(tx, 'members.entity_changed', { entityId });
    return { after: { ...before, name, members }, touched };
  });
  afterwards(deps, touched);
  return after;
}

export async function removeGroup(deps: MembersDeps, actor: Actor, id: string): Promise<void> {
  const members = await deps.db.transaction(async (tx) => {
    const before = await findGroup(tx, id);
    if (!before || !sees(actor, before)) throw fail('members.group_not_found', `No sharing group ${id}.`);
    if (!mayManageEntity(actor, before.ownerEntityId)) throw fail('members.forbidden', 'Only the owner of a group removes it.');
    await deleteGroup(tx, id);
    await deps.trail.record(tx, actor, 'members.group_remove', id, { name: before.name, members: before.members.length });
    for (const entityId of before.members) await deps.bus.append(tx, 'members.entity_changed', { entityId });
    return before.members;
  });
  afterwards(deps, members);
}

export async function readGroups(deps: MembersDeps, actor: Actor, page: Page): Promise<GroupRow[]> {
  return listGroups(deps.db, actor.entityId, mayManageNetwork(actor), page);
}

export async function readGroup(deps: MembersDeps, actor: Actor, id: string): Promise<GroupRow> {
  const group = await findGroup(deps.db, id);
  if (!group || !sees(actor, group)) throw fail('members.group_not_found', `No sharing group ${id}.`);
  return group;
}

function afterwards(deps: MembersDeps, entityIds: readonly string[]): void {
  for (const id of entityIds) deps.forget(id);
  deps.bus.nudge();
}
