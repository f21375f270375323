import type { Clock } from '#platform/clock';
import type { Db, Pool } from '#platform/db';
import { judgeSpread, type SpreadTotals } from './spread.ts';
import { type GuardHold, hold } from './verdict.ts';

/**
 * How fast blocks come in. One source that goes wild, or many at once, would fill every firewall of the network before a person looks. What is
 * over its pace may be read like the rest, and waits as a block for two people. Judged in memory: nothing is asked of the database for a
 * report, and other processes' counts arrive some seconds late.
 */
export const paceLimits = {
  /** Blocks that one source makes in an hour without a question, however quiet it has been: a whole campaign, written down at once. */
  sourcePerHour: 5_000,
  /** The same for everybody together. */
  networkPerHour: 20_000,
  /** Above that: how many times the median of the hours in which it sent something. */
  factor: 5,
  /** Hours that the median looks back. */
  historyHours: 7 * 24,
  /** Blocks that one event adds without a question. */
  step: 5_000,
  /** A share of the list that one event adds without a question; of shorter lists a share says nothing. */
  stepShare: 0.2,
  stepShareFrom: 5_000,
} as const;

/** What is in force on one shelf: what the sender, who reads there, knows already. */
export type InForce = { readonly entries: number; readonly nets: ReadonlySet<string>; readonly spread: SpreadTotals };

/** The blocks that one event would make. */
export type PaceInput = {
  readonly source: string;
  /** Where the source reads: it is judged by what has been released to it, so that the answer tells it nothing more. */
  readonly shelf: string;
  readonly blocks: number;
  /** Those of them that are networks, canonical, without what two people have released. */
  readonly nets: readonly string[];
  /** The source's readers get it at once, and it gets theirs: only such count for the network, and are judged by it. */
  readonly communal: boolean;
  /** A trusted feed: size and pace are its nature. What its networks add up to is looked at all the same. */
  readonly feed: boolean;
  /** Instead of `sourcePerHour`. */
  readonly perHour: number | undefined;
};

export type PaceHold = { readonly hold: GuardHold; readonly why: 'spread' | 'step' | 'source' | 'network' };

export type Pace = {
  /** Why the blocks of an event wait, all together; undefined: they pass. Counts nothing. */
  judge(input: PaceInput): PaceHold | undefined;
  /** They have passed. */
  count(input: PaceInput): void;
  /** Writes what was counted, and reads what others did. */
  flush(): Promise<void>;
  /** Reads the history. */
  load(): Promise<void>;
};

/** Stands for everybody in the table. */
const network = '00000000-0000-0000-0000-000000000000';
const hourMs = 3_600_000;
/** Sources at once: more than any nation has entities. */
const sourcesMax = 10_000;

type Known = { hour: number; counted: number; median: number };

export function createPace(deps: {
  readonly db: Pool;
  readonly clock: Clock;
  readonly inForce: () => Promise<ReadonlyMap<string, InForce>>;
}): Pace {
  const known = new Map<string, Known>();
  /** Not in the table yet: `<source> <hour>`. */
  const pending = new Map<string, number>();
  let shelves: ReadonlyMap<string, InForce> = new Map();

  const hourNow = (): number => Math.floor(deps.clock.now().getTime() / hourMs) * hourMs;
  const soFar = (source: string): number => {
    const at = known.get(source);
    return (at?.hour === hourNow() ? at.counted : 0) + (pending.get(`${source} ${hourNow()}`) ?? 0);
  };
  const allowed = (source: string, floor: number): number => Math.max(floor, paceLimits.factor * (known.get(source)?.median ?? 0));
  const add = (source: string, blocks: number): void => {
    const key = `${source} ${hourNow()}`;
    pending.set(key, (pending.get(key) ?? 0) + blocks);
  };

  return {
    judge({ source, shelf, blocks, nets, communal, feed, perHour }) {
      if (blocks === 0) return undefined;
      const there = shelves.get(shelf);
      const fresh = there === undefined ? nets : nets.filter((net) => !there.nets.has(net));
      const wide = fresh.length === 0 ? undefined : judgeSpread(fresh, there?.spread);
      if (wide !== undefined) return { hold: wide, why: 'spread' };
      if (feed) return undefined;
      const entries = there?.entries ?? 0;
      const step = entries < paceLimits.stepShareFrom ? paceLimits.step : Math.min(paceLimits.step, entries * paceLimits.stepShare);
      if (blocks > Math.max(step, perHour ?? 0)) return { hold: tooFast, why: 'step' };
      if (soFar(source) + blocks > allowed(source, perHour ?? paceLimits.sourcePerHour)) return { hold: tooFast, why: 'source' };
      if (communal && soFar(network) + blocks > allowed(network, paceLimits.networkPerHour)) return { hold: tooFast, why: 'network' };
      return undefined;
    },
    count({ source, blocks, communal, feed }) {
      if (blocks === 0 || feed) return;
      add(source, blocks);
      if (communal) add(network, blocks);
    },
    async flush() {
      if (pending.size === 0) return;
      const taken = [...pending];
      for (const [key, blocks] of taken) {
        const [source = '', hour = ''] = key.split(' ');
        const counted = await addBlocks(deps.db, source, new Date(Number(hour)), blocks);
        // What came meanwhile stays pending.
        const left = (pending.get(key) ?? 0) - blocks;
        if (left > 0) pending.set(key, left);
        else pending.delete(key);
        known.set(source, { hour: Number(hour), counted, median: known.get(source)?.median ?? 0 });
      }
    },
    async load() {
      const hour = hourNow();
      const [rows, inForce] = await Promise.all([readPaces(deps.db, new Date(hour)), deps.inForce()]);
      known.clear();
      for (const { source, counted, median } of rows) known.set(source, { hour, counted, median });
      shelves = inForce;
    },
  };
}

/** The same words for every reason: how much others sent is not the sender's to know. */
const tooFast = hold(
  'rate',
  'More blocks at once than usual.',
  'They are shared for reading; two people may release the event, and a coordinator may declare its source a feed.',
);

async function addBlocks(db: Db, source: string, hour: Date, blocks: number): Promise<number> {
  const row = await db.one<{ blocks: number }>`
    insert into guard.pace (source, hour, blocks) values (${source}, ${hour}, ${blocks})
        on conflict (source, hour) do update set blocks = guard.pace.blocks + excluded.blocks
    returning blocks`;
  return row?.blocks ?? blocks;
}

/** What each source has sent in the present hour, and its median over those of the past hours in which it sent something. */
async function readPaces(db: Db, hour: Date): Promise<{ source: string; counted: number; median: number }[]> {
  const since = new Date(hour.getTime() - paceLimits.historyHours * hourMs);
  await db.run`delete from guard.pace where hour < ${since}`;
  return db.rows<{ source: string; counted: number; median: number }>`
    select source, coalesce(sum(blocks) filter (where hour = ${hour}), 0)::bigint as counted,
           coalesce(percentile_disc(0.5) within group (order by blocks) filter (where hour < ${hour}), 0)::bigint as median
      from guard.pace
     group by source
     limit ${sourcesMax}`;
}
