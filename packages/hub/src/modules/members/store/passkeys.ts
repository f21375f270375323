import type { Db, Tx } from '#platform/db';

export type PasskeyRow = {
  readonly id: string;
  readonly personId: string;
  readonly name: string;
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly backedUp: boolean;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
};

export async function insertPasskey(tx: Tx, row: PasskeyRow): Promise<boolean> {
  const touched = await tx.run`
    insert into members.passkey (id, person_id, name, public_key, counter, transports, backed_up, created_at)
    values (${row.id}, ${row.personId}, ${row.name}, ${row.publicKey}, ${row.counter}, ${row.transports}, ${row.backedUp}, ${row.createdAt})
    on conflict (id) do nothing`;
  return touched === 1;
}

export async function listPasskeys(db: Db, personId: string): Promise<PasskeyRow[]> {
  return db.rows<PasskeyRow>`
    select id, person_id, name, public_key, counter, transports, backed_up, created_at, last_used_at
      from members.passkey where person_id = ${personId} order by created_at, id`;
}

export type PasskeyAccess = PasskeyRow & { readonly disabledAt: Date | null; readonly suspendedAt: Date | null };

export async function findPasskeyAccess(db: Db, id: string): Promise<PasskeyAccess | undefined> {
  return db.one<PasskeyAccess>`
    select k.id, k.person_id, k.name, k.public_key, k.counter, k.transports, k.backed_up, k.created_at, k.last_used_at, p.disabled_at, e.suspended_at
      from members.passkey k
      join members.person p on p.id = k.person_id
      join members.entity e on e.id = p.entity_id
     where k.id = ${id}`;
}

/** False when another sign-in with the same or a later count was faster. Authenticators without a counter always say 0. */
export async function usePasskey(tx: Tx, id: string, counter: number, now: Date): Promise<boolean> {
  const touched = await tx.run`
    update members.passkey set counter = ${counter}, last_used_at = ${now}
     where id = ${id} and (counter < ${counter} or (counter = 0 and ${counter}::bigint = 0))`;
  return touched === 1;
}

export async function deletePasskey(tx: Tx, personId: string, id: string): Promise<boolean> {
  return (await tx.run`delete from members.passkey where id = ${id} and person_id = ${personId}`) === 1;
}

export async function insertChallenge(
  db: Db,
  challenge: string,
  purpose: 'register' | 'authenticate',
  personId: string | null,
  expiresAt: Date,
): Promise<void> {
  await db.run`insert into members.challenge (challenge, purpose, person_id, expires_at) values (${challenge}, ${purpose}, ${personId}, ${expiresAt})`;
}

/** Gone once looked up: one try each, right or wrong. */
export async function takeChallenge(
  db: Db,
  challenge: string,
  purpose: 'register' | 'authenticate',
): Promise<{ personId: string | null; expiresAt: Date } | undefined> {
  return db.one<{ personId: string | null; expiresAt: Date }>`
    delete from members.challenge where challenge = ${challenge} and purpose = ${purpose} returning person_id, expires_at`;
}
