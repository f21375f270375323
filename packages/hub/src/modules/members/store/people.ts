import type { Role } from '@rebato/contract';
import type { Db, Tx } from '#platform/db';
import { type Page, pageSize } from './entities.ts';

export type PersonRow = {
  readonly id: string;
  readonly entityId: string;
  readonly name: string;
  readonly mail: string;
  readonly roles: readonly Role[];
  readonly disabledAt: Date | null;
  readonly createdAt: Date;
};

export async function insertPerson(tx: Tx, person: PersonRow): Promise<boolean> {
  const touched = await tx.run`
    insert into members.person (id, entity_id, name, mail, roles, disabled_at, created_at)
    values (${person.id}, ${person.entityId}, ${person.name}, ${person.mail}, ${person.roles}, ${person.disabledAt}, ${person.createdAt})
    on conflict do nothing`;
  return touched === 1;
}

export async function findPerson(db: Db, id: string): Promise<PersonRow | undefined> {
  return db.one<PersonRow>`select id, entity_id, name, mail, roles, disabled_at, created_at from members.person where id = ${id}`;
}

export async function lockPerson(tx: Tx, id: string): Promise<PersonRow | undefined> {
  return tx.one<PersonRow>`select id, entity_id, name, mail, roles, disabled_at, created_at from members.person where id = ${id} for update`;
}

export async function findPersonByMail(db: Db, mail: string): Promise<PersonRow | undefined> {
  return db.one<PersonRow>`select id, entity_id, name, mail, roles, disabled_at, created_at from members.person where mail = ${mail}`;
}

/** `entityId` null: of every entity. */
export async function listPeople(db: Db, entityId: string | null, page: Page): Promise<PersonRow[]> {
  const after = page.after ?? null;
  return db.rows<PersonRow>`
    select id, entity_id, name, mail, roles, disabled_at, created_at
      from members.person
     where (${entityId}::uuid is null or entity_id = ${entityId}::uuid)
       and (${after}::uuid is null or (name, id) > (select a.name, a.id from members.person a where a.id = ${after}::uuid))
     order by name, id
     limit ${pageSize(page)}`;
}

export async function updatePerson(tx: Tx, person: PersonRow): Promise<void> {
  await tx.run`update members.person set name = ${person.name}, roles = ${person.roles}, disabled_at = ${person.disabledAt} where id = ${person.id}`;
}
