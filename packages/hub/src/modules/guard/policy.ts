import type { Actor } from '#platform/actor';
import { fail } from './errors.ts';

/**
 * The person behind an actor. A release is somebody's word: a machine's key has nobody behind it, and neither has the hub itself, so both are
 * refused even with every right.
 */
export function personOf(actor: Actor): string {
  if ((actor.kind !== 'person' && actor.kind !== 'key') || actor.personId === null) {
    throw fail('guard.person_needed', `${actor.label} is not a person.`);
  }
  return actor.personId;
}
