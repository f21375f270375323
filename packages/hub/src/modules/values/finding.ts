import type { Canonical } from './kinds.ts';

/** Why a finding is where it is: shown beside it, so that a person can throw it out with one look. */
export type FindingContext = 'signature' | 'filename' | 'reference' | 'mail_header' | 'no_scheme';

/** One value found in a text. */
export type Finding = {
  /** A MISP attribute type (or `ja4`). */
  readonly type: string;
  /** Refanged, otherwise as written; fit for `canonicalise(type, value)`. */
  readonly value: string;
  readonly canonical: Canonical;
  /** UTF-16 offsets into the text as given, end exclusive. */
  readonly start: number;
  readonly end: number;
  readonly defanged: boolean;
  readonly context?: FindingContext;
  readonly confidence: 'sure' | 'maybe';
};

/** What a scanner reports: offsets count in the refanged text. */
export type Candidate = Omit<Finding, 'start' | 'end' | 'defanged' | 'canonical'> & { readonly from: number; readonly to: number };

/** More findings than this in one text are a list, and lists have their own import. It bounds memory, and what a person is shown. */
export const findingsMax = 10_000;

/** Longest text that is read, in UTF-16 units; what follows is not looked at. A report with attachments taken out is far shorter. */
export const extractMaxChars = 4 * 1024 * 1024;

/** Places that are looked at closely in one text, repeated values included: five mentions for each finding that can be returned. */
export const candidatesMax = 5 * findingsMax;
