import { createHash, timingSafeEqual } from 'node:crypto';
import { enrolTokenPattern } from '@rebato/contract';
import type { Ids } from '#platform/ids';

/** 40 characters of 36: more than 200 random bits, so one fast hash is enough and a slow one would only let strangers make work. */
const secretChars = 40;
const keyPattern = /^rba_([0-9a-f]{32})_[a-z0-9]{40}$/;

const hashOf = (purpose: string, text: string): string => createHash('sha256').update(`rebato-${purpose}-1\n${text}`).digest('hex');

export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

export type AgentKey = { readonly text: string; readonly hash: string };

export function newAgentKey(ids: Ids, controlId: string): AgentKey {
  const text = `rba_${controlId.replaceAll('-', '')}_${ids.token(secretChars)}`;
  return { text, hash: hashOf('agent-key', text) };
}

/** Id of the control that the key claims to be of, and the hash to compare. */
export function readAgentKey(text: string): { readonly controlId: string; readonly hash: string } | undefined {
  const hex = keyPattern.exec(text)?.[1];
  if (hex === undefined) return undefined;
  const controlId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  return { controlId, hash: hashOf('agent-key', text) };
}

export type EnrolToken = { readonly id: string; readonly text: string; readonly hash: string };

export function newEnrolToken(ids: Ids, rootFingerprint: string): EnrolToken {
  const id = ids.token(16);
  const secret = ids.token(secretChars);
  return { id, text: `rbe_${id}_${secret}_${rootFingerprint}`, hash: hashOf('enrol-token', secret) };
}

export function readEnrolToken(text: string): { readonly id: string; readonly hash: string; readonly root: string } | undefined {
  const [, id, secret, root] = enrolTokenPattern.exec(text) ?? [];
  if (id === undefined || secret === undefined || root === undefined) return undefined;
  return { id, hash: hashOf('enrol-token', secret), root };
}
