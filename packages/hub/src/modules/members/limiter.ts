import type { Actor } from '#platform/actor';
import type { Tx } from '#platform/db';
import { secretHash } from './credential.ts';
import type { MembersDeps } from './deps.ts';
import { fail } from './errors.ts';
import { dayMs, limits } from './limits.ts';
import { sourcePrefix } from './networks.ts';
import { mayManageNetwork } from './policy.ts';
import { clearAttempts, countAttempt, readAttempts } from './store/signin.ts';

/** Hashed, so that the table does not become a list of mail addresses that people mistyped, passwords in the wrong field included. */
const mailBucket = (mail: string): string => `mail:${secretHash('attempt', mail).toString('hex')}`;

/**
 * Counts a try before anything is checked, so that tries in parallel cannot slip through, and refuses too many: per mail address (canonical, known or
 * not) and per source. All ways to sign in count together per source, the code step included.
 */
export async function countTry(deps: MembersDeps, from: { readonly ip: string; readonly mail?: string }): Promise<void> {
  const windowAt = new Date(Math.floor(deps.clock.now().getTime() / limits.attemptWindowMs) * limits.attemptWindowMs);
  const bySource = await countAttempt(deps.db, `source:${sourcePrefix(from.ip)}`, windowAt);
  const byMail = from.mail === undefined ? 0 : await countAttempt(deps.db, mailBucket(from.mail), windowAt);
  if (bySource > limits.attemptsPerPrefix || byMail > limits.attemptsPerMail)
    throw fail('auth.too_many_attempts', 'There were too many tries.');
}

/** After a success: the person's own mistypings are forgiven. The source's count stays, as it may be trying others. */
export async function forgiveTries(tx: Tx, mail: string): Promise<void> {
  await clearAttempts(tx, mailBucket(mail));
}

const dayOf = (deps: MembersDeps): Date => new Date(Math.floor(deps.clock.now().getTime() / dayMs) * dayMs);

/**
 * Whoever may bring in people learns by "taken" that an address is registered with somebody. A few times a day that is a mistyped address; an
 * entity that has used them up brings in nobody until tomorrow, whatever the address, so a list of addresses cannot be tried out.
 */
export async function refuseProbing(deps: MembersDeps, actor: Actor): Promise<void> {
  if (mayManageNetwork(actor)) return;
  if ((await readAttempts(deps.db, `taken:${actor.entityId}`, dayOf(deps))) >= limits.takenPerDay)
    throw fail('auth.too_many_attempts', 'Too many addresses of today were registered already.');
}

export async function countTaken(deps: MembersDeps, tx: Tx, actor: Actor): Promise<void> {
  await countAttempt(tx, `taken:${actor.entityId}`, dayOf(deps));
}
