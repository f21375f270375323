/**
 * Services that many people need at once, written down by hand from what their operators publish; above each part stands where. Compared in
 * November 2026 with MISP's warning lists and other public copies of these pages. What has ended or is only rented stays out: whoever gets it
 * next would be protected. `reason` completes the sentence "A block would hit …". Names protect what is beneath them too. A `shared` service
 * carries content of many customers: a full URL on it may be blocked, its host may not. What is `vital` nobody can release.
 */
export type WellKnownGroup = {
  readonly id: string;
  readonly reason: string;
  readonly nets?: readonly string[];
  readonly names?: readonly string[];
  readonly shared?: boolean;
  readonly vital?: boolean;
};
