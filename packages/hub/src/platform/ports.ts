/** The shapes that modules ask for in their `deps`. Implementations live beside this file. */
import type { Topic, TopicName } from '@rebato/contract';
import type { Actor } from './actor.ts';
import type { Tx } from './db.ts';

export type { Clock } from './clock.ts';
export type { Ids } from './ids.ts';

export type Bus = {
  /** Announces a change in the transaction that makes it. `urgent` goes before bulk work: alerts, retractions, rulings, single reports. */
  append<T extends TopicName>(tx: Tx, topic: T, payload: Topic<T>, lane?: 'urgent' | 'bulk'): Promise<void>;
  /** Call after the commit of a transaction that appended, so that nobody waits for the next poll. Cheap, never throws. */
  nudge(): void;
};

export type Trail = {
  /** Writes who did what, in the transaction that does it. `detail` must hold no secret; it is bounded to 8 KiB. */
  record(tx: Tx, actor: Actor, action: string, target: string, detail?: Readonly<Record<string, unknown>>): Promise<void>;
};

/** Structured log for operators. May be lost; secrets never go in. */
export type Log = {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
};

/** The only way out: refuses private addresses unless configured, bounds size and time. */
export type Outbound = {
  get(
    url: string,
    options?: { readonly maxBytes?: number; readonly timeoutMs?: number; readonly accept?: string },
  ): Promise<{ status: number; contentType: string; body: Buffer }>;
};

export type Counter = { add(labels?: Readonly<Record<string, string>>, by?: number): void };
export type Histogram = { observe(seconds: number, labels?: Readonly<Record<string, string>>): void };
export type Gauge = { set(value: number, labels?: Readonly<Record<string, string>>): void };
export type Metrics = {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  histogram(name: string, help: string, labels?: readonly string[], buckets?: readonly number[]): Histogram;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
};
