import { createReadStream, readFileSync, statSync } from 'node:fs';
import { limits } from './limits.ts';
import { loadIdentity } from './state/identity.ts';
import { importKey } from './trust/envelope.ts';
import { judgeBatchEnvelope, judgeCertificate, judgeHeartbeat, judgeOrder, judgeSnapshotHeader, type KeyRing } from './trust/ring.ts';
import { readSnapshot } from './trust/snapshot.ts';
import { accept, refuse, type Verdict } from './verdict.ts';

/**
 * Checks a saved snapshot (header line and entries) or a saved envelope offline, with the keys of this control. `nowMs` undefined: whether it
 * has expired is not asked, as for something that was kept as evidence.
 */
export async function verifyFile(folder: string, file: string, nowMs: number | undefined): Promise<Verdict<string>> {
  const identity = loadIdentity(folder);
  if (!identity) return refuse('no_state', `${folder} holds no identity`);
  const root = importKey(identity.root);
  if (!root.ok) return root;
  if (root.value.fingerprint !== identity.rootFingerprint)
    return refuse('unknown_signer', 'the root key in the identity is not the pinned one');
  const bare: KeyRing = { hub: identity.hub, root: root.value, certified: undefined };
  const now = nowMs ?? Number.NEGATIVE_INFINITY;
  const certified = judgeCertificate(bare, identity.certificate, now);
  if (!certified.ok) return certified;
  const ring = { ...bare, certified: certified.value };

  let size: number;
  try {
    size = statSync(file).size;
  } catch {
    return refuse('malformed', `${file} cannot be read`);
  }
  const snapshot = await readSnapshot(ring, createReadStream(file), now, (header) =>
    accept(() => ({ sinceMs: Date.parse(header.created), held: false })),
  );
  if (snapshot.ok) {
    const { channel, version, count } = snapshot.value.header;
    return accept(`snapshot of ${channel}, version ${version}, ${count} entries`);
  }
  if (size > limits.bodyBytes * 2) return snapshot;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return snapshot;
  }
  const batch = judgeBatchEnvelope(ring, json, now);
  if (batch.ok)
    return accept(`batch ${batch.value.body.version} of ${batch.value.body.channel}, ${batch.value.body.changes.length} changes`);
  const heartbeat = judgeHeartbeat(ring, json, now);
  if (heartbeat.ok) return accept(`heartbeat of ${heartbeat.value.body.channel} at version ${heartbeat.value.body.version}`);
  const order = judgeOrder(ring, json, now);
  if (order.ok) return accept(`order ${order.value.body.version} for ${order.value.body.name}`);
  const certificate = judgeCertificate(bare, json, now);
  if (certificate.ok) return accept(`certificate of key ${certificate.value.body.keyId}, epoch ${certificate.value.body.epoch}`);
  const header = judgeSnapshotHeader(ring, json, now);
  if (header.ok) return snapshot;
  return batch;
}
