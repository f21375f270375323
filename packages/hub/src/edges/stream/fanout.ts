import type { ChannelMode, Envelope } from '@rebato/contract';
import type { Pool } from '#platform/db';
import type { SseSink } from '#platform/http';
import type { Keys } from '#platform/keys';
import type { Leader } from '#platform/leader';
import type { Clock, Log, Metrics } from '#platform/ports';
import { envelopeOf, frame, headOf, splitChannel } from './frames.ts';
import { limits } from './limits.ts';
import { createRing, type Ring } from './ring.ts';
import { type BatchRow, readBatches, readBatchPage, readLanes } from './store.ts';

export type FanoutDeps = {
  readonly pools: ReadonlyMap<string, Pool>;
  readonly leader: Pick<Leader, 'onShelf'>;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** Reads every new batch once for this process and hands the same bytes to all who follow its channel. */
export type Fanout = {
  /** Follows a channel from after `version`: what was missed, the newest heartbeat, then live. Ends with the sink. */
  follow(channel: string, version: number, sink: SseSink): Promise<void>;
  /** The newest heartbeats of these channels, no older than one interval. */
  heartbeats(channels: readonly string[]): Promise<Envelope[]>;
  /** Signs and sends heartbeats now; the timer does it every five seconds. */
  beat(): Promise<void>;
  /** Also told of every change of a shelf, after its batches have been sent. */
  onShelf(heard: (shelf: string) => void): void;
  start(): void;
  stop(): void;
};

type Reader = { readonly sink: SseSink; sent: number; live: boolean };
type Feed = {
  readonly channel: string;
  readonly shelf: string;
  readonly lane: string;
  version: number;
  hash: string;
  mode: ChannelMode;
  readonly ring: Ring<Buffer>;
  readonly readers: Set<Reader>;
  heartbeat: { readonly envelope: Envelope; readonly frame: Buffer; readonly version: number; readonly atMs: number } | undefined;
  usedAtMs: number;
  ready: Promise<void>;
};

const zeros = '0'.repeat(64);

export function createFanout(deps: FanoutDeps): Fanout {
  const feeds = new Map<string, Feed>();
  const pumps = new Map<string, { running: Promise<void>; again: boolean }>();
  const listeners: ((shelf: string) => void)[] = [];
  const followers = deps.metrics.gauge('rebato_channel_followers', 'Readers of channels, one for each channel of each stream');
  const pushed = deps.metrics.counter('rebato_batches_pushed_total', 'Batches handed to a reader');
  let timer: NodeJS.Timeout | undefined;
  let complained = false;
  let beating = false;

  function poolOf(shelf: string): Pool {
    const pool = deps.pools.get(shelf);
    if (pool === undefined) throw new Error(`there is no shelf ${shelf}`);
    return pool;
  }

  /** The channel's feed, standing where the lane stands. */
  async function feedOf(channel: string): Promise<Feed> {
    let feed = feeds.get(channel);
    if (feed === undefined) {
      const made: Feed = {
        channel,
        ...splitChannel(channel),
        version: 0,
        hash: zeros,
        mode: 'normal',
        ring: createRing(),
        readers: new Set(),
        heartbeat: undefined,
        usedAtMs: deps.clock.monotonicMs(),
        ready: Promise.resolve(),
      };
      made.ready = readLanes(poolOf(made.shelf), [made.lane]).then(([row]) => {
        if (row !== undefined) stand(made, row);
      });
      made.ready.catch(() => feeds.delete(channel));
      feeds.set(channel, made);
      feed = made;
    }
    feed.usedAtMs = deps.clock.monotonicMs();
    await feed.ready;
    return feed;
  }

  function stand(feed: Feed, row: { readonly version: number; readonly hash: string; readonly head: string | null }): void {
    feed.version = row.version;
    feed.hash = row.hash;
    feed.mode = (row.head === null ? undefined : headOf(row.head))?.mode ?? 'normal';
    feed.heartbeat = undefined;
  }

  /** Takes in the next batch and sends it to whoever is up to date. */
  function advance(feed: Feed, row: BatchRow): void {
    const head = headOf(row.body);
    const bytes = frame('batch', envelopeOf(row));
    feed.version = row.version;
    feed.hash = row.hash;
    feed.mode = head?.mode ?? feed.mode;
    feed.heartbeat = undefined;
    const tooLarge = bytes.length > limits.frameMaxBytes;
    if (!tooLarge) feed.ring.push(row.version, bytes, bytes.length);
    for (const reader of feed.readers) {
      if (!reader.live) continue;
      reader.sent = row.version;
      // The heartbeat names a version that the reader does not have, so it fetches the batch.
      reader.sink.send(tooLarge ? heartbeatOf(feed).frame : bytes);
      pushed.add();
    }
  }

  /** Brings the feeds of one shelf to where their lanes stand. One at a time; what is asked meanwhile is one more round. */
  function pump(shelf: string): Promise<void> {
    const current = pumps.get(shelf);
    if (current !== undefined) {
      current.again = true;
      return current.running;
    }
    const state = { running: Promise.resolve(), again: true };
    state.running = (async () => {
      try {
        while (state.again) {
          state.again = false;
          await readShelf(shelf);
        }
      } finally {
        pumps.delete(shelf);
      }
    })();
    pumps.set(shelf, state);
    return state.running;
  }

  async function readShelf(shelf: string): Promise<void> {
    const pool = poolOf(shelf);
    const mine = new Map<string, Feed>();
    for (const feed of feeds.values()) if (feed.shelf === shelf) mine.set(feed.lane, feed);
    if (mine.size > 0) {
      await Promise.allSettled([...mine.values()].map((feed) => feed.ready));
      const lanes = await readLanes(pool, [...mine.keys()]);
      const behind: Feed[] = [];
      for (const row of lanes) {
        const feed = mine.get(row.lane);
        if (feed === undefined) continue;
        if (row.version > feed.version) behind.push(feed);
        // The history is another one: a back-up was restored. Nothing that was sent leads there.
        else if (row.version < feed.version || row.hash !== feed.hash) rewind(feed, row);
      }
      await catchUp(pool, behind);
    }
    for (const heard of listeners) heard(shelf);
  }

  async function catchUp(pool: Pool, behind: readonly Feed[]): Promise<void> {
    let waiting = [...behind];
    while (waiting.length > 0) {
      const rows = await readBatches(pool, waiting);
      const byLane = new Map(waiting.map((feed) => [feed.lane, feed]));
      for (const row of rows) {
        const feed = byLane.get(row.lane);
        if (feed === undefined) continue;
        if (row.version === feed.version + 1) advance(feed, row);
        else if (row.version > feed.version) rewind(feed, { ...row, head: row.body });
      }
      if (rows.length < limits.rowsPerRead) break;
      const [last] = rows.slice(-1);
      // Lanes before the last one are done; the last one may have more.
      waiting = waiting.filter((feed) => last !== undefined && feed.lane >= last.lane);
    }
  }

  function rewind(feed: Feed, row: { readonly version: number; readonly hash: string; readonly head: string | null }): void {
    deps.log.warn(
      { channel: feed.channel, from: feed.version, to: row.version },
      'A channel goes on from another place; its readers are told to take a snapshot.',
    );
    feed.ring.clear();
    stand(feed, row);
    const bytes = resync(feed);
    for (const reader of feed.readers) {
      reader.sent = row.version;
      reader.sink.send(bytes);
    }
  }

  function heartbeatOf(feed: Feed): NonNullable<Feed['heartbeat']> {
    const nowMs = deps.clock.monotonicMs();
    const known = feed.heartbeat;
    if (
      known !== undefined &&
      known.version === feed.version &&
      nowMs - known.atMs < limits.heartbeatEveryMs &&
      known.envelope.keyId === deps.keys.signer.keyId
    )
      return known;
    const { signer } = deps.keys;
    const envelope = signer.envelope({
      ...signer.head('heartbeat', limits.heartbeatLifeMs),
      channel: feed.channel,
      version: feed.version,
      hash: feed.hash,
      mode: feed.mode,
      everyMs: limits.heartbeatEveryMs,
    });
    feed.heartbeat = { envelope, frame: frame('heartbeat', envelope), version: feed.version, atMs: nowMs };
    return feed.heartbeat;
  }

  /**
   * Says of every followed channel that its version is still the newest. That must be true, so the shelf is read first: a hub that has lost its
   * database falls silent, and its agents notice.
   */
  async function beat(): Promise<void> {
    const nowMs = deps.clock.monotonicMs();
    for (const feed of feeds.values()) if (feed.readers.size === 0 && nowMs - feed.usedAtMs > limits.idleMs) feeds.delete(feed.channel);
    for (const shelf of new Set([...feeds.values()].map((feed) => feed.shelf))) {
      try {
        await pump(shelf);
        complained = false;
      } catch (error) {
        if (!complained) deps.log.warn({ err: String(error), shelf }, 'A shelf cannot be read: no heartbeats until it can.');
        complained = true;
        continue;
      }
      let signed = 0;
      for (const feed of [...feeds.values()]) {
        if (feed.shelf !== shelf || feed.readers.size === 0) continue;
        feed.heartbeat = undefined;
        const bytes = heartbeatOf(feed).frame;
        for (const reader of feed.readers) if (reader.live) reader.sink.send(bytes);
        signed += 1;
        if (signed % limits.heartbeatSlice === 0) await new Promise(setImmediate);
      }
    }
  }

  const resync = (feed: Feed): Buffer => frame('resync', { channel: feed.channel });

  async function follow(channel: string, version: number, sink: SseSink): Promise<void> {
    const feed = await feedOf(channel);
    const reader: Reader = { sink, sent: version, live: false };
    feed.readers.add(reader);
    followers.set(total());
    if (version > feed.version) await pump(feed.shelf).catch(() => undefined);
    let replayed = 0;
    // Between the last comparison and `live` nothing is awaited, so no batch falls between replay and live.
    while (reader.sent !== feed.version && !sink.closed) {
      const from = reader.sent;
      const frames = from > feed.version ? [] : (feed.ring.after(from) ?? (await fromDatabase(feed, from)));
      // Told to begin anew meanwhile.
      if (reader.sent !== from) continue;
      let bytes = replayed;
      for (const each of frames) bytes += each.length;
      if (frames.length === 0) sink.send(resync(feed));
      if (frames.length === 0 || bytes > limits.replayMaxBytes) {
        // Too much for a stream: the heartbeat that follows shows the reader what it lacks, and it fetches pages.
        reader.sent = feed.version;
        break;
      }
      for (const each of frames) sink.send(each);
      replayed = bytes;
      reader.sent += frames.length;
    }
    if (sink.closed) return leave(feed, reader);
    reader.live = true;
    sink.send(heartbeatOf(feed).frame);
  }

  /** Frames from the table. None when they are not there, or would not be believed: signed by a former key, or past their time. */
  async function fromDatabase(feed: Feed, after: number): Promise<Buffer[]> {
    const rows = await readBatchPage(poolOf(feed.shelf), feed.lane, after, limits.replayMaxBytes);
    if (!usable(deps, rows, after)) return [];
    return rows.filter((row) => row.version <= feed.version).map((row) => frame('batch', envelopeOf(row)));
  }

  function leave(feed: Feed, reader: Reader): void {
    feed.readers.delete(reader);
    feed.usedAtMs = deps.clock.monotonicMs();
    followers.set(total());
  }

  function total(): number {
    let sum = 0;
    for (const feed of feeds.values()) sum += feed.readers.size;
    return sum;
  }

  return {
    async follow(channel, version, sink) {
      await follow(channel, version, sink);
    },
    async heartbeats(channels) {
      const found = await Promise.all(channels.map(feedOf));
      const nowMs = deps.clock.monotonicMs();
      const stale = new Set(
        found
          .filter((feed) => feed.heartbeat === undefined || nowMs - feed.heartbeat.atMs >= limits.heartbeatEveryMs)
          .map((feed) => feed.shelf),
      );
      for (const shelf of stale) await pump(shelf);
      return found.map((feed) => heartbeatOf(feed).envelope);
    },
    beat,
    onShelf: (heard) => void listeners.push(heard),
    start() {
      deps.leader.onShelf((shelf) => {
        if (deps.pools.has(shelf))
          pump(shelf).catch((error: unknown) =>
            deps.log.warn({ err: String(error), shelf }, 'A changed shelf could not be read; the next try is in seconds.'),
          );
      });
      deps.keys.onChange(() => {
        for (const feed of feeds.values()) {
          feed.heartbeat = undefined;
          feed.ring.clear();
        }
      });
      timer = setInterval(() => void sweepAndBeat(), limits.heartbeatEveryMs);
      timer.unref();
    },
    stop: () => clearInterval(timer),
  };

  async function sweepAndBeat(): Promise<void> {
    if (beating) return;
    beating = true;
    for (const feed of feeds.values()) for (const reader of feed.readers) if (reader.sink.closed) leave(feed, reader);
    await beat().finally(() => {
      beating = false;
    });
  }
}

/** Whether a reader would take these batches: they follow without a gap, today's key signed them in today's epoch, and their time is not over. */
export function usable(deps: { readonly keys: Keys; readonly clock: Clock }, rows: readonly BatchRow[], after: number): boolean {
  const nowMs = deps.clock.now().getTime();
  return rows.every((row, index) => {
    const head = headOf(row.body);
    return (
      row.version === after + 1 + index &&
      row.keyId === deps.keys.signer.keyId &&
      head?.epoch === deps.keys.signer.epoch &&
      head.expiresMs > nowMs
    );
  });
}
