import { type ErrorCatalog, errorsFor } from '#platform/errors';

/** Codes are public API: generated into docs/reference/errors.md, and never reused for another meaning. */
export const intelErrors = {
  'intel.bad_input': { kind: 'invalid', help: 'The input could not be read. The errors name line, column or field.' },
  'intel.nothing_found': { kind: 'invalid', help: 'The input holds no indicator. Use the preview to see what is recognised.' },
  'intel.too_many': { kind: 'too_large', help: 'Split the submission: one may hold at most 250,000 indicators.' },
  'intel.event_not_found': { kind: 'not_found', help: 'No event with this id is visible to you.' },
  'intel.report_not_found': { kind: 'not_found', help: 'No report of yours has this id.' },
  'intel.event_exists': {
    kind: 'conflict',
    help: 'You have sent an event with this UUID before. Retract it first, or send it without the UUID.',
  },
  'intel.idempotency_reused': { kind: 'conflict', help: 'The same Idempotency-Key was used with other content.' },
  'intel.group_unknown': { kind: 'invalid', help: 'The sharing group does not exist or you are not in it.' },
  'intel.not_waiting': { kind: 'conflict', help: 'The event is not waiting for assessment any more.' },
  'intel.not_published': { kind: 'conflict', help: 'Only a published event can be retracted or consolidated.' },
  'intel.reason_needed': { kind: 'invalid', help: 'Say why: the reason reaches the reporter.' },
  'intel.not_yours': { kind: 'forbidden', help: 'Only the author or an assessor may do this.' },
  'intel.value_invalid': { kind: 'invalid', help: 'The value does not have the form of its type.' },
  'intel.attachment_not_found': { kind: 'not_found', help: 'No attachment with this id is visible to you.' },
} as const satisfies ErrorCatalog;

export const fail = errorsFor(intelErrors);
