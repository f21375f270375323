import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { type Envelope, type SignedBody, signaturePrefix } from '@rebato/contract';

/** A P-256 key pair. `spki` is the public half as DER in base64, `id` the first 16 hex digits of SHA-256 over that DER. */
export type KeyPair = { readonly id: string; readonly spki: string; readonly privateKey: KeyObject };

export function makeKeyPair(): KeyPair {
  return pairOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

/** Reads a PKCS8 PEM. Any key that is not P-256 is refused: readers know one algorithm only. */
export function readKeyPair(pem: string): KeyPair {
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== 'ec' || privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error('the key is not an ECDSA P-256 key');
  return pairOf(privateKey);
}

export const pemOf = (pair: KeyPair): string => pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

function pairOf(privateKey: KeyObject): KeyPair {
  const der = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return { id: fingerprint(der).slice(0, 16), spki: der.toString('base64'), privateKey };
}

/** SHA-256 in hex. */
export const fingerprint = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const publicKeyOf = (spki: string): KeyObject => createPublicKey({ key: Buffer.from(spki, 'base64'), type: 'spki', format: 'der' });

/** Base64 of the 64 bytes r and s over the prefix and the body. About 50 µs. */
export function signBody(pair: KeyPair, body: string): string {
  return sign('sha256', Buffer.from(signaturePrefix + body), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64');
}

/** Whether `sig` is of this key over exactly this body. Never throws: a malformed signature is a wrong one. */
export function verifyBody(key: KeyObject, body: string, sig: string): boolean {
  const bytes = Buffer.from(sig, 'base64');
  return bytes.length === 64 && verify('sha256', Buffer.from(signaturePrefix + body), { key, dsaEncoding: 'ieee-p1363' }, bytes);
}

export function seal(pair: KeyPair, body: SignedBody): Envelope {
  const text = JSON.stringify(body);
  return { body: text, keyId: pair.id, sig: signBody(pair, text) };
}

/** Base64 of the IEEE P1363 signature over `text` alone. Whoever calls puts a prefix of its own before it. */
export const signText = (pair: KeyPair, text: string): string =>
  sign('sha256', Buffer.from(text), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64');
