/** A passkey authenticator in software: makes ES256 credentials and signs challenges as a browser and its platform would. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';

type Held = { readonly id: Buffer; readonly privateKey: KeyObject; readonly userHandle: string; counter: number };

const flags = { present: 1, verified: 4, attested: 64 };

const cborHead = (major: number, length: number): Buffer => {
  if (length < 24) return Buffer.from([(major << 5) | length]);
  if (length < 256) return Buffer.from([(major << 5) | 24, length]);
  return Buffer.from([(major << 5) | 25, length >> 8, length & 255]);
};
const cborBytes = (bytes: Buffer): Buffer => Buffer.concat([cborHead(2, bytes.length), bytes]);
const cborText = (text: string): Buffer => Buffer.concat([cborHead(3, text.length), Buffer.from(text)]);

/** COSE key: EC2, ES256, P-256, x, y. */
function coseKey(publicKey: KeyObject): Buffer {
  const jwk = publicKey.export({ format: 'jwk' });
  const coordinate = (text: string | undefined) => cborBytes(Buffer.from(text ?? '', 'base64url'));
  return Buffer.concat([
    Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]),
    coordinate(jwk.x),
    Buffer.from([0x22]),
    coordinate(jwk.y),
  ]);
}

export type Twist = {
  readonly origin?: string;
  readonly rpId?: string;
  readonly verified?: boolean;
  readonly counter?: number;
  readonly challenge?: string;
  readonly type?: string;
  readonly handle?: string;
};

export function createTestAuthenticator(origin: string, rpId: string) {
  let held: Held | undefined;
  const b64 = (bytes: Buffer) => bytes.toString('base64url');
  const clientData = (type: string, challenge: string, twist: Twist) =>
    Buffer.from(
      JSON.stringify({
        type: twist.type ?? type,
        challenge: twist.challenge ?? challenge,
        origin: twist.origin ?? origin,
        crossOrigin: false,
      }),
    );
  const authData = (counter: number, more: number, twist: Twist) => {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    const bits = flags.present | (twist.verified === false ? 0 : flags.verified) | more;
    return Buffer.concat([
      createHash('sha256')
        .update(twist.rpId ?? rpId)
        .digest(),
      Buffer.from([bits]),
      count,
    ]);
  };

  return {
    register(options: { challenge: string; user: { id: string } }, twist: Twist = {}): RegistrationResponseJSON {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      held = { id: randomBytes(32), privateKey, userHandle: options.user.id, counter: 1 };
      const length = Buffer.alloc(2);
      length.writeUInt16BE(held.id.length);
      const data = Buffer.concat([authData(1, flags.attested, twist), Buffer.alloc(16), length, held.id, coseKey(publicKey)]);
      const attestation = Buffer.concat([
        Buffer.from([0xa3]),
        cborText('fmt'),
        cborText('none'),
        cborText('attStmt'),
        Buffer.from([0xa0]),
        cborText('authData'),
        cborBytes(data),
      ]);
      return {
        id: b64(held.id),
        rawId: b64(held.id),
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: b64(clientData('webauthn.create', options.challenge, twist)),
          attestationObject: b64(attestation),
          transports: ['internal'],
        },
      };
    },
    authenticate(options: { challenge: string }, twist: Twist = {}): AuthenticationResponseJSON {
      if (!held) throw new Error('no credential yet');
      held.counter += 1;
      const data = authData(twist.counter ?? held.counter, 0, twist);
      const client = clientData('webauthn.get', options.challenge, twist);
      const signature = sign('sha256', Buffer.concat([data, createHash('sha256').update(client).digest()]), held.privateKey);
      return {
        id: b64(held.id),
        rawId: b64(held.id),
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: b64(client),
          authenticatorData: b64(data),
          signature: b64(signature),
          userHandle: twist.handle ?? held.userHandle,
        },
      };
    },
  };
}
