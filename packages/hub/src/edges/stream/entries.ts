import { createHash } from 'node:crypto';
import type { Actor, Viewer } from '#platform/actor';
import type { Pool } from '#platform/db';
import type { SseSink } from '#platform/http';
import type { Log } from '#platform/ports';
import { limits } from './limits.ts';
import { createRing, type Ring } from './ring.ts';
import { type EntryRow, readEntries, readLanes } from './store.ts';

export type EntryStreamsDeps = {
  readonly pools: ReadonlyMap<string, Pool>;
  /** Of this hub; a cursor of another one means: begin anew. */
  readonly incarnation: string;
  readonly log: Log;
  /** Tests: how much one reading of entries may hold, and how long a reader may stand still. */
  readonly bounds?: { readonly pageBytes: number; readonly drainMaxMs: number };
  /** Tests: what may come after a position. A lane counts without gaps, so the next one, or else something was deleted in between. */
  readonly follows?: (before: number, position: number) => boolean;
};

/** What a member follows: its own shelf's entries, in the lanes that it reads. */
export type EntryStreams = {
  /** `again` answers who holds the credential now: the stream ends when that is nobody, or reads other lanes. */
  open(input: {
    viewer: Viewer;
    lastEventId: string | undefined;
    topics: ReadonlySet<string> | undefined;
    sink: SseSink;
    again: () => Promise<Actor | undefined>;
  }): Promise<void>;
  /** New entries of a shelf may be there. */
  pump(shelf: string): Promise<void>;
  recheck(): Promise<void>;
  start(): void;
  stop(): void;
};

type Entry = { readonly position: number; readonly topic: string; readonly text: string };
type Reader = {
  readonly sink: SseSink;
  readonly viewer: Viewer;
  readonly topics: ReadonlySet<string> | undefined;
  /** By lane, in the order of the viewer's lanes. */
  readonly sent: Map<string, number>;
  live: boolean;
  readonly again: () => Promise<Actor | undefined>;
};
type Feed = {
  readonly shelf: string;
  readonly lane: string;
  position: number;
  readonly ring: Ring<Entry>;
  readonly readers: Set<Reader>;
  ready: Promise<void>;
};

/**
 * Names the set of lanes that positions are of, so that positions of one set are never read as those of another: a member that left one group
 * and joined another has as many lanes as before.
 */
function lanesTag(viewer: Viewer): string {
  return createHash('sha256')
    .update([viewer.shelf, ...viewer.lanes].join('\n'))
    .digest('hex')
    .slice(0, 8);
}

export function createEntryStreams(deps: EntryStreamsDeps): EntryStreams {
  const feeds = new Map<string, Feed>();
  const readers = new Set<Reader>();
  const pumps = new Map<string, { running: Promise<void>; again: boolean }>();
  const bounds = deps.bounds ?? { pageBytes: limits.entryPageBytes, drainMaxMs: limits.drainMaxMs };
  const follows = deps.follows ?? ((before, position) => position === before + 1);
  const page = { rows: limits.rowsPerRead, bytes: bounds.pageBytes };
  let timer: NodeJS.Timeout | undefined;

  const cursor = (reader: Reader): string => `${deps.incarnation}-${lanesTag(reader.viewer)}.${[...reader.sent.values()].join('-')}`;

  /** Positions in the order of the lanes, or undefined for a cursor that is not of this history and this set of lanes. */
  function positionsIn(cursorText: string, viewer: Viewer): number[] | undefined {
    const prefix = `${deps.incarnation}-${lanesTag(viewer)}.`;
    if (!cursorText.startsWith(prefix)) return undefined;
    const positions = cursorText
      .slice(prefix.length)
      .split('-')
      .map((text) => (/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN));
    return positions.length === viewer.lanes.length && !positions.some(Number.isNaN) ? positions : undefined;
  }

  async function feedOf(shelf: string, lane: string): Promise<Feed> {
    const name = `${shelf}/${lane}`;
    let feed = feeds.get(name);
    if (feed === undefined) {
      const made: Feed = { shelf, lane, position: 0, ring: createRing(), readers: new Set(), ready: Promise.resolve() };
      made.ready = readLanes(poolOf(shelf), [lane]).then(([row]) => {
        made.position = row?.position ?? 0;
      });
      made.ready.catch(() => feeds.delete(name));
      feeds.set(name, made);
      feed = made;
    }
    await feed.ready;
    return feed;
  }

  function poolOf(shelf: string): Pool {
    const pool = deps.pools.get(shelf);
    if (pool === undefined) throw new Error(`there is no shelf ${shelf}`);
    return pool;
  }

  function send(reader: Reader, lane: string, entry: Entry): void {
    reader.sent.set(lane, entry.position);
    if (reader.topics !== undefined && !reader.topics.has(entry.topic)) return;
    reader.sink.send(`${entry.text}id: ${cursor(reader)}\n\n`);
  }

  async function readShelf(shelf: string): Promise<void> {
    const mine = [...feeds.values()].filter((feed) => feed.shelf === shelf);
    for (const feed of mine) {
      if (feed.readers.size > 0) continue;
      feeds.delete(`${feed.shelf}/${feed.lane}`);
    }
    let waiting = mine.filter((feed) => feed.readers.size > 0);
    await Promise.allSettled(waiting.map((feed) => feed.ready));
    while (waiting.length > 0) {
      const { rows, more } = await readEntries(poolOf(shelf), waiting, page);
      const byLane = new Map(waiting.map((feed) => [feed.lane, feed]));
      for (const row of rows) {
        const feed = byLane.get(row.lane);
        if (feed === undefined || row.position <= feed.position) continue;
        const entry = { position: row.position, topic: row.topic, text: textOf(row) };
        feed.position = row.position;
        feed.ring.push(row.position, entry, entry.text.length);
        for (const reader of feed.readers) if (reader.live) send(reader, feed.lane, entry);
      }
      if (!more) break;
      waiting = [...byLane.values()];
    }
  }

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

  /** Sends what lies between the reader's cursor and its feeds, oldest first; false when that is too much, or not there any more. */
  async function replay(reader: Reader, mine: readonly Feed[]): Promise<boolean> {
    const behind = (): Feed[] => mine.filter((feed) => (reader.sent.get(feed.lane) ?? 0) < feed.position);
    const only = behind();
    const [single] = only;
    if (only.length === 1 && single !== undefined) {
      const entries = single.ring.after(reader.sent.get(single.lane) ?? 0);
      for (const entry of entries ?? []) {
        send(reader, single.lane, entry);
        if (!(await drained(reader.sink))) return false;
      }
    }
    let replayed = 0;
    while (behind().length > 0 && !reader.sink.closed) {
      const { rows } = await readEntries(
        poolOf(reader.viewer.shelf),
        [...reader.sent].map(([lane, position]) => ({ lane, position })),
        page,
      );
      if (rows.length === 0) return false;
      for (const row of rows) {
        // What lies between is not kept any more.
        if (!follows(reader.sent.get(row.lane) ?? 0, row.position)) return false;
        send(reader, row.lane, { position: row.position, topic: row.topic, text: textOf(row) });
      }
      replayed += rows.length;
      if (replayed > limits.entriesReplayed) return false;
      if (!(await drained(reader.sink))) return false;
    }
    // Set here and not by the caller: nothing may be read between the last comparison and this.
    reader.live = true;
    return true;
  }

  /** Waits until the reader has read most of what it was sent; false when it is gone, or was cut off because it reads nothing. */
  async function drained(sink: SseSink): Promise<boolean> {
    let waitedMs = 0;
    let before = sink.unsentBytes;
    while (sink.unsentBytes > limits.unsentMaxBytes && !sink.closed) {
      await new Promise((resolve) => setTimeout(resolve, limits.drainPollMs));
      waitedMs = sink.unsentBytes < before ? 0 : waitedMs + limits.drainPollMs;
      before = sink.unsentBytes;
      if (waitedMs > bounds.drainMaxMs) sink.close();
    }
    return !sink.closed;
  }

  async function recheck(): Promise<void> {
    for (const reader of readers) {
      if (reader.sink.closed) {
        leave(reader);
        continue;
      }
      try {
        const actor = await reader.again();
        if (actor === undefined || lanesTag(actor.viewer) !== lanesTag(reader.viewer)) reader.sink.close();
      } catch (error) {
        if ((error as { kind?: unknown }).kind === 'unauthenticated') reader.sink.close();
        else deps.log.warn({ err: String(error) }, 'The right to an open stream could not be checked.');
      }
    }
  }

  function leave(reader: Reader): void {
    readers.delete(reader);
    for (const feed of feeds.values()) feed.readers.delete(reader);
  }

  return {
    async open({ viewer, lastEventId, topics, sink, again }) {
      const mine = await Promise.all(viewer.lanes.map((lane) => feedOf(viewer.shelf, lane)));
      const positions = lastEventId === undefined ? undefined : positionsIn(lastEventId, viewer);
      const sent = new Map(mine.map((feed, index) => [feed.lane, positions?.[index] ?? feed.position]));
      const reader: Reader = { sink, viewer, topics, sent, live: false, again };
      readers.add(reader);
      for (const feed of mine) feed.readers.add(reader);
      // Another process may have told the reader more than this one has read.
      await pump(viewer.shelf).catch(() => undefined);
      const ahead = mine.some((feed) => (sent.get(feed.lane) ?? 0) > feed.position);
      const known = (lastEventId === undefined || positions !== undefined) && !ahead;
      const complete = known && (await replay(reader, mine));
      if (sink.closed) return leave(reader);
      if (!complete) for (const feed of mine) sent.set(feed.lane, feed.position);
      sink.event(complete ? 'hello' : 'resync', '{}', cursor(reader));
      reader.live = true;
    },
    pump,
    recheck,
    start() {
      timer = setInterval(() => void recheck(), limits.recheckEveryMs);
      timer.unref();
    },
    stop: () => clearInterval(timer),
  };
}

/** The shared part of an event; each reader's id and the empty line follow. */
function textOf(row: EntryRow): string {
  const data = JSON.stringify({ lane: row.lane, at: row.at.toISOString(), topic: row.topic, object: row.object, body: row.body });
  return `event: ${row.topic.replace(/[\r\n]/g, ' ')}\ndata: ${data}\n`;
}
