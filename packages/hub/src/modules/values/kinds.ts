import type { ValueKind } from '@rebato/contract';

export { type ValueKind, valueKinds } from '@rebato/contract';

/**
 * What a reader should be warned of although the value is well formed: `userinfo` a URL with something before an @, `mixed_script` a name
 * with letters of several alphabets in one label, `confusable` a name whose foreign letters all look like Latin ones.
 */
export type ValueFlag = 'userinfo' | 'mixed_script' | 'confusable';

/** A value in its only spelling. `parts` are the single values inside a composite one, and the host inside a URL or mail address. */
export type Canonical = {
  readonly ok: true;
  readonly kind: ValueKind;
  readonly value: string;
  readonly parts?: readonly Canonical[];
  readonly flags?: readonly ValueFlag[];
};

/** A refusal: the code is for programs, the message is a plain sentence that names what is wrong. It never repeats the raw value. */
export type NotCanonical = { readonly ok: false; readonly code: string; readonly message: string };

export function refuse(code: string, message: string): NotCanonical {
  return { ok: false, code, message };
}

export function accept(kind: ValueKind, value: string, parts?: readonly Canonical[], flags?: readonly ValueFlag[]): Canonical {
  return {
    ok: true,
    kind,
    value,
    ...(parts && parts.length > 0 ? { parts } : {}),
    ...(flags && flags.length > 0 ? { flags } : {}),
  };
}
