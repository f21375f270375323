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

const rank = (tlp: Tlp): number => tlps.indexOf(tlp);

/**
 * Where and when an event becomes readable on one audience's shelf. The owner has it at once; the group or the community when the audience's
 * waiting is over. Empty: never there. Red goes to named recipients only, so it reaches its owner and, if it names one, its group.
 */
export function releasesOf(event: Releasable, audience: Audience): Release[] {
  const releases: Release[] = [];
  const wide = event.distribution === 'community' || event.distribution === 'connected' || event.distribution === 'all';
  const dueAt =
    audience.onConsolidation && event.consolidated ? event.publishedAt : new Date(event.publishedAt.getTime() + audience.delayMs);
  const shared: Release | undefined =
    event.distribution === 'group' && event.groupId !== null
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
