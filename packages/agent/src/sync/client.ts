import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

export type HubClientOptions = {
  readonly url: string;
  readonly key: string | undefined;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
  readonly requestMs: number;
  readonly replyMaxBytes: number;
};

/** The hub answered with something that is no answer. */
export class HubReplyError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export type JsonReply = { readonly status: number; readonly body: unknown };
export type OpenReply = { readonly status: number; readonly body: Readable; close(): void };

/** Requests to one hub, over connections that are kept. Redirects are not followed: the hub's address was given by the owner. */
export type HubClient = {
  json(method: 'GET' | 'POST', path: string, body?: unknown): Promise<JsonReply>;
  /** A reply to be read while it comes. `silentMs` without a byte ends it. */
  open(
    path: string,
    options: { readonly accept: string; readonly gzip: boolean; readonly silentMs: number; readonly signal: AbortSignal },
  ): Promise<OpenReply>;
  close(): void;
};

/** Connections at once: the stream, the receipts, a snapshot, and one to spare. */
const socketsMax = 4;

export function createHubClient(options: HubClientOptions): HubClient {
  const base = new URL(options.url);
  const secure = base.protocol === 'https:';
  const agent = secure
    ? new HttpsAgent({ keepAlive: true, maxSockets: socketsMax, ...(options.ca === undefined ? {} : { ca: options.ca }) })
    : new HttpAgent({ keepAlive: true, maxSockets: socketsMax });
  const prefix = base.pathname.replace(/\/$/, '');

  function send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: string | undefined,
    signal: AbortSignal | undefined,
    timeoutMs: number,
  ) {
    return new Promise<IncomingMessage>((resolve, reject) => {
      const all: Record<string, string> = { ...headers, 'user-agent': 'rebato-agent' };
      if (options.key !== undefined) all.authorization = `Bearer ${options.key}`;
      if (body !== undefined) {
        all['content-type'] = 'application/json';
        all['content-length'] = String(Buffer.byteLength(body));
      }
      const request: RequestOptions = {
        protocol: base.protocol,
        hostname: base.hostname.replace(/^\[|\]$/g, ''),
        port: base.port,
        path: prefix + path,
        method,
        headers: all,
        agent,
        ...(signal ? { signal } : {}),
      };
      const out = (secure ? httpsRequest : httpRequest)(request, resolve);
      out.setTimeout(timeoutMs, () => out.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      out.once('error', reject);
      out.end(body);
    });
  }

  return {
    async json(method, path, body) {
      // The whole exchange is bounded, not only its silences: a byte a second would otherwise hold it open for ever.
      const signal = AbortSignal.timeout(options.requestMs);
      const text = body === undefined ? undefined : JSON.stringify(body);
      const reply = await send(method, path, { accept: 'application/json' }, text, signal, options.requestMs);
      const parts: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of reply as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > options.replyMaxBytes) {
          reply.destroy();
          throw new HubReplyError(reply.statusCode ?? 0, `a reply of more than ${options.replyMaxBytes} bytes`);
        }
        parts.push(chunk);
      }
      const status = reply.statusCode ?? 0;
      const content = Buffer.concat(parts).toString('utf8');
      if (content === '') return { status, body: undefined };
      try {
        return { status, body: JSON.parse(content) as unknown };
      } catch {
        if (status >= 200 && status < 300) throw new HubReplyError(status, 'the reply is not JSON');
        return { status, body: undefined };
      }
    },

    async open(path, { accept, gzip, silentMs, signal }) {
      const reply = await send('GET', path, { accept, 'accept-encoding': gzip ? 'gzip' : 'identity' }, undefined, signal, silentMs);
      reply.setTimeout(silentMs, () => reply.destroy(new Error(`silent for ${silentMs} ms`)));
      const packed = reply.headers['content-encoding'] === 'gzip';
      // Errors of the connection must end the reader of the unpacked stream as well.
      const body: Readable = packed ? reply.pipe(createGunzip()) : reply;
      if (packed) {
        reply.once('error', (error) => body.destroy(error));
        reply.once('aborted', () => body.destroy(new Error('the connection broke off')));
      }
      return { status: reply.statusCode ?? 0, body, close: () => reply.destroy() };
    },

    close() {
      agent.destroy();
    },
  };
}
