import { roles } from '@rebato/contract';
import { type TSchema, Type } from 'typebox';
import { scopes } from '#platform/actor';
import { instant, literals, nullable, uuid } from '#platform/schema';
import { limits } from './limits.ts';

/** What the routes of this module take and give. Input objects are closed by the door: what is not named here is refused. */

/** One line of text that people read: no control characters, not only spaces. */
export const nameText = Type.String({
  minLength: 1,
  maxLength: limits.nameMaxChars,
  pattern: '^[^\\u0000-\\u001f\\u007f]*[^\\u0000-\\u0020\\u007f][^\\u0000-\\u001f\\u007f]*$',
});
export const mailText = Type.String({ minLength: 3, maxLength: limits.mailMaxChars });
const region = nullable(Type.String({ pattern: '^[A-Z]{2}(-[A-Z0-9]{1,3})?$', description: 'ISO 3166-2, for example ES-MD.' }));
const kindName = Type.String({ minLength: 1, maxLength: 40 });
const noteText = Type.String({ maxLength: 500, pattern: '^[^\\u0000]*$' });

export const pageQuery = { after: Type.Optional(uuid), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageMax })) };
export const byId = Type.Object({ id: uuid });
export const listOf = <T extends TSchema>(item: T) => Type.Object({ items: Type.Array(item) });

export const kindView = Type.Object({
  name: Type.String(),
  label: Type.String(),
  defaultLevel: Type.String(),
  runsSocAs: nullable(literals(['company', 'administration'])),
});

export const entityInput = Type.Object({
  name: nameText,
  kind: kindName,
  region: Type.Optional(region),
  critical: Type.Optional(Type.Boolean()),
});
export const entityChange = Type.Partial(
  Type.Object({ name: nameText, kind: kindName, region, critical: Type.Boolean(), suspended: Type.Boolean() }),
);
export const entityView = Type.Object({
  id: uuid,
  name: Type.String(),
  kind: Type.String(),
  level: Type.String(),
  region: nullable(Type.String()),
  critical: Type.Optional(Type.Boolean()),
  suspendedAt: Type.Optional(nullable(instant)),
  createdAt: Type.Optional(instant),
});

const serves = Type.Array(uuid, { maxItems: limits.groupMembers, uniqueItems: true });
const socFields = { name: nameText, staff: literals(['own', 'contracted']), managerName: nameText, managerMail: mailText, serves };
export const socInput = Type.Object({ operatorEntityId: uuid, ...socFields });
export const socChange = Type.Partial(Type.Object(socFields));
export const socView = Type.Object({
  id: uuid,
  name: Type.String(),
  operatorEntityId: uuid,
  staff: literals(['own', 'contracted']),
  managerName: Type.String(),
  managerMail: Type.Optional(Type.String()),
  serves: Type.Array(uuid),
});

export const assetKinds = ['ip', 'net', 'domain', 'mail_domain'] as const;
export const assetInput = Type.Object({
  kind: literals(assetKinds),
  value: Type.String({ minLength: 1, maxLength: 300 }),
  note: Type.Optional(noteText),
});
export const assetView = Type.Object({
  id: uuid,
  entityId: uuid,
  kind: literals(assetKinds),
  value: Type.String(),
  note: Type.String(),
  declaredBy: Type.String(),
  declaredAt: instant,
});

export const groupInput = Type.Object({ name: nameText, ownerEntityId: uuid, members: serves });
export const groupChange = Type.Partial(Type.Object({ name: nameText, members: serves }));
export const groupView = Type.Object({ id: uuid, name: Type.String(), ownerEntityId: uuid, members: Type.Array(uuid), createdAt: instant });

const roleList = Type.Array(literals(roles), { minItems: 1, maxItems: roles.length, uniqueItems: true });
export const personInput = Type.Object({ entityId: uuid, name: nameText, mail: mailText, roles: roleList });
export const personChange = Type.Partial(Type.Object({ name: nameText, roles: roleList, disabled: Type.Boolean() }));
export const personView = Type.Object({
  id: uuid,
  entityId: uuid,
  name: Type.String(),
  mail: Type.String(),
  roles: Type.Array(literals(roles)),
  disabledAt: nullable(instant),
  createdAt: instant,
});
export const invitedView = Type.Object({
  person: personView,
  link: Type.String({ description: 'Path of the one-time link. Shown here and never again.' }),
});

const keyScopes = Type.Array(literals(scopes), { minItems: 1, maxItems: scopes.length, uniqueItems: true });
export const keyId = Type.Object({ id: Type.String({ pattern: '^[a-z0-9]{16}$' }) });
const validDays = Type.Integer({ minimum: 1, maximum: limits.keyMaxDays });
export const keyInput = Type.Object({
  label: nameText,
  scopes: keyScopes,
  entityId: Type.Optional(uuid),
  validDays: Type.Optional(validDays),
  cidrs: Type.Optional(Type.Array(Type.String({ maxLength: 50 }), { maxItems: limits.keyCidrs })),
});
export const keyRotation = Type.Object({
  overlapHours: Type.Optional(Type.Integer({ minimum: 0, maximum: limits.keyOverlapHoursMax })),
  validDays: Type.Optional(validDays),
});
export const keyView = Type.Object({
  id: Type.String(),
  label: Type.String(),
  entityId: uuid,
  personId: nullable(uuid),
  scopes: Type.Array(literals(scopes)),
  cidrs: Type.Array(Type.String()),
  createdBy: Type.String(),
  createdAt: instant,
  expiresAt: instant,
  revokedAt: nullable(instant),
  replacedBy: nullable(Type.String()),
  lastUsedAt: nullable(instant),
});
export const issuedView = Type.Object({
  key: Type.String({ description: 'The whole credential. Shown here and never again.' }),
  row: keyView,
});

export const meView = Type.Object({
  kind: literals(['person', 'key', 'agent', 'system']),
  id: Type.String(),
  label: Type.String(),
  roles: Type.Array(literals(roles)),
  scopes: Type.Array(literals(scopes)),
  entity: nullable(Type.Object({ id: uuid, name: Type.String(), kind: Type.String(), level: Type.String() })),
  socId: nullable(uuid),
  mail: nullable(Type.String()),
});
export const passkeyView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  backedUp: Type.Boolean(),
  createdAt: instant,
  lastUsedAt: nullable(instant),
});
export const methodsView = Type.Object({
  passkeys: Type.Array(passkeyView),
  password: Type.Boolean(),
  recoveryCodesLeft: Type.Integer(),
  oidc: Type.Integer(),
});
export const sessionView = Type.Object({
  id: Type.String(),
  method: literals(['passkey', 'password', 'oidc']),
  createdAt: instant,
  lastSeenAt: instant,
  ip: Type.String(),
  agent: Type.String(),
  current: Type.Boolean(),
});

export const token = Type.String({ minLength: 1, maxLength: 200 });
/** Long enough for any pass phrase; bounds the work of reading it. */
export const secretText = Type.String({ minLength: 1, maxLength: limits.passwordMaxChars });
export const newPassword = {
  password: secretText,
  setup: Type.String({ maxLength: 1_000 }),
  code: Type.String({ minLength: 1, maxLength: 64 }),
};
export const totpView = Type.Object({ setup: Type.String(), secret: Type.String(), uri: Type.String() });
export const linkView = Type.Object({
  purpose: literals(['first', 'invite', 'recover']),
  person: nullable(Type.Object({ id: uuid, name: Type.String(), mail: Type.String(), entity: Type.String() })),
});

/** WebAuthn JSON of the browser. Its fields are checked by the library; here only that it is bounded text in the known places. */
const b64 = (max: number) => Type.String({ maxLength: max });
const extras = Type.Record(Type.String({ maxLength: 100 }), Type.Unknown());
export const registrationResponse = Type.Object({
  id: b64(2_000),
  rawId: b64(2_000),
  type: Type.Literal('public-key'),
  authenticatorAttachment: Type.Optional(nullable(Type.String({ maxLength: 40 }))),
  clientExtensionResults: extras,
  response: Type.Object(
    {
      clientDataJSON: b64(10_000),
      attestationObject: b64(50_000),
      transports: Type.Optional(Type.Array(Type.String({ maxLength: 40 }), { maxItems: 10 })),
    },
    { additionalProperties: true },
  ),
});
export const authenticationResponse = Type.Object({
  id: b64(2_000),
  rawId: b64(2_000),
  type: Type.Literal('public-key'),
  authenticatorAttachment: Type.Optional(nullable(Type.String({ maxLength: 40 }))),
  clientExtensionResults: extras,
  response: Type.Object(
    { clientDataJSON: b64(10_000), authenticatorData: b64(10_000), signature: b64(2_000), userHandle: Type.Optional(nullable(b64(200))) },
    { additionalProperties: true },
  ),
});
/** Handed to the browser as it is: whatever the library says a browser needs. */
export const browserOptions = Type.Object({ challenge: Type.String() }, { additionalProperties: true });
