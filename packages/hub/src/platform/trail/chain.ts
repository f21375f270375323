import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

/** One action, before it has a place in the chain. `detail` is canonical JSON text: the bytes that are hashed. `at` is RFC 3339, UTC. */
export type TrailRecord = {
  readonly at: string;
  readonly actorKind: string;
  readonly actorId: string;
  readonly actorLabel: string;
  readonly entityId: string;
  readonly personId: string | null;
  readonly origin: string | null;
  readonly requestId: string | null;
  readonly action: string;
  readonly target: string;
  readonly detail: string;
};
/** `seq` is dense from 1. `prevHash` is the hash of `seq - 1`, or 64 zeros at the first. */
export type TrailEntry = TrailRecord & { readonly seq: number; readonly prevHash: string; readonly hash: string };

export const genesisHash = '0'.repeat(64);

/** SHA-256 (hex) over a prefix of its own and the canonical JSON of every field but the hash itself. */
export function entryHash(entry: Omit<TrailEntry, 'hash'>): string {
  const { seq, prevHash, at, actorKind, actorId, actorLabel, entityId, personId, origin, requestId, action, target, detail } = entry;
  const text = canonicalJson({
    seq,
    prevHash,
    at,
    actorKind,
    actorId,
    actorLabel,
    entityId,
    personId,
    origin,
    requestId,
    action,
    target,
    detail,
  });
  return createHash('sha256').update('rebato-trail-entry-1\n').update(text).digest('hex');
}

export function chain(records: readonly TrailRecord[], head: { readonly seq: number; readonly hash: string }): TrailEntry[] {
  let { seq, hash } = head;
  return records.map((record) => {
    const open = { ...record, seq: seq + 1, prevHash: hash };
    const entry = { ...open, hash: entryHash(open) };
    seq = entry.seq;
    hash = entry.hash;
    return entry;
  });
}
