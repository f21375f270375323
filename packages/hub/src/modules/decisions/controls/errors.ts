import { type ErrorCatalog, errorsFor } from '#platform/errors';

/** Codes are public API: never reused for another meaning. */
export const controlErrors = {
  'controls.not_found': { kind: 'not_found', help: 'No control with this id is visible to you.' },
  'controls.entity_not_found': { kind: 'not_found', help: 'No entity with this id is visible to you.' },
  'controls.limit': { kind: 'too_many', help: 'Revoke controls that are no longer in use.' },
  'controls.revoked': { kind: 'conflict', help: 'A revoked control stays revoked. Add a new one.' },
  'controls.not_an_agent': {
    kind: 'invalid',
    help: 'Only controls fed by an agent are enrolled. Lists are read with an API key of the entity.',
  },
  'controls.allow_invalid': { kind: 'invalid', help: 'Give addresses, networks or domains.' },
  'controls.policy_invalid': { kind: 'invalid', help: 'Check the kinds, the confidence, the capacity and the delay.' },
  // One text for unknown, wrong, used and run out: the difference would tell a guesser what exists.
  'controls.token_invalid': { kind: 'unauthenticated', help: 'The token is wrong, was used, or is older than a day. Ask for a new one.' },
  'controls.busy': { kind: 'unavailable', help: 'Too many receipts are waiting to be stored. Send these again in a moment.' },
  'controls.receipt_invalid': { kind: 'invalid', help: 'Check the receipts.' },
  'controls.network_only': { kind: 'forbidden', help: 'Figures of the whole network are for its coordinators and assessors.' },
} as const satisfies ErrorCatalog;

export const fail = errorsFor(controlErrors);
