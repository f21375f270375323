/** Markings and small closed vocabularies that every part of the system shares. Orders are stable: an index may be stored. */

/** Traffic Light Protocol 2.0, from the widest to the narrowest audience (FIRST). */
export const tlps = ['clear', 'green', 'amber', 'amber+strict', 'red'] as const;
export type Tlp = (typeof tlps)[number];

/** Permissible Actions Protocol. Only `clear` and `green` may become block decisions. */
export const paps = ['clear', 'green', 'amber', 'red'] as const;
export type Pap = (typeof paps)[number];

/** Who may read an item besides its owner, narrowest first. The index is MISP's number for the first four. */
export const distributions = ['entity', 'community', 'connected', 'all', 'group'] as const;
export type Distribution = (typeof distributions)[number];

/** What a person may be. A person has one or more of them, in one entity. */
export const roles = ['admin', 'coordinator', 'assessor', 'manager', 'analyst', 'reader'] as const;
export type Role = (typeof roles)[number];

/** What a decision can be about. The index is stored in the database and never changes. */
export const valueKinds = [
  'ip',
  'net',
  'domain',
  'url',
  'email',
  'hash',
  'ja3',
  'ja4',
  'filename',
  'regkey',
  'mutex',
  'wallet',
  'asn',
  'cve',
  'rule',
  'other',
] as const;
export type ValueKind = (typeof valueKinds)[number];

/** How firmly a decision stands: a lease dies by itself, a consolidated one was corroborated or confirmed. */
export const strengths = ['lease', 'consolidated'] as const;
export type Strength = (typeof strengths)[number];
