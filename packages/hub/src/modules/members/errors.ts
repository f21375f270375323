import { type ErrorCatalog, errorsFor } from '#platform/errors';

/** Codes are public: never reused for another meaning. */
export const membersErrors = {
  'auth.required': { kind: 'unauthenticated', help: 'Send `Authorization: Bearer KEY`, or sign in.' },
  // One text for unknown, wrong, expired, revoked, disabled and suspended: the difference would tell a guesser what exists.
  'auth.invalid': {
    kind: 'unauthenticated',
    help: 'Check the credential. If it is right, ask your coordinator: it may have expired or been withdrawn.',
  },
  'auth.cross_site': {
    kind: 'forbidden',
    help: 'Requests that change something are accepted from the portal itself only. Programs use an API key.',
  },
  'auth.too_many_attempts': { kind: 'too_many', help: 'Wait a quarter of an hour and try again, or use a passkey.' },
  'auth.step_up': { kind: 'forbidden', help: 'Sign in again, then repeat this within a quarter of an hour.' },
  'auth.link_invalid': { kind: 'gone', help: 'The link has been used or has run out. Ask whoever invited you for a new one.' },
  'auth.code_wrong': { kind: 'invalid', help: 'Enter the code that the authenticator app shows now. Apps must support SHA-256 codes.' },
  'auth.password_weak': { kind: 'invalid', help: 'Use at least 12 characters, and not your name or mail address.' },
  'auth.oidc_off': { kind: 'not_found', help: 'No identity provider is configured on this hub.' },
  'auth.oidc_unreachable': { kind: 'unavailable', help: 'Try again later, or sign in another way.' },
  'auth.last_method': { kind: 'conflict', help: 'Add another way to sign in before you remove this one.' },
  'members.forbidden': {
    kind: 'forbidden',
    help: 'Managers look after lower roles of their own entity, coordinators after members, administrators after everything.',
  },
  'members.entity_not_found': { kind: 'not_found', help: 'No entity with this id is visible to you.' },
  'members.entity_name_taken': { kind: 'conflict', help: 'Choose another name: another entity has this one.' },
  'members.kind_unknown': { kind: 'invalid', help: 'Use one of the kinds that this hub has configured.' },
  'members.soc_not_found': { kind: 'not_found', help: 'No SOC with this id is visible to you.' },
  'members.soc_operator': { kind: 'invalid', help: 'Only companies and administrations run a SOC. A company runs one with its own staff.' },
  'members.soc_name': {
    kind: 'invalid',
    help: 'A SOC carries the name of who runs it: the company, or the administration (also when contracted staff does the work).',
  },
  'members.soc_manager': {
    kind: 'invalid',
    help: 'The manager belongs to whoever runs the SOC: a person registered there, or a mail address in one of its declared mail domains.',
  },
  'members.soc_serves': {
    kind: 'conflict',
    help: 'An entity is served by one SOC at a time, and SOCs do not serve each other in a circle.',
  },
  'members.asset_not_found': { kind: 'not_found', help: 'No declared asset with this id is visible to you.' },
  'members.asset_invalid': { kind: 'invalid', help: 'Give an IP address, a network, or a domain of your own.' },
  'members.asset_too_wide': {
    kind: 'forbidden',
    help: 'A declaration protects its values from being blocked, so wide ones need an administrator.',
  },
  'members.asset_limit': {
    kind: 'too_many',
    help: 'Remove declarations that are no longer needed, or declare a network instead of single addresses.',
  },
  'members.group_not_found': { kind: 'not_found', help: 'No sharing group with this id is visible to you.' },
  'members.group_name_taken': { kind: 'conflict', help: 'Choose another name: another sharing group has this one.' },
  'members.person_not_found': { kind: 'not_found', help: 'No person with this id is visible to you.' },
  'members.mail_invalid': { kind: 'invalid', help: 'Give one mail address, such as name@example.org.' },
  'members.mail_taken': { kind: 'conflict', help: 'A person with this mail address is registered already.' },
  'members.key_not_found': { kind: 'not_found', help: 'No API key with this id is visible to you.' },
  'members.key_scopes': { kind: 'forbidden', help: 'A key can have no right that its maker does not have.' },
  'members.key_invalid': { kind: 'invalid', help: 'Check the validity, the addresses and the scopes.' },
  'members.key_limit': { kind: 'too_many', help: 'Revoke keys that are no longer in use.' },
  'members.session_not_found': { kind: 'not_found', help: 'No session of yours has this id.' },
  'members.passkey_not_found': { kind: 'not_found', help: 'No passkey of yours has this id.' },
} as const satisfies ErrorCatalog;

export const fail = errorsFor(membersErrors);

/** The one text for every credential that does not open anything. */
export const refuse = () => fail('auth.invalid', 'The credential is not valid.');
