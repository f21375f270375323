import { createHash } from 'node:crypto';
import type { ChannelMode } from '@rebato/contract';
import type { Pool } from '#platform/db';
import { gzipParts, type Piece, pieceOf, pieceOfAsync, plainOf } from '#platform/gzip';
import type { Keys } from '#platform/keys';
import type { Log } from '#platform/ports';
import { fail } from './errors.ts';
import { headOf, splitChannel } from './frames.ts';
import { limits } from './limits.ts';
import { holdStill, readLaneState, readLanes, readSnapshotPage } from './store.ts';

export type SnapshotsDeps = { readonly pools: ReadonlyMap<string, Pool>; readonly keys: Keys; readonly log: Log };

/** A channel's whole set at one version, compressed; the header is signed anew for each reader, so it is never old. */
type Snapshot = {
  readonly channel: string;
  readonly version: number;
  readonly hash: string;
  readonly mode: ChannelMode;
  readonly count: number;
  readonly digest: string;
  readonly sha256: string;
  readonly pieces: readonly Piece[];
  readonly size: number;
};

export type Snapshots = {
  /** Buffers to send, one after the other. The channel must be one that the reader may read. */
  of(channel: string, form: 'gzip' | 'plain'): Promise<AsyncIterable<Buffer>>;
};

export function createSnapshots(deps: SnapshotsDeps): Snapshots {
  // The newest use last, so that the first to go is the longest unused.
  const cache = new Map<string, Snapshot>();
  const building = new Map<string, Promise<Snapshot>>();
  let builds = 0;
  const queue: (() => void)[] = [];

  async function build(channel: string): Promise<Snapshot> {
    if (builds >= limits.snapshotBuilds) await new Promise<void>((go) => queue.push(go));
    builds += 1;
    try {
      return await readSnapshot(deps, channel);
    } finally {
      builds -= 1;
      queue.shift()?.();
    }
  }

  function keep(snapshot: Snapshot): void {
    cache.delete(snapshot.channel);
    cache.set(snapshot.channel, snapshot);
    let bytes = 0;
    for (const each of cache.values()) bytes += each.size;
    for (const [channel, each] of cache) {
      if (bytes <= limits.snapshotCacheBytes) break;
      cache.delete(channel);
      bytes -= each.size;
    }
  }

  async function newest(channel: string): Promise<Snapshot> {
    const { shelf, lane } = splitChannel(channel);
    const pool = deps.pools.get(shelf);
    if (pool === undefined) throw fail('stream.channel_not_found', 'There is no such channel.');
    const [row] = await readLanes(pool, [lane]);
    const known = cache.get(channel);
    if (known !== undefined && known.version === (row?.version ?? 0) && (row === undefined || known.hash === row.hash)) {
      keep(known);
      return known;
    }
    const underWay = building.get(channel);
    if (underWay !== undefined) {
      // It may have begun before the version that this reader needs: good enough only if it got there.
      const made = await underWay;
      if (made.version >= (row?.version ?? 0)) return made;
    }
    const started = building.get(channel) ?? build(channel).finally(() => building.delete(channel));
    building.set(channel, started);
    const made = await started;
    keep(made);
    return made;
  }

  return {
    async of(channel, form) {
      const snapshot = await newest(channel);
      const { signer } = deps.keys;
      const header = signer.envelope({
        ...signer.head('snapshot', limits.snapshotLifeMs),
        channel,
        version: snapshot.version,
        hash: snapshot.hash,
        mode: snapshot.mode,
        count: snapshot.count,
        digest: snapshot.digest,
        sha256: snapshot.sha256,
      });
      const first = Buffer.from(`${JSON.stringify(header)}\n`);
      return form === 'gzip' ? each(gzipParts([pieceOf(first), ...snapshot.pieces])) : plain(first, snapshot.pieces);
    },
  };
}

async function* each(buffers: readonly Buffer[]): AsyncIterable<Buffer> {
  yield* buffers;
}

async function* plain(first: Buffer, pieces: readonly Piece[]): AsyncIterable<Buffer> {
  yield first;
  for (const piece of pieces) yield plainOf(piece);
}

const emptyLane = { version: 0, hash: '0'.repeat(64), count: 0, digest: '0'.repeat(64), head: null };

/** Lane and entries of one moment. A set that does not have the size that was signed is not handed out. */
async function readSnapshot(deps: SnapshotsDeps, channel: string): Promise<Snapshot> {
  const { shelf, lane } = splitChannel(channel);
  const pool = deps.pools.get(shelf);
  if (pool === undefined) throw fail('stream.channel_not_found', 'There is no such channel.');
  return pool.transaction(async (tx) => {
    await holdStill(tx);
    const state = (await readLaneState(tx, lane)) ?? emptyLane;
    const digest = createHash('sha256');
    const pieces: Piece[] = [];
    let count = 0;
    let size = 0;
    for (let after: string | null = null; ; ) {
      const page = await readSnapshotPage(tx, lane, after);
      if (page.text === null) break;
      const text = Buffer.from(`${page.text}\n`);
      digest.update(text);
      const piece = await pieceOfAsync(text);
      pieces.push(piece);
      count += page.rows;
      size += piece.deflated.length;
      after = page.last;
      if (page.rows < limits.snapshotPageRows) break;
    }
    if (count !== state.count) {
      deps.log.error(
        { channel, version: state.version, signed: state.count, found: count },
        'A lane does not hold what was signed for it; no snapshot is given out.',
      );
      throw fail('stream.unavailable', 'The snapshot cannot be made.');
    }
    return {
      channel,
      version: state.version,
      hash: state.hash,
      mode: (state.head === null ? undefined : headOf(state.head))?.mode ?? 'normal',
      count,
      digest: state.digest,
      sha256: digest.digest('hex'),
      pieces,
      size,
    };
  });
}
