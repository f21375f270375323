import type { Db, Tx } from '#platform/db';

export type OidcAttempt = {
  readonly state: string;
  readonly browserHash: Buffer;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly linkId: string | null;
  readonly expiresAt: Date;
};

export async function insertAttempt(db: Db, attempt: OidcAttempt): Promise<void> {
  await db.run`
    insert into members.oidc_attempt (state, browser_hash, nonce, code_verifier, link_id, expires_at)
    values (${attempt.state}, ${attempt.browserHash}, ${attempt.nonce}, ${attempt.codeVerifier}, ${attempt.linkId}, ${attempt.expiresAt})`;
}

/** Gone once looked up: one try each, right or wrong. */
export async function takeAttempt(db: Db, state: string): Promise<OidcAttempt | undefined> {
  return db.one<OidcAttempt>`
    delete from members.oidc_attempt where state = ${state} returning state, browser_hash, nonce, code_verifier, link_id, expires_at`;
}

export type OidcAccess = { readonly personId: string; readonly disabledAt: Date | null; readonly suspendedAt: Date | null };

export async function findIdentity(db: Db, issuer: string, subject: string): Promise<OidcAccess | undefined> {
  return db.one<OidcAccess>`
    select p.id as person_id, p.disabled_at, e.suspended_at
      from members.oidc_identity o
      join members.person p on p.id = o.person_id
      join members.entity e on e.id = p.entity_id
     where o.issuer = ${issuer} and o.subject = ${subject}`;
}

/** False when the identity belongs to somebody already. */
export async function insertIdentity(tx: Tx, issuer: string, subject: string, personId: string, now: Date): Promise<boolean> {
  const touched = await tx.run`
    insert into members.oidc_identity (issuer, subject, person_id, created_at) values (${issuer}, ${subject}, ${personId}, ${now})
    on conflict do nothing`;
  return touched === 1;
}
