import type { ChannelMode, Envelope, Receipt } from '@rebato/contract';
import type { ClockRecord } from '../clock.ts';
import type { ChannelHead } from '../trust/ring.ts';
import type { Channel } from './channel.ts';

/** What happened, in the order in which it happened. Signed texts were verified before they came here. */
export type JournalRecord =
  | { readonly t: 'batch'; readonly body: string }
  | { readonly t: 'mode'; readonly channel: string; readonly mode: ChannelMode; readonly createdMs: number }
  | { readonly t: 'drop'; readonly channel: string }
  | { readonly t: 'certificate' | 'order'; readonly envelope: Envelope }
  | ({ readonly t: 'clock' } & ClockRecord)
  /** Receipts to be sent, numbered from `first`; `sent` ticks them off. `sweep` asks for receipts of a whole channel, `swept` is its end. */
  | { readonly t: 'receipts'; readonly first: number; readonly receipts: readonly Receipt[] }
  | { readonly t: 'sent'; readonly upTo: number }
  | { readonly t: 'sweep' | 'swept'; readonly channel: string };

export type PendingReceipts = {
  readonly next: number;
  readonly receipts: readonly { readonly number: number; readonly receipt: Receipt }[];
};

/** Everything that a restart needs. */
export type StoredState = {
  readonly certificate: Envelope | undefined;
  readonly order: Envelope | undefined;
  readonly clock: ClockRecord | undefined;
  readonly channels: Map<string, Channel>;
  readonly receipts: PendingReceipts;
  readonly sweeps: readonly string[];
};

/**
 * `torn`: the last record was cut off, as by a power cut. `damaged`: something earlier is unreadable, so the sets are not to be relied on and
 * the control keeps what it has until the hub has sent them again. `floors` are the highest versions that can still be read: nothing below
 * them is accepted afterwards.
 */
export type LoadedState = StoredState & {
  readonly torn: boolean;
  readonly damaged: string | undefined;
  readonly floors: ReadonlyMap<string, ChannelHead>;
};

export type Store = {
  load(): Promise<LoadedState>;
  /** Resolves when the record is written; with `durable`, when it would survive a power cut. */
  append(record: JournalRecord, durable: boolean): Promise<void>;
  /** True when the journal has grown enough, or cannot be written any more. */
  needsRewrite(): boolean;
  /** Writes the whole state anew. Changes may go on meanwhile; those go to the new journal. */
  rewrite(state: () => StoredState): Promise<void>;
  /** The owner's local off switch. */
  isOff(): boolean;
  /** False when another process has taken the place over. */
  isMine(): boolean;
  /** For `status`; may be lost. */
  writeStatus(make: () => string): void;
  close(): Promise<void>;
};

/** Nothing outlives the process: for benches and networks in one process. */
export function memoryStore(): Store & { setOff(off: boolean): void } {
  let off = false;
  return {
    async load() {
      return {
        certificate: undefined,
        order: undefined,
        clock: undefined,
        channels: new Map(),
        receipts: { next: 1, receipts: [] },
        sweeps: [],
        torn: false,
        damaged: undefined,
        floors: new Map(),
      };
    },
    async append() {},
    needsRewrite: () => false,
    async rewrite() {},
    isOff: () => off,
    isMine: () => true,
    writeStatus() {},
    async close() {},
    setOff(value) {
      off = value;
    },
  };
}
