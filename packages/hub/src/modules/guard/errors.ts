import { type ErrorCatalog, errorsFor } from '#platform/errors';

/** Codes are public: never reused for another meaning. */
export const guardErrors = {
  'guard.list_format': {
    kind: 'invalid',
    help: 'Send a MISP warning list: a JSON object with name, type and list. The message names the entry.',
  },
  'guard.list_jump': {
    kind: 'conflict',
    help: 'The list is far longer or shorter than the last good one, which stays. Look at it, and import it with force if it is right.',
  },
  'guard.list_stale': {
    kind: 'conflict',
    help: 'The list is older than the one that is here, which stays. Import it with force if it is right.',
  },
  'guard.list_fetch': { kind: 'unavailable', help: 'The source did not answer with a list. The last good one stays.' },
  'guard.list_limit': { kind: 'too_many', help: 'Disable or reuse lists that are no longer needed.' },
  'guard.list_not_found': { kind: 'not_found', help: 'No warning list with this id.' },
  'guard.value_invalid': { kind: 'invalid', help: 'Give the kind and one value of it; the message says what is wrong.' },
  'guard.not_held': { kind: 'conflict', help: 'The guard lets this value pass: nothing has to be released.' },
  'guard.not_releasable': { kind: 'forbidden', help: 'Nobody can release this value. The message says which rule and what to do.' },
  'guard.person_needed': { kind: 'forbidden', help: 'Releases are made by people: sign in, or use a key of your own.' },
  'guard.second_person': {
    kind: 'forbidden',
    help: 'Another person than the one who asked has to approve; another key or session of the same person does not count.',
  },
  'guard.release_not_found': { kind: 'not_found', help: 'No release with this id.' },
  'guard.release_closed': { kind: 'conflict', help: 'The request has been answered or withdrawn. Ask anew if it is still needed.' },
  'guard.release_expired': { kind: 'gone', help: 'Nobody approved the request within a day. Ask anew: the situation may have changed.' },
  'guard.release_mismatch': { kind: 'conflict', help: 'The request is about another value. Read it again and approve what it says.' },
} as const satisfies ErrorCatalog;

export const fail = errorsFor(guardErrors);
