import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Envelope } from '@rebato/contract';
import { replaceFile } from './files.ts';

/** What enrolment gave this control: who it is, where its hub is, whom it trusts. The key is a secret. */
export type Identity = {
  readonly hubUrl: string;
  readonly hub: string;
  readonly control: string;
  readonly name: string;
  readonly key: string;
  /** Root public key, SPKI DER base64; its fingerprint came with the token. */
  readonly root: string;
  readonly rootFingerprint: string;
  readonly certificate: Envelope;
  readonly order: Envelope;
};

export async function saveIdentity(folder: string, identity: Identity): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await replaceFile(join(folder, 'identity.json'), (handle) => handle.writeFile(`${JSON.stringify(identity, null, 2)}\n`), 0o600);
}

export function loadIdentity(folder: string): Identity | undefined {
  const file = join(folder, 'identity.json');
  if (!existsSync(file)) return undefined;
  const identity = JSON.parse(readFileSync(file, 'utf8')) as Identity;
  const texts = ['hubUrl', 'hub', 'control', 'name', 'key', 'root', 'rootFingerprint'] as const;
  for (const name of texts) if (typeof identity[name] !== 'string') throw new Error(`${file}: ${name} is missing; enrol again`);
  return identity;
}
