import type { Role } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { MembersDeps } from './deps.ts';
import { type PasskeyView, presentPasskey } from './passkeys.ts';
import { findEntity } from './store/entities.ts';
import { listPasskeys } from './store/passkeys.ts';
import { findPerson } from './store/people.ts';
import { countMethods, countRecoveryCodes } from './store/signin.ts';

export type MeView = {
  readonly kind: Actor['kind'];
  readonly id: string;
  readonly label: string;
  readonly roles: readonly Role[];
  readonly scopes: readonly string[];
  readonly entity: { readonly id: string; readonly name: string; readonly kind: string; readonly level: string } | null;
  readonly socId: string | null;
  readonly mail: string | null;
};

/** Who the hub thinks is asking, and with which rights: the first thing that a person or program wants to know when something is refused. */
export async function readMe(deps: MembersDeps, actor: Actor): Promise<MeView> {
  const entity = await findEntity(deps.db, actor.entityId);
  const person = actor.personId === null ? undefined : await findPerson(deps.db, actor.personId);
  return {
    kind: actor.kind,
    id: actor.id,
    label: actor.label,
    roles: actor.roles,
    scopes: actor.scopes,
    entity: entity ? { id: entity.id, name: entity.name, kind: entity.kind, level: entity.level } : null,
    socId: actor.socId,
    mail: person?.mail ?? null,
  };
}

export type MethodsView = {
  readonly passkeys: readonly PasskeyView[];
  readonly password: boolean;
  readonly recoveryCodesLeft: number;
  readonly oidc: number;
};

export async function readMethods(deps: MembersDeps, actor: Actor): Promise<MethodsView> {
  if (actor.personId === null) return { passkeys: [], password: false, recoveryCodesLeft: 0, oidc: 0 };
  const held = await countMethods(deps.db, actor.personId);
  const passkeys = await listPasskeys(deps.db, actor.personId);
  return {
    passkeys: passkeys.map(presentPasskey),
    password: held.password,
    recoveryCodesLeft: await countRecoveryCodes(deps.db, actor.personId),
    oidc: held.oidc,
  };
}
