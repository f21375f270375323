import type { Db, Tx } from '#platform/db';
import { limits } from '../limits.ts';
import { type Page, pageSize } from './entities.ts';

export type SocRow = {
  readonly id: string;
  readonly name: string;
  readonly operatorEntityId: string;
  readonly staff: 'own' | 'contracted';
  readonly managerName: string;
  readonly managerMail: string;
  readonly createdAt: Date;
  /** Entities that it serves. */
  readonly serves: readonly string[];
};

export async function insertSoc(tx: Tx, soc: SocRow): Promise<void> {
  await tx.run`
    insert into members.soc (id, name, operator_entity_id, staff, manager_name, manager_mail, created_at)
    values (${soc.id}, ${soc.name}, ${soc.operatorEntityId}, ${soc.staff}, ${soc.managerName}, ${soc.managerMail}, ${soc.createdAt})`;
}

export async function updateSoc(tx: Tx, soc: SocRow): Promise<void> {
  await tx.run`
    update members.soc set name = ${soc.name}, staff = ${soc.staff}, manager_name = ${soc.managerName}, manager_mail = ${soc.managerMail}
     where id = ${soc.id}`;
}

export async function deleteSoc(tx: Tx, id: string): Promise<void> {
  await tx.run`delete from members.soc where id = ${id}`;
}

/** Replaces the list. False when one of them is served by another SOC. */
export async function replaceServes(tx: Tx, socId: string, entityIds: readonly string[], since: Date): Promise<boolean> {
  await tx.run`delete from members.soc_serves where soc_id = ${socId} and entity_id <> all (${entityIds}::uuid[])`;
  await tx.run`
    insert into members.soc_serves (entity_id, soc_id, since)
    select id, ${socId}, ${since} from unnest(${entityIds}::uuid[]) as id
    on conflict (entity_id) do nothing`;
  const held = await tx.one<{ n: number }>`select count(*)::int as n from members.soc_serves where soc_id = ${socId}`;
  return held?.n === new Set(entityIds).size;
}

export async function findSoc(db: Db, id: string): Promise<SocRow | undefined> {
  return db.one<SocRow>`
    select s.id, s.name, s.operator_entity_id, s.staff, s.manager_name, s.manager_mail, s.created_at,
           array(select v.entity_id::text from members.soc_serves v where v.soc_id = s.id order by 1) as serves
      from members.soc s where s.id = ${id}`;
}

export async function listSocs(db: Db, page: Page): Promise<SocRow[]> {
  const after = page.after ?? null;
  return db.rows<SocRow>`
    select s.id, s.name, s.operator_entity_id, s.staff, s.manager_name, s.manager_mail, s.created_at,
           array(select v.entity_id::text from members.soc_serves v where v.soc_id = s.id order by 1) as serves
      from members.soc s
     where ${after}::uuid is null or (s.name, s.id) > (select a.name, a.id from members.soc a where a.id = ${after}::uuid)
     order by s.name, s.id
     limit ${pageSize(page)}`;
}

/** One change of "who serves whom" at a time, so that two of them cannot close a circle that neither sees. */
export async function lockServing(tx: Tx): Promise<void> {
  await tx.run`lock table members.soc_serves in share row exclusive mode`;
}

/**
 * Whose voice each entity speaks with: the operator of the SOC that serves it, followed upwards when the operator is itself served by
 * another one; else the entity itself. Two entities of one provider's SOC are one voice.
 */
export async function voicesOf(db: Db, entityIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await db.rows<{ entityId: string; voice: string }>`
    with recursive chain (entity_id, voice, depth) as (
      select id, id, 0 from unnest(${entityIds}::uuid[]) as id
      union all
      select c.entity_id, s.operator_entity_id, c.depth + 1
        from chain c
        join members.soc_serves v on v.entity_id = c.voice
        join members.soc s on s.id = v.soc_id
       where c.depth < ${limits.voiceDepth} and s.operator_entity_id <> c.voice
    )
    select distinct on (entity_id) entity_id, voice from chain order by entity_id, depth desc`;
  return new Map(rows.map((row) => [row.entityId, row.voice]));
}

/**
 * Whether somebody is served in a circle, or through more SOCs than voices are followed. Looks at all of them, because one new link can make a
 * chain too long far below it. Call under `lockServing`.
 */
export async function servedInCircle(tx: Tx): Promise<boolean> {
  const row = await tx.one`
    with recursive chain (voice, depth) as (
      select entity_id, 0 from members.soc_serves
      union all
      select s.operator_entity_id, c.depth + 1
        from chain c
        join members.soc_serves v on v.entity_id = c.voice
        join members.soc s on s.id = v.soc_id
       where c.depth < ${limits.voiceDepth} and s.operator_entity_id <> c.voice
    )
    select from chain where depth = ${limits.voiceDepth} limit 1`;
  return row !== undefined;
}

export async function voiceOf(db: Db, entityId: string): Promise<string> {
  return (await voicesOf(db, [entityId])).get(entityId) ?? entityId;
}

export type GroupRow = {
  readonly id: string;
  readonly name: string;
  readonly ownerEntityId: string;
  readonly createdAt: Date;
  readonly members: readonly string[];
};

export async function insertGroup(tx: Tx, group: GroupRow): Promise<boolean> {
  const touched = await tx.run`
    insert into members.sharing_group (id, name, owner_entity_id, created_at)
    values (${group.id}, ${group.name}, ${group.ownerEntityId}, ${group.createdAt})
    on conflict do nothing`;
  return touched === 1;
}

export async function renameGroup(tx: Tx, id: string, name: string): Promise<boolean> {
  const touched = await tx.run`
    update members.sharing_group g set name = ${name}
     where g.id = ${id} and not exists (select from members.sharing_group o where lower(o.name) = lower(${name}) and o.owner_entity_id = g.owner_entity_id and o.id <> g.id)`;
  return touched === 1;
}

export async function replaceGroupMembers(tx: Tx, groupId: string, entityIds: readonly string[]): Promise<void> {
  await tx.run`delete from members.sharing_group_member where group_id = ${groupId} and entity_id <> all (${entityIds}::uuid[])`;
  await tx.run`
    insert into members.sharing_group_member (group_id, entity_id)
    select ${groupId}, id from unnest(${entityIds}::uuid[]) as id
    on conflict do nothing`;
}

export async function deleteGroup(tx: Tx, id: string): Promise<void> {
  await tx.run`delete from members.sharing_group where id = ${id}`;
}

export async function findGroup(db: Db, id: string): Promise<GroupRow | undefined> {
  return db.one<GroupRow>`
    select g.id, g.name, g.owner_entity_id, g.created_at,
           array(select m.entity_id::text from members.sharing_group_member m where m.group_id = g.id order by 1) as members
      from members.sharing_group g where g.id = ${id}`;
}

/** Groups that the entity is in or owns; all of them when `all`. */
export async function listGroups(db: Db, entityId: string, all: boolean, page: Page): Promise<GroupRow[]> {
  const after = page.after ?? null;
  return db.rows<GroupRow>`
    select g.id, g.name, g.owner_entity_id, g.created_at,
           array(select m.entity_id::text from members.sharing_group_member m where m.group_id = g.id order by 1) as members
      from members.sharing_group g
     where (${all} or g.owner_entity_id = ${entityId}
            or exists (select from members.sharing_group_member m where m.group_id = g.id and m.entity_id = ${entityId}))
       and (${after}::uuid is null or (g.name, g.id) > (select a.name, a.id from members.sharing_group a where a.id = ${after}::uuid))
     order by g.name, g.id
     limit ${pageSize(page)}`;
}

/** How many of these ids are entities: a list with an unknown one is refused as a whole. */
export async function countEntities(db: Db, entityIds: readonly string[]): Promise<number> {
  const row = await db.one<{ n: number }>`select count(*)::int as n from members.entity where id = any (${entityIds}::uuid[])`;
  return row?.n ?? 0;
}
