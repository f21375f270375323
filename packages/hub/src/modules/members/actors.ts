import type { Actor } from '#platform/actor';
import type { LevelAccess } from './deps.ts';
import type { EntityAccess } from './store/access.ts';

const nobody = '00000000-0000-0000-0000-000000000000';

/** The hub itself, for what no person or program asked for. It reads nothing. */
export function systemActor(label: string): Actor {
  return {
    kind: 'system',
    id: 'system',
    label,
    entityId: nobody,
    socId: null,
    roles: [],
    scopes: [],
    viewer: { entityId: nobody, shelf: '', lanes: [] },
    personId: null,
    maxTlp: 'clear',
    from: null,
    requestId: null,
  };
}

/** The lanes of an entity, sorted, so that equal rights give equal text (for caches and cursors). */
export function viewerOf(entity: Pick<EntityAccess, 'entityId' | 'groups'>, level: LevelAccess): Actor['viewer'] {
  return {
    entityId: entity.entityId,
    shelf: level.shelf,
    lanes: ['c', `e:${entity.entityId}`, ...entity.groups.map((id) => `g:${id}`)].sort(),
  };
}

/** Whether an announcement `members.access_changed` or `members.entity_changed` about this id touches what the actor may do. */
export function concerns(actor: Actor, id: string): boolean {
  return actor.id === id || actor.personId === id || actor.entityId === id;
}
