import type { Role } from '@rebato/contract';
import type { Scope } from '#platform/actor';
import type { Db, Tx } from '#platform/db';
import { type Page, pageSize } from './entities.ts';

export type KeyRow = {
  readonly id: string;
  readonly label: string;
  readonly entityId: string;
  readonly personId: string | null;
  readonly scopes: readonly Scope[];
  readonly cidrs: readonly string[];
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly replacedBy: string | null;
  readonly lastUsedAt: Date | null;
};

export async function insertKey(tx: Tx, key: KeyRow, hash: Uint8Array): Promise<void> {
  await tx.run`
    insert into members.api_key (id, hash, label, entity_id, person_id, scopes, cidrs, created_by, created_at, expires_at)
    values (${key.id}, ${hash}, ${key.label}, ${key.entityId}, ${key.personId}, ${key.scopes}, ${key.cidrs}, ${key.createdBy}, ${key.createdAt}, ${key.expiresAt})`;
}

export async function lockKey(tx: Tx, id: string): Promise<KeyRow | undefined> {
  return tx.one<KeyRow>`
    select id, label, entity_id, person_id, scopes, cidrs, created_by, created_at, expires_at, revoked_at, replaced_by, last_used_at
      from members.api_key where id = ${id} for update`;
}

/** Keys of one person, or the machine keys of one entity (`personId` null), or of all entities (both null). Newest first, live ones only unless asked. */
export async function listKeys(
  db: Db,
  of: { personId: string } | { entityId: string | null },
  page: Page,
  withRevoked: boolean,
): Promise<KeyRow[]> {
  const personId = 'personId' in of ? of.personId : null;
  const entityId = 'entityId' in of ? of.entityId : null;
  const after = page.after ?? null;
  return db.rows<KeyRow>`
    select id, label, entity_id, person_id, scopes, cidrs, created_by, created_at, expires_at, revoked_at, replaced_by, last_used_at
      from members.api_key
     where (${personId}::uuid is not null and person_id = ${personId}::uuid
            or ${personId}::uuid is null and person_id is null and (${entityId}::uuid is null or entity_id = ${entityId}::uuid))
       and (${withRevoked} or revoked_at is null)
       and (${after}::text is null or (created_at, id) < (select a.created_at, a.id from members.api_key a where a.id = ${after}::text))
     order by created_at desc, id desc
     limit ${pageSize(page)}`;
}

export async function countLiveKeys(tx: Tx, entityId: string, personId: string | null, now: Date): Promise<number> {
  const row = await tx.one<{ n: number }>`
    select count(*)::int as n from members.api_key
     where entity_id = ${entityId} and person_id is not distinct from ${personId}::uuid and revoked_at is null and expires_at > ${now}`;
  return row?.n ?? 0;
}

export async function revokeKey(tx: Tx, id: string, now: Date): Promise<void> {
  await tx.run`update members.api_key set revoked_at = coalesce(revoked_at, ${now}) where id = ${id}`;
}

export async function supersedeKey(tx: Tx, id: string, successor: string, expiresAt: Date): Promise<void> {
  await tx.run`update members.api_key set replaced_by = ${successor}, expires_at = least(expires_at, ${expiresAt}) where id = ${id}`;
}

/** What is needed to decide whether a credential opens, and as whom, in one query. */
export type AccessRow = {
  readonly hash: Buffer;
  readonly entityId: string;
  readonly entityName: string;
  readonly level: string;
  readonly entitySuspendedAt: Date | null;
  readonly socId: string | null;
  readonly groups: readonly string[];
  readonly personId: string | null;
  readonly personName: string | null;
  readonly roles: readonly Role[] | null;
  readonly disabledAt: Date | null;
};
export type KeyAccessRow = AccessRow & {
  readonly label: string;
  readonly scopes: readonly Scope[];
  readonly cidrs: readonly string[];
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
};

export async function findKeyAccess(db: Db, id: string): Promise<KeyAccessRow | undefined> {
  return db.one<KeyAccessRow>`
    select k.hash, k.label, k.scopes, k.cidrs, k.expires_at, k.revoked_at, k.person_id,
           e.id as entity_id, e.name as entity_name, e.level, e.suspended_at as entity_suspended_at,
           (select s.id from members.soc s where s.operator_entity_id = e.id order by s.created_at, s.id limit 1) as soc_id,
           array(select m.group_id::text from members.sharing_group_member m where m.entity_id = e.id order by 1) as groups,
           p.name as person_name, p.roles, p.disabled_at
      from members.api_key k
      join members.entity e on e.id = k.entity_id
      left join members.person p on p.id = k.person_id
     where k.id = ${id}`;
}

export type SessionAccessRow = AccessRow & { readonly lastSeenAt: Date; readonly expiresAt: Date };

export async function findSessionAccess(db: Db, id: string): Promise<SessionAccessRow | undefined> {
  return db.one<SessionAccessRow>`
    select s.hash, s.last_seen_at, s.expires_at, s.person_id,
           e.id as entity_id, e.name as entity_name, e.level, e.suspended_at as entity_suspended_at,
           (select c.id from members.soc c where c.operator_entity_id = e.id order by c.created_at, c.id limit 1) as soc_id,
           array(select m.group_id::text from members.sharing_group_member m where m.entity_id = e.id order by 1) as groups,
           p.name as person_name, p.roles, p.disabled_at
      from members.session s
      join members.person p on p.id = s.person_id
      join members.entity e on e.id = p.entity_id
     where s.id = ${id}`;
}

/** What an entity reads with, for credentials that other modules keep (controls). */
export type EntityAccess = {
  readonly entityId: string;
  readonly level: string;
  readonly suspendedAt: Date | null;
  readonly socId: string | null;
  readonly groups: readonly string[];
};

export async function findEntityAccess(db: Db, entityId: string): Promise<EntityAccess | undefined> {
  return db.one<EntityAccess>`
    select e.id as entity_id, e.level, e.suspended_at,
           (select s.id from members.soc s where s.operator_entity_id = e.id order by s.created_at, s.id limit 1) as soc_id,
           array(select m.group_id::text from members.sharing_group_member m where m.entity_id = e.id order by 1) as groups
      from members.entity e where e.id = ${entityId}`;
}

export async function writeKeyUse(db: Db, ids: readonly string[], at: readonly Date[]): Promise<void> {
  await db.run`
    update members.api_key k set last_used_at = greatest(coalesce(k.last_used_at, u.at), u.at)
      from unnest(${ids}::text[], ${at.map((date) => date.toISOString())}::timestamptz[]) as u (id, at)
     where k.id = u.id`;
}

export async function writeSessionUse(db: Db, ids: readonly string[], at: readonly Date[]): Promise<void> {
  await db.run`
    update members.session s set last_seen_at = greatest(s.last_seen_at, u.at)
      from unnest(${ids}::text[], ${at.map((date) => date.toISOString())}::timestamptz[]) as u (id, at)
     where s.id = u.id`;
}
