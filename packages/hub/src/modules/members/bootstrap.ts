import { systemActor } from './actors.ts';
import type { MembersDeps } from './deps.ts';
import { admit } from './entities.ts';
import { issueKey } from './keys.ts';
import { limits } from './limits.ts';
import { roleScopes } from './policy.ts';
import { anyEntity, entityOfAdmins } from './store/entities.ts';

export type FirstStart = { readonly entityId: string; readonly adminKey: string };

/**
 * On an empty database: the hub's own entity and the administrator's key for `admin.key`. Undefined when there are members already. Several
 * processes may start at once, so the look and the deed are one transaction under a lock.
 */
export async function firstStart(deps: MembersDeps, hubName: string): Promise<FirstStart | undefined> {
  return deps.db.transaction(async (tx) => {
    await tx.run`lock table members.entity in share row exclusive mode`;
    if (await anyEntity(tx)) return undefined;
    const actor = systemActor('first start');
    const entity = await admit(deps, tx, { name: hubName, kind: 'public' });
    const { key, row } = await issueKey(deps, tx, {
      label: 'admin.key of the first start',
      entityId: entity.id,
      personId: null,
      scopes: roleScopes.admin,
      cidrs: [],
      createdBy: actor.id,
      validDays: limits.keyMaxDays,
    });
    await deps.trail.record(tx, actor, 'members.first_start', entity.id, { name: entity.name, key: row.id });
    await deps.bus.append(tx, 'members.entity_changed', { entityId: entity.id });
    return { entityId: entity.id, adminKey: key };
  });
}

/** After a restore, whose keys may all be lost: a new administrator's key for `admin.key`. The former ones stay as the backup had them. */
export async function keyAfterRestore(deps: MembersDeps, detail: Readonly<Record<string, unknown>>): Promise<string> {
  return deps.db.transaction(async (tx) => {
    const actor = systemActor('restore');
    const entityId = await entityOfAdmins(tx);
    if (entityId === undefined) throw new Error('no entity can administer this hub');
    const { key, row } = await issueKey(deps, tx, {
      label: 'admin.key of a restore',
      entityId,
      personId: null,
      scopes: roleScopes.admin,
      cidrs: [],
      createdBy: actor.id,
      validDays: limits.keyMaxDays,
    });
    await deps.trail.record(tx, actor, 'backup.restored', entityId, { ...detail, key: row.id });
    return key;
  });
}
