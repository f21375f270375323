import { Type } from 'typebox';
import type { Http } from '#platform/http';
import { uuid } from '#platform/schema';
import { authRoutes } from './auth-routes.ts';
import { presentEntity } from './entities.ts';
import { presentKey } from './keys.ts';
import { limits } from './limits.ts';
import type { Members } from './members.ts';
import { presentPerson } from './people.ts';
import * as s from './schemas.ts';
import { presentSoc } from './socs.ts';
import type { AssetRow } from './store/entities.ts';
import type { GroupRow } from './store/socs.ts';

const presentAsset = (row: AssetRow) => ({ ...row, declaredAt: row.declaredAt.toISOString() });
const presentGroup = (row: GroupRow) => ({ ...row, members: [...row.members], createdAt: row.createdAt.toISOString() });
/** Replies are written by the schema, which knows arrays as arrays: read-only ones are handed over as they are. */
const plain = <T>(value: T): Mutable<T> => value as Mutable<T>;
type Mutable<T> = T extends readonly (infer I)[] ? Mutable<I>[] : T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

export function membersRoutes(http: Http, members: Members): void {
  entityRoutes(http, members);
  socRoutes(http, members);
  groupRoutes(http, members);
  personRoutes(http, members);
  keyRoutes(http, members);
  authRoutes(http, members);
}

function entityRoutes(http: Http, members: Members): void {
  const tag = 'members';
  http.get('/api/v1/entity-kinds', {
    summary: 'The kinds of entity of this network, with the level that each starts with',
    tag,
    scope: 'read',
    limit: 'read',
    reply: s.listOf(s.kindView),
    handle: async () => ({ items: plain(await members.readKinds()) }),
  });
  http.get('/api/v1/entities', {
    summary: 'The members, by name',
    tag,
    scope: 'read',
    limit: 'read',
    query: Type.Object(s.pageQuery),
    reply: s.listOf(s.entityView),
    handle: async ({ actor, query }) => ({ items: plain(await members.readEntities(actor, query)) }),
  });
  http.post('/api/v1/entities', {
    summary: 'Admit an entity; it starts with the level of its kind',
    tag,
    scope: 'members',
    limit: 'write',
    body: s.entityInput,
    reply: s.entityView,
    status: 201,
    fails: ['members.forbidden', 'members.kind_unknown', 'members.entity_name_taken'],
    handle: async ({ actor, body }) => plain(presentEntity(actor, await members.createEntity(actor, body))),
  });
  http.get('/api/v1/entities/:id', {
    summary: 'One member',
    tag,
    scope: 'read',
    limit: 'read',
    params: s.byId,
    reply: s.entityView,
    fails: ['members.entity_not_found'],
    handle: async ({ actor, params }) => plain(await members.readEntity(actor, params.id)),
  });
  http.patch('/api/v1/entities/:id', {
    summary: 'Rename, re-classify, suspend or re-admit an entity',
    tag,
    scope: 'members',
    limit: 'write',
    params: s.byId,
    body: s.entityChange,
    reply: s.entityView,
    fails: ['members.forbidden', 'members.entity_not_found', 'members.kind_unknown', 'members.entity_name_taken'],
    handle: async ({ actor, params, body }) => plain(presentEntity(actor, await members.changeEntity(actor, params.id, body))),
  });
  http.get('/api/v1/entities/:id/assets', {
    summary: 'What an entity declares as its own: never blocked for it, and held back by the guard',
    tag,
    scope: 'read',
    limit: 'read',
    params: s.byId,
    reply: s.listOf(s.assetView),
    fails: ['members.entity_not_found'],
    handle: async ({ actor, params }) => ({ items: (await members.readAssets(actor, params.id)).map(presentAsset) }),
  });
  http.post('/api/v1/entities/:id/assets', {
    summary: 'Declare an address, network, domain or mail domain',
    tag,
    scope: 'members',
    limit: 'write',
    params: s.byId,
    body: s.assetInput,
    reply: s.assetView,
    status: 201,
    fails: ['members.forbidden', 'members.entity_not_found', 'members.asset_invalid', 'members.asset_too_wide', 'members.asset_limit'],
    handle: async ({ actor, params, body }) => presentAsset(await members.declareAsset(actor, { ...body, entityId: params.id })),
  });
  http.delete('/api/v1/assets/:id', {
    summary: 'Withdraw a declaration',
    tag,
    scope: 'members',
    limit: 'write',
    params: s.byId,
    fails: ['members.asset_not_found'],
    handle: ({ actor, params }) => members.withdrawAsset(actor, params.id),
  });
}

function socRoutes(http: Http, members: Members): void {
  const tag = 'members';
  http.get('/api/v1/socs', {
    summary: 'The SOCs, and whom each serves',
    tag,
    scope: 'read',
    limit: 'read',
    query: Type.Object(s.pageQuery),
    reply: s.listOf(s.socView),
    handle: async ({ actor, query }) => ({ items: plain(await members.readSocs(actor, query)) }),
  });
  http.post('/api/v1/socs', {
    summary: 'Register a SOC under the name and with a manager of whoever runs it',
    tag,
    scope: 'members',
    limit: 'write',
    body: s.socInput,
    reply: s.socView,
    status: 201,
    fails: [
      'members.forbidden',
      'members.entity_not_found',
      'members.soc_operator',
      'members.soc_name',
      'members.soc_manager',
      'members.soc_serves',
      'members.mail_invalid',
    ],
    handle: async ({ actor, body }) => plain(presentSoc(actor, await members.createSoc(actor, body))),
  });
  http.get('/api/v1/socs/:id', {
    summary: 'One SOC',
    tag,
    scope: 'read',
    limit: 'read',
    params: s.byId,
    reply: s.socView,
    fails: ['members.soc_not_found'],
    handle: async ({ actor, params }) => plain(await members.readSoc(actor, params.id)),
  });
  http.patch('/api/v1/socs/:id', {
    summary: 'Change a SOC or whom it serves',
    tag,
    scope: 'members',
    limit: 'write',
    params: s.byId,
    body: s.socChange,
    reply: s.socView,
    fails: [
      'members.forbidden',
      'members.soc_not_found',
      'members.entity_not_found',
      'members.soc_operator',
      'members.soc_name',
      'members.soc_manager',
      'members.soc_serves',
      'members.mail_invalid',
    ],
    handle: async ({ actor, params, body }) => plain(presentSoc(actor, await members.changeSoc(actor, params.id, body))),
  });
  http.delete('/api/v1/socs/:id', {
    summary: 'Remove a SOC; whom it served speaks for itself again',
    tag,
    scope: 'members',
    limit: 'write',
    params: s.byId,
    fails: ['members.forbidden', 'members.soc_not_found'],
    handle: ({ actor, params }) => members.removeSoc(actor, params.id),
  });
}

function groupRoutes(http: Http, members: Members): void {
  const tag = 'members';
  http.get('/api/v1/groups', {
    summary: 'Sharing groups that you are in or own',
    tag,
    scope: 'read',
    limit: 'read',
    query: Type.Object(s.pageQuery),
    reply: s.listOf(s.groupView),
    handle: async ({ actor, query }) => ({ items: (await members.readGroups(actor, query)).map(presentGroup) }),
  });
  http.post('/api/v1/groups', {
    summary: 'Create a sharing group; its owner is always in it',
    tag,
    scope: 'members',
    limit: 'write',
    body: s.groupInput,
    reply: s.groupView,
    status: 201,
    fails: ['members.forbidden', 'members.entity_not_found', 'members.group_name_taken'],
    handle: async ({ actor, body }) => presentGroup(await members.createGroup(actor, body)),
  });
  http.get('/api/v1/groups/:id', {
    summary: 'One sharing group',
    tag,
    scope: 'read',
    limit: 'read',
    params: s.byId,
    reply: s.groupView,
    fails: ['members.group_not_found'],
    handle: async ({ actor, params }) => presentGroup(await members.readGroup(actor, params.id)),
  });
  http.patch('/api/v1/groups/:id', {
    summary: 'Rename a sharing group or replace its members',
    tag,
    scope: 'members',
    limit: 'write',
    params: s.byId,
    body: s.groupChange,
    reply: s.groupView,
    fails: ['members.forbidden', 'members.group_not_found', 'members.entity_not_found', 'members.group_name_taken'],
    handle: async ({ actor, params, body }) => presentGroup(await members.changeGroup(actor, params.id, body)),
  });
  http.delete('/api/v1/groups/:id', {
    summary: 'Remove a sharing group',
    tag,
    scope: 'members',
    limit: 'write',
    params: s.byId,
    fails: ['members.forbidden', 'members.group_not_found'],
    handle: ({ actor, params }) => members.removeGroup(actor, params.id),
  });
}

function personRoutes(http: Http, members: Members): void {
  const tag = 'people';
  http.get('/api/v1/people', {
    summary: 'People of your entity, or of all entities for coordinators',
    tag,
    scope: 'members',
    limit: 'read',
    query: Type.Object({ ...s.pageQuery, entityId: Type.Optional(uuid) }),
    reply: s.listOf(s.personView),
    fails: ['members.forbidden'],
    handle: async ({ actor, query }) => ({ items: plain((await members.readPeople(actor, query)).map(presentPerson)) }),
  });
  http.post('/api/v1/people', {
    summary: 'Invite a person; the answer holds the one-time link',
    tag,
    scope: 'members',
    limit: 'write',
    body: s.personInput,
    reply: s.invitedView,
    status: 201,
    fails: ['members.forbidden', 'members.entity_not_found', 'members.mail_invalid', 'members.mail_taken', 'auth.too_many_attempts'],
    async handle({ actor, body }) {
      const { person, link } = await members.createPerson(actor, body);
      return { person: plain(presentPerson(person)), link };
    },
  });
  http.get('/api/v1/people/:id', {
    summary: 'One person',
    tag,
    scope: 'members',
    limit: 'read',
    params: s.byId,
    reply: s.personView,
    fails: ['members.person_not_found'],
    handle: async ({ actor, params }) => plain(presentPerson(await members.readPerson(actor, params.id))),
  });
  http.patch('/api/v1/people/:id', {
    summary: 'Rename a person, change roles, disable or enable; changed rights end all sessions',
    tag,
    scope: 'members',
    limit: 'write',
    params: s.byId,
    body: s.personChange,
    reply: s.personView,
    fails: ['members.forbidden', 'members.person_not_found'],
    handle: async ({ actor, params, body }) => plain(presentPerson(await members.changePerson(actor, params.id, body))),
  });
  http.post('/api/v1/people/:id/link', {
    summary: 'A new one-time link, for a lost invitation or a lost device',
    tag,
    scope: 'members',
    limit: 'write',
    params: s.byId,
    reply: s.invitedView,
    status: 201,
    fails: ['members.forbidden', 'members.person_not_found'],
    async handle({ actor, params }) {
      const { person, link } = await members.inviteAgain(actor, params.id);
      return { person: plain(presentPerson(person)), link };
    },
  });
}

function keyRoutes(http: Http, members: Members): void {
  const tag = 'keys';
  const { after: _after, ...page } = s.pageQuery;
  http.get('/api/v1/keys', {
    summary: 'API keys: your own, those of a person, or the machine keys of an entity',
    tag,
    scope: 'self',
    limit: 'read',
    query: Type.Object({
      ...page,
      after: Type.Optional(s.keyId.properties.id),
      entityId: Type.Optional(uuid),
      personId: Type.Optional(uuid),
      all: Type.Optional(Type.Boolean({ description: 'Revoked ones too.' })),
    }),
    reply: s.listOf(s.keyView),
    fails: ['members.forbidden', 'members.person_not_found'],
    handle: async ({ actor, query }) => ({ items: plain((await members.readKeys(actor, query)).map(presentKey)) }),
  });
  http.post('/api/v1/keys', {
    summary: `Make an API key, for yourself or, with entityId, for a machine; valid for ${limits.keyDefaultDays} days unless said`,
    tag,
    scope: 'self',
    limit: 'write',
    body: s.keyInput,
    reply: s.issuedView,
    status: 201,
    fails: ['members.forbidden', 'members.key_scopes', 'members.key_invalid', 'members.key_limit', 'members.entity_not_found'],
    async handle({ actor, body }) {
      const { key, row } = await members.createKey(actor, body);
      return { key, row: plain(presentKey(row)) };
    },
  });
  http.post('/api/v1/keys/:id/rotation', {
    summary: `Make the successor of a key; the old one works for ${limits.keyOverlapHoursDefault} hours more unless said`,
    tag,
    scope: 'self',
    limit: 'write',
    params: s.keyId,
    body: s.keyRotation,
    reply: s.issuedView,
    status: 201,
    fails: ['members.forbidden', 'members.key_not_found', 'members.key_invalid', 'members.key_limit'],
    async handle({ actor, params, body }) {
      const { key, row } = await members.rotateKey(actor, params.id, body);
      return { key, row: plain(presentKey(row)) };
    },
  });
  http.delete('/api/v1/keys/:id', {
    summary: 'Revoke a key: cut off everywhere within five seconds',
    tag,
    scope: 'self',
    limit: 'write',
    params: s.keyId,
    fails: ['members.key_not_found'],
    handle: ({ actor, params }) => members.revokeKey(actor, params.id),
  });
}
