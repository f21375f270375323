import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib';
import type { Reply } from './reply.ts';
import type { RequestState } from './request.ts';

/** Below this, compression costs more than it saves: one packet is one packet. */
const compressMinBytes = 1024;

/** Level 4: about the size of gzip 9 at the cost of gzip 6. Higher levels are for files compressed once. */
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

const compressible =
  /^(?:text\/(?!event-stream)|application\/(?:[a-z0-9.-]{0,80}\+)?(?:json|xml)|application\/(?:javascript|x-ndjson|manifest\+json|wasm)|image\/svg\+xml)/;

/** The coding to use for a client: the better of what it takes. `q=0` refuses, `*` is anything not named. */
export function negotiateEncoding(header: string | undefined): 'br' | 'gzip' | undefined {
  if (header === undefined) return undefined;
  const quality = new Map<string, number>();
  for (const part of header.slice(0, 500).split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const value = q === undefined ? 1 : Number(q.slice(2));
    quality.set(name === 'x-gzip' ? 'gzip' : name, Number.isFinite(value) ? value : 0);
  }
  const any = quality.get('*') ?? 0;
  const br = quality.get('br') ?? any;
  const gz = quality.get('gzip') ?? any;
  if (br <= 0 && gz <= 0) return undefined;
  return br >= gz ? 'br' : 'gzip';
}

/** Compared weakly: a compressed copy is the same thing to a cache. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const bare = (tag: string): string => tag.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((tag) => bare(tag) === bare(etag));
}

export type DefaultHeaders = Readonly<Record<string, string>>;

/** Headers of every reply unless the reply says otherwise: an API has nothing to render, frame, sniff or keep. */
export function securityHeaders(https: boolean): DefaultHeaders {
  return {
    'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'cache-control': 'no-store',
    ...(https ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  };
}

function vary(headers: Record<string, string | string[]>): void {
  const before = headers['vary'];
  headers['vary'] = before === undefined ? 'accept-encoding' : `${String(before)}, accept-encoding`;
}

type Sending = {
  readonly response: ServerResponse;
  readonly request: RequestState;
  readonly defaults: DefaultHeaders;
  readonly closing: boolean;
};

/** The headers of a reply: defaults, then what the handler set on the request, then the reply's own. */
export function headersFor(to: Sending, reply: Reply): Record<string, string | string[]> {
  return {
    ...to.defaults,
    'x-request-id': to.request.id,
    ...to.request.replyHeaders,
    ...reply.headers,
    ...(to.closing ? { connection: 'close' } : {}),
  };
}

function finish(to: Sending, status: number, headers: Record<string, string | string[]>, bytes: Buffer | undefined): void {
  const { response, request } = to;
  if (response.headersSent || response.destroyed) return;
  const bodiless = status === 204 || status === 304 || (status >= 100 && status < 200);
  if (!bodiless) headers['content-length'] = String(bytes?.length ?? 0);
  response.writeHead(status, headers);
  if (bodiless || bytes === undefined || request.method === 'HEAD') response.end();
  else response.end(bytes);
}

async function sendBytes(to: Sending, status: number, headers: Record<string, string | string[]>, bytes: Buffer): Promise<void> {
  const { request } = to;
  const etag = headers['etag'];
  const reading = request.method === 'GET' || request.method === 'HEAD';
  if (status === 200 && reading && typeof etag === 'string' && matchesEtag(request.headers['if-none-match'], etag)) {
    delete headers['content-type'];
    delete headers['content-encoding'];
    return finish(to, 304, headers, undefined);
  }
  const worth =
    bytes.length > compressMinBytes &&
    headers['content-encoding'] === undefined &&
    compressible.test(String(headers['content-type'] ?? ''));
  if (!worth) return finish(to, status, headers, bytes);
  vary(headers);
  const encoding = negotiateEncoding(request.headers['accept-encoding']);
  if (encoding === undefined) return finish(to, status, headers, bytes);
  headers['content-encoding'] = encoding;
  // A strong tag names exact bytes, and these are others.
  if (typeof etag === 'string' && !etag.startsWith('W/')) headers['etag'] = `W/${etag}`;
  const packed = encoding === 'br' ? await brotliAsync(bytes, brotliOptions) : await gzipAsync(bytes);
  finish(to, status, headers, packed);
}

/** Sends everything but server-sent events. Resolves when the headers and a finished body are handed over, or the stream has ended. */
export async function send(to: Sending, reply: Reply): Promise<void> {
  const headers = headersFor(to, reply);
  const { body } = reply;
  if (body.kind === 'bytes') return sendBytes(to, reply.status, headers, body.bytes);
  if (body.kind !== 'stream') return finish(to, reply.status, headers, undefined);
  const { stream } = body;
  if (to.request.method === 'HEAD' || to.response.destroyed) {
    stream.destroy();
    to.response.writeHead(reply.status, headers).end();
    return;
  }
  const wanted = headers['content-encoding'] === undefined && compressible.test(String(headers['content-type'] ?? ''));
  if (wanted) vary(headers);
  const encoding = wanted ? negotiateEncoding(to.request.headers['accept-encoding']) : undefined;
  if (encoding !== undefined) {
    headers['content-encoding'] = encoding;
    delete headers['content-length'];
  }
  const squeeze = encoding === 'br' ? createBrotliCompress(brotliOptions) : encoding === 'gzip' ? createGzip() : undefined;
  to.response.writeHead(reply.status, headers);
  await new Promise<void>((resolve, reject) => {
    const done = (error: unknown): void => (error instanceof Error ? reject(error) : resolve());
    if (squeeze === undefined) pipeline(stream, to.response, done);
    else pipeline(stream, squeeze, to.response, done);
  });
}
