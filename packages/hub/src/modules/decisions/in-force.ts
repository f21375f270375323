import { valueKinds } from '@rebato/contract';
import { addSpread, emptySpread, type InForce } from '#guard';
import type { Pool } from '#platform/db';

/** More networks than the guard's totals allow to be in force, so none is left out. */
const netsMax = 20_000;

/** What is blocked on each shelf for everybody who reads there: what a batch of new blocks is measured against. */
export async function inForce(pools: ReadonlyMap<string, Pool>): Promise<ReadonlyMap<string, InForce>> {
  const net = valueKinds.indexOf('net');
  const shelves = await Promise.all(
    [...pools].map(async ([shelf, pool]) => {
      const [lane, nets] = await Promise.all([
        pool.one<{ count: number }>`select count from lane where lane = 'c'`,
        pool.rows<{ value: string }>`
          select value from decision where lane = 'c' and kind = ${net} and gone is null and lift_id is null limit ${netsMax}`,
      ]);
      const values = nets.map((row) => row.value);
      return [shelf, { entries: Number(lane?.count ?? 0), nets: new Set(values), spread: addSpread(emptySpread, values) }] as const;
    }),
  );
  return new Map(shelves);
}
