/** Rows of a history that are shown: twenty years of quarterly reviews. */
export const historyMax = 100;

/** More levels than any network has; a policy is read at every start. */
export const levelsMax = 20;

/** Versions of the policy within the longest delay: each is read with the newest, because what was published under it may still wait. */
export const changesMax = 100;

/** A release may be held back for 90 days at most: longer than any indicator is worth. */
export const delayMaxMs = 90 * 86_400_000;
