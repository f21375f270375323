import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import { type Envelope, signaturePrefix } from '@rebato/contract';
import { limits } from '../limits.ts';
import { accept, refuse, type Verdict } from '../verdict.ts';

/** A public key and the two names it goes by: `keyId` in envelopes, `fingerprint` where the root is pinned. */
export type TrustedKey = { readonly keyId: string; readonly fingerprint: string; readonly key: KeyObject };

// An uncompressed P-256 key in SPKI DER is 91 bytes; nothing longer is parsed.
const spkiPattern = /^[A-Za-z0-9+/]{80,180}={0,2}$/;
const signaturePattern = /^[A-Za-z0-9+/]{86}==$/;
const keyIdPattern = /^[0-9a-f]{16}$/;

/** Reads a P-256 public key (SPKI DER, base64). Any other kind of key is refused. */
export function importKey(spki: unknown): Verdict<TrustedKey> {
  if (typeof spki !== 'string' || !spkiPattern.test(spki)) return refuse('malformed', 'not a public key');
  try {
    const der = Buffer.from(spki, 'base64');
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
      return refuse('malformed', 'not a P-256 key');
    // Two encodings of one key would have two fingerprints, so only the canonical one counts.
    if (!key.export({ format: 'der', type: 'spki' }).equals(der)) return refuse('malformed', 'not the canonical encoding of a key');
    const fingerprint = hash('sha256', der, 'hex');
    return accept({ keyId: fingerprint.slice(0, 16), fingerprint, key });
  } catch {
    return refuse('malformed', 'not a public key');
  }
}

/** The three strings of an envelope, bounded, and nothing verified yet. */
export function readEnvelope(input: unknown): Verdict<Envelope> {
  if (typeof input !== 'object' || input === null) return refuse('malformed', 'not an envelope');
  const { body, keyId, sig } = input as Record<string, unknown>;
  if (typeof body !== 'string' || typeof keyId !== 'string' || typeof sig !== 'string') return refuse('malformed', 'not an envelope');
  if (body.length > limits.bodyBytes) return refuse('too_large', `a signed text of ${body.length} characters`);
  if (!keyIdPattern.test(keyId) || !signaturePattern.test(sig)) return refuse('malformed', 'key id or signature has the wrong form');
  return accept({ body, keyId, sig });
}

/** Checks the signature of `key` and returns the signed JSON, not yet known to have any shape. */
export function openEnvelope(key: TrustedKey, input: unknown): Verdict<{ readonly envelope: Envelope; readonly json: unknown }> {
  const read = readEnvelope(input);
  if (!read.ok) return read;
  const envelope = read.value;
  if (envelope.keyId !== key.keyId) return refuse('unknown_signer', `signed by ${envelope.keyId}, expected ${key.keyId}`);
  try {
    const signature = Buffer.from(envelope.sig, 'base64');
    // Base64 leaves four bits over, so sixteen texts mean one signature; only one of them is taken.
    if (signature.toString('base64') !== envelope.sig) return refuse('malformed', 'the signature is not in its canonical form');
    const signed = Buffer.from(signaturePrefix + envelope.body, 'utf8');
    const good = verify('sha256', signed, { key: key.key, dsaEncoding: 'ieee-p1363' }, signature);
    // Compared with `true`, so that no other return value of any release can pass.
    if (good !== true) return refuse('bad_signature', `signature of ${key.keyId} does not fit`);
    return accept({ envelope, json: JSON.parse(envelope.body) as unknown });
  } catch {
    return refuse('malformed', 'the signed text is not JSON');
  }
}

/** SHA-256 of a signed text, as the chain names it. */
export function bodyHash(body: string): string {
  return hash('sha256', body, 'hex');
}

export const noHash = '0'.repeat(64);
