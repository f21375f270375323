import { createHash } from 'node:crypto';
import type { SnapshotHeader } from '@rebato/contract';
import { limits } from '../limits.ts';
import { DecisionSet, digestText, type EntryExtra, type EntryKey, keyOf } from '../state/decisions.ts';
import { accept, refuse, type Verdict } from '../verdict.ts';
import { judgeSnapshotHeader, type KeyRing } from './ring.ts';
import { readEntry } from './shape.ts';

export type VerifiedSnapshot = { readonly header: SnapshotHeader; readonly set: DecisionSet };

/** Decides about the header before the first entry is read: wrong channel, rollback, a size that cannot be. */
export type HeaderCheck = (header: SnapshotHeader) => Verdict<(key: EntryKey, id: string) => EntryExtra>;

/**
 * Reads a snapshot from decompressed chunks. Every entry is held against the header's count while it is read, so a stream that is longer than
 * it says ends at once; nothing is believed before the last byte has fitted the hash, the count and the digest.
 */
export async function readSnapshot(
  ring: KeyRing,
  chunks: AsyncIterable<Uint8Array>,
  nowMs: number,
  check: HeaderCheck,
): Promise<Verdict<VerifiedSnapshot>> {
  const content = createHash('sha256');
  const set = new DecisionSet();
  let header: SnapshotHeader | undefined;
  let extraOf: ((key: EntryKey, id: string) => EntryExtra) | undefined;
  let bytes = 0;
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > limits.snapshotBytes) return refuse('too_large', `a snapshot of more than ${limits.snapshotBytes} bytes`);
      const data: Buffer = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk]);
      let from = 0;
      for (;;) {
        const end = data.indexOf(10, from);
        if (end < 0) break;
        const line = data.toString('utf8', from, end);
        if (!header || !extraOf) {
          const judged = judgeSnapshotHeader(ring, JSON.parse(line), nowMs);
          if (!judged.ok) return judged;
          const checked = check(judged.value.body);
          if (!checked.ok) return checked;
          header = judged.value.body;
          extraOf = checked.value;
          content.update(data.subarray(end + 1, lastLineEnd(data)));
        } else {
          const entry = readEntry(JSON.parse(line));
          if (!entry) return refuse('malformed', `line ${set.size + 2} of the snapshot is not an entry`);
          const key = keyOf(entry.kind, entry.value);
          if (set.has(key)) return refuse('duplicate_entry', `two entries for one ${entry.kind}`);
          if (set.size === header.count) return refuse('count_mismatch', `more than the ${header.count} entries announced`);
          set.put(key, entry, extraOf(key, entry.id));
          if (from === 0) content.update(data.subarray(0, lastLineEnd(data)));
        }
        from = end + 1;
      }
      rest = data.subarray(from);
      if (rest.length > limits.snapshotLineBytes) return refuse('too_large', 'a line of the snapshot is too long');
      // A copy of the tail, so that one short rest does not keep its whole chunk alive.
      rest = Buffer.from(rest);
    }
  } catch (error) {
    return refuse('malformed', `the snapshot cannot be read: ${error instanceof Error ? error.message : 'unknown error'}`.slice(0, 300));
  }
  if (!header) return refuse('malformed', 'the snapshot has no header');
  if (rest.length > 0) return refuse('malformed', 'the snapshot ends inside a line');
  if (set.size !== header.count) return refuse('count_mismatch', `${set.size} entries, ${header.count} announced`);
  if (content.digest('hex') !== header.sha256) return refuse('content_mismatch', 'the entries are not those that were signed');
  if (digestText(set.digest) !== header.digest) return refuse('digest_mismatch', 'the entries do not add up to the digest');
  return accept({ header, set });
}

function lastLineEnd(data: Buffer): number {
  return data.lastIndexOf(10) + 1;
}
