import type { Db, Tx } from '#platform/db';
import { limits } from '../limits.ts';

export type KindRow = {
  readonly name: string;
  readonly label: string;
  readonly defaultLevel: string;
  readonly runsSocAs: 'company' | 'administration' | null;
};
export type EntityRow = {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly level: string;
  readonly region: string | null;
  readonly critical: boolean;
  readonly suspendedAt: Date | null;
  readonly createdAt: Date;
};
export type Page = { readonly after?: string | undefined; readonly limit?: number | undefined };

export const pageSize = (page: Page): number => Math.max(1, Math.min(page.limit ?? 100, limits.pageMax));

export async function listKinds(db: Db): Promise<KindRow[]> {
  return db.rows<KindRow>`select name, label, default_level, runs_soc_as from members.kind order by name`;
}

export async function findKind(db: Db, name: string): Promise<KindRow | undefined> {
  return db.one<KindRow>`select name, label, default_level, runs_soc_as from members.kind where name = ${name}`;
}

export async function insertEntity(tx: Tx, entity: EntityRow): Promise<boolean> {
  const touched = await tx.run`
    insert into members.entity (id, name, kind, level, region, critical, suspended_at, created_at)
    values (${entity.id}, ${entity.name}, ${entity.kind}, ${entity.level}, ${entity.region}, ${entity.critical}, ${entity.suspendedAt}, ${entity.createdAt})
    on conflict do nothing`;
  return touched === 1;
}

export async function findEntity(db: Db, id: string): Promise<EntityRow | undefined> {
  return db.one<EntityRow>`
    select id, name, kind, level, region, critical, suspended_at, created_at from members.entity where id = ${id}`;
}

export async function lockEntity(tx: Tx, id: string): Promise<EntityRow | undefined> {
  return tx.one<EntityRow>`
    select id, name, kind, level, region, critical, suspended_at, created_at from members.entity where id = ${id} for update`;
}

/** By name. `withSuspended` is for those who administer. */
export async function listEntities(db: Db, page: Page, withSuspended: boolean): Promise<EntityRow[]> {
  const after = page.after ?? null;
  return db.rows<EntityRow>`
    select id, name, kind, level, region, critical, suspended_at, created_at
      from members.entity
     where (${withSuspended} or suspended_at is null)
       and (${after}::uuid is null or (name, id) > (select a.name, a.id from members.entity a where a.id = ${after}::uuid))
     order by name, id
     limit ${pageSize(page)}`;
}

export async function anyEntity(db: Db): Promise<boolean> {
  return (await db.one`select from members.entity limit 1`) !== undefined;
}

export async function nameTakenByOther(tx: Tx, id: string, name: string): Promise<boolean> {
  return (await tx.one`select from members.entity where lower(name) = lower(${name}) and id <> ${id}`) !== undefined;
}

export async function updateEntity(tx: Tx, entity: EntityRow): Promise<void> {
  await tx.run`
    update members.entity
       set name = ${entity.name}, kind = ${entity.kind}, region = ${entity.region}, critical = ${entity.critical}, suspended_at = ${entity.suspendedAt}
     where id = ${entity.id}`;
}

export async function updateLevel(tx: Tx, entityId: string, level: string): Promise<void> {
  await tx.run`update members.entity set level = ${level} where id = ${entityId}`;
}

export type AssetKind = 'ip' | 'net' | 'domain' | 'mail_domain';
export type AssetRow = {
  readonly id: string;
  readonly entityId: string;
  readonly kind: AssetKind;
  readonly value: string;
  readonly note: string;
  readonly declaredBy: string;
  readonly declaredAt: Date;
};

/** Bounded by `assetsPerEntity`. */
export async function assetsOfEntity(db: Db, entityId: string): Promise<AssetRow[]> {
  return db.rows<AssetRow>`
    select id, entity_id, kind, value, note, declared_by, declared_at from members.asset where entity_id = ${entityId} order by kind, value, id`;
}

/** Every declaration of members that are in, by id: for the guard. */
export async function listAssets(db: Db, after: string | null, limit: number): Promise<AssetRow[]> {
  return db.rows<AssetRow>`
    select a.id, a.entity_id, a.kind, a.value, a.note, a.declared_by, a.declared_at
      from members.asset a
      join members.entity e on e.id = a.entity_id and e.suspended_at is null
     where ${after}::uuid is null or a.id > ${after}::uuid
     order by a.id
     limit ${limit}`;
}

export async function insertAsset(tx: Tx, asset: AssetRow): Promise<boolean> {
  const touched = await tx.run`
    insert into members.asset (id, entity_id, kind, value, note, declared_by, declared_at)
    values (${asset.id}, ${asset.entityId}, ${asset.kind}, ${asset.value}, ${asset.note}, ${asset.declaredBy}, ${asset.declaredAt})
    on conflict (entity_id, kind, value) do nothing`;
  return touched === 1;
}

export async function findAsset(db: Db, id: string): Promise<AssetRow | undefined> {
  return db.one<AssetRow>`select id, entity_id, kind, value, note, declared_by, declared_at from members.asset where id = ${id}`;
}

export async function deleteAsset(tx: Tx, id: string): Promise<void> {
  await tx.run`delete from members.asset where id = ${id}`;
}

/** Which of these levels some entity has, or some kind starts with. */
export async function levelsInUse(db: Db, levels: readonly string[]): Promise<string[]> {
  const rows = await db.rows<{ level: string }>`
    select distinct level from (select level from members.entity union all select default_level from members.kind) used
     where level = any (${levels}::text[]) order by level`;
  return rows.map((row) => row.level);
}

/** Whose keys administer the hub: the owner of the first such key, normally the hub's own entity. */
export async function entityOfAdmins(db: Db): Promise<string | undefined> {
  const row = await db.one<{ entityId: string }>`
    select k.entity_id
      from members.api_key k join members.entity e on e.id = k.entity_id
     where 'admin' = any (k.scopes) and e.suspended_at is null
     order by k.created_at, k.id
     limit 1`;
  return row?.entityId;
}

/** Everybody with one of these levels: a nation has some thousands. */
export async function entitiesWithLevel(db: Db, levels: readonly string[]): Promise<string[]> {
  const rows = await db.rows<{ id: string }>`select id from members.entity where level = any (${levels}::text[]) order by id limit 100000`;
  return rows.map((row) => row.id);
}
