/** Entries of one archive: a sample and its name are two. */
const entriesMax = 64;
const localHeader = 0x04034b50;
const centralHeader = 0x02014b50;
const endOfDirectory = 0x06054b50;
/** Sizes may follow the data of an entry: 12 to 24 bytes, with or without a signature, and 8-byte sizes. */
const descriptorMaxBytes = 24;
const encryptedFlag = 1;

/**
 * Says why these bytes are no password-protected ZIP archive, or undefined when they are one: the directory at the very end, no comment, every
 * file entry encrypted in both of its headers, and nothing between, before or after the entries where a plain file could hide. Nothing is unpacked.
 */
export function notEncryptedZip(bytes: Buffer): string | undefined {
  if (bytes.length < 22 || bytes.readUInt32LE(0) !== localHeader) return 'it is no ZIP archive';
  const end = bytes.length - 22;
  if (bytes.readUInt32LE(end) !== endOfDirectory) return 'the archive does not end with its directory';
  const count = bytes.readUInt16LE(end + 10);
  const directorySize = bytes.readUInt32LE(end + 12);
  const directory = bytes.readUInt32LE(end + 16);
  if (count === 0 || count > entriesMax) return `the archive has ${count} entries; 1 to ${entriesMax} are allowed`;
  if (directory + directorySize !== end) return 'the archive has something beside its entries and directory';

  const spans: { readonly from: number; readonly to: number }[] = [];
  let at = directory;
  for (let entry = 0; entry < count; entry++) {
    if (at + 46 > end || bytes.readUInt32LE(at) !== centralHeader) return 'the directory of the archive is broken';
    const local = bytes.readUInt32LE(at + 42);
    if ((bytes.readUInt16LE(at + 8) & encryptedFlag) === 0) return 'the archive has an entry without a password';
    if (local + 30 > directory || bytes.readUInt32LE(local) !== localHeader) return 'the directory of the archive points beside an entry';
    if ((bytes.readUInt16LE(local + 6) & encryptedFlag) === 0) return 'the archive has an entry without a password';
    const data = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    spans.push({ from: local, to: data + bytes.readUInt32LE(at + 20) });
    at += 46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  if (at !== end) return 'the directory of the archive is broken';
  spans.sort((a, b) => a.from - b.from);
  let expected = 0;
  for (const span of spans) {
    if (span.from < expected || span.from - expected > (expected === 0 ? 0 : descriptorMaxBytes))
      return 'the archive has something between its entries';
    expected = span.to;
  }
  if (expected > directory || directory - expected > descriptorMaxBytes) return 'the archive has something between its entries';
  return undefined;
}
