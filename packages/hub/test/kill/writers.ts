import { setTimeout as wait } from 'node:timers/promises';
import type { Member } from './installation.ts';
import type { SetChecker } from './set-checker.ts';

/** An answer that a correct report must never get, whatever dies meanwhile. */
export type FalseRefusal = { readonly element: string; readonly status: number; readonly body: string };

export type Load = {
  readonly refusals: FalseRefusal[];
  /** Acknowledged so far. */
  acknowledged(): number;
  /** Answers that were retried, by status; 0 is no answer at all. */
  readonly retried: Map<number, number>;
  /** Every writer finishes the report that it has in hand, acknowledged, and waits. */
  pause(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
};

/** A client waits this long for an answer; a hub that is dead answers nothing at all. */
const answerMaxMs = 15_000;
const retryPauseMs = 50;
/** Values that many reports share: one decision each, however many report it at the same moment. */
const sharedValues = 40;

/**
 * Writers that report without a pause: each report has a domain of its own, every fourth also an address that others report too. A report is
 * repeated under the same Idempotency-Key until it is acknowledged, as a careful client does it.
 */
export function startLoad(input: {
  readonly url: string;
  readonly members: readonly Member[];
  readonly writers: number;
  readonly prefix: string;
  readonly sets: readonly SetChecker[];
  /** Milliseconds between one writer's reports; the database is meant to be busy, not the test machine to be starved. */
  readonly everyMs?: number;
}): Load {
  const refusals: FalseRefusal[] = [];
  const retried = new Map<number, number>();
  let acknowledged = 0;
  let stopped = false;
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  let open = true;
  const busy = new Set<Promise<void>>();

  async function attempt(element: string, body: string, key: string): Promise<boolean> {
    let status = 0;
    try {
      const reply = await fetch(`${input.url}/api/v1/reports`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': element },
        body,
        signal: AbortSignal.timeout(answerMaxMs),
      });
      status = reply.status;
      const text = await reply.text();
      if (status === 202) return true;
      if (status < 500 && status !== 429 && refusals.length < 100) refusals.push({ element, status, body: text.slice(0, 300) });
    } catch {
      // No answer, or half of one: nobody knows what became of it.
      status = 0;
    }
    retried.set(status, (retried.get(status) ?? 0) + 1);
    return false;
  }

  async function report(writer: number, number: number): Promise<void> {
    const element = `${input.prefix}w${writer}n${number}.com`;
    const member = input.members[writer % input.members.length];
    if (member === undefined) throw new Error('a writer needs a member');
    const shared = number % 4 === 0 ? [{ value: `185.220.101.${1 + ((writer + number) % sharedValues)}`, type: 'ip-dst' }] : [];
    const body = JSON.stringify({ title: element, indicators: [{ value: element, type: 'domain' }, ...shared] });
    for (const set of input.sets) set.invoke(element, performance.now());
    while (!(await attempt(element, body, member.key))) {
      if (stopped) return;
      await wait(retryPauseMs);
    }
    acknowledged += 1;
    for (const set of input.sets) set.acknowledge(element, performance.now());
  }

  async function write(writer: number): Promise<void> {
    for (let number = 0; !stopped; number++) {
      await gate.promise;
      if (stopped) return;
      const one = report(writer, number);
      busy.add(one);
      await one.finally(() => busy.delete(one));
      if (input.everyMs !== undefined) await wait(input.everyMs);
    }
  }

  const writers = Array.from({ length: input.writers }, (_none, writer) => write(writer));
  return {
    refusals,
    retried,
    acknowledged: () => acknowledged,
    async pause() {
      if (open) gate = Promise.withResolvers<void>();
      open = false;
      await Promise.all(busy);
    },
    resume() {
      open = true;
      gate.resolve();
    },
    async stop() {
      stopped = true;
      gate.resolve();
      await Promise.all(writers);
    },
  };
}
