const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** Every bound of the module, with its reason. */
export const limits = {
  /** A page of any list: what fits one screen several times over and stays below a megabyte. */
  pageMax: 500,
  nameMaxChars: 200,
  mailMaxChars: 254, // RFC 5321
  /** Assets of one entity. More single addresses than this should be a network. */
  assetsPerEntity: 1_000,
  /** Widest network that a manager may declare alone: a large university's. */
  assetMinPrefixV4: 16,
  assetMinPrefixV6: 32,
  /** All IPv4 networks of one entity together, in /16s, unless an administrator declares them: many narrow claims are one wide claim. */
  assetTotalV4: 4,
  assetTotalV6: 4,
  groupMembers: 1_000,
  keysPerOwner: 50,
  keyDefaultDays: 365,
  keyMaxDays: 730,
  keyCidrs: 20,
  keyOverlapHoursDefault: 24,
  keyOverlapHoursMax: 168,
  /** How long a verified credential is believed without asking the database: the promise is "cut off within 5 s". */
  cacheMs: 4_000,
  /** Credentials held at once. About 1 KB each; beyond it the oldest is asked for again. */
  cacheEntries: 10_000,
  /** "Last used" is worth a write once a minute, not once a request. */
  useFlushMs: minuteMs,
  sessionIdleMs: 12 * hourMs,
  sessionMaxMs: 7 * dayMs,
  sessionsPerPerson: 20,
  /** How long after signing in the ways to sign in may be changed. */
  freshMs: 15 * minuteMs,
  challengeMs: 5 * minuteMs,
  /** At the identity provider a person may have to find a token first. */
  oidcMs: 10 * minuteMs,
  linkMs: 3 * dayMs,
  passkeysPerPerson: 20,
  passwordMinChars: 12,
  /** Bounds the work of one derivation. */
  passwordMaxChars: 256,
  recoveryCodes: 10,
  /** Window in which tries are counted. */
  attemptWindowMs: 15 * minuteMs,
  /** Per mail address: a person mistypes some; a guesser needs millions. */
  attemptsPerMail: 10,
  /** Per address prefix: a whole office may sit behind one. */
  attemptsPerPrefix: 60,
  /** Addresses of one entity's new people that were registered with somebody already, in a day: mistypings, not a search. */
  takenPerDay: 5,
  /** How far a chain of SOCs served by SOCs is followed. */
  voiceDepth: 8,
} as const;

/** Tables that no backup holds: people sign in again, and a session that was ended after the backup does not come back with it. */
export const shortLivedTables = ['members.session', 'members.challenge', 'members.oidc_attempt'] as const;
