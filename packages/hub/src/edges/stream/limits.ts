/** Every bound of the live streams, with its reason. Times in milliseconds. */
export const limits = {
  heartbeatEveryMs: 5_000,
  /** A reader alarms when it has seen no valid one for this long; six are lost by then. */
  heartbeatLifeMs: 30_000,
  /** Heartbeats signed before others get a turn: 50 µs each. */
  heartbeatSlice: 40,
  /** Frames kept per channel for readers that were away for a moment. */
  ringFrames: 1_000,
  /** And their bytes: a thousand large batches would be gigabytes. */
  ringBytes: 4 << 20,
  /** A batch beyond this is not pushed, but fetched by whoever wants it: pushed, it would count as one reader's backlog. */
  frameMaxBytes: 256 << 10,
  /** Rows of one reading of a shelf. */
  rowsPerRead: 500,
  /** What a reconnecting reader is sent through the stream; who is further behind fetches pages or a snapshot. */
  replayMaxBytes: 512 << 10,
  batchPageRows: 500,
  batchPageBytes: 4 << 20,
  /** A channel that nobody has read for this long is let go. */
  idleMs: 120_000,
  /** How often an open stream's right to be open is asked for. With the caches below that, a revoked one ends within five seconds. */
  recheckEveryMs: 2_000,
  /** Streams of one control: the one that it has lost and does not know of yet, and the new one. */
  streamsPerControl: 2,
  /** Entries replayed to a member; who is further behind starts anew. */
  entriesReplayed: 5_000,
  /** Replay waits while a reader has this much unread. */
  unsentMaxBytes: 256 << 10,
  drainPollMs: 20,
  /** And is cut off when it reads nothing for this long: it comes back with its last id, or does not. */
  drainMaxMs: 30_000,
  /** Text of the entries of one reading. With what may be unread, far below what a reader may be behind before it is cut off. */
  entryPageBytes: 256 << 10,
  topicsMaxChars: 400,
  snapshotLifeMs: 15 * 60_000,
  /** Rows of one page of a snapshot: some 600 kB of text. */
  snapshotPageRows: 5_000,
  /** Compressed snapshots in memory. A million entries are about 35 MB. */
  snapshotCacheBytes: 128 << 20,
  /** Snapshots that are made at once; others wait. Each holds a reader's connection. */
  snapshotBuilds: 2,
} as const;
