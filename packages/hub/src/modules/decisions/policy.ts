import type { Actor } from '#platform/actor';
import type { Pool } from '#platform/db';
import type { Clock, Log, Trail } from '#platform/ports';
import { fail } from './errors.ts';
import type { DecisionPolicy, PolicyVersion } from './fold.ts';
import { insertPolicy, listPolicies } from './store.ts';

export type PolicyDeps = {
  readonly db: Pool;
  readonly trail: Trail;
  readonly clock: Clock;
  readonly log: Log;
  readonly defaults: DecisionPolicy;
  /** The longest that an audience waits, in milliseconds: a lease must be longer. */
  readonly longestDelayMs: () => Promise<number>;
};

export type Policies = Awaited<ReturnType<typeof createPolicies>>;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Shorter ones would end before a control has answered; longer ones would be consolidated by nobody. */
const lease = { minMs: hourMs, maxMs: 30 * dayMs };
/** Two years: as long as an API key. What should last longer is reported anew. */
const consolidated = { minMs: hourMs, maxMs: 730 * dayMs };
/** One voice would make every report last; more than ten never come together. */
const voices = { min: 2, max: 10 };
/** Every process follows changes this often, the folding one too. */
const followEveryMs = 2_000;
const historyMax = 100;

/** The decision policy in force in this process, at most two seconds old. It holds for what is folded from then on. */
export async function createPolicies(deps: PolicyDeps) {
  const initial: PolicyVersion = { version: 0, validFrom: new Date(0), reason: 'Defaults of this release', policy: deps.defaults };
  let current = await newest();
  let timer: NodeJS.Timeout | undefined;

  async function newest(): Promise<PolicyVersion> {
    const [row] = await listPolicies(deps.db, 1);
    return row ?? initial;
  }

  return {
    inForce: (): DecisionPolicy => current.policy,
    current: newest,
    history: (): Promise<readonly PolicyVersion[]> => listPolicies(deps.db, historyMax),
    async change(actor: Actor, policy: DecisionPolicy, reason: string): Promise<PolicyVersion> {
      checkPolicy(policy, await deps.longestDelayMs());
      current = await deps.db.transaction(async (tx) => {
        const next = await insertPolicy(tx, { validFrom: deps.clock.now(), reason, policy }, actor.id);
        await deps.trail.record(tx, actor, 'decisions.policy_change', String(next.version), { reason, policy });
        return next;
      });
      return current;
    },
    start() {
      timer = setInterval(() => {
        newest()
          .then((found) => {
            if (found.version >= current.version) current = found;
          })
          .catch((error: unknown) => deps.log.warn({ err: String(error) }, 'The decision policy could not be read; the last one holds.'));
      }, followEveryMs);
      timer.unref();
    },
    stop: async () => clearInterval(timer),
  };
}

/** Throws `decisions.policy_invalid`, naming every field that is wrong. */
export function checkPolicy(policy: DecisionPolicy, longestDelayMs: number): void {
  const wrong: { field: string; message: string }[] = [];
  const within = (field: string, value: number, min: number, max: number): void => {
    if (!Number.isSafeInteger(value) || value < min || value > max) wrong.push({ field, message: `must be from ${min} to ${max}` });
  };
  within('leaseMs', policy.leaseMs, lease.minMs, lease.maxMs);
  if (policy.leaseMs <= longestDelayMs)
    wrong.push({ field: 'leaseMs', message: `must be more than ${longestDelayMs}, or delayed members would never have one` });
  within('voicesToConsolidate', policy.voicesToConsolidate, voices.min, voices.max);
  for (const [kind, ms] of Object.entries(policy.consolidatedMs)) {
    within(`consolidatedMs.${kind}`, ms, consolidated.minMs, consolidated.maxMs);
    if (ms < policy.leaseMs) wrong.push({ field: `consolidatedMs.${kind}`, message: 'must not be less than leaseMs' });
  }
  if (wrong.length > 0) throw fail('decisions.policy_invalid', 'The policy is not within its bounds.', wrong);
}
