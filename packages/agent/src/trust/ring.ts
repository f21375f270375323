import type { Batch, ControlOrder, Envelope, Heartbeat, KeyCertificate, SnapshotHeader } from '@rebato/contract';
import { accept, type RefusalCode, refuse, type Verdict } from '../verdict.ts';
import { importKey, openEnvelope, type TrustedKey } from './envelope.ts';
import { readBatch, readCertificate, readHeartbeat, readOrder, readSnapshotHeader, timeMs } from './shape.ts';

/** The online key that may sign now, with the root's certificate that says so. */
export type Certified = { readonly body: KeyCertificate; readonly envelope: Envelope; readonly key: TrustedKey };

/** Who is trusted: one hub under one pinned root, and at most one online key at a time. */
export type KeyRing = { readonly hub: string; readonly root: TrustedKey; readonly certified: Certified | undefined };

/**
 * Judges a certificate. Only the root may certify: a rotation announced by the online key would let whoever steals that key keep the network.
 * The epoch never sinks, and within one epoch an earlier certificate never replaces a later one, so a revoked key cannot come back.
 */
export function judgeCertificate(ring: KeyRing, input: unknown, nowMs: number): Verdict<Certified> {
  const opened = openEnvelope(ring.root, input);
  if (!opened.ok) return opened;
  const body = readCertificate(opened.value.json);
  if (!body) return refuse('wrong_type', 'not a key certificate of this protocol');
  if (body.hub !== ring.hub) return refuse('wrong_hub', `certificate of hub ${body.hub}`);
  if (timeMs(body.expires) <= nowMs) return refuse('certificate_expired', `the certificate ended ${body.expires}`);
  const key = importKey(body.publicKey);
  if (!key.ok) return key;
  if (key.value.keyId !== body.keyId) return refuse('malformed', 'the certificate names another key id than its key has');
  if (key.value.fingerprint === ring.root.fingerprint) return refuse('unknown_signer', 'the root key may not serve as the online key');
  const held = ring.certified?.body;
  if (held && body.epoch < held.epoch) return refuse('wrong_epoch', `epoch ${body.epoch} after ${held.epoch}`);
  if (held && body.epoch === held.epoch && timeMs(body.created) < timeMs(held.created))
    return refuse('older', 'a later certificate is held already');
  if (held && body.created === held.created && opened.value.envelope.body !== ring.certified?.envelope.body) {
    return refuse('forked', 'two certificates of the same time');
  }
  return accept({ body, envelope: opened.value.envelope, key: key.value });
}

type Read<T> = (json: unknown) => T | undefined;
export type Opened<T> = { readonly body: T; readonly envelope: Envelope };

function judgeSigned<T extends Heartbeat | Batch | SnapshotHeader | ControlOrder>(
  ring: KeyRing,
  input: unknown,
  nowMs: number,
  read: Read<T>,
): Verdict<Opened<T>> {
  const certified = ring.certified;
  if (!certified) return refuse('unknown_signer', 'no certified key is held');
  if (timeMs(certified.body.expires) <= nowMs) return refuse('certificate_expired', `the certificate ended ${certified.body.expires}`);
  const opened = openEnvelope(certified.key, input);
  if (!opened.ok) return opened;
  const body = read(opened.value.json);
  if (!body) return refuse('wrong_type', 'the signed text is not what was asked for');
  if (body.hub !== ring.hub) return refuse('wrong_hub', `signed for hub ${body.hub}`);
  if (body.epoch !== certified.body.epoch) return refuse('wrong_epoch', `epoch ${body.epoch}, certified is ${certified.body.epoch}`);
  if (timeMs(body.expires) <= nowMs) return refuse('expired', `ended ${body.expires}`);
  return accept({ body, envelope: opened.value.envelope });
}

export const judgeHeartbeat = (ring: KeyRing, input: unknown, nowMs: number): Verdict<Opened<Heartbeat>> =>
  judgeSigned(ring, input, nowMs, readHeartbeat);
export const judgeBatchEnvelope = (ring: KeyRing, input: unknown, nowMs: number): Verdict<Opened<Batch>> =>
  judgeSigned(ring, input, nowMs, readBatch);
export const judgeSnapshotHeader = (ring: KeyRing, input: unknown, nowMs: number): Verdict<Opened<SnapshotHeader>> =>
  judgeSigned(ring, input, nowMs, readSnapshotHeader);
export const judgeOrder = (ring: KeyRing, input: unknown, nowMs: number): Verdict<Opened<ControlOrder>> =>
  judgeSigned(ring, input, nowMs, readOrder);

/** Where a channel stands. Version 0 with the zero hash is a channel that has never had a batch. */
export type ChannelHead = { readonly channel: string; readonly epoch: number; readonly version: number; readonly hash: string };

/** Whether a batch is exactly the next one. `seen` are hashes of recent versions, to tell a harmless repetition from a second history. */
export function judgeNext(
  head: ChannelHead | undefined,
  batch: Batch,
  hash: string,
  seen: ReadonlyMap<number, string>,
): Verdict<'next' | 'repeated'> {
  if (!head) return refuse('no_state', `nothing is held of channel ${batch.channel}`);
  const refused = (code: RefusalCode, detail: string): Verdict<never> => refuse(code, `${batch.channel} ${batch.version}: ${detail}`);
  if (batch.channel !== head.channel) return refused('wrong_channel', `offered for ${head.channel}`);
  if (batch.epoch !== head.epoch) return refused('wrong_epoch', `the channel stands in epoch ${head.epoch}`);
  if (batch.version <= head.version) {
    const known = batch.version === head.version ? head.hash : seen.get(batch.version);
    if (known === hash) return accept('repeated');
    return known === undefined ? refused('older', `${head.version} is held`) : refused('forked', 'other content under the same version');
  }
  if (batch.version !== head.version + 1) return refused('gap', `${head.version} is held`);
  if (batch.prev !== head.hash) return refused('broken_chain', 'does not name the batch that is held');
  return accept('next');
}
