import { type ErrorCatalog, errorsFor } from '#platform/errors';

/** Codes are public API: generated into docs/reference/errors.md, and never reused for another meaning. */
export const decisionErrors = {
  'decisions.not_found': { kind: 'not_found', help: 'No decision with this id is visible to you.' },
  'decisions.lifted_already': { kind: 'conflict', help: 'You have lifted this block at home already.' },
  'decisions.lift_not_found': { kind: 'not_found', help: 'Your entity has no such lifting in force.' },
  'decisions.bad_cursor': { kind: 'invalid', help: 'Pass the value of `next` of the page before, unchanged.' },
  'decisions.until_past': { kind: 'invalid', help: 'The end lies in the past.' },
  'decisions.policy_invalid': { kind: 'invalid', help: 'A figure of the decision policy is out of its bounds; `errors` names it.' },
} as const satisfies ErrorCatalog;

export const fail = errorsFor(decisionErrors);
