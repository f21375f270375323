import type { Viewer } from '#platform/actor';
import type { Tx } from '#platform/db';
import type { ShelfOutput } from '#platform/leader';
import { type Audience, type Terms, termsAt } from '#platform/shelf';
import { releasesOf } from './release.ts';
import type { EventRow } from './store.ts';

/** Tells on which shelf entities read. Comes from `members`. */
export type ShelfOf = (tx: Tx, entityIds: readonly string[]) => Promise<Map<string, string>>;

/** What entities read by their level and groups. Comes from the composition root. */
export type ViewersOf = (tx: Tx, entityIds: readonly string[]) => Promise<Map<string, Viewer>>;

/** Where an event goes on one shelf, and when. */
export function releases(event: EventRow, audience: Audience, ownerShelf: string) {
  return releasesOf(
    { ...event, ownerShelf, publishedAt: event.publishedAt ?? event.arrivedAt, consolidated: event.consolidatedAt !== null },
    { name: audience.name, ...termsOf(audience, event) },
  );
}

/** The terms under which an event goes to an audience: those of when it was published. */
export const termsOf = (audience: Audience, event: EventRow | undefined): Terms =>
  event === undefined ? audience : termsAt(audience, event.publishedAt ?? event.arrivedAt);

/** Whether a lane is the owner's: an entity's own lane may hold what others wrote, which it had before its level changed. */
export const isOwnLane = (event: Pick<EventRow, 'ownerId'>, lane: string): boolean => lane === `e:${event.ownerId}`;

/** Says that the evidence of these values has changed on a lane. */
export function touch(output: ShelfOutput, lane: string, vkeys: readonly string[]): void {
  if (vkeys.length === 0) return;
  const touched = touchedOn(output, lane);
  for (const vkey of vkeys) touched.set(vkey, undefined);
}

export function touchedOn(output: ShelfOutput, lane: string): Map<string, unknown> {
  const touched = output.touched.get(lane) ?? new Map<string, unknown>();
  output.touched.set(lane, touched);
  return touched;
}
