import { createHash, createPublicKey, type KeyObject, verify as verifySignature } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

/** "The chain of this hub ended here then." Names the one before it, so that none can be left out either. */
export type CheckpointBody = {
  readonly type: 'trail-checkpoint';
  readonly v: 1;
  readonly alg: 'ES256';
  readonly hub: string;
  readonly seq: number;
  readonly hash: string;
  readonly at: string;
  /** SHA-256 (hex) of the previous checkpoint's body, or 64 zeros at the first. */
  readonly prev: string;
};
/** `sig` is base64 of ECDSA P-256 with SHA-256 (r and s, 64 bytes) over `checkpointPrefix + body`. */
export type Checkpoint = { readonly seq: number; readonly body: string; readonly keyId: string; readonly sig: string };

/** Keeps these signatures apart from those on the wire: neither is ever valid as the other. */
export const checkpointPrefix = 'rebato-trail-1\n';

/** Signs with the hub's key. `sign` gets the whole text, prefix included, and answers base64 of 64 bytes. */
export type TrailSigner = { readonly keyId: string; sign(text: string): string | Promise<string> };

export async function signCheckpoint(signer: TrailSigner, body: Omit<CheckpointBody, 'type' | 'v' | 'alg'>): Promise<Checkpoint> {
  const text = canonicalJson({ type: 'trail-checkpoint', v: 1, alg: 'ES256', ...body });
  return { seq: body.seq, body: text, keyId: signer.keyId, sig: await signer.sign(checkpointPrefix + text) };
}

export const bodyHash = (checkpoint: Checkpoint): string => createHash('sha256').update(checkpoint.body).digest('hex');

/** Public keys by key id: SPKI DER in base64, as on the wire, or key objects. */
export type TrailKeys = ReadonlyMap<string, string | KeyObject>;

export function readPublicKey(key: string | KeyObject): KeyObject {
  return typeof key === 'string' ? createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' }) : key;
}

/** The body, when the signature over it is that of a key we know; else the reason why not. */
export function openCheckpoint(checkpoint: Checkpoint, keys: TrailKeys): { readonly body: CheckpointBody } | { readonly why: string } {
  const key = keys.get(checkpoint.keyId);
  if (key === undefined) return { why: `a checkpoint is signed with the unknown key ${checkpoint.keyId.slice(0, 64)}` };
  const sig = Buffer.from(checkpoint.sig, 'base64');
  const signed = Buffer.from(checkpointPrefix + checkpoint.body, 'utf8');
  if (sig.length !== 64 || !verifySignature('sha256', signed, { key: readPublicKey(key), dsaEncoding: 'ieee-p1363' }, sig)) {
    return { why: 'the signature of a checkpoint does not fit' };
  }
  // Parsed only after the signature holds: what follows was written by this program.
  const body = JSON.parse(checkpoint.body) as CheckpointBody;
  if (body.type !== 'trail-checkpoint' || body.v !== 1 || body.alg !== 'ES256') return { why: 'a checkpoint is of an unknown kind' };
  if (body.seq !== checkpoint.seq) return { why: 'a checkpoint is filed under another position than it speaks of' };
  return { body };
}
