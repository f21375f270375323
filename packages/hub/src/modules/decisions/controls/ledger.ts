import type { Actor } from '#platform/actor';
import type { Db, Pool } from '#platform/db';
import type { Clock } from '#platform/ports';
import { fail } from './errors.ts';
import { maySee, seesNetworkLedger } from './policy.ts';
import type { Roster } from './roster.ts';

/** Time to block in ms over all receipts that count. Null: there are none. Values that occurred, never interpolated ones. */
export type Times = { readonly count: number; readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };
export type TimesAt = Times & { readonly at: Date };
export type DecisionTimes = Times & { readonly applied: number; readonly refused: number; readonly withdrawn: number };

export type LedgerDeps = { readonly db: Pool; readonly clock: Clock; readonly roster: Roster };

/** Whose receipts: a control's, an entity's, or everybody's (null). */
export type Whose = { readonly controlId: string } | { readonly entityId: string } | null;

/**
 * Which controls a reader may ask about, as a list of their numbers. Members are shown the time since their own shelf had the decision: the
 * time since its first report anywhere would tell them of reports that were not released to them.
 */
function scope(deps: LedgerDeps, actor: Actor, whose: Whose): { readonly nums: number[] | null; readonly network: boolean } {
  const network = seesNetworkLedger(actor);
  if (whose === null) {
    if (!network) throw fail('controls.network_only', 'Only coordinators and assessors see the whole network.');
    return { nums: null, network };
  }
  const nums: number[] = [];
  for (const control of deps.roster.all()) {
    if ('controlId' in whose ? control.id !== whose.controlId : control.entityId !== whose.entityId) continue;
    if (network || maySee(actor, control)) nums.push(control.num);
  }
  if (nums.length === 0 && 'controlId' in whose) throw fail('controls.not_found', 'There is no such control.');
  return { nums, network };
}

const percentiles = (db: Db, network: boolean) => {
  const ms = network ? db.sql`r.ms` : db.sql`r.lane_ms`;
  return db.sql`count(*) as count, percentile_disc(0.5) within group (order by ${ms}) as p50,
    percentile_disc(0.95) within group (order by ${ms}) as p95, percentile_disc(0.99) within group (order by ${ms}) as p99`;
};

/** One decision over the controls that the actor sees. */
export async function decisionTimes(deps: LedgerDeps, actor: Actor, decisionId: string, whose: Whose): Promise<DecisionTimes> {
  const { nums, network } = scope(deps, actor, whose);
  const ms = network ? deps.db.sql`r.ms` : deps.db.sql`r.lane_ms`;
  const row = await deps.db.one<DecisionTimes>`
    select count(*) filter (where r.counts) as count,
           percentile_disc(0.5) within group (order by ${ms}) filter (where r.counts) as p50,
           percentile_disc(0.95) within group (order by ${ms}) filter (where r.counts) as p95,
           percentile_disc(0.99) within group (order by ${ms}) filter (where r.counts) as p99,
           count(distinct r.control_num) filter (where r.state = 0) as applied,
           count(distinct r.control_num) filter (where r.state = 1) as refused,
           count(distinct r.control_num) filter (where r.state in (2, 3)) as withdrawn
      from decisions.receipt r
     where r.decision_id = ${decisionId} and (${nums}::integer[] is null or r.control_num = any (${nums}::integer[]))`;
  return row ?? { count: 0, p50: null, p95: null, p99: null, applied: 0, refused: 0, withdrawn: 0 };
}

const daysAgo = (clock: Clock, days: number): Date => new Date(clock.now().getTime() - days * 86_400_000);

/** All receipts of the last days. */
export async function times(deps: LedgerDeps, actor: Actor, whose: Whose, days: number): Promise<Times> {
  const { nums, network } = scope(deps, actor, whose);
  const row = await deps.db.one<Times>`
    select ${percentiles(deps.db, network)}
      from decisions.receipt r
     where r.counts and r.received_at >= ${daysAgo(deps.clock, days)} and (${nums}::integer[] is null or r.control_num = any (${nums}::integer[]))`;
  return row ?? { count: 0, p50: null, p95: null, p99: null };
}

/** Points of a chart: at most this many, whatever is asked. */
const pointsMax = 400;

/** The same over time, in steps. Steps without receipts are left out. */
export async function timesOver(deps: LedgerDeps, actor: Actor, whose: Whose, days: number, stepMs: number): Promise<TimesAt[]> {
  const { nums, network } = scope(deps, actor, whose);
  return deps.db.rows<TimesAt>`
    select date_bin(${`${Math.max(stepMs, 1000)} milliseconds`}::interval, r.received_at, timestamptz '2020-01-01') as at, ${percentiles(deps.db, network)}
      from decisions.receipt r
     where r.counts and r.received_at >= ${daysAgo(deps.clock, days)} and (${nums}::integer[] is null or r.control_num = any (${nums}::integer[]))
     group by 1 order by 1 desc limit ${pointsMax}`;
}
