import { type ErrorCatalog, errorsFor } from '#platform/errors';

/** Codes are public: never reused for another meaning. */
export const scoringErrors = {
  'scoring.forbidden': { kind: 'forbidden', help: 'Levels are set by coordinators, the policy by administrators.' },
  'scoring.level_unknown': { kind: 'invalid', help: 'Use one of the levels of the policy in force.' },
  'scoring.entity_not_found': { kind: 'not_found', help: 'No entity with this id is visible to you.' },
  'scoring.policy_invalid': {
    kind: 'invalid',
    help: 'Levels need distinct ids, a known shelf and one delay per shelf. Levels in use cannot be dropped.',
  },
} as const satisfies ErrorCatalog;

export const fail = errorsFor(scoringErrors);
