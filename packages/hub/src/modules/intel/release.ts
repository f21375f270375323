import { type Distribution, type Tlp, tlps } from '@rebato/contract';
import type { Audience } from '#platform/shelf';

/** What decides where an event goes. `ownerShelf` is where its owner reads. */
export type Releasable = {
  readonly ownerId: string;
  readonly ownerShelf: string;
  readonly tlp: Tlp;
  readonly distribution: Distribution;
  readonly groupId: string | null;
  readonly publishedAt: Date;
  readonly consolidated: boolean;
};

export type Release = { readonly lane: string; readonly dueAt: Date };

/** The narrowest marking that a community may have. An audience that is given this is given what names its group, too. */
const widestShared: Tlp = 'amber+strict';
const rank = (tlp: Tlp): number => tlps.indexOf(tlp);

/**
 * Where and when an event becomes readable on one audience's shelf. The owner has it at once; the group or the community when the audience's
 * waiting is over. Empty: never there. Red goes to named recipients only, so it reaches its owner and, if it names one, its group. What is too
 * narrow for an audience is so for its members in a group as well: guests read what is configured for guests.
 */
export function releasesOf(event: Releasable, audience: Audience): Release[] {
  const releases: Release[] = [];
  const wide = event.distribution === 'community' || event.distribution === 'connected' || event.distribution === 'all';
  const dueAt =
    audience.onConsolidation && event.consolidated ? event.publishedAt : new Date(event.publishedAt.getTime() + audience.delayMs);
  const shared: Release | undefined =
    event.distribution === 'group' &&
    event.groupId !== null &&
    (audience.maxTlp === widestShared || rank(event.tlp) <= rank(audience.maxTlp))
      ? { lane: `g:${event.groupId}`, dueAt }
      : wide && event.tlp !== 'red' && rank(event.tlp) <= rank(audience.maxTlp)
        ? { lane: 'c', dueAt }
        : undefined;
  const ownShelf = audience.name === event.ownerShelf;
  if (ownShelf && (shared === undefined || shared.lane !== 'c' || shared.dueAt > event.publishedAt)) {
    releases.push({ lane: `e:${event.ownerId}`, dueAt: event.publishedAt });
  }
  if (shared !== undefined) releases.push(shared);
  return releases;
}

/** Whether `to` reaches more people than `from`: nothing may be shared more widely than its source allowed. */
export function widens(from: Tlp, to: Tlp): boolean {
  return rank(to) < rank(from);
}

/** Distributions from the widest to the narrowest. */
export const breadths: readonly Distribution[] = ['all', 'connected', 'community', 'group', 'entity'];

/** Whether to go from one distribution to another reaches more people, or others. */
export function spreads(from: Where, to: Where): boolean {
  if (from.distribution === 'group' && to.distribution === 'group') return from.groupId !== to.groupId;
  return breadths.indexOf(to.distribution) < breadths.indexOf(from.distribution);
}
export type Where = { readonly distribution: Distribution; readonly groupId: string | null };
