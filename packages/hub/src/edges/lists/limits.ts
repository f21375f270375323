/** Every bound of the lists, with its reason. */
export const limits = {
  /** Lines of a chunk: rendering and compressing one takes some 3 ms, and a million entries are 250 chunks. */
  chunkEntries: 4_000,
  /** A chunk that grew to this is split. */
  chunkMaxEntries: 8_000,
  /** Batches that are followed one by one; who is further behind reads the lane anew, which is cheaper by then. */
  deltaBatches: 500,
  deltaBytes: 8 << 20,
  deltaChanges: 20_000,
  /** Entries of all lists in memory, of all audiences. About 90 bytes each. */
  entriesHeld: 6_000_000,
  listsHeld: 20_000,
  /** Readers' own mixtures; unchanged parts of them are shared. */
  viewsHeld: 2_000,
  /** Renderings of a chunk that are kept: formats and controls' filters. */
  renderingsPerChunk: 6,
  /** Texts that are kept ready for a reader: formats and controls. */
  textsPerView: 12,
} as const;
