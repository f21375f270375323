import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Ids } from '#platform/ids';

/** `rbt_` API key, `rbl_` one-time link, `rbs_` session. The id is public, the secret is 256 random bits in hex. */
export type CredentialPrefix = 'rbt' | 'rbl' | 'rbs';
export type Credential = { readonly prefix: CredentialPrefix; readonly id: string; readonly text: string; readonly hash: Buffer };

const pattern = /^(rbt|rbl|rbs)_([a-z0-9]{16})_[0-9a-f]{64}$/;

/**
 * One fast hash and not a slow one: the secret has 256 random bits, so there is nothing to guess, and a slow hash would let strangers make the
 * hub work. The prefix keeps this hash apart from every other use of SHA-256.
 */
function hashOf(text: string): Buffer {
  return createHash('sha256').update('rebato-credential-1\n').update(text).digest();
}

export function newCredential(ids: Ids, prefix: CredentialPrefix): Credential {
  const id = ids.token(16);
  const text = `${prefix}_${id}_${randomBytes(32).toString('hex')}`;
  return { prefix, id, text, hash: hashOf(text) };
}

export function readCredential(text: string, prefix: CredentialPrefix): Credential | undefined {
  const match = pattern.exec(text);
  const id = match?.[2];
  if (id === undefined || match?.[1] !== prefix) return undefined;
  return { prefix, id, text, hash: hashOf(text) };
}

/** Constant time. Lengths are those of SHA-256 on both sides. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** For short-lived secrets that need no id: recovery codes, the browser's OIDC cookie. `purpose` keeps their hashes apart. */
export function secretHash(purpose: string, text: string): Buffer {
  return createHash('sha256').update(`rebato-${purpose}-1\n`).update(text).digest();
}
