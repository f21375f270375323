import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { CodedError } from '#platform/errors';
import { fail, HttpOnlyError } from './problems.ts';

/** Bodies of ordinary routes. Imports declare more. */
export const bodyMaxBytesDefault = 1 << 20;

const tooLarge = (maxBytes: number) => fail('http.body_too_large', `the body is larger than ${maxBytes} bytes`);

/** Whether a body follows the header, by the header's own word. */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

function decompressor(encoding: string): Transform | undefined {
  switch (encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      throw new HttpOnlyError(415, 'http.unsupported_encoding', 'bodies may be compressed once, with gzip, br or deflate', {
        'accept-encoding': 'gzip, br, deflate',
      });
  }
}

/** Passes at most `maxBytes` on, then fails: what is decompressed is never more than one chunk ahead of the count. */
function bounded(maxBytes: number): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > maxBytes) done(tooLarge(maxBytes));
      else done(null, chunk);
    },
  });
}

/** The body, decompressed and bounded, as a stream. The compressed bytes have the same bound, so that padding cannot go on for ever. */
export function openBody(request: IncomingMessage, maxBytes: number): Readable {
  const declared = Number(request.headers['content-length'] ?? '0');
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const unpack = decompressor(request.headers['content-encoding'] ?? '');
  const out = bounded(maxBytes);
  // The callback takes the error, which reaches the reader through `out`; without it the process would end.
  if (unpack === undefined) pipeline(request, out, () => undefined);
  else {
    // First of the listeners, so that the reader gets our error and not the library's.
    unpack.once('error', (error) =>
      out.destroy(error instanceof CodedError ? error : fail('http.invalid_encoding', 'the compressed body is broken')),
    );
    pipeline(request, bounded(maxBytes), unpack, out, () => undefined);
  }
  return out;
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

/** Bodies without compression, the common case: no streams in between, because they cost more than the parsing. */
function readPlain(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let seen = 0;
    request.on('data', (chunk: Buffer) => {
      seen += chunk.length;
      if (seen > maxBytes) {
        request.pause();
        request.removeAllListeners('data');
        reject(tooLarge(maxBytes));
      } else chunks.push(chunk);
    });
    request.once('end', () => resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, seen)));
    request.once('error', () => reject(fail('http.bad_request', 'the body ended early')));
    request.once('close', () => reject(fail('http.bad_request', 'the body ended early')));
  });
}

/** Reads all of it into memory. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? '0');
  if (declared > maxBytes) throw tooLarge(maxBytes);
  if (decompressor(request.headers['content-encoding'] ?? '') === undefined) return readPlain(request, maxBytes);
  return collect(openBody(request, maxBytes));
}

/** JSON by its media type, or a structured form of it (`application/stix+json;version=2.1`). No type at all counts as JSON. */
export function isJsonType(contentType: string | undefined): boolean {
  if (contentType === undefined) return true;
  const [type = ''] = contentType.split(';');
  return /^application\/(?:[a-z0-9.-]{1,80}\+)?json$/.test(type.trim().toLowerCase());
}
