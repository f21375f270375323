/** Every bound of the agent, with its reason. A hub that is broken, or in other hands, must not be able to exhaust the machine it protects. */
export const limits = {
  /** Text inside one signature. A batch of 50,000 changes with long names is about 10 MB. */
  bodyBytes: 16 << 20,
  /** One server-sent event: a body, escaped as JSON inside an envelope. */
  eventBytes: 24 << 20,
  /** Changes in one batch; a hub splits bulk work into far smaller ones. */
  batchChanges: 50_000,
  /** Entries of one channel. Ten times what the largest firewalls hold. */
  snapshotEntries: 2_000_000,
  /** Bytes of a snapshot after decompression: a bomb of 1:1,000 stops here. */
  snapshotBytes: 512 << 20,
  /** One line of a snapshot: a URL of 2,048 characters, escaped, and its fields. */
  snapshotLineBytes: 32 << 10,
  /** Characters of a value. */
  valueLength: 4_096,
  /** Channels of one control. */
  channels: 64,
  /** Values in an order's or the owner's never-block list. */
  allowEntries: 100_000,
  /** Reply of an ordinary request; a page of batches is the largest. */
  replyBytes: 64 << 20,
  /** Pages of batches in one catch-up, after which a snapshot is cheaper. */
  catchUpPages: 1_000,
  /** Receipts in one request: the protocol's own limit. */
  receiptsPerPost: 1_000,
  /** Receipts that wait while the hub does not answer; a sweep regenerates what is dropped beyond it. */
  receiptQueue: 50_000,
  /** Alarms kept for reports. */
  alarms: 50,
  /** Journal size at which the state is written anew: replay stays under a second. */
  journalBytes: 8 << 20,
  /** Nets in force at once: interval sets are slow (0.77 s to add one among 100,000), so they stay small. */
  nets: 4_096,
  /** Output of a program of the owner, per line and in total. */
  programLineBytes: 64 << 10,
  programBytes: 256 << 20,
} as const;

/** Times of the agent in milliseconds; the configuration file may change those in `timing`. */
export const defaultTiming = {
  /** Heartbeat interval that is assumed while the hub announces none. */
  heartbeatMs: 10_000,
  /** Leases, delays, the off switch and the machine's own addresses are looked at this often. */
  tickMs: 1_000,
  /** Full comparison with what the control really holds. Half of the promised minute. */
  reconcileMs: 30_000,
  reportMs: 15_000,
  backoffFirstMs: 500,
  backoffMaxMs: 30_000,
  requestMs: 15_000,
  /** A snapshot may take this long from the first to the last byte. */
  snapshotMs: 300_000,
  machineMs: 60_000,
  clockRecordMs: 30_000,
} as const;
export type Timing = { readonly [name in keyof typeof defaultTiming]: number };
