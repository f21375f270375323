import type { Tlp } from '@rebato/contract';
import type { Db } from '#platform/db';
import type { Clock } from '#platform/ports';
import type { Audience, Terms } from '#platform/shelf';
import { delayMaxMs } from './limits.ts';
import { newestVersion, readFormer, readPolicy } from './store.ts';

export type { Audience } from '#platform/shelf';

/** One level of the policy in force. `delayMs` counts from publication; with `onConsolidation`, a consolidated item does not wait any longer. */
export type Level = {
  readonly id: string;
  readonly name: string;
  readonly shelf: string;
  readonly delayMs: number;
  readonly onConsolidation: boolean;
  readonly maxTlp: Tlp;
};
export type Policy = {
  readonly version: number;
  readonly validFrom: Date;
  readonly setBy: string;
  readonly reason: string;
  readonly levels: readonly Level[];
};

const widthOf: Readonly<Record<Tlp, number>> = { clear: 0, green: 1, amber: 2, 'amber+strict': 3, red: 4 };

/**
 * When each shelf receives what: the release-delay policy as a pure function. Levels that share a shelf must agree, because a shelf has one
 * content; should they not, the stricter wins: the longer delay, no short cut, the narrower bound on TLP.
 */
export function releaseDelays(policy: Pick<Policy, 'levels'>): Audience[] {
  const audiences = new Map<string, Audience>();
  for (const level of policy.levels) {
    const held = audiences.get(level.shelf);
    audiences.set(level.shelf, {
      name: level.shelf,
      delayMs: Math.max(level.delayMs, held?.delayMs ?? 0),
      onConsolidation: level.onConsolidation && (held?.onConsolidation ?? true),
      maxTlp: held !== undefined && widthOf[held.maxTlp] < widthOf[level.maxTlp] ? held.maxTlp : level.maxTlp,
    });
  }
  return [...audiences.values()].sort((a, b) => a.delayMs - b.delayMs || (a.name < b.name ? -1 : 1));
}

/** A version of the policy that is over, and since when. */
export type FormerPolicy = { readonly until: Date; readonly levels: readonly Level[] };

/**
 * The audiences of a policy with what they had waited for before, oldest first: a policy does not work backwards, so whatever was published under
 * an earlier version is released by that one.
 */
export function withFormer(audiences: readonly Audience[], former: readonly FormerPolicy[]): Audience[] {
  return audiences.map((audience) => {
    const before: (Terms & { until: Date })[] = [];
    for (const policy of former) {
      const terms = releaseDelays(policy).find((each) => each.name === audience.name);
      if (terms === undefined) continue;
      if (same(before.at(-1), terms)) before.pop();
      const { delayMs, onConsolidation, maxTlp } = terms;
      before.push({ delayMs, onConsolidation, maxTlp, until: policy.until });
    }
    if (same(before.at(-1), audience)) before.pop();
    return before.length === 0 ? audience : { ...audience, before };
  });
}

const same = (a: Terms | undefined, b: Terms): boolean =>
  a !== undefined && a.delayMs === b.delayMs && a.onConsolidation === b.onConsolidation && a.maxTlp === b.maxTlp;

/** When an audience may first read something. Never past consolidation where the level says so. */
export function releaseAt(audience: Audience, publishedAt: Date, consolidatedAt: Date | null): Date {
  const due = new Date(publishedAt.getTime() + audience.delayMs);
  if (!audience.onConsolidation || consolidatedAt === null || consolidatedAt >= due) return due;
  return consolidatedAt < publishedAt ? publishedAt : consolidatedAt;
}

/** How long a policy that was read is used again. Every request asks for a level, and a policy changes a few times a year. */
const policyCacheMs = 4_000;

export type Levels = {
  current(): Promise<Policy>;
  /** What a level grants. An unknown level grants what the strictest one does: a typing error must not open anything. */
  access(level: string): Promise<{ readonly shelf: string; readonly maxTlp: Tlp }>;
  /** At most as old as the policy that is held; for answers, not for plans. */
  audiences(): Promise<readonly Audience[]>;
  /** As the transaction sees them. */
  audiencesIn(tx: Db): Promise<readonly Audience[]>;
  forget(): void;
};

/** Reads levels; needs nothing of module members, which asks it at every sign-in. */
export function createLevels(deps: { readonly db: Db; readonly clock: Clock }): Levels {
  type Held = { readonly policy: Policy; readonly audiences: readonly Audience[]; readonly untilMs: number };
  let held: Held | undefined;
  async function read(db: Db): Promise<Held> {
    const untilMs = deps.clock.monotonicMs() + policyCacheMs;
    const policy = await readPolicy(db);
    const former = await readFormer(db, policy.version, new Date(deps.clock.now().getTime() - delayMaxMs));
    held = { policy, audiences: withFormer(releaseDelays(policy), former), untilMs };
    return held;
  }
  async function holding(): Promise<Held> {
    if (held !== undefined && deps.clock.monotonicMs() < held.untilMs) return held;
    return read(deps.db);
  }
  const current = async (): Promise<Policy> => (await holding()).policy;
  return {
    current,
    async access(level) {
      const policy = await current();
      const found = policy.levels.find((candidate) => candidate.id === level);
      if (found) return { shelf: found.shelf, maxTlp: found.maxTlp };
      const strictest = releaseDelays(policy).at(-1);
      if (!strictest) throw new Error('The level policy is empty.');
      return { shelf: strictest.name, maxTlp: 'clear' };
    },
    audiences: async () => (await holding()).audiences,
    async audiencesIn(tx) {
      const version = await newestVersion(tx);
      return (held?.policy.version === version ? held : await read(tx)).audiences;
    },
    forget() {
      held = undefined;
    },
  };
}
