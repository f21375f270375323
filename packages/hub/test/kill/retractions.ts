import { setTimeout as wait } from 'node:timers/promises';
import type { SetChecker } from './set-checker.ts';

/** Takes blocks back while others are made: what was acknowledged as retracted must be gone from every control, and stay gone. */
export type Retractions = {
  /** Values whose retraction was acknowledged. */
  readonly done: Set<string>;
  pause(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
};

const answerMaxMs = 15_000;
const everyMs = 150;

export function startRetractions(input: { readonly url: string; readonly adminKey: string; readonly set: SetChecker }): Retractions {
  const done = new Set<string>();
  const asked = new Set<string>();
  let stopped = false;
  let open = true;
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  let current: Promise<void> = Promise.resolve();
  const headers = { authorization: `Bearer ${input.adminKey}`, 'content-type': 'application/json' };

  /** One decision that is in force and has not been asked for yet, or nothing. */
  async function pick(): Promise<{ id: string; value: string } | undefined> {
    const reply = await fetch(`${input.url}/api/v1/decisions?kind=domain&limit=5`, { headers, signal: AbortSignal.timeout(answerMaxMs) });
    if (!reply.ok) return undefined;
    const { decisions } = (await reply.json()) as { decisions: { id: string; value: string }[] };
    return decisions.find(({ value }) => !asked.has(value));
  }

  async function retract(): Promise<void> {
    const decision = await pick().catch(() => undefined);
    if (decision === undefined) return;
    asked.add(decision.value);
    input.set.invoke(decision.value, performance.now());
    while (!stopped) {
      const ok = await fetch(`${input.url}/api/v1/decisions/${decision.id}/ruling`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ ruling: 'retracted', reason: 'a drill' }),
        signal: AbortSignal.timeout(answerMaxMs),
      }).then(
        (reply) => reply.ok,
        () => false,
      );
      if (ok) {
        input.set.acknowledge(decision.value, performance.now());
        done.add(decision.value);
        return;
      }
      await wait(50);
    }
  }

  const loop = (async () => {
    while (!stopped) {
      await gate.promise;
      if (stopped) return;
      current = retract();
      await current;
      await wait(everyMs);
    }
  })();

  return {
    done,
    async pause() {
      if (open) gate = Promise.withResolvers<void>();
      open = false;
      await current;
    },
    resume() {
      open = true;
      gate.resolve();
    },
    async stop() {
      stopped = true;
      gate.resolve();
      await loop;
    },
  };
}
