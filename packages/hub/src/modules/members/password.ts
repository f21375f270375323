import { pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { limits } from './limits.ts';

const derive = promisify(pbkdf2);

/**
 * PBKDF2 with HMAC-SHA-512. scrypt and Argon2id cost an attacker more memory, but neither is confirmed for the crypto profile that the strictest members must
 * keep (CCN-STIC-807), and a password never opens anything here without a second factor. The text names algorithm and cost, so a later
 * profile can change both and old hashes go on working. Measured: about 70 ms on one core.
 */
export const passwordRoundsDefault = 210_000;

const algorithm = 'pbkdf2-sha512';
const keyBytes = 64;
const roundsMax = 10_000_000;

/** One spelling for one password, whatever the keyboard composes. */
const normal = (password: string): string => password.normalize('NFKC').slice(0, limits.passwordMaxChars);

export async function hashPassword(password: string, rounds: number): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(normal(password), salt, rounds, keyBytes, 'sha512');
  return `${algorithm}$${rounds}$${salt.toString('base64url')}$${key.toString('base64url')}`;
}

export async function passwordMatches(password: string, hash: string): Promise<boolean> {
  const [name, rounds, salt, key] = hash.split('$');
  const count = Number(rounds);
  if (name !== algorithm || salt === undefined || key === undefined || !(count > 0 && count <= roundsMax)) return false;
  const expected = Buffer.from(key, 'base64url');
  const got = await derive(normal(password), Buffer.from(salt, 'base64url'), count, keyBytes, 'sha512');
  return expected.length === got.length && timingSafeEqual(expected, got);
}

/** The hash that is tried when nobody has this mail address: no password fits it, and trying takes as long as any. */
export function noPasswordHash(rounds: number): string {
  return `${algorithm}$${rounds}$${Buffer.alloc(16).toString('base64url')}$${Buffer.alloc(keyBytes).toString('base64url')}`;
}

/** Length is what counts; rules about signs only move the digit to the end. Not the person's own words. */
export function isWeak(password: string, own: readonly string[]): boolean {
  const text = normal(password);
  if ([...text].length < limits.passwordMinChars || new Set(text).size < 5) return true;
  const lower = text.toLowerCase();
  return own.some((word) => word.length >= 4 && (lower === word.toLowerCase() || lower.startsWith(word.toLowerCase())));
}
