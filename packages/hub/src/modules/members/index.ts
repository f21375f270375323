export { concerns, systemActor, viewerOf } from './actors.ts';
export { isCrossSite, type Presented, sessionCookieName } from './authenticate.ts';
export type { LevelAccess, MembersSetup, OidcSettings } from './deps.ts';
export { setEntityLevel } from './entities.ts';
export { membersErrors } from './errors.ts';
export { shortLivedTables } from './limits.ts';
export { createMembers, type DoorRequest, type Members } from './members.ts';
export { authorityOf, mayManageEntity, mayManageNetwork, mayManagePerson, roleScopes, scopesOf } from './policy.ts';
export { membersRoutes } from './routes.ts';
export { type EntityAccess, findEntityAccess } from './store/access.ts';
export {
  type AssetKind,
  type AssetRow,
  type EntityRow,
  entitiesWithLevel,
  findEntity,
  levelsInUse,
  listAssets,
  listEntities,
} from './store/entities.ts';
export { findPerson, type PersonRow } from './store/people.ts';
export { voiceOf, voicesOf } from './store/socs.ts';
