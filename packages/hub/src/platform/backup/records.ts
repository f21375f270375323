import { damaged } from './errors.ts';

/** What the chunks hold, compressed: records of one letter, a length of four bytes, and as many bytes. Only D is not JSON. */
export const recordKinds = ['H', 'T', 'D', 'F', 'M'] as const;
export type RecordKind = (typeof recordKinds)[number];
export type BackupRecord = { readonly kind: RecordKind; readonly bytes: Buffer };

/** Larger than any manifest: that of a hub with a hundred shelves has 300 KiB. */
const recordMaxBytes = 4 * 1024 * 1024;
const headBytes = 5;

export function record(kind: RecordKind, bytes: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.write(kind, 'latin1');
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

export const jsonRecord = (kind: RecordKind, value: unknown): Buffer => record(kind, Buffer.from(JSON.stringify(value)));

export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw damaged('a part of it cannot be read');
  }
}

/** Cuts a stream of bytes into records. Throws BackupRefused for what is none. */
export async function* readRecords(source: AsyncIterable<Buffer>): AsyncGenerator<BackupRecord> {
  let held: Buffer = Buffer.alloc(0);
  for await (const bytes of source) {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    let at = 0;
    while (held.length - at >= headBytes) {
      const kind = recordKinds.find((each) => each.charCodeAt(0) === held[at]);
      const length = held.readUInt32BE(at + 1);
      if (kind === undefined || length > recordMaxBytes) throw damaged('a part of it has an unknown form');
      if (held.length - at - headBytes < length) break;
      yield { kind, bytes: held.subarray(at + headBytes, at + headBytes + length) };
      at += headBytes + length;
    }
    held = held.subarray(at);
  }
  if (held.length > 0) throw damaged('its last part is cut off');
}
