import type { ValueKind } from '@rebato/contract';
import type { Db, Tx } from '#platform/db';
import { maxLists, releasePage } from './limits.ts';
import type { ListType } from './list-format.ts';

export type ListRow = {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly version: number;
  readonly type: ListType;
  readonly kinds: readonly ValueKind[];
  readonly category: 'false_positive' | 'known';
  readonly beneath: boolean;
  readonly enabled: boolean;
  readonly source: string | null;
  readonly entryCount: number;
  readonly unreadable: number;
  readonly sha256: string;
  readonly importedBy: string;
  readonly importedAt: Date;
  readonly problem: string | null;
  readonly problemAt: Date | null;
};

/** A value of a kind; or an event, whose blocks wait all together because of how many they are. */
export type ReleaseKind = ValueKind | 'event';
export type ReleaseState = 'open' | 'approved' | 'ended';
export type ReleaseRow = {
  readonly id: string;
  readonly kind: ReleaseKind;
  readonly value: string;
  readonly rule: string;
  readonly reason: string;
  readonly requestedBy: string;
  readonly requestedPerson: string;
  readonly requestedAt: Date;
  readonly answerBy: Date;
  readonly until: Date;
  readonly state: ReleaseState;
  readonly approvedPerson: string | null;
  readonly approvedAt: Date | null;
  readonly endedPerson: string | null;
  readonly endedAt: Date | null;
};

export async function readVersion(db: Db): Promise<number> {
  return (await db.one<{ n: number }>`select n from guard.version`)?.n ?? 0;
}

/** Locks the row until the commit, so versions are given in commit order and no reader skips a change. */
export async function raiseVersion(tx: Tx): Promise<void> {
  await tx.run`update guard.version set n = n + 1`;
}

export async function readLists(db: Db): Promise<ListRow[]> {
  return db.rows<ListRow>`
    select id, name, description, version, type, kinds, category, beneath, enabled, source, entry_count, unreadable, sha256,
           imported_by, imported_at, problem, problem_at
      from guard.warning_list
     order by name
     limit ${maxLists}`;
}

export async function findList(db: Db, id: string): Promise<ListRow | undefined> {
  return db.one<ListRow>`
    select id, name, description, version, type, kinds, category, beneath, enabled, source, entry_count, unreadable, sha256,
           imported_by, imported_at, problem, problem_at
      from guard.warning_list
     where id = ${id}`;
}

/** The list with this name, locked until the commit: two imports of one list come one after the other. */
export async function lockListByName(tx: Tx, name: string): Promise<ListRow | undefined> {
  return tx.one<ListRow>`
    select id, name, description, version, type, kinds, category, beneath, enabled, source, entry_count, unreadable, sha256,
           imported_by, imported_at, problem, problem_at
      from guard.warning_list
     where name = ${name}
       for update`;
}

export async function countLists(db: Db): Promise<number> {
  return (await db.one<{ n: number }>`select count(*)::integer as n from guard.warning_list`)?.n ?? 0;
}

/** Canonical entries as they were packed. */
export async function readEntries(db: Db, id: string): Promise<Buffer | undefined> {
  return (await db.one<{ entries: Buffer }>`select entries from guard.warning_list where id = ${id}`)?.entries;
}

export async function putList(tx: Tx, row: Omit<ListRow, 'problem' | 'problemAt'> & { readonly entries: Buffer }): Promise<void> {
  await tx.run`
    insert into guard.warning_list
           (id, name, description, version, type, kinds, category, beneath, enabled, source, entries, entry_count, unreadable, sha256,
            imported_by, imported_at)
    values (${row.id}, ${row.name}, ${row.description}, ${row.version}, ${row.type}, ${row.kinds}, ${row.category}, ${row.beneath},
            ${row.enabled}, ${row.source}, ${row.entries}, ${row.entryCount}, ${row.unreadable}, ${row.sha256}, ${row.importedBy},
            ${row.importedAt})
        on conflict (name) do update
       set description = excluded.description, version = excluded.version, type = excluded.type, kinds = excluded.kinds,
           category = excluded.category, beneath = excluded.beneath, enabled = excluded.enabled, source = excluded.source,
           entries = excluded.entries, entry_count = excluded.entry_count, unreadable = excluded.unreadable, sha256 = excluded.sha256,
           imported_by = excluded.imported_by, imported_at = excluded.imported_at, problem = null, problem_at = null`;
}

/** Remembers why a newer content was refused, on the list of this name or from this source. */
export async function noteProblem(
  db: Db,
  key: { readonly name: string | null; readonly source: string | null },
  problem: string,
  at: Date,
): Promise<void> {
  await db.run`
    update guard.warning_list
       set problem = ${problem}, problem_at = ${at}
     where name = ${key.name} or source = ${key.source}`;
}

export async function setEnabled(tx: Tx, id: string, enabled: boolean): Promise<number> {
  return tx.run`update guard.warning_list set enabled = ${enabled} where id = ${id}`;
}

export async function readReleases(db: Db): Promise<ReleaseRow[]> {
  return db.rows<ReleaseRow>`
    select id, kind, value, rule, reason, requested_by, requested_person, requested_at, answer_by, until, state, approved_person,
           approved_at, ended_person, ended_at
      from guard.release
     order by (state = 'open') desc, requested_at desc
     limit ${releasePage}`;
}

export async function lockRelease(tx: Tx, id: string): Promise<ReleaseRow | undefined> {
  return tx.one<ReleaseRow>`
    select id, kind, value, rule, reason, requested_by, requested_person, requested_at, answer_by, until, state, approved_person,
           approved_at, ended_person, ended_at
      from guard.release
     where id = ${id}
       for update`;
}

export async function lockOpenRelease(tx: Tx, kind: ReleaseKind, value: string): Promise<ReleaseRow | undefined> {
  return tx.one<ReleaseRow>`
    select id, kind, value, rule, reason, requested_by, requested_person, requested_at, answer_by, until, state, approved_person,
           approved_at, ended_person, ended_at
      from guard.release
     where kind = ${kind} and value = ${value} and state = 'open'
       for update`;
}

/** False when another open request for the value was there first. */
export async function insertRelease(tx: Tx, row: ReleaseRow): Promise<boolean> {
  const inserted = await tx.run`
    insert into guard.release
           (id, kind, value, rule, reason, requested_by, requested_person, requested_at, answer_by, until, state)
    values (${row.id}, ${row.kind}, ${row.value}, ${row.rule}, ${row.reason}, ${row.requestedBy}, ${row.requestedPerson},
            ${row.requestedAt}, ${row.answerBy}, ${row.until}, 'open')
        on conflict do nothing`;
  return inserted === 1;
}

export async function markApproved(tx: Tx, id: string, person: string, at: Date): Promise<void> {
  await tx.run`
    update guard.release
       set state = 'approved', approved_person = ${person}, approved_at = ${at}
     where id = ${id} and state = 'open'`;
}

export async function markEnded(tx: Tx, id: string, person: string | null, at: Date): Promise<void> {
  await tx.run`
    update guard.release
       set state = 'ended', ended_person = ${person}, ended_at = ${at}
     where id = ${id} and state <> 'ended'`;
}

/** What is released now. At most some hundred: each took two people. */
export async function readOverrides(db: Db, now: Date): Promise<{ kind: ReleaseKind; value: string; until: Date }[]> {
  return db.rows<{ kind: ReleaseKind; value: string; until: Date }>`
    select kind, value, until
      from guard.release
     where state = 'approved' and until > ${now}`;
}

export async function findRelease(db: Db, id: string): Promise<ReleaseRow | undefined> {
  return db.one<ReleaseRow>`
    select id, kind, value, rule, reason, requested_by, requested_person, requested_at, answer_by, until, state, approved_person,
           approved_at, ended_person, ended_at
      from guard.release
     where id = ${id}`;
}

/** Whether another release of the same is in force: it was asked for again before the first was over. */
export async function isReleased(db: Db, kind: ReleaseKind, value: string, now: Date): Promise<boolean> {
  return (
    (await db.one`select 1 from guard.release where kind = ${kind} and value = ${value} and state = 'approved' and until > ${now} limit 1`) !==
    undefined
  );
}

/** Releases whose time is over, locked until the commit. */
export async function lockOver(tx: Tx, now: Date): Promise<ReleaseRow[]> {
  return tx.rows<ReleaseRow>`
    select id, kind, value, rule, reason, requested_by, requested_person, requested_at, answer_by, until, state, approved_person,
           approved_at, ended_person, ended_at
      from guard.release
     where state = 'approved' and until <= ${now}
     order by until
     limit ${releasePage}
       for update skip locked`;
}
