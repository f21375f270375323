import { valueKinds } from '@rebato/contract';
import type { Pool, Tx } from '#platform/db';
import { limits } from './limits.ts';

/** All SQL of the streams. Runs on the readers' pool of one shelf, so names are that shelf's. */

export type BatchRow = {
  readonly lane: string;
  readonly version: number;
  readonly body: string;
  readonly keyId: string;
  readonly sig: string;
  readonly hash: string;
};
export type LaneRow = {
  readonly lane: string;
  readonly version: number;
  readonly hash: string;
  readonly position: number;
  readonly head: string | null;
};

/** Where lanes stand; a lane without a row has had nothing yet. `head` is the beginning of the newest batch's text. */
export async function readLanes(shelf: Pool, lanes: readonly string[]): Promise<LaneRow[]> {
  return shelf.rows<LaneRow>`
    select l.lane, l.version, l.hash, l.position, left(b.body, 2000) as head
      from lane l left join batch b on b.lane = l.lane and b.version = l.version
     where l.lane = any (${lanes as string[]}::text[])`;
}

/** The next batches of several lanes, each after its version. */
export async function readBatches(shelf: Pool, after: readonly { readonly lane: string; readonly version: number }[]): Promise<BatchRow[]> {
  return shelf.rows<BatchRow>`
    select b.lane, b.version, b.body, b.key_id, b.sig, b.hash
      from unnest(${after.map(({ lane }) => lane)}::text[], ${after.map(({ version }) => version)}::bigint[]) as a (lane, version)
     cross join lateral (
       select b.lane, b.version, b.body, b.key_id, b.sig, b.hash from batch b
        where b.lane = a.lane and b.version > a.version order by b.version limit ${limits.rowsPerRead}) b
     order by b.lane, b.version limit ${limits.rowsPerRead}`;
}

/** A page of one lane's batches, bounded in rows and bytes; at least one if there is one. */
export async function readBatchPage(shelf: Pool, lane: string, after: number, maxBytes: number): Promise<BatchRow[]> {
  return shelf.rows<BatchRow>`
    select lane, version, body, key_id, sig, hash
      from (select b.*, sum(length(body)) over (order by version) as bytes
              from (select * from batch where lane = ${lane} and version > ${after} order by version limit ${limits.batchPageRows}) b) p
     where p.bytes <= ${maxBytes} or p.version = ${after} + 1
     order by version`;
}

export type EntryRow = {
  readonly lane: string;
  readonly position: number;
  readonly at: Date;
  readonly topic: string;
  readonly object: string;
  readonly body: unknown;
};

/**
 * The next entries of several lanes, each after its position, bounded in rows and bytes: at least one if there is one. Fewer than there are
 * does not show in the number of rows, so `more` tells.
 */
export async function readEntries(
  shelf: Pool,
  after: readonly { readonly lane: string; readonly position: number }[],
  page: { readonly rows: number; readonly bytes: number },
): Promise<{ readonly rows: readonly EntryRow[]; readonly more: boolean }> {
  const found = await shelf.rows<EntryRow & { readonly bytes: number }>`
    select p.lane, p.position, p.at, p.topic, p.object, p.body, p.bytes
      from (select e.*, sum(octet_length(e.body::text)) over w - octet_length(e.body::text) as before,
                   sum(octet_length(e.body::text)) over w as bytes
              from unnest(${after.map(({ lane }) => lane)}::text[], ${after.map(({ position }) => position)}::bigint[]) as a (lane, position)
             cross join lateral (
               select e.* from entry e where e.lane = a.lane and e.position > a.position order by e.position limit ${page.rows}) e
            window w as (order by e.at, e.lane, e.position)
             order by e.at, e.lane, e.position limit ${page.rows}) p
     where p.before < ${page.bytes}
     order by p.at, p.lane, p.position`;
  const rows = found.map(({ bytes: _bytes, ...row }) => row);
  return { rows, more: rows.length === page.rows || (found.at(-1)?.bytes ?? 0) >= page.bytes };
}

/** One moment of the shelf, however many statements read it. First statement of its transaction. */
export async function holdStill(tx: Tx): Promise<void> {
  await tx.run`set transaction isolation level repeatable read, read only`;
}

export type LaneState = {
  readonly version: number;
  readonly hash: string;
  readonly count: number;
  readonly digest: string;
  readonly head: string | null;
};

export async function readLaneState(tx: Tx, lane: string): Promise<LaneState | undefined> {
  return tx.one<LaneState>`
    select l.version, l.hash, l.count, l.digest, left(b.body, 2000) as head
      from lane l left join batch b on b.lane = l.lane and b.version = l.version where l.lane = ${lane}`;
}

/**
 * The lines of a snapshot's next page, made by the database: the text of a million entries never becomes objects here. Dates as the batches
 * write them, because they are part of the digest.
 */
export async function readSnapshotPage(
  tx: Tx,
  lane: string,
  after: string | null,
): Promise<{ text: string | null; rows: number; last: string | null }> {
  const row = await tx.one<{ text: string | null; rows: number; last: string | null }>`
    select string_agg(json_build_array(coalesce(d.lift_id, d.vkey), (${[...valueKinds]}::text[])[d.kind + 1], d.value, case when d.lift_id is null then 'block' else 'allow' end,
             case d.strength when 1 then 'consolidated' else 'lease' end, d.confidence,
             to_char(d.until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))::text, E'\n' order by d.vkey) as text,
           count(*) as rows, (array_agg(d.vkey order by d.vkey desc))[1]::text as last
      from (select * from decision where lane = ${lane} and gone is null and (${after}::uuid is null or vkey > ${after})
             order by vkey limit ${limits.snapshotPageRows}) d`;
  return row ?? { text: null, rows: 0, last: null };
}
