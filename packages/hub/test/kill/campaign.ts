import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Envelope } from '@rebato/contract';
import { openPool, type Pool } from '#platform/db';
import { type ChainReader, createChainReader } from './chain.ts';
import { type Child, ChildEnded } from './child.ts';
import { type AgentPlace, createInstallation, type Installation } from './installation.ts';
import { doubledDecisions, gaps, idle, readReports, readRetracted, readViews, setAside } from './invariants.ts';
import { type Retractions, startRetractions } from './retractions.ts';
import { createSetChecker, type SetChecker, type SetVerdict } from './set-checker.ts';
import { type Load, startLoad } from './writers.ts';

/** What is killed in a round. `database`: all processes of PostgreSQL at once. `start`: the hub, and then again while it starts. */
export const victims = ['hub', 'postmaster', 'database', 'backend', 'agent', 'hub and agent', 'start'] as const;
export type Victim = (typeof victims)[number];

export type CampaignOptions = {
  readonly rounds: number;
  readonly seed: number;
  /** The kill comes at a random moment within this time of load. */
  readonly loadMs: number;
  /** Everything is let settle and compared after this many rounds, and after the last. */
  readonly checkEvery: number;
  readonly writers: number;
  readonly everyMs?: number;
  readonly agents: number;
  readonly victims?: readonly Victim[];
  /** The control: what is acknowledged need not be on disk. A campaign with this must find loss. */
  readonly asynchronousCommit?: boolean;
  /** Ends as soon as the first acknowledged report is missing. */
  readonly stopAtLoss?: boolean;
  readonly say?: (line: string) => void;
  /** Ends the campaign after the round under way, with everything checked. */
  readonly stop?: AbortSignal;
};

export type CampaignResult = {
  readonly rounds: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  readonly retried: Readonly<Record<string, number>>;
  readonly restarts: readonly number[];
  readonly settles: readonly number[];
  /** By place: reports, events, decisions, released, and one for each agent's file. */
  readonly sets: Readonly<Record<string, SetVerdict>>;
  /** Everything else that must never be. */
  readonly breaches: readonly string[];
  readonly batches: number;
  readonly entries: number;
};

/** Longest that everything may take to settle after a kill, on a machine that is busy with other things; beyond it, something hangs. */
const settleMaxMs = 180_000;
/** Longest from a kill until a report is acknowledged again. */
const serviceMaxMs = 60_000;
const hubEndMaxMs = 30_000;
/** A hub that cannot live without its database for a moment ends within this time. */
const backendNoticeMs = 300;

/** The same numbers for the same seed: victims and moments can be repeated, though not the machine's timing. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const random = randomFrom(options.seed);
  const say = options.say ?? (() => {});
  const children = new Set<Child>();
  const installation = await createInstallation();
  let load: Load | undefined;
  let retractions: Retractions | undefined;
  let db: Pool | undefined;
  try {
    let hub = await startHub();
    if (options.asynchronousCommit === true) {
      const owner = openPool(installation.databaseUrl(), { max: 1, application: 'kill test' });
      await owner.script('alter database rebato set synchronous_commit = off');
      await owner.close();
      await hub.end();
      hub = await startHub();
    }
    const members = [await installation.addMember('Ayuntamiento de Alba'), await installation.addMember('Hospital de Boira')];
    const places: AgentPlace[] = [];
    const agents: Child[] = [];
    for (let n = 0; n < options.agents; n++) {
      const place = await installation.addAgent(`agent-${n}`, members[n % members.length] ?? { entityId: '', key: '' });
      places.push(place);
      agents.push(await startAgent(place));
    }
    const names = ['reports', 'events', 'decisions', 'released', ...places.map((_place, n) => `agent ${n}`)];
    const sets = new Map(names.map((name) => [name, createSetChecker()]));
    const set = (name: string): SetChecker => sets.get(name) ?? createSetChecker();
    const retracted = createSetChecker();
    const prefix = `k${options.seed.toString(36)}-`;
    load = startLoad({
      ...{ url: installation.url, members, writers: options.writers, prefix, sets: [...sets.values()] },
      ...(options.everyMs === undefined ? {} : { everyMs: options.everyMs }),
    });
    retractions = startRetractions({ url: installation.url, adminKey: installation.adminKey(), set: retracted });
    const channels = [...new Set(places.flatMap((place) => place.channels))];
    const chains = new Map(channels.map((channel) => [channel, chainOf(channel, places)]));
    const breaches: string[] = [];
    const restarts: number[] = [];
    const settles: number[] = [];
    const kills: Record<string, number> = {};
    let done = 0;

    for (let round = 0; round < options.rounds; round++) {
      const isLast = (): boolean => round + 1 === options.rounds || options.stop?.aborted === true;
      await wait(100 + random() * options.loadMs);
      const allowed = options.victims ?? victims;
      const victim = allowed[Math.floor(random() * allowed.length)] ?? 'hub';
      kills[victim] = (kills[victim] ?? 0) + 1;
      const killedAt = performance.now();
      await strike(victim);
      // Answers that were under way may still arrive: at most one for each writer.
      const before = load.acknowledged();
      if (victim !== 'agent') {
        if (!(await until(() => (load?.acknowledged() ?? 0) > before + options.writers, serviceMaxMs)))
          throw new Error(`no report was acknowledged within ${serviceMaxMs} ms after a kill of ${victim}; the hub said:\n${hub.said()}`);
        restarts.push(performance.now() - killedAt);
      }
      done += 1;
      // At once, before anything has had time to settle: what was acknowledged before the kill must be there.
      await withDatabase(async (pool) => {
        const beganAt = performance.now();
        const reports = await readReports(pool);
        set('reports').read(reports, beganAt, performance.now());
      });
      say(`round ${round + 1}: ${victim}, ${Math.round(performance.now() - killedAt)} ms, ${load.acknowledged()} acknowledged`);
      const lossFound = set('reports').verdict().lost.length + set('reports').verdict().neverRead.length > 0;
      if (options.stopAtLoss === true && lossFound) break;
      if (options.stopAtLoss !== true && ((round + 1) % options.checkEvery === 0 || isLast())) {
        await check();
        if (breaches.length > 0 || isLast()) break;
        load.resume();
        retractions.resume();
      }
    }
    await Promise.all([load.pause(), retractions.pause()]);
    const { entries, batches } = await withDatabase(async (pool) => ({
      entries: (await pool.one<{ n: number }>`select count(*) as n from bus.entry`)?.n ?? 0,
      batches: (await pool.one<{ n: number }>`select count(*) as n from shelf_immediate.batch`)?.n ?? 0,
    }));
    for (const refusal of load.refusals)
      breaches.push(`a good report was refused: ${refusal.element} ${refusal.status} ${refusal.body.slice(0, 200)}`);
    return {
      rounds: done,
      kills,
      acknowledged: load.acknowledged(),
      retried: Object.fromEntries(load.retried),
      restarts,
      settles,
      sets: Object.fromEntries([...sets, ['retractions', retracted] as const].map(([name, checker]) => [name, checker.verdict()])),
      breaches,
      batches,
      entries,
    };

    async function strike(victim: Victim): Promise<void> {
      const [agent, place] = pickAgent();
      if (victim === 'agent' || victim === 'hub and agent') await agent?.end();
      if (victim === 'backend') {
        // Any process of the database but the server: PostgreSQL ends all others and recovers by itself; the hub must live through that.
        const others = installation.postgres().filter((pid) => pid !== installation.postmaster());
        const pid = others[Math.floor(random() * others.length)];
        if (pid !== undefined) killQuietly(pid);
        await wait(backendNoticeMs);
        if (!hub.running()) {
          breaches.push(`the hub did not live through a crash of its database: ${hub.said().slice(-300)}`);
          hub = await startHub();
        }
      } else if (victim === 'postmaster' || victim === 'database') {
        const server = installation.postmaster();
        const pids = victim === 'database' ? installation.postgres() : server === undefined ? [] : [server];
        for (const pid of pids) killQuietly(pid);
        // The hub ends when its database has; whoever watches over it starts it again.
        if (!(await until(() => !hub.running(), hubEndMaxMs))) {
          breaches.push(`the hub did not end within ${hubEndMaxMs} ms after its database had ended`);
          await hub.end();
        }
        hub = await startHub();
      } else if (victim !== 'agent') {
        await hub.end();
        if (victim === 'start') await startAndKill(random() * 1500);
        hub = await startHub();
      }
      if (place !== undefined && (victim === 'agent' || victim === 'hub and agent'))
        agents[places.indexOf(place)] = await startAgent(place);
    }

    function pickAgent(): [Child | undefined, AgentPlace | undefined] {
      const n = Math.floor(random() * agents.length);
      return [agents[n], places[n]];
    }

    async function check(): Promise<void> {
      await Promise.all([load?.pause(), retractions?.pause()]);
      const beganAt = performance.now();
      const settled = await withDatabase(async (pool) => until(() => idle(pool), settleMaxMs));
      if (!settled) breaches.push(`the log did not settle within ${settleMaxMs} ms`);
      let taken = new Map<string, number>();
      await withDatabase(async (pool) => {
        breaches.push(...(await gaps(pool)), ...(await setAside(pool)), ...(await doubledDecisions(pool)));
        for (const chain of chains.values()) breaches.push(...(await chain.advance(pool)));
        const readAt = performance.now();
        const views = await readViews(pool, prefix);
        for (const [name, counts] of Object.entries(views)) set(name).read(counts, readAt, performance.now());
        taken = await readRetracted(pool, prefix);
        retracted.read(taken, readAt, performance.now());
      });
      const back = [...chains.values()].flatMap((chain) => [...chain.blocked()].filter((value) => retractions?.done.has(value)));
      if (back.length > 0) breaches.push(`retracted and still blocked: ${back.slice(0, 5).join(' ')}`);
      for (const [n, place] of places.entries()) {
        const wanted = wantedBy(place, chains);
        const converged = await until(() => sameSet(fileOf(place), wanted), settleMaxMs);
        if (!converged) breaches.push(differenceOf(`agent ${n}`, fileOf(place), wanted));
        const readAt = performance.now();
        // What was taken back has been there, or never had to be.
        const inFile = [...fileOf(place)].filter((value) => value.startsWith(prefix));
        set(`agent ${n}`).read(new Map([...taken, ...inFile.map((value) => [value, 1] as const)]), readAt, performance.now());
      }
      settles.push(performance.now() - beganAt);
    }
  } finally {
    await Promise.allSettled([load?.stop(), retractions?.stop()]);
    for (const child of children) await child.end();
    // The guard of a killed hub asks its database to shut down; the folder goes when nobody works in it.
    await until(() => postgresGone(installation), hubEndMaxMs);
    for (const pid of remaining(installation)) killQuietly(pid);
    await installation.remove();
  }

  async function startHub(): Promise<Child> {
    await db?.close().catch(() => undefined);
    db = undefined;
    return installation.startHub((child) => void children.add(child));
  }
  async function startAndKill(afterMs: number): Promise<void> {
    let early: Child | undefined;
    const starting = installation.startHub((child) => {
      early = child;
      children.add(child);
    });
    // It ends before it is ready, which is what is wanted here.
    const ended = starting.catch((error: unknown) => {
      if (!(error instanceof ChildEnded)) throw error;
    });
    await wait(afterMs);
    await early?.end();
    await ended;
  }
  async function startAgent(place: AgentPlace): Promise<Child> {
    const child = await installation.startAgent(place);
    children.add(child);
    return child;
  }
  /** The database may be in recovery: then again, until it answers. */
  async function withDatabase<T>(work: (pool: Pool) => Promise<T>): Promise<T> {
    for (const deadline = performance.now() + serviceMaxMs; ; ) {
      try {
        db ??= openPool(installation.databaseUrl(), { max: 2, application: 'kill test' });
        return await work(db);
      } catch (error) {
        await db?.close().catch(() => undefined);
        db = undefined;
        if (performance.now() > deadline) throw error;
        await wait(100);
      }
    }
  }
}

function chainOf(channel: string, places: readonly AgentPlace[]): ChainReader {
  return createChainReader(
    channel,
    places.map((place) => (JSON.parse(readFileSync(`${place.folder}/identity.json`, 'utf8')) as { certificate: Envelope }).certificate),
  );
}

/** What an agent of this place has to have loaded: all blocks of its channels, less what its own lane allows. */
function wantedBy(place: AgentPlace, chains: ReadonlyMap<string, ChainReader>): Set<string> {
  const mine = place.channels.flatMap((channel) => chains.get(channel) ?? []);
  const wanted = new Set(mine.flatMap((chain) => [...chain.blocked()]));
  for (const chain of mine) for (const value of chain.allowed()) wanted.delete(value);
  return wanted;
}

function fileOf(place: AgentPlace): Set<string> {
  try {
    return new Set(
      readFileSync(place.file, 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
    );
  } catch {
    return new Set();
  }
}

const sameSet = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean =>
  one.size === other.size && [...one].every((value) => other.has(value));

function differenceOf(name: string, has: ReadonlySet<string>, wanted: ReadonlySet<string>): string {
  const missing = [...wanted].filter((value) => !has.has(value));
  const extra = [...has].filter((value) => !wanted.has(value));
  return `${name} did not converge: ${missing.length} missing (${missing.slice(0, 3).join(' ')}), ${extra.length} too many (${extra.slice(0, 3).join(' ')})`;
}

function postgresGone(installation: Installation): boolean {
  return remaining(installation).length === 0;
}

function remaining(installation: Installation): number[] {
  try {
    return installation.postgres();
  } catch {
    return [];
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in this very moment.
  }
}

/** Polls until it holds; false when the time is over. */
async function until(condition: () => boolean | Promise<boolean>, maxMs: number): Promise<boolean> {
  for (const deadline = performance.now() + maxMs; ; ) {
    if (await condition()) return true;
    if (performance.now() >= deadline) return false;
    await wait(20);
  }
}
