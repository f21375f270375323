/** Why something from outside was not taken. Codes appear in alarms and receipts, so they keep their meaning. */
export type RefusalCode =
  | 'malformed'
  | 'too_large'
  | 'unknown_signer'
  | 'bad_signature'
  | 'wrong_type'
  | 'wrong_hub'
  | 'wrong_epoch'
  | 'wrong_channel'
  | 'wrong_control'
  | 'certificate_expired'
  | 'expired'
  | 'older'
  | 'forked'
  | 'gap'
  | 'broken_chain'
  | 'count_mismatch'
  | 'digest_mismatch'
  | 'content_mismatch'
  | 'duplicate_entry'
  | 'no_state';

/** A value only on success: there is no way to read one out of a refusal, and nothing that verifies throws. */
export type Verdict<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: RefusalCode; readonly detail: string };

export function accept<T>(value: T): Verdict<T> {
  return { ok: true, value };
}

export function refuse(code: RefusalCode, detail: string): { readonly ok: false; readonly code: RefusalCode; readonly detail: string } {
  return { ok: false, code, detail };
}
