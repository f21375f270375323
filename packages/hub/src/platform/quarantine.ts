import type { TopicName } from '@rebato/contract';
import type { BusEntry } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Pool, Tx } from './db.ts';
import { isPassing } from './passing.ts';
import type { Log } from './ports.ts';
import type { PlanItem } from './shelf.ts';

export type QuarantineDeps = {
  readonly db: Pool;
  readonly clock: Clock;
  readonly log: Log;
  /** Plans and carries out one entry, as a round does. */
  readonly carryOut: (tx: Tx, entry: BusEntry) => Promise<void>;
  /** For a failure that passes: waits a little, and nothing is set aside. */
  readonly again: (error: unknown) => Promise<unknown>;
};

/** What went wrong, short enough for a row and a line of the log. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 2000);

/**
 * A round failed as a whole. Carries out the next entry alone, so that one poisoned entry cannot stop the others; what fails again is kept in
 * `bus.failed` for the operator.
 */
export async function setAside(deps: QuarantineDeps, cause: unknown): Promise<void> {
  const { db, log } = deps;
  log.error({ err: messageOf(cause) }, 'A round of the leader failed; its entries are tried one by one.');
  const [first] = await db.rows<{ id: number; topic: TopicName }>`select id, topic from bus.outbox order by urgent desc, id limit 1`;
  if (first === undefined) return setPlanAside(deps, cause);
  try {
    await db.transaction(async (tx) => {
      const [entry] = await numberOne(tx, first.id);
      if (entry !== undefined) await deps.carryOut(tx, entry);
    });
  } catch (error) {
    if (isPassing(error)) return void (await deps.again(error));
    log.error({ err: messageOf(error), topic: first.topic }, 'An entry could not be carried out and was set aside in bus.failed.');
    await db.transaction(async (tx) => {
      const [entry] = await numberOne(tx, first.id);
      if (entry === undefined) return;
      await tx.run`insert into bus.failed (position, topic, payload, error) values (${entry.position}, ${entry.topic}, ${tx.json(entry.payload)}, ${messageOf(error)})`;
    });
  }
}

/** Nothing is announced, so a due plan is the culprit: the oldest one. */
async function setPlanAside({ db, clock }: QuarantineDeps, cause: unknown): Promise<void> {
  await db.transaction(async (tx) => {
    const [plan] = await tx.rows<PlanItem & { id: number }>`
      select id, shelf, lane, topic, key, payload, due_at, arrived_at from bus.plan where due_at <= ${clock.now()} order by due_at, id limit 1`;
    if (plan === undefined) return;
    await tx.run`delete from bus.plan where id = ${plan.id}`;
    await tx.run`insert into bus.failed (position, topic, payload, error) values (${-plan.id}, ${plan.topic}, ${tx.json(plan)}, ${messageOf(cause)})`;
  });
}

function numberOne(tx: Tx, id: number): Promise<BusEntry[]> {
  return tx.rows<BusEntry>`
    with taken as (delete from bus.outbox where id = ${id} returning topic, payload, at),
         head as (update bus.head set position = position + 1 where exists (select from taken) returning position)
    insert into bus.entry (position, topic, payload, at) select head.position, topic, payload, at from taken, head
    returning position, topic, payload, at`;
}
