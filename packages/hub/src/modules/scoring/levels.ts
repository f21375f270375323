import type { Tlp } from '@rebato/contract';
import type { Db } from '#platform/db';
import type { Clock } from '#platform/ports';
import { readPolicy } from './store.ts';

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

/** One audience per shelf: what the releaser works with. */
export type Audience = { readonly name: string; readonly delayMs: number; readonly onConsolidation: boolean; readonly maxTlp: Tlp };

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
  audiences(): Promise<Audience[]>;
  forget(): void;
};

/** Reads levels; needs nothing of module members, which asks it at every sign-in. */
export function createLevels(deps: { readonly db: Db; readonly clock: Clock }): Levels {
  let held: { readonly policy: Policy; readonly untilMs: number } | undefined;
  async function current(): Promise<Policy> {
    if (held !== undefined && deps.clock.monotonicMs() < held.untilMs) return held.policy;
    const untilMs = deps.clock.monotonicMs() + policyCacheMs;
    const policy = await readPolicy(deps.db);
    held = { policy, untilMs };
    return policy;
  }
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
    audiences: async () => releaseDelays(await current()),
    forget() {
      held = undefined;
    },
  };
}
