import type { Distribution, Pap, Tlp, ValueKind } from '@rebato/contract';
import type { GuardTables, OwnData, Pace } from '#guard';
import type { Pool } from '#platform/db';
import type { Bus, Clock, Ids, Trail } from '#platform/ports';
import type { InputFormat } from './draft.ts';
import type { VkeyOf } from './vkey.ts';

/** What the write side must know of who reports. Comes from `members` and `scoring`. */
export type Reporter = {
  readonly name: string;
  readonly kind: string;
  readonly level: string;
  readonly voice: string;
  readonly own: OwnData;
  readonly ownDomains: readonly string[];
  readonly ownPeople: readonly string[];
  /** Where it reads, and whether it waits for what others report. */
  readonly shelf: string;
  readonly waits: boolean;
};

/** What passes without a person, and how much of it. */
export type Trust = {
  readonly passes: (kind: ValueKind) => boolean;
  readonly feed: boolean;
  readonly perHour: number | undefined;
};
export type ReporterOf = (entityId: string) => Promise<Reporter>;

export type SubmitDeps = {
  readonly db: Pool;
  readonly bus: Bus;
  readonly trail: Trail;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly reporterOf: ReporterOf;
  readonly trusts: (reporter: Reporter, entityId: string) => Promise<Trust>;
  readonly pace: Pick<Pace, 'judge' | 'count'>;
  readonly guardTables: () => GuardTables;
  readonly vkeyOf: VkeyOf;
  /** Large reports are written one after another: side by side they would take every processor from the alerts, while the leader, which they all wait for, takes them one by one. */
  readonly bulkTurn?: <T>(work: () => Promise<T>) => Promise<T>;
};

export type Markings = {
  readonly info?: string;
  readonly tlp?: Tlp;
  readonly pap?: Pap;
  readonly distribution?: Distribution;
  readonly groupId?: string;
  /** 0..100, how sure the source is. */
  readonly confidence?: number;
};

export type Submission = {
  readonly bytes: Buffer;
  readonly format?: InputFormat;
  readonly fileName?: string;
  readonly contentType?: string;
  readonly channel: 'api' | 'paste' | 'file' | 'import';
  readonly idempotencyKey?: string;
  readonly markings: Markings;
  /** Canonical values that the sender took out after the preview. */
  readonly without?: readonly string[];
};

/**
 * The acknowledgement. It follows from the submission, the sender and the guard alone, never from what others have reported: a value that is
 * known already gets the same answer as a new one.
 */
export type Acknowledgement = {
  readonly reportId: string;
  readonly receivedAt: Date;
  readonly events: readonly string[];
  readonly repeated: boolean;
};
