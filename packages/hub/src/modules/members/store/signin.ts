import type { Db, Tx } from '#platform/db';
import { limits } from '../limits.ts';

export type SessionMethod = 'passkey' | 'password' | 'oidc';
export type SessionRow = {
  readonly id: string;
  readonly personId: string;
  readonly method: SessionMethod;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
  readonly ip: string;
  readonly agent: string;
};

/** Beyond the bound the oldest sessions of the person end, never the one that has just been opened: clocks give several the same time. */
export async function insertSession(tx: Tx, session: SessionRow, hash: Uint8Array): Promise<void> {
  await tx.run`
    insert into members.session (id, hash, person_id, method, created_at, last_seen_at, expires_at, ip, agent)
    values (${session.id}, ${hash}, ${session.personId}, ${session.method}, ${session.createdAt}, ${session.lastSeenAt}, ${session.expiresAt}, ${session.ip}, ${session.agent})`;
  await tx.run`
    delete from members.session where id in
      (select id from members.session where person_id = ${session.personId} order by id = ${session.id} desc, created_at desc, id offset ${limits.sessionsPerPerson})`;
}

export async function listSessions(db: Db, personId: string, now: Date): Promise<SessionRow[]> {
  return db.rows<SessionRow>`
    select id, person_id, method, created_at, last_seen_at, expires_at, ip, agent
      from members.session where person_id = ${personId} and expires_at > ${now}
     order by created_at desc, id limit ${limits.sessionsPerPerson}`;
}

export async function findSession(db: Db, id: string): Promise<SessionRow | undefined> {
  return db.one<SessionRow>`
    select id, person_id, method, created_at, last_seen_at, expires_at, ip, agent from members.session where id = ${id}`;
}

export async function deleteSession(tx: Tx, personId: string, id: string): Promise<boolean> {
  return (await tx.run`delete from members.session where id = ${id} and person_id = ${personId}`) === 1;
}

export async function deleteSessionsOf(tx: Tx, personId: string): Promise<number> {
  return tx.run`delete from members.session where person_id = ${personId}`;
}

export type LinkRow = {
  readonly id: string;
  readonly hash: Buffer;
  readonly purpose: 'first' | 'invite' | 'recover';
  readonly personId: string | null;
  readonly expiresAt: Date;
  readonly usedAt: Date | null;
};

export async function insertLink(
  tx: Tx,
  link: Omit<LinkRow, 'usedAt'> & { readonly createdBy: string; readonly createdAt: Date },
): Promise<void> {
  await tx.run`
    insert into members.link (id, hash, purpose, person_id, created_by, created_at, expires_at)
    values (${link.id}, ${link.hash}, ${link.purpose}, ${link.personId}, ${link.createdBy}, ${link.createdAt}, ${link.expiresAt})`;
}

/** A new link ends the older ones for the same person, or the older first ones. */
export async function endLinks(tx: Tx, personId: string | null, now: Date): Promise<void> {
  await tx.run`
    update members.link set used_at = ${now}
     where used_at is null and (person_id = ${personId}::uuid or (${personId}::uuid is null and purpose = 'first'))`;
}

export async function findLink(db: Db, id: string): Promise<LinkRow | undefined> {
  return db.one<LinkRow>`select id, hash, purpose, person_id, expires_at, used_at from members.link where id = ${id}`;
}

/** True for exactly one caller. */
export async function useLink(tx: Tx, id: string, now: Date): Promise<boolean> {
  return (await tx.run`update members.link set used_at = ${now} where id = ${id} and used_at is null and expires_at > ${now}`) === 1;
}

export async function bindLink(tx: Tx, id: string, personId: string): Promise<boolean> {
  return (
    (await tx.run`update members.link set person_id = ${personId} where id = ${id} and used_at is null and (person_id is null or person_id = ${personId})`) ===
    1
  );
}

export type Methods = { readonly passkeys: number; readonly password: boolean; readonly oidc: number };

export async function countMethods(db: Db, personId: string): Promise<Methods> {
  const row = await db.one<Methods>`
    select (select count(*)::int from members.passkey where person_id = ${personId}) as passkeys,
           exists (select from members.password where person_id = ${personId}) as password,
           (select count(*)::int from members.oidc_identity where person_id = ${personId}) as oidc`;
  return row ?? { passkeys: 0, password: false, oidc: 0 };
}

export async function anyAdminWithMethod(db: Db): Promise<boolean> {
  const row = await db.one`
    select from members.person p
     where 'admin' = any (p.roles) and p.disabled_at is null
       and (exists (select from members.passkey k where k.person_id = p.id)
            or exists (select from members.password w where w.person_id = p.id)
            or exists (select from members.oidc_identity o where o.person_id = p.id))
     limit 1`;
  return row !== undefined;
}

/** The first entity that was ever admitted: the hub's own. */
export async function hubEntityId(db: Db): Promise<string | undefined> {
  return (await db.one<{ id: string }>`select id from members.entity order by created_at, id limit 1`)?.id;
}

/** For somebody who lost what they signed in with: none of it opens anything any more. */
export async function deleteMethods(tx: Tx, personId: string): Promise<void> {
  await tx.run`delete from members.passkey where person_id = ${personId}`;
  await tx.run`delete from members.recovery_code where person_id = ${personId}`;
  await tx.run`delete from members.password where person_id = ${personId}`;
  await tx.run`delete from members.oidc_identity where person_id = ${personId}`;
}

export type PasswordAccess = {
  readonly personId: string;
  readonly hash: string;
  readonly totpSecret: string;
  readonly disabledAt: Date | null;
  readonly suspendedAt: Date | null;
};

export async function findPasswordAccess(db: Db, mail: string): Promise<PasswordAccess | undefined> {
  return db.one<PasswordAccess>`
    select p.id as person_id, w.hash, w.totp_secret, p.disabled_at, e.suspended_at
      from members.person p
      join members.password w on w.person_id = p.id
      join members.entity e on e.id = p.entity_id
     where p.mail = ${mail}`;
}

export async function upsertPassword(
  tx: Tx,
  personId: string,
  hash: string,
  totpSecret: string,
  totpStep: number,
  now: Date,
): Promise<void> {
  await tx.run`
    insert into members.password (person_id, hash, totp_secret, totp_step, changed_at)
    values (${personId}, ${hash}, ${totpSecret}, ${totpStep}, ${now})
    on conflict (person_id) do update
       set hash = excluded.hash, totp_secret = excluded.totp_secret, totp_step = excluded.totp_step, changed_at = excluded.changed_at`;
}

export async function deletePassword(tx: Tx, personId: string): Promise<boolean> {
  await tx.run`delete from members.recovery_code where person_id = ${personId}`;
  return (await tx.run`delete from members.password where person_id = ${personId}`) === 1;
}

/** True once per time step, for one of any number of tries at the same moment. */
export async function useTotpStep(tx: Tx, personId: string, step: number): Promise<boolean> {
  return (await tx.run`update members.password set totp_step = ${step} where person_id = ${personId} and totp_step < ${step}`) === 1;
}

export async function replaceRecoveryCodes(tx: Tx, personId: string, hashes: readonly Uint8Array[]): Promise<void> {
  await tx.run`delete from members.recovery_code where person_id = ${personId}`;
  for (const hash of hashes) await tx.run`insert into members.recovery_code (person_id, hash) values (${personId}, ${hash})`;
}

export async function useRecoveryCode(tx: Tx, personId: string, hash: Uint8Array, now: Date): Promise<boolean> {
  return (
    (await tx.run`update members.recovery_code set used_at = ${now} where person_id = ${personId} and hash = ${hash} and used_at is null`) ===
    1
  );
}

export async function countRecoveryCodes(db: Db, personId: string): Promise<number> {
  return (
    (await db.one<{ n: number }>`select count(*)::int as n from members.recovery_code where person_id = ${personId} and used_at is null`)
      ?.n ?? 0
  );
}

/** Counts a try and answers how many there are in this window now. */
export async function countAttempt(db: Db, bucket: string, windowAt: Date): Promise<number> {
  const row = await db.one<{ count: number }>`
    insert into members.attempt (bucket, window_at, count) values (${bucket}, ${windowAt}, 1)
    on conflict (bucket, window_at) do update set count = members.attempt.count + 1
    returning count`;
  return row?.count ?? 1;
}

export async function readAttempts(db: Db, bucket: string, windowAt: Date): Promise<number> {
  const row = await db.one<{ count: number }>`select count from members.attempt where bucket = ${bucket} and window_at = ${windowAt}`;
  return row?.count ?? 0;
}

export async function clearAttempts(tx: Tx, bucket: string): Promise<void> {
  await tx.run`delete from members.attempt where bucket = ${bucket}`;
}

/** Everything that has run out and is of no use to anybody. Called by the leader now and then. */
export async function deleteExpired(db: Db, now: Date, attemptsBefore: Date): Promise<number> {
  const counts = [
    await db.run`delete from members.attempt where window_at < ${attemptsBefore}`,
    await db.run`delete from members.challenge where expires_at < ${now}`,
    await db.run`delete from members.oidc_attempt where expires_at < ${now}`,
    await db.run`delete from members.session where expires_at < ${now}`,
    await db.run`
      delete from members.link l where expires_at < ${now} and not exists (select from members.oidc_attempt a where a.link_id = l.id)`,
  ];
  return counts.reduce((sum, count) => sum + count, 0);
}
