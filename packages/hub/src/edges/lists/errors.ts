import { type ErrorCatalog, errorsFor } from '#platform/errors';

/** Codes are public API: never reused for another meaning. */
export const listErrors = {
  'lists.not_found': {
    kind: 'not_found',
    help: 'Lists are ip, net, domain, url, hash-sha256, hash-sha1, hash-md5 and all; formats txt, csv and json.',
  },
  'lists.control_not_found': {
    kind: 'not_found',
    help: 'No control of your entity that reads lists has this id, or it does not take this kind of value.',
  },
  // Never an empty list instead: for a firewall that means "unblock everything".
  'lists.unavailable': { kind: 'unavailable', help: 'Keep the last copy and try again in a moment.' },
} as const satisfies ErrorCatalog;

export const fail = errorsFor(listErrors);
