import type { Role } from '@rebato/contract';
import { scopesOf } from '#members';
import type { Actor } from '#platform/actor';
import { systemIds } from '#platform/ids';

/** Somebody in a session with these roles, without a row: for rules that look at the actor alone. */
export function personActor(entityId: string, roles: readonly Role[], id: string = systemIds.uuid()): Actor {
  return {
    kind: 'person',
    id,
    label: roles.join('+'),
    entityId,
    socId: null,
    roles,
    scopes: scopesOf(roles),
    viewer: { entityId, shelf: 'immediate', lanes: ['c', `e:${entityId}`] },
    personId: id,
    maxTlp: 'amber+strict',
    from: null,
    requestId: null,
  };
}
