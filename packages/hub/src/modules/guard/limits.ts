/** Widest network that may become a block without anybody's word: 256 addresses, one site. */
export const autoPrefix = { 4: 24, 6: 48 } as const;

/** Widest network that two people may release. Nothing wider is ever blocked. */
export const widestPrefix = { 4: 20, 6: 40 } as const;

/** Widest network that a member may declare as its own. The largest Spanish networks are announced as /12; wider is an attempt at immunity. */
export const widestAsset = { 4: 12, 6: 20 } as const;

/** A list of bytes to import: the largest ranking list is 30 MB. */
export const listMaxBytes = 48 * 1024 * 1024;

/** Entries of one list. Ranking lists have a million; twice that is still compiled in seconds. */
export const listMaxEntries = 2_000_000;

/** Characters of one entry: a URL at most. */
export const entryMaxChars = 8192;

/** Entries that are searched inside values. Shorter ones than three characters occur in everything. */
export const substringMaxEntries = 50_000;
export const substringMinChars = 4;

/** Patterns of one list: each is tried on every value of its kinds. */
export const regexMaxEntries = 200;
export const regexMaxChars = 500;

/** Values longer than this are not searched by substring and pattern lists: they are held instead. */
export const searchMaxChars = 8192;

/** Lists at once. */
export const maxLists = 500;

/** An update with more entries than this factor times the last good one, or fewer than its inverse, is a broken or poisoned feed. */
export const listGrowthFactor = 3;

/** Lists shorter than this may change by any factor: three entries becoming ten is no accident. */
export const listGrowthFloor = 50;

/** Share of entries that may be unreadable before the whole list is taken for something else than a list. */
export const listUnreadableShare = 0.2;

/** Values of one check request, and of one page of releases. */
export const checkMaxValues = 1000;
export const releasePage = 200;

/** A request for a release that nobody answers within a day is void: the situation has changed. */
export const releaseRequestTtlMs = 24 * 60 * 60 * 1000;

/** A release lasts at most a month; what is needed longer is asked again. */
export const releaseMaxMs = 31 * 24 * 60 * 60 * 1000;
export const releaseDefaultMs = 7 * 24 * 60 * 60 * 1000;

/** How often other processes look whether the tables have changed. */
export const versionPollMs = 2000;

/** Entries compiled before the event loop gets its turn: about 5 ms of work. */
export const compileSlice = 4000;

/** Every how many looks the members' declarations are read again even when the version says that nothing changed: they are not ours. */
export const assetPollEvery = 15;
