/** Every bound of controls, with its reason. Times in milliseconds. */
export const limits = {
  /** A large hoster runs some hundred firewalls; more is a mistake or a flood. */
  controlsPerEntity: 500,
  nameMaxChars: 120,
  targetMaxChars: 40,
  /** Values of the owner that are never blocked. What is more belongs into declared networks. */
  allowMax: 10_000,
  /** Ten times what the largest firewalls hold. */
  capacityMax: 2_000_000,
  capacityDefault: 1_000_000,
  delayMaxMs: 24 * 3_600_000,
  /** Critical sites apply this much later than the others, unless the control says otherwise. */
  criticalDelayMs: 60_000,
  tokenLifeMs: 24 * 3_600_000,
  orderLifeMs: 90 * 86_400_000,
  orderRenewMs: 30 * 86_400_000,
  /** Orders that one run of the duty issues anew: bounds its length when a level or the signing key changes for everybody. */
  ordersPerRun: 500,
  pageMax: 500,
  /** Every process learns of changes of controls this often; with the owner's cache below 5 s, which is the promise for revocation. */
  rosterEveryMs: 2_000,
  /** Transactions commit out of the order of their clocks: this much is read again each time. */
  rosterOverlapMs: 60_000,
  ownerCacheMs: 2_000,
  recheckMs: 500,
  /** Colours of a control's sign of life. */
  greenMs: 30_000,
  redMs: 60_000,
  seenFlushMs: 5_000,
  receiptsPerPost: 1_000,
  /** Receipts that wait for a commit in this process. About 200 bytes each; beyond it agents are told to come back. */
  receiptsWaiting: 100_000,
  /** Receipts of one transaction: a few tens of milliseconds of work. */
  receiptsPerCommit: 5_000,
  /** Receipts wait this long for company: a thousand agents answer one decision within some tens of milliseconds. */
  gatherMs: 3,
  /** Decisions whose sending is remembered, so that a thousand receipts of one decision ask the database once. About 150 bytes each. */
  sentRemembered: 50_000,
  /** Batches that one commit looks into for decisions without a row: only replaced entries and false receipts come this far. */
  batchesSearched: 500,
  reasonMaxChars: 200,
  reportAlarmsMax: 50,
  pastChannels: 64,
} as const;
