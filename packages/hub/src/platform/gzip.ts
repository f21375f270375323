import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib';

/**
 * A part of a text, compressed by itself. Parts can be put together in any order into one ordinary gzip member, so a list of a million lines of
 * which one has changed is compressed by compressing some thousand lines again. (Several members in a row would be simpler, but common
 * clients stop after the first.)
 */
export type Piece = { readonly deflated: Buffer; readonly bytes: number; readonly crc: number };

/** A full flush ends on a byte boundary and forgets the dictionary, so what follows depends on nothing before. */
const options = { level: 6, finishFlush: constants.Z_FULL_FLUSH } as const;
const deflateAsync = promisify(deflateRaw) as (data: Buffer, options: { level: number; finishFlush: number }) => Promise<Buffer>;

export function pieceOf(data: Buffer): Piece {
  return { deflated: deflateRawSync(data, options), bytes: data.length, crc: crc32(data) };
}

/** The same on another thread, for large parts. */
export async function pieceOfAsync(data: Buffer): Promise<Piece> {
  return { deflated: await deflateAsync(data, options), bytes: data.length, crc: crc32(data) };
}

export function plainOf(piece: Piece): Buffer {
  return piece.bytes === 0 ? Buffer.alloc(0) : inflateRawSync(piece.deflated, { finishFlush: constants.Z_SYNC_FLUSH });
}

const head = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** An empty block that is marked as the last. */
const lastBlock = [0x03, 0x00];

/** One gzip file out of parts, as buffers to send one after the other. */
export function gzipParts(pieces: readonly Piece[]): Buffer[] {
  let crc = 0;
  let bytes = 0;
  for (const piece of pieces) {
    crc = combineCrc(crc, piece.crc, piece.bytes);
    bytes += piece.bytes;
  }
  const tail = Buffer.alloc(10);
  tail.set(lastBlock);
  tail.writeUInt32LE(crc >>> 0, 2);
  tail.writeUInt32LE(bytes % 2 ** 32, 6);
  return [head, ...pieces.map((piece) => piece.deflated), tail];
}

/** Whether a client takes gzip. */
export function acceptsGzip(header: string | undefined): boolean {
  for (const part of (header ?? '').slice(0, 500).toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
    if (name !== 'gzip' && name !== 'x-gzip' && name !== '*') continue;
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    return q === undefined || Number(q.slice(2)) > 0;
  }
  return false;
}

/** CRC-32's polynomial, bits reversed (RFC 1952). */
const polynomial = 0xedb88320;
const one = 0x80000000;

/** Product of two polynomials modulo CRC-32's. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let bit = one; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= factor;
    factor = (factor & 1) === 0 ? factor >>> 1 : (factor >>> 1) ^ polynomial;
  }
  return product >>> 0;
}

/** x to the power of 2^n, for n = 0…31; from there on the powers repeat. */
const powers: readonly number[] = (() => {
  const table = [0x40000000];
  while (table.length < 32) {
    const last = table.at(-1) ?? 0;
    table.push(multiply(last, last));
  }
  return table;
})();

/** CRC-32 of two texts one after the other, from the CRCs of both and the length of the second: the first is shifted by that many zero bytes. */
export function combineCrc(first: number, second: number, secondBytes: number): number {
  let shift = one;
  // Bits, not bytes: three doublings further.
  for (let rest = secondBytes, n = 3; rest > 0; rest = Math.floor(rest / 2), n += 1) {
    if (rest % 2 === 1) shift = multiply(powers[n & 31] ?? 0, shift);
  }
  return (multiply(shift, first >>> 0) ^ second) >>> 0;
}
