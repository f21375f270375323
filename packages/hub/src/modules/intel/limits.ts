/** Every bound of the module, with its reason. */
export const limits = {
  /** Attributes of one submission. More is a bulk import and comes in several; 250,000 keep a request under about 100 MB of memory. */
  attributesPerReport: 250_000,
  /** Attributes that travel together to the shelves. The longest that an alert waits behind an import is one chunk; docs/bench.md has what one takes. */
  chunkAttributes: 500,
  /** Up to this many attributes a report is an alert and overtakes bulk work. */
  urgentAttributes: 200,
  /** What arrived is kept as evidence up to this size; of larger input only the digest. */
  rawBytes: 1024 * 1024,
  bodyBytes: 64 * 1024 * 1024,
  infoChars: 1_000,
  commentChars: 20_000,
  tagsPerItem: 200,
  attachmentBytes: 16 * 1024 * 1024,
  pageMax: 1_000,
  batchDecisions: 500,
  lookupValues: 1_000,
  previewBytes: 2 * 1024 * 1024,
} as const;
