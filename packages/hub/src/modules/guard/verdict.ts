import type { Pap, Tlp, ValueKind } from '@rebato/contract';

/** Why the guard stopped a value. Codes are public: they appear in answers, in the documentation and in the trail. */
export type GuardRule =
  | 'canonical'
  | 'special_purpose'
  | 'prefix_width'
  | 'public_suffix'
  | 'reverse_zone'
  | 'single_label'
  | 'own_host'
  | 'member_asset'
  | 'well_known'
  | 'shared_host'
  | 'warning_list'
  | 'empty_hash'
  | 'match_all'
  | 'mail_domain'
  | 'asn'
  | 'spread'
  | 'rate'
  | 'pap'
  | 'tlp'
  | 'kind';

/** Two people may release it, one never. `action` says what to do; `list` names the warning list that matched. */
export type GuardHold = {
  readonly verdict: 'hold';
  readonly rule: GuardRule;
  readonly message: string;
  readonly action: string;
  readonly list?: string;
};

/** Nobody can release it. */
export type GuardRefusal = { readonly verdict: 'refuse'; readonly rule: GuardRule; readonly message: string; readonly action: string };

export type GuardVerdict = { readonly verdict: 'pass' } | GuardHold | GuardRefusal;

/**
 * What is to become a block. `value` is canonical. `sharedHostUrl` says that the value is the host of a reported URL and that others live
 * on that host too: the URL may be blocked, its host or address may not.
 */
export type GuardInput = {
  readonly kind: ValueKind;
  readonly value: string;
  readonly tlp: Tlp;
  readonly pap: Pap;
  readonly sharedHostUrl?: boolean;
};

export const pass: GuardVerdict = { verdict: 'pass' };

export function hold(rule: GuardRule, message: string, action: string, list?: string): GuardHold {
  return list === undefined ? { verdict: 'hold', rule, message, action } : { verdict: 'hold', rule, message, action, list };
}

export function refusal(rule: GuardRule, message: string, action: string): GuardRefusal {
  return { verdict: 'refuse', rule, message, action };
}

/** Whether some control can enforce a block of this kind. The other kinds are for people and for hunting. */
export const blockable: Readonly<Record<ValueKind, boolean>> = {
  ip: true,
  net: true,
  domain: true,
  url: true,
  email: true,
  hash: true,
  ja3: true,
  ja4: true,
  // Held by its own rule: a whole provider may hang on it.
  asn: true,
  filename: false,
  regkey: false,
  mutex: false,
  wallet: false,
  cve: false,
  rule: false,
  other: false,
};
