import type { LoadedReport, ReceiptState } from '@rebato/contract';
import type { Db, Pool, Tx } from '#platform/db';

/** SQL of receipts, reports and alarms. Tables of schema `decisions`; `readSent` reads a shelf through its own pool. */

/** Order is stable: the index is stored. */
export const receiptStates = ['applied', 'refused', 'withdrawn', 'expired'] as const satisfies readonly ReceiptState[];

export type SentRow = {
  readonly id: string;
  readonly lane: string;
  readonly arrivedAt: Date;
  readonly changedAt: Date;
  readonly gone: boolean;
};

/** What the shelf says of decisions on some lanes: no row, never sent there. Rows whose block is over stay. */
export async function readSent(shelf: Pool, lanes: readonly string[], ids: readonly string[]): Promise<SentRow[]> {
  return shelf.rows<SentRow>`
    select coalesce(lift_id, vkey) as id, lane, arrived_at, changed_at, gone is not null as gone
      from decision
     where lane = any (${lanes as string[]}::text[]) and (vkey = any (${ids as string[]}::uuid[]) or lift_id = any (${ids as string[]}::uuid[]))
       and coalesce(lift_id, vkey) = any (${ids as string[]}::uuid[])`;
}

/** Whether the batch of this version names the decision: for entries whose row has been taken over by another one since. */
export async function readBatched(
  shelf: Pool,
  wanted: readonly { readonly lane: string; readonly version: number; readonly id: string }[],
): Promise<{ id: string; lane: string; at: Date }[]> {
  return shelf.rows`
    select w.id, b.lane, b.at
      from unnest(${wanted.map((each) => each.lane)}::text[], ${wanted.map((each) => each.version)}::bigint[], ${wanted.map((each) => each.id)}::uuid[]) as w (lane, version, id)
      join batch b on b.lane = w.lane and b.version = w.version
     where strpos(b.body, w.id::text) > 0`;
}

export async function readLaneVersions(shelf: Pool, lanes: readonly string[]): Promise<{ lane: string; version: number }[]> {
  return shelf.rows`select lane, version from lane where lane = any (${lanes as string[]}::text[])`;
}

export async function channelNumbers(db: Db, names: readonly string[]): Promise<{ num: number; name: string }[]> {
  await db.run`insert into decisions.channel (name) select unnest(${names as string[]}::text[]) on conflict (name) do nothing`;
  return db.rows`select num, name from decisions.channel where name = any (${names as string[]}::text[])`;
}

export type ReceiptRow = {
  readonly decisionId: string;
  readonly controlNum: number;
  readonly channelNum: number;
  readonly state: number;
  readonly version: number;
  readonly saidAt: string;
  /** When the control's own shelf had it: arrival, or for a withdrawal the removal. */
  readonly laneAt: string;
  /** When the network had it: the arrival of its first report anywhere. */
  readonly firstAt: string;
  readonly enrolledAt: string;
  readonly reason: string | null;
};

/**
 * Many receipts of many controls in one statement. A repeated one changes nothing. Answers the times to block that are new, in ms.
 * Only the first "applied" of a control counts, and only for decisions that arrived after its enrolment: older ones come with its first
 * snapshot and say nothing about speed.
 */
export async function insertReceipts(tx: Tx, rows: readonly ReceiptRow[], receivedAt: Date): Promise<{ ms: number | null }[]> {
  return tx.rows<{ ms: number | null }>`
    insert into decisions.receipt (decision_id, control_num, channel_num, state, version, received_at, said_at, ms, lane_ms, counts, reason)
    select r.decision_id, r.control_num, r.channel_num, r.state, r.version, ${receivedAt}, r.said_at,
           case when r.state = 0 then least(extract(epoch from ${receivedAt} - r.first_at) * 1000, 2147483647)::integer end,
           case when r.state in (0, 2) then least(greatest(extract(epoch from ${receivedAt} - r.lane_at) * 1000, 0), 2147483647)::integer end,
           r.state = 0 and r.enrolled_at <= r.first_at and not exists (
             select from decisions.receipt e where e.decision_id = r.decision_id and e.control_num = r.control_num and e.state = 0),
           r.reason
      from unnest(${rows.map((row) => row.decisionId)}::uuid[], ${rows.map((row) => row.controlNum)}::integer[],
                  ${rows.map((row) => row.channelNum)}::integer[], ${rows.map((row) => row.state)}::smallint[],
                  ${rows.map((row) => row.version)}::bigint[], ${rows.map((row) => row.saidAt)}::timestamptz[],
                  ${rows.map((row) => row.laneAt)}::timestamptz[], ${rows.map((row) => row.firstAt)}::timestamptz[], ${rows.map((row) => row.enrolledAt)}::timestamptz[],
                  ${rows.map((row) => row.reason)}::text[])
             as r (decision_id, control_num, channel_num, state, version, said_at, lane_at, first_at, enrolled_at, reason)
    on conflict do nothing
    returning case when counts then ms end as ms`;
}

export type ReportRow = { readonly controlId: string; readonly at: Date; readonly report: LoadedReport };

/** The newest report of each control; one per control in `rows`. */
export async function putReports(tx: Tx, rows: readonly ReportRow[]): Promise<void> {
  const flat = rows.map(({ controlId, at, report }) => ({
    control_id: controlId,
    seen_at: at,
    versions: report.versions,
    wanted_count: report.wanted.count,
    wanted_digest: report.wanted.digest,
    loaded_count: report.loaded.count,
    loaded_digest: report.loaded.digest,
    drift_repaired: report.driftRepaired,
    alarms: report.alarms,
  }));
  await tx.run`
    insert into decisions.report (control_id, seen_at, reported_at, versions, wanted_count, wanted_digest, loaded_count, loaded_digest, drift_repaired, alarms)
    select control_id, seen_at, seen_at, versions, wanted_count, wanted_digest, loaded_count, loaded_digest, drift_repaired, alarms
      from jsonb_to_recordset(${tx.json(flat)}) as r (control_id uuid, seen_at timestamptz, versions jsonb, wanted_count integer, wanted_digest text,
           loaded_count integer, loaded_digest text, drift_repaired bigint, alarms jsonb)
     order by control_id
    on conflict (control_id) do update
       set seen_at = greatest(decisions.report.seen_at, excluded.seen_at), reported_at = excluded.reported_at, versions = excluded.versions,
           wanted_count = excluded.wanted_count, wanted_digest = excluded.wanted_digest, loaded_count = excluded.loaded_count,
           loaded_digest = excluded.loaded_digest, drift_repaired = excluded.drift_repaired, alarms = excluded.alarms`;
}

/** Signs of life. In order of id, as reports are, so that two processes never wait for each other in a circle. */
export async function putSeen(db: Db, seen: ReadonlyMap<string, Date>): Promise<void> {
  const rows = [...seen].map(([id, at]) => ({ id, at }));
  await db.run`
    insert into decisions.report (control_id, seen_at)
    select id, at from jsonb_to_recordset(${db.json(rows)}) as r (id uuid, at timestamptz) order by id
    on conflict (control_id) do update set seen_at = greatest(decisions.report.seen_at, excluded.seen_at)`;
}

export type AlarmRow = { readonly controlId: string; readonly code: string; readonly detail: string; readonly count: number };

export async function ringAlarms(tx: Tx, rows: readonly AlarmRow[], at: Date): Promise<void> {
  await tx.run`
    insert into decisions.alarm (control_id, code, detail, count, first_at, last_at)
    select r."controlId", r.code, r.detail, r.count, ${at}, ${at}
      from jsonb_to_recordset(${tx.json(rows)}) as r ("controlId" uuid, code text, detail text, count bigint)
     order by 1, 2
    on conflict (control_id, code) do update
       set detail = excluded.detail, count = decisions.alarm.count + excluded.count, last_at = excluded.last_at`;
}

export type StatusRow = {
  readonly controlId: string;
  readonly seenAt: Date;
  readonly reportedAt: Date | null;
  readonly versions: Readonly<Record<string, number>> | null;
  readonly wantedCount: number | null;
  readonly wantedDigest: string | null;
  readonly loadedCount: number | null;
  readonly loadedDigest: string | null;
  readonly driftRepaired: number | null;
  readonly alarms: LoadedReport['alarms'] | null;
};

export async function readStatus(db: Db, controlIds: readonly string[]): Promise<StatusRow[]> {
  return db.rows<StatusRow>`
    select control_id, seen_at, reported_at, versions, wanted_count, wanted_digest, loaded_count, loaded_digest, drift_repaired, alarms
      from decisions.report where control_id = any (${controlIds as string[]}::uuid[])`;
}

export type AlarmView = {
  readonly controlId: string;
  readonly code: string;
  readonly detail: string;
  readonly count: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
};

export async function readAlarms(db: Db, controlIds: readonly string[]): Promise<AlarmView[]> {
  return db.rows<AlarmView>`
    select control_id, code, detail, count, first_at, last_at from decisions.alarm
     where control_id = any (${controlIds as string[]}::uuid[]) order by last_at desc, code limit 2000`;
}

/** When each enrolled, unrevoked agent was last heard. */
export async function readSigns(db: Db): Promise<{ id: string; entityId: string; name: string; seenAt: Date | null; enrolledAt: Date }[]> {
  return db.rows`
    select c.id, c.entity_id, c.name, r.seen_at, c.enrolled_at
      from decisions.control c left join decisions.report r on r.control_id = c.id
     where c.feed = 'agent' and c.revoked_at is null and c.enrolled_at is not null`;
}
