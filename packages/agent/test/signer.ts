import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Envelope, type SignedBody, signaturePrefix } from '@rebato/contract';

/** A key that signs, for tests only. */
export type Signer = {
  readonly keyId: string;
  readonly fingerprint: string;
  readonly spki: string;
  readonly key: KeyObject;
  sign(body: object): Envelope;
};

export function newSigner(namedCurve = 'P-256'): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  const der = publicKey.export({ format: 'der', type: 'spki' });
  const fingerprint = createHash('sha256').update(der).digest('hex');
  const keyId = fingerprint.slice(0, 16);
  return {
    keyId,
    fingerprint,
    spki: der.toString('base64'),
    key: privateKey,
    sign: (body) => signText(privateKey, keyId, JSON.stringify(body)),
  };
}

export function signText(key: KeyObject, keyId: string, body: string): Envelope {
  const sig = sign('sha256', Buffer.from(signaturePrefix + body), { key, dsaEncoding: 'ieee-p1363' }).toString('base64');
  return { body, keyId, sig };
}

/** The fields that all signed bodies have in common. */
export function common<T extends SignedBody['type']>(
  type: T,
  hub: string,
  epoch: number,
  options: { createdMs?: number; lifeMs?: number } = {},
) {
  const createdMs = options.createdMs ?? Date.now();
  return {
    type,
    v: 1 as const,
    alg: 'ES256' as const,
    hub,
    epoch,
    created: new Date(createdMs).toISOString(),
    expires: new Date(createdMs + (options.lifeMs ?? 3_600_000)).toISOString(),
  };
}
