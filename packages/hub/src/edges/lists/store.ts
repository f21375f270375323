import type { Pool, Tx } from '#platform/db';
import { limits } from './limits.ts';

/** All SQL of the lists. Runs on the readers' pool of one shelf, so names are that shelf's. */

export type LaneState = {
  readonly lane: string;
  readonly version: number;
  readonly hash: string;
  readonly count: number;
  readonly at: Date | null;
};

/** Where lanes stand, and when their newest batch was made. */
export async function readLaneStates(shelf: Pool | Tx, lanes: readonly string[]): Promise<LaneState[]> {
  return shelf.rows<LaneState>`
    select l.lane, l.version, l.hash, l.count, b.at
      from lane l left join batch b on b.lane = l.lane and b.version = l.version
     where l.lane = any (${lanes as string[]}::text[])`;
}

/** One moment of the shelf, however many statements read it. First statement of its transaction. */
export async function holdStill(tx: Tx): Promise<void> {
  await tx.run`set transaction isolation level repeatable read, read only`;
}

/** What a list takes of a lane: kinds as indexes, and for hashes the algorithm with its colon. */
export type Selection = { readonly kinds: readonly number[]; readonly prefix: string };

export type DecisionRow = {
  readonly kind: number;
  readonly value: string;
  readonly action: string;
  readonly strength: number;
  readonly confidence: number;
  readonly at: Date;
  readonly until: Date | null;
};

/** All entries in force of the lane, of every kind: to be held against the count that was signed. */
export async function countInForce(tx: Tx, lane: string): Promise<number> {
  return (await tx.one<{ n: number }>`select count(*) as n from decision where lane = ${lane} and gone is null`)?.n ?? 0;
}

/** The selection, strongest first, in pages: a million rows are never in memory as rows. */
export async function* readSelection(tx: Tx, lane: string, { kinds, prefix }: Selection): AsyncGenerator<DecisionRow[]> {
  await tx.run`
    declare list no scroll cursor for
     select kind, value, case when lift_id is null then 'block' else 'allow' end as action, strength, confidence, changed_at as at, until
       from decision
      where lane = ${lane} and gone is null and kind = any (${kinds as number[]}::smallint[]) and starts_with(value, ${prefix})
      order by strength desc, confidence desc, changed_at desc, value collate "C"`;
  for (;;) {
    // FETCH takes no parameter, so the number stands in its text.
    const rows = await tx.rows<DecisionRow>`fetch forward 5000 from list`;
    if (rows.length === 0) break;
    yield rows;
  }
  await tx.run`close list`;
}

/** Texts of the next batches, bounded; fewer than there are means: too far behind to follow. */
export async function readBatchTexts(tx: Tx, lane: string, after: number): Promise<{ version: number; body: string }[]> {
  return tx.rows`
    select version, body
      from (select version, body, sum(length(body)) over (order by version) as bytes
              from (select version, body from batch where lane = ${lane} and version > ${after} order by version limit ${limits.deltaBatches}) b) p
     where bytes <= ${limits.deltaBytes} order by version`;
}

export async function readByIds(tx: Tx, lane: string, ids: readonly string[], { kinds, prefix }: Selection): Promise<DecisionRow[]> {
  return tx.rows<DecisionRow>`
    select kind, value, case when lift_id is null then 'block' else 'allow' end as action, strength, confidence, changed_at as at, until
      from decision
     where lane = ${lane} and (vkey = any (${ids as string[]}::uuid[]) or lift_id = any (${ids as string[]}::uuid[])) and gone is null and kind = any (${kinds as number[]}::smallint[])
       and starts_with(value, ${prefix})`;
}
