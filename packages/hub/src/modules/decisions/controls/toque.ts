import type { Pool, Tx } from '#platform/db';
import type { Duty, Leader } from '#platform/leader';

/**
 * The sums that readers see beside a decision: how many controls of their lane have applied it, and how fast. They are copied to the shelf like
 * everything that readers read, so a request for them never touches other members' receipts.
 */
export function toqueDuty(deps: { readonly db: Pool; readonly leader: Pick<Leader, 'onShelves'> }): Duty {
  return {
    name: 'sum up receipts',
    everyMs: 1_000,
    async run() {
      let more = false;
      for (const shelf of await shelvesDue(deps.db)) {
        await deps.leader.onShelves([shelf], async (tx) => {
          more = (await sumUp(tx, shelf)) === stepMax || more;
        });
      }
      return more;
    },
  };
}

/** Decisions of one transaction: each reads the receipts of its controls, some thousand at most, and alerts wait for it. */
const stepMax = 20;

/** Asked outside of the leader's turn: mostly there is nothing to do. */
async function shelvesDue(db: Pool): Promise<string[]> {
  const rows = await db.rows<{ shelf: string }>`
    select distinct split_part(c.name, '/', 1) as shelf from decisions.toque_due t join decisions.channel c on c.num = t.channel_num`;
  return rows.map(({ shelf }) => shelf);
}

/** Marks what changed; in the transaction that records the receipts. In order, so that two processes never wait for each other in a circle. */
export async function markDue(tx: Tx, due: readonly { readonly channelNum: number; readonly decisionId: string }[]): Promise<void> {
  await tx.run`
    insert into decisions.toque_due (channel_num, decision_id)
    select distinct c, d from unnest(${due.map((each) => each.channelNum)}::integer[], ${due.map((each) => each.decisionId)}::uuid[]) as t (c, d) order by 1, 2
    on conflict do nothing`;
}

/** Writes the sums that are due for one shelf, whose schema is the search path. */
async function sumUp(tx: Tx, shelf: string): Promise<number> {
  return tx.run`
    with due as (
      delete from decisions.toque_due t
       using (select t.channel_num, t.decision_id, substr(c.name, length(${shelf}::text) + 2) as lane
                from decisions.toque_due t join decisions.channel c on c.num = t.channel_num
               where starts_with(c.name, ${`${shelf}/`}) order by 1, 2 limit ${stepMax} for update of t skip locked) pick
       where t.channel_num = pick.channel_num and t.decision_id = pick.decision_id
      returning pick.channel_num, pick.decision_id, pick.lane
    )
    insert into toque (lane, decision_id, applied, refused, withdrawn, first_ms, median_ms)
    select due.lane, due.decision_id, count(*) filter (where r.last and r.state = 0), count(*) filter (where r.last and r.state = 1),
           count(*) filter (where r.last and r.state in (2, 3)), min(r.lane_ms) filter (where r.counts),
           percentile_disc(0.5) within group (order by r.lane_ms) filter (where r.counts)
      from due
     cross join lateral (
       select r.state, r.lane_ms, r.counts,
              row_number() over (partition by r.control_num order by r.version desc, r.received_at desc, r.state desc) = 1 as last
         from decisions.receipt r
        where r.decision_id = due.decision_id and r.channel_num = due.channel_num) r
     group by due.lane, due.decision_id
    on conflict (lane, decision_id) do update
       set applied = excluded.applied, refused = excluded.refused, withdrawn = excluded.withdrawn, first_ms = excluded.first_ms, median_ms = excluded.median_ms`;
}
