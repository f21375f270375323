import type { TopicName } from '@rebato/contract';
import { append, type BusEntry, numberEntries } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Pool, Tx } from './db.ts';
import { isPassing } from './passing.ts';
import type { Bus, Log } from './ports.ts';
import { messageOf, setAside } from './quarantine.ts';
import { type Audience, type PlanItem, type ShelfEntry, shelfSchema } from './shelf.ts';

/**
 * What projectors of one shelf produced in one transaction. `touched` names the values of each lane whose evidence changed, so that a later
 * projector can follow an earlier one, each with what the earlier one knows of it, undefined when it must be looked up; `changes` belongs to
 * whoever seals lanes. The platform looks inside neither.
 */
export type ShelfOutput = {
  readonly entries: ShelfEntry[];
  readonly touched: Map<string, Map<string, unknown>>;
  readonly changes: Map<string, unknown[]>;
};

/** Says where entries of a topic go and when. One per topic: the owner of what is announced. */
export type Planner = (tx: Tx, entries: readonly BusEntry[], audiences: readonly Audience[], now: Date) => Promise<PlanItem[]>;
/** Copies what is due to a shelf. The search path is that shelf's; core tables are named with their schema. */
export type Projector = (tx: Tx, audience: Audience, items: readonly PlanItem[], output: ShelfOutput, now: Date) => Promise<void>;
/** Runs last for a touched shelf, in the same transaction. */
export type Sealer = (tx: Tx, audience: Audience, output: ShelfOutput, now: Date) => Promise<void>;
/** Work of the leader that is not an answer to an entry: expiry, chaining the trail. Tells whether there may be more at once. */
export type Duty = { readonly name: string; readonly everyMs: number; run(): Promise<boolean> };

export type Leader = {
  readonly bus: Bus;
  plan(topics: readonly TopicName[], planner: Planner): void;
  project(topics: readonly TopicName[], projector: Projector): void;
  seal(sealer: Sealer): void;
  duty(duty: Duty): void;
  /** Called in every process after a shelf changed: the reader side wakes up. */
  onShelf(heard: (shelf: string) => void): void;
  /** Called in every process for every numbered entry, after its commit: caches let go of what changed. */
  onEntry(heard: (entry: BusEntry) => void): void;
  /** Runs a projection outside the log's order, for duties that change shelves (expiry). Same transaction rules as the leader's own. */
  onShelves(names: readonly string[], work: Projector): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
  leads(): boolean;
  /** Resolves when everything announced so far has been carried out; for tests and the demo. */
  settled(): Promise<void>;
};

export type LeaderDeps = {
  readonly db: Pool;
  readonly clock: Clock;
  readonly log: Log;
  /** Names of the shelves that this process has prepared. */
  readonly shelves: readonly string[];
  /** Who waits how long, as the transaction sees it: nothing that was announced after a change may be planned by what was before. */
  readonly audiences: (tx: Tx) => Promise<readonly Audience[]>;
};

/** Whoever holds this session lock numbers entries and fills shelves. */
export const leaderLock = 7373003;
/** Urgent entries of one round: bounds a round's length when hundreds arrive at once. */
const maxUrgent = 256;
/** Bulk entries of one round. One entry is at most one chunk of an import, so an alert waits for one chunk at most. */
const maxBulk = 1;
/** Plans carried out in one round: each may be a chunk of an import that is due for a delayed audience. */
const maxDue = 2;
/** After so many rounds of urgent entries alone, the next one takes bulk work along: a flood of alerts must not stop imports for ever. */
const urgentRoundsMax = 8;
/** Nobody nudges for what falls due by the clock, nor when a notification is lost with a broken connection. */
const pollMs = 200;
const standbyMs = 500;
/** Between two tries while the database is short of something. */
const passingPauseMs = 100;

const outboxChannel = 'rebato_outbox';
const shelfChannel = 'rebato_shelf';
const logChannel = 'rebato_log';
const followPage = 500;
/** Entries that other processes' caches must hear of. The rest reaches them through the shelves. */
const heardTopics: ReadonlySet<string> = new Set<TopicName>([
  'members.access_changed',
  'members.entity_changed',
  'guard.released',
  'decisions.control_changed',
]);

export function createLeader(deps: LeaderDeps): Leader {
  const planners = new Map<TopicName, Planner>();
  const projectors: { topics: ReadonlySet<string>; projector: Projector }[] = [];
  const sealers: Sealer[] = [];
  const duties: (Duty & { nextAt: number })[] = [];
  const heard: ((shelf: string) => void)[] = [];
  const entryListeners: ((entry: BusEntry) => void)[] = [];
  let entriesSeen = -1;
  let reading: Promise<void> | undefined;
  let running = false;
  let leading = false;
  let pending = false;
  let wake: (() => void) | undefined;
  let loop: Promise<void> | undefined;
  let notifying = false;
  let urgentRounds = 0;
  const unlisten: (() => Promise<void>)[] = [];
  // Rounds and duties that touch shelves take turns: a lane's version is read and raised by one of them at a time.
  let turn: Promise<unknown> = Promise.resolve();

  const nudgeHere = (): void => {
    pending = true;
    wake?.();
  };

  const bus: Bus = {
    append: (tx, topic, payload, lane) => append(tx, topic, payload, lane),
    nudge() {
      if (leading) return nudgeHere();
      if (notifying) return;
      notifying = true;
      void deps.db.run`select pg_notify(${outboxChannel}, '')`.catch(() => 0).finally(() => (notifying = false));
    },
  };

  /** Every process follows the log for its listeners, from where it stood when the process started. */
  async function followLog(): Promise<void> {
    for (;;) {
      const entries = await deps.db.rows<BusEntry>`
        select position, topic, payload, at from bus.entry where position > ${entriesSeen} order by position limit ${followPage}`;
      for (const entry of entries) for (const listener of entryListeners) listener(entry);
      entriesSeen = entries.at(-1)?.position ?? entriesSeen;
      if (entries.length < followPage) return;
    }
  }

  const follow = (): void => {
    if (entryListeners.length === 0) return;
    reading = (reading ?? Promise.resolve())
      .then(followLog)
      .catch((error: unknown) =>
        deps.log.warn({ err: messageOf(error) }, 'The log could not be followed; the next notification tries again.'),
      );
  };

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work, work);
    turn = result.catch(() => undefined);
    return result;
  }

  async function fill(
    tx: Tx,
    audience: Audience | undefined,
    work: (audience: Audience, output: ShelfOutput, now: Date) => Promise<void>,
    now: Date,
  ): Promise<void> {
    if (audience === undefined) return;
    // A plan that was made while the tables were small would be kept while an import makes them large; planning costs under a millisecond.
    // Rows are asked for by key, and few are found; by the statistics of a growing table the planner would read all of it, or build a bitmap for
    // each key.
    await tx.run`
      select set_config('search_path', ${shelfSchema(audience.name)}, true), set_config('plan_cache_mode', 'force_custom_plan', true),
             set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true)`;
    const output: ShelfOutput = { entries: [], touched: new Map(), changes: new Map() };
    await work(audience, output, now);
    for (const sealer of sealers) await sealer(tx, audience, output, now);
    await writeEntries(tx, output.entries, now);
    if (output.entries.length + output.changes.size > 0) await tx.run`select pg_notify(${shelfChannel}, ${audience.name})`;
  }

  async function carryOut(tx: Tx, items: readonly PlanItem[], audiences: readonly Audience[], now: Date): Promise<void> {
    const shelves = new Map<string, PlanItem[]>();
    for (const item of items) shelves.set(item.shelf, [...(shelves.get(item.shelf) ?? []), item]);
    for (const [shelf, mine] of shelves) {
      await fill(
        tx,
        audiences.find((audience) => audience.name === shelf),
        async (audience, output) => {
          for (const { topics, projector } of projectors) {
            const relevant = mine.filter((item) => topics.has(item.topic));
            if (relevant.length > 0) await projector(tx, audience, relevant, output, now);
          }
        },
        now,
      );
    }
  }

  async function planEntries(tx: Tx, entries: readonly BusEntry[], audiences: readonly Audience[], now: Date): Promise<PlanItem[]> {
    const due: PlanItem[] = [];
    const later: PlanItem[] = [];
    for (const [topic, planner] of planners) {
      const mine = entries.filter((entry) => entry.topic === topic);
      if (mine.length === 0) continue;
      for (const item of await planner(tx, mine, audiences, now)) (item.dueAt <= now ? due : later).push(item);
    }
    for (const item of later) {
      await tx.run`insert into bus.plan (shelf, lane, topic, key, due_at, payload, arrived_at)
        values (${item.shelf}, ${item.lane}, ${item.topic}, ${item.key}, ${item.dueAt}, ${tx.json(item.payload)}, ${item.arrivedAt})`;
    }
    return due;
  }

  /** One round: number, plan, fill, commit. Returns whether there was anything to do. */
  async function round(): Promise<boolean> {
    try {
      return await deps.db.transaction(async (tx) => {
        const mixed = urgentRounds >= urgentRoundsMax;
        // In this order, on one way to the database and back: whatever is numbered here is planned by terms at least as new as it is.
        const [entries, audiences] = await Promise.all([numberEntries(tx, maxUrgent, maxBulk, mixed), deps.audiences(tx)]);
        const alone = !mixed && entries.some((entry) => entry.urgent);
        urgentRounds = alone ? urgentRounds + 1 : 0;
        const now = deps.clock.now();
        const due = await planEntries(tx, entries, audiences, now);
        const waiting = alone
          ? []
          : await tx.rows<PlanItem>`
          delete from bus.plan where id in (select id from bus.plan where due_at <= ${now} order by due_at, id limit ${maxDue})
          returning shelf, lane, topic, key, payload, due_at, arrived_at`;
        await carryOut(tx, [...due, ...waiting], audiences, now);
        if (entries.some((entry) => heardTopics.has(entry.topic))) await tx.run`select pg_notify(${logChannel}, '')`;
        return entries.length + waiting.length > 0;
      });
    } catch (error) {
      if (isPassing(error)) return again(error);
      await setAside({ db: deps.db, clock: deps.clock, log: deps.log, again, carryOut: carryOutOne }, error);
      return true;
    }
  }

  /** The database is short of something or going away: nothing is wrong with the entries, so they wait. */
  async function again(error: unknown): Promise<boolean> {
    deps.log.warn({ err: messageOf(error) }, 'A round of the leader failed for a reason that passes; it is tried again.');
    await new Promise((resolve) => setTimeout(resolve, passingPauseMs));
    return true;
  }

  const carryOutOne = async (tx: Tx, entry: BusEntry): Promise<void> => {
    const now = deps.clock.now();
    const audiences = await deps.audiences(tx);
    await carryOut(tx, await planEntries(tx, [entry], audiences, now), audiences, now);
  };

  async function runDuties(): Promise<boolean> {
    let more = false;
    for (const duty of duties) {
      const now = deps.clock.monotonicMs();
      if (now < duty.nextAt) continue;
      duty.nextAt = now + duty.everyMs;
      try {
        if (await duty.run()) {
          duty.nextAt = 0;
          more = true;
        }
      } catch (error) {
        deps.log.error({ err: messageOf(error), duty: duty.name }, 'A duty of the leader failed and will be tried again.');
      }
    }
    return more;
  }

  async function lead(): Promise<void> {
    while (running) {
      const session = await deps.db.reserve().catch(() => undefined);
      try {
        if (session === undefined) {
          await pause(standbyMs);
          continue;
        }
        while (running && (await session.one<{ got: boolean }>`select pg_try_advisory_lock(${leaderLock}) as got`)?.got !== true)
          await pause(standbyMs);
        if (!running) break;
        leading = true;
        let checkedAt = deps.clock.monotonicMs();
        while (running) {
          pending = false;
          const busy = await inTurn(round);
          const more = await runDuties();
          if (deps.clock.monotonicMs() - checkedAt > standbyMs) {
            // The lock lives in this session: should the connection be gone, so is the leadership.
            await session.one`select 1`;
            checkedAt = deps.clock.monotonicMs();
          }
          if (!busy && !more && !pending) await pause(pollMs);
        }
        await session.run`select pg_advisory_unlock(${leaderLock})`;
      } catch (error) {
        deps.log.warn({ err: messageOf(error) }, 'Leadership was lost; another process or this one takes over.');
        if (running) await pause(standbyMs);
      } finally {
        leading = false;
        session?.release();
      }
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        wake = undefined;
        resolve();
      }
      wake = done;
      if (pending) done();
    });
  }

  return {
    bus,
    plan(topics, planner) {
      for (const topic of topics) {
        if (planners.has(topic)) throw new Error(`the topic ${topic} has a planner already`);
        planners.set(topic, planner);
      }
    },
    project: (topics, projector) => void projectors.push({ topics: new Set(topics), projector }),
    seal: (sealer) => void sealers.push(sealer),
    duty: (duty) => void duties.push({ ...duty, nextAt: 0 }),
    onShelf: (listener) => void heard.push(listener),
    onEntry: (listener) => void entryListeners.push(listener),
    onShelves: (names, work) =>
      inTurn(() =>
        deps.db.transaction(async (tx) => {
          const now = deps.clock.now();
          for (const audience of await deps.audiences(tx))
            if (names.includes(audience.name)) await fill(tx, audience, (_, output) => work(tx, audience, [], output, now), now);
        }),
      ),
    async start() {
      running = true;
      entriesSeen = (await deps.db.one<{ position: number }>`select position from bus.head`)?.position ?? 0;
      unlisten.push(
        await deps.db.listen(outboxChannel, nudgeHere, nudgeHere),
        await deps.db.listen(logChannel, follow, follow),
        await deps.db.listen(
          shelfChannel,
          (shelf) => {
            for (const listener of heard) listener(shelf);
          },
          // Nobody knows which shelf changed while nobody listened.
          () => {
            for (const name of deps.shelves) for (const listener of heard) listener(name);
          },
        ),
      );
      loop = lead();
    },
    async stop() {
      running = false;
      wake?.();
      await loop;
      for (const stop of unlisten.splice(0)) await stop().catch(() => undefined);
      await reading;
    },
    leads: () => leading,
    async settled() {
      for (;;) {
        nudgeHere();
        const left = await deps.db.one<{ n: number }>`
          select (select count(*) from bus.outbox) + (select count(*) from bus.plan where due_at <= ${deps.clock.now()}) as n`;
        if ((left?.n ?? 0) === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}

async function writeEntries(tx: Tx, entries: readonly ShelfEntry[], now: Date): Promise<void> {
  const lanes = new Map<string, ShelfEntry[]>();
  for (const entry of entries) lanes.set(entry.lane, [...(lanes.get(entry.lane) ?? []), entry]);
  for (const [lane, mine] of lanes) {
    const row = await tx.one<{ position: number }>`
      insert into lane (lane, position) values (${lane}, ${mine.length})
      on conflict (lane) do update set position = lane.position + excluded.position
      returning position`;
    const first = (row?.position ?? mine.length) - mine.length + 1;
    await tx.run`
      insert into entry (lane, position, at, topic, object, body)
      select ${lane}, ${first}::bigint + (e.n - 1), ${now}, e.value->>'topic', (e.value->>'object')::uuid, e.value->'body'
        from jsonb_array_elements(${tx.json(mine)}) with ordinality as e(value, n)`;
  }
}
