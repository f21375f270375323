import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { BackupRefused, damaged } from './errors.ts';

/**
 * The file: one line of JSON, then chunks. A chunk is four bytes (its length; the highest bit marks the last one), its bytes, and a mark that
 * covers header, place and bytes: the tag of AES-256-GCM, or SHA-256 when there is no passphrase. So a changed, missing, added or moved chunk
 * shows, and so does a missing end.
 */
const formatVersion = 1;
const headerMaxBytes = 512;
/** Large enough that marks cost nothing, small enough that memory stays flat. */
const chunkBytes = 64 * 1024;
const lastFlag = 0x8000_0000;
/** scrypt: 2^17 blocks of 1 KiB are 128 MiB and half a second for each guess. */
const costDefault = 17;
const costMin = 14;
const costMax = 20;

export type Lock = { readonly passphrase: string; readonly cost?: number };
/** What tests leave out, to see that it is missed. */
export type ReadTesting = { readonly skipDigests?: boolean };

type Header = { readonly rebatoBackup: 1; readonly salt: string } & (
  | { readonly cipher: 'none' }
  | { readonly cipher: 'aes-256-gcm'; readonly cost: number; readonly check: string }
);

const scryptAsync = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt);

function deriveKey(lock: Lock, salt: Buffer, cost: number): Promise<Buffer> {
  const N = 2 ** cost;
  return scryptAsync(lock.passphrase.normalize('NFKC'), salt, 32, { N, r: 8, p: 1, maxmem: N * 8 * 128 * 2 });
}

/** Tells a wrong passphrase from damage. */
const checkOf = (key: Buffer): string => createHmac('sha256', key).update('rebato backup check').digest('hex').slice(0, 32);

type Marks = {
  readonly markBytes: number;
  seal(place: Buffer, plain: Buffer): readonly Buffer[];
  /** Undefined: the mark does not fit. */
  open(place: Buffer, bytes: Buffer, mark: Buffer): Buffer | undefined;
};

function marksOf(key: Buffer | undefined, header: Buffer): Marks {
  const context = createHash('sha256').update(header).digest();
  if (key === undefined) {
    const digest = (place: Buffer, bytes: Buffer): Buffer => createHash('sha256').update(context).update(place).update(bytes).digest();
    return {
      markBytes: 32,
      seal: (place, plain) => [plain, digest(place, plain)],
      open: (place, bytes, mark) => (timingSafeEqual(digest(place, bytes), mark) ? bytes : undefined),
    };
  }
  // The key is this file's alone, by its salt, so a counter is a nonce that never comes twice.
  const nonce = (place: Buffer): Buffer => Buffer.concat([Buffer.alloc(4), place.subarray(0, 8)]);
  return {
    markBytes: 16,
    seal(place, plain) {
      const cipher = createCipheriv('aes-256-gcm', key, nonce(place)).setAAD(Buffer.concat([context, place]));
      return [cipher.update(plain), cipher.final(), cipher.getAuthTag()];
    },
    open(place, bytes, mark) {
      const decipher = createDecipheriv('aes-256-gcm', key, nonce(place), { authTagLength: 16 });
      decipher.setAAD(Buffer.concat([context, place])).setAuthTag(mark);
      const plain = decipher.update(bytes);
      try {
        decipher.final();
        return plain;
      } catch {
        return undefined;
      }
    },
  };
}

/** Number of the chunk (8 bytes) and its length word (4). */
function placeOf(count: number, word: number): Buffer {
  const place = Buffer.alloc(12);
  place.writeBigUInt64BE(BigInt(count));
  place.writeUInt32BE(word, 8);
  return place;
}

/** Puts a stream of bytes into a file's form; locked with a passphrase, or marked with hashes alone. */
export async function* writeContainer(source: AsyncIterable<Buffer>, lock: Lock | undefined): AsyncGenerator<Buffer> {
  const salt = randomBytes(16);
  const cost = lock?.cost ?? costDefault;
  const key = lock === undefined ? undefined : await deriveKey(lock, salt, cost);
  const fields: Header = {
    rebatoBackup: formatVersion,
    salt: salt.toString('hex'),
    ...(key === undefined ? { cipher: 'none' } : { cipher: 'aes-256-gcm', cost, check: checkOf(key) }),
  };
  const header = Buffer.from(`${JSON.stringify(fields)}\n`);
  const marks = marksOf(key, header);
  yield header;
  let count = 0;
  const chunk = (plain: Buffer, last: boolean): Buffer => {
    const place = placeOf(count, (last ? lastFlag : 0) + plain.length);
    count += 1;
    return Buffer.concat([place.subarray(8), ...marks.seal(place, plain)]);
  };
  let held = Buffer.alloc(0);
  for await (const bytes of source) {
    held = held.length === 0 ? Buffer.from(bytes) : Buffer.concat([held, bytes]);
    // The last chunk is marked as such, so one is always held back.
    while (held.length > chunkBytes) {
      yield chunk(held.subarray(0, chunkBytes), false);
      held = held.subarray(chunkBytes);
    }
  }
  yield chunk(held, true);
}

/** Whether a file needs a passphrase; from its first bytes. Throws BackupRefused for what is no backup. */
export function isLocked(start: Buffer): boolean {
  return headerIn(start).fields.cipher !== 'none';
}

function headerIn(start: Buffer): { readonly fields: Header; readonly bytes: Buffer } {
  const end = start.subarray(0, headerMaxBytes).indexOf(0x0a);
  if (end === -1) throw damaged('it does not begin like a backup of Rebato, or is cut off');
  const bytes = start.subarray(0, end + 1);
  let fields: Partial<Record<keyof Header | 'cost' | 'check', unknown>>;
  try {
    fields = JSON.parse(bytes.toString('utf8')) as typeof fields;
  } catch {
    throw damaged('it does not begin like a backup of Rebato');
  }
  const version = typeof fields === 'object' && fields !== null ? fields.rebatoBackup : undefined;
  if (typeof version === 'number' && version > formatVersion)
    throw new BackupRefused(
      'newer',
      `The backup has form ${version}; this release reads form ${formatVersion}. Use the release that made it.`,
    );
  const { salt, cipher, cost, check } = fields;
  const locked =
    cipher === 'aes-256-gcm' &&
    Number.isInteger(cost) &&
    Number(cost) >= costMin &&
    Number(cost) <= costMax &&
    typeof check === 'string' &&
    /^[0-9a-f]{32}$/.test(check);
  if (version !== formatVersion || typeof salt !== 'string' || !/^[0-9a-f]{32}$/.test(salt) || !(locked || cipher === 'none'))
    throw damaged('its first line is not what a backup begins with');
  return { fields: fields as Header, bytes };
}

/** Reads exactly as many bytes as are asked for. */
function createReader(source: AsyncIterable<Uint8Array>) {
  const pieces = source[Symbol.asyncIterator]();
  let held = Buffer.alloc(0);
  const fill = async (bytes: number): Promise<boolean> => {
    while (held.length < bytes) {
      const next = await pieces.next();
      if (next.done === true) return false;
      held = held.length === 0 ? Buffer.from(next.value) : Buffer.concat([held, next.value]);
    }
    return true;
  };
  return {
    fill,
    peek: (): Buffer => held,
    async take(bytes: number): Promise<Buffer | undefined> {
      if (!(await fill(bytes))) return undefined;
      const taken = held.subarray(0, bytes);
      held = held.subarray(bytes);
      return taken;
    },
    close: async (): Promise<void> => void (await pieces.return?.()),
  };
}

/** The bytes that were put in, each chunk checked before it is given out. Throws BackupRefused on the first fault. */
export async function* readContainer(
  source: AsyncIterable<Uint8Array>,
  lock: Lock | undefined,
  testing: ReadTesting = {},
): AsyncGenerator<Buffer> {
  const reader = createReader(source);
  try {
    await reader.fill(headerMaxBytes);
    const { fields, bytes: header } = headerIn(reader.peek());
    await reader.take(header.length);
    let key: Buffer | undefined;
    if (fields.cipher !== 'none') {
      if (lock === undefined) throw new BackupRefused('passphrase', 'The backup is locked: give --passphrase-file.');
      key = await deriveKey(lock, Buffer.from(fields.salt, 'hex'), fields.cost);
      if (checkOf(key) !== fields.check)
        throw new BackupRefused('passphrase', 'The passphrase is not the one of this backup (or its first line is damaged).');
    }
    const marks = marksOf(key, header);
    for (let count = 0; ; count += 1) {
      const word = (await reader.take(4))?.readUInt32BE(0);
      if (word === undefined) throw damaged('it is cut off');
      const last = word >= lastFlag;
      const length = last ? word - lastFlag : word;
      if (length > chunkBytes) throw damaged(`chunk ${count} has an impossible length`);
      const bytes = await reader.take(length);
      const mark = await reader.take(marks.markBytes);
      if (bytes === undefined || mark === undefined) throw damaged('it is cut off');
      const plain = marks.open(placeOf(count, word), bytes, mark) ?? (testing.skipDigests === true ? bytes : undefined);
      if (plain === undefined) throw damaged(`chunk ${count} is not what was written`);
      yield plain;
      if (!last) continue;
      if (await reader.fill(1)) throw damaged('something was added behind its end');
      return;
    }
  } finally {
    await reader.close();
  }
}
