import { type ErrorCatalog, errorsFor } from '#platform/errors';

/** Codes are public API: generated into docs/reference/errors.md, and never reused for another meaning. */
export const intelErrors = {
  'intel.bad_input': { kind: 'invalid', help: 'The input could not be read. The errors name line, column or field.' },
  'intel.nothing_found': {
    kind: 'invalid',
    help: 'The input holds no indicator, and is no MISP event or STIX bundle, which may do without. The preview shows what is recognised.',
  },
  'intel.too_many': { kind: 'too_large', help: 'Split the submission: one may hold at most 250,000 indicators.' },
  'intel.event_not_found': { kind: 'not_found', help: 'No event with this id is visible to you.' },
  'intel.report_not_found': { kind: 'not_found', help: 'No report of yours has this id.' },
  'intel.event_exists': {
    kind: 'conflict',
    help: 'You have sent this version of the event, or a newer one, or have taken the event back. A version with a later timestamp revises it.',
  },
  'intel.tlp_widened': {
    kind: 'forbidden',
    help: 'The newer version would be shared more widely than the event. Its owner may say so by naming the marking with the submission.',
  },
  'intel.idempotency_reused': { kind: 'conflict', help: 'The same Idempotency-Key was used with other content.' },
  'intel.group_unknown': { kind: 'invalid', help: 'The sharing group does not exist or you are not in it.' },
  'intel.not_waiting': { kind: 'conflict', help: 'The event is not waiting for assessment any more.' },
  'intel.not_published': { kind: 'conflict', help: 'Only a published event can be retracted or consolidated.' },
  'intel.rule_subject': { kind: 'invalid', help: 'Name exactly one of entityId, entityKind and level.' },
  'intel.rule_not_found': { kind: 'not_found', help: 'There is no such rule.' },
  'intel.reason_needed': { kind: 'invalid', help: 'Say why: the reason reaches the reporter.' },
  'intel.not_yours': { kind: 'forbidden', help: 'Only the author or an assessor may do this.' },
  'intel.value_invalid': { kind: 'invalid', help: 'The value does not have the form of its type.' },
  'intel.attachment_not_found': { kind: 'not_found', help: 'No attachment with this id is visible to you.' },
  'intel.taxonomy_not_found': { kind: 'not_found', help: 'No taxonomy has this namespace. The list of taxonomies names them.' },
  'intel.taxonomy_invalid': { kind: 'invalid', help: 'Send a MISP machinetag.json. Nothing of it was taken; the errors name the fields.' },
  'intel.taxonomy_builtin': {
    kind: 'conflict',
    help: 'This taxonomy comes with the hub, with labels in its languages, and is not replaced.',
  },
  'intel.taxonomy_stale': {
    kind: 'conflict',
    help: 'The taxonomy is older than the one that is here, which stays. Import it with force if it is right.',
  },
  'intel.taxonomy_limit': { kind: 'conflict', help: 'No more taxonomies are taken. New versions of those that are here still are.' },
} as const satisfies ErrorCatalog;

export const fail = errorsFor(intelErrors);
