/** Every bound of the codecs. Inputs come from outside, so each of them is a promise about memory and time. */

/** Largest input per format family. JSON costs about eight times its size while it is read; the largest known MISP exports have some 30 MiB. */
export const jsonMaxBytes = 64 * 1024 * 1024;
export const textMaxBytes = 8 * 1024 * 1024;
export const csvMaxBytes = 16 * 1024 * 1024;
export const htmlMaxBytes = 8 * 1024 * 1024;
export const mailMaxBytes = 32 * 1024 * 1024;
export const pdfMaxBytes = 32 * 1024 * 1024;

/** Deeper JSON is a trap for recursive code, ours or a library's; MISP needs 12 levels with galaxies, STIX 10. */
export const jsonMaxDepth = 64;
/** Values of all kinds in one document: an event of 200,000 attributes has 4 million. */
export const jsonMaxNodes = 8_000_000;

/** Events, and attributes per file: more is a feed, and comes in parts. */
export const eventsMax = 1_000;
export const attributesMax = 250_000;
export const tagsMax = 1_000;
export const objectsMax = 50_000;

/** One attached file, and all of one input. Larger ones belong into the library. */
export const attachmentMaxBytes = 16 * 1024 * 1024;
export const attachmentsMaxBytes = 48 * 1024 * 1024;
export const attachmentsMax = 200;
export const attachmentNameMaxChars = 255;

/** Longest value of an attribute: a pattern or a YARA rule, not a book. */
export const valueMaxChars = 1_000_000;
/** Event titles are one line. */
export const infoMaxChars = 65_535;

/** A hopeless file is wrong in the same way on every line: nobody reads more than this. */
export const problemsMax = 100;
export const warningsMax = 500;

/** STIX: objects of one bundle, and length of one pattern that is taken apart. */
export const stixObjectsMax = 100_000;
export const patternMaxChars = 65_536;
export const patternMaxTokens = 10_000;
export const patternMaxDepth = 64;

/** CSV: rows of one file (no more than attributes of one event; a defanged row costs some 15 µs), columns of one row. */
export const csvMaxRows = 250_000;
export const csvMaxColumns = 64;

/** PDF: pages and characters that are read. */
export const pdfMaxPages = 500;
export const plainMaxChars = 4 * 1024 * 1024;

/** What the thread may take that opens PDF, HTML and mail, all of which have parsers too large to trust: time, heap, and buffers outside it. */
export const readerMaxMs = 20_000;
export const readerMaxHeapMiB = 384;
export const readerMaxBufferBytes = 512 * 1024 * 1024;
export const readerPollMs = 100;

/** HTML: depth and children that are followed. Layout tables nest some dozens deep. */
export const htmlMaxDepth = 200;
export const htmlMaxChildren = 50_000;

/** Mail: parts of one message, and what of its headers is looked at. */
export const mailMaxParts = 500;
export const mailHeaderMaxBytes = 256 * 1024;
export const mailReceivedMax = 30;
export const mailHeaderLineMaxChars = 2_000;
