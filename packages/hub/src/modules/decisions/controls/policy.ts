import type { Actor } from '#platform/actor';

/** The hub itself and administrators, by the scope of the credential in use. */
const administers = (actor: Actor): boolean => actor.kind === 'system' || (actor.kind !== 'agent' && actor.scopes.includes('admin'));

/** Whoever looks after all members. */
function coordinates(actor: Actor): boolean {
  return administers(actor) || (actor.scopes.includes('members') && (actor.roles.includes('coordinator') || actor.roles.includes('admin')));
}

/** A control is seen by its owner's people and by the network's coordinators. An agent sees itself only. */
export function maySee(actor: Actor, control: { readonly id: string; readonly entityId: string }): boolean {
  if (actor.kind === 'agent') return actor.id === control.id;
  return coordinates(actor) || actor.entityId === control.entityId;
}

export const seesAllControls = coordinates;

/** Only the owner tells its controls what to do; administrators for it, for example while a member is brought in. */
export function mayManage(actor: Actor, entityId: string): boolean {
  return administers(actor) || (actor.kind !== 'agent' && actor.scopes.includes('control') && actor.entityId === entityId);
}

/** Time to block of the whole network names every member's speed. */
export function seesNetworkLedger(actor: Actor): boolean {
  return coordinates(actor) || (actor.kind !== 'agent' && actor.scopes.includes('assess'));
}
