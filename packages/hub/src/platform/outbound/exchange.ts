import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { SecureContext } from 'node:tls';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { canonicalAddress } from './address.ts';
import { Refusal, type Target } from './policy.ts';

/** Header bytes taken from a foreign server. */
const headerMaxBytes = 16 * 1024;

export type Exchange = {
  readonly target: Target;
  /** Checked and canonical: the only one that is connected to. */
  readonly address: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Whom https believes, when not only the authorities that Node knows. */
  readonly trust: SecureContext | undefined;
};

export type Received = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

function unpacker(encoding: string): Transform | undefined {
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
      throw new Refusal('unknown content encoding');
  }
}

function counted(maxBytes: number): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > maxBytes) done(new Refusal('reply too large'));
      else done(null, chunk);
    },
  });
}

/** Both the bytes on the wire and what they unpack to are bounded. */
async function readAll(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const declared = Number(response.headers['content-length'] ?? '0');
  if (declared > maxBytes) throw new Refusal('reply too large');
  const chunks: Buffer[] = [];
  const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of source) chunks.push(chunk);
  };
  const unpack = unpacker(response.headers['content-encoding'] ?? '');
  if (unpack === undefined) await pipeline(response, counted(maxBytes), collect);
  else await pipeline(response, counted(maxBytes), unpack, counted(maxBytes), collect);
  if (!response.complete) throw new Refusal('reply cut short');
  return Buffer.concat(chunks);
}

function headersOf(response: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

/** A connection that goes elsewhere than checked carries nothing: looked at again on the socket itself, before the request is written. */
function checkPeer(socket: Socket, address: string): void {
  if (canonicalAddress(socket.remoteAddress ?? '') !== address) socket.destroy(new Refusal('connected elsewhere'));
}

/** One request to one checked address. No redirects, no kept connections, no proxy from the environment. */
export function exchange({ target, address, method, headers, body, maxBytes, signal, trust }: Exchange): Promise<Received> {
  const { url, host, port } = target;
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const options = {
      // An address and not the name: nobody resolves a second time.
      host: address,
      port,
      method,
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, host: url.host, ...(body === undefined ? {} : { 'content-length': String(body.length) }) },
      maxHeaderSize: headerMaxBytes,
      insecureHTTPParser: false,
      signal,
    };
    // Agents of our own: the global ones may be told by the environment to use a proxy.
    const request = secure
      ? httpsRequest({
          ...options,
          agent: new HttpsAgent({ keepAlive: false }),
          servername: isIP(host) === 0 ? host : '',
          ...(trust === undefined ? {} : { secureContext: trust }),
        })
      : httpRequest({ ...options, agent: new HttpAgent({ keepAlive: false }) });
    request.once('socket', (socket) => {
      if (socket.connecting) socket.prependOnceListener('connect', () => checkPeer(socket, address));
      else checkPeer(socket, address);
    });
    // Another protocol is not what was asked for.
    request.once('upgrade', (_response, socket) => {
      socket.destroy();
      reject(new Refusal('upgrade'));
    });
    request.once('error', reject);
    request.once('response', (response) => {
      readAll(response, maxBytes).then(
        (bytes) => resolve({ status: response.statusCode ?? 0, headers: headersOf(response), body: bytes }),
        (error: unknown) => {
          request.destroy();
          reject(error);
        },
      );
    });
    request.end(body);
  });
}
