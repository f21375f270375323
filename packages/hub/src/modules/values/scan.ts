import type { Candidate } from './finding.ts';

/**
 * One pass over one text. Scanners run from the most to the least specific; each claims the characters it has understood, also when they
 * turn out to be nothing, so that a later one does not see a domain inside a path or a digest inside a URL.
 */
export type Scan = {
  readonly text: string;
  /** Whether a stretch of the refanged text was written defanged. */
  readonly edited: (from: number, to: number) => boolean;
  readonly claimed: Uint8Array;
  /** Whether a top-level label exists, remembered for the length of the text, where a few repeat all the time. */
  readonly suffixes: Map<string, boolean>;
  /** Where the last name of a file ended that was not reported: what is listed right after it is a file, too. */
  lastFileEnd: number;
  readonly report: (candidate: Candidate) => void;
};

export function claim(scan: Scan, from: number, to: number): void {
  scan.claimed.fill(1, from, to);
}

export function isClaimed(scan: Scan, at: number): boolean {
  return scan.claimed[at] === 1;
}
