import { type Readable, Readable as ReadableStream } from 'node:stream';
import type { SseSink } from './types.ts';

export type ReplyOptions = {
  readonly type?: string;
  readonly status?: number;
  /** Lower-case names. `content-encoding` set here means that the body is already compressed and is sent as it is. */
  readonly headers?: Readonly<Record<string, string>>;
};

export type ReplyBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'stream'; readonly stream: Readable }
  | { readonly kind: 'sse'; readonly start: (sink: SseSink, signal: AbortSignal) => void };

/** For what is not plain JSON after the route's schema: files, lists, streams, foreign protocols. */
export class Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ReplyBody;

  private constructor(status: number, headers: Readonly<Record<string, string>>, body: ReplyBody) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  private static of(body: ReplyBody, options: ReplyOptions, type: string | undefined): Reply {
    const contentType = options.type ?? type;
    return new Reply(
      options.status ?? 200,
      { ...(contentType === undefined ? {} : { 'content-type': contentType }), ...options.headers },
      body,
    );
  }

  /** A finished body. An `etag` header is compared with `If-None-Match`, and 304 sent when it is the same. */
  static bytes(body: Buffer | string, options: ReplyOptions = {}): Reply {
    const text = typeof body === 'string';
    return Reply.of(
      { kind: 'bytes', bytes: text ? Buffer.from(body) : body },
      options,
      text ? 'text/plain; charset=utf-8' : 'application/octet-stream',
    );
  }

  /** JSON that no schema filters: the caller answers for every field. For foreign protocols. */
  static json(value: unknown, options: ReplyOptions = {}): Reply {
    return Reply.of({ kind: 'bytes', bytes: Buffer.from(JSON.stringify(value)) }, options, 'application/json; charset=utf-8');
  }

  /** Sent as it is produced, with back-pressure. Errors of the source cut the connection: the client must not take half for the whole. */
  static stream(source: Readable | AsyncIterable<Buffer | string>, options: ReplyOptions = {}): Reply {
    const stream = source instanceof ReadableStream ? source : ReadableStream.from(source, { objectMode: false });
    return Reply.of({ kind: 'stream', stream }, options, 'application/octet-stream');
  }

  /** Server-sent events. `start` gets the sink at once; `signal` aborts when the client is gone, too slow, or the hub drains. */
  static sse(start: (sink: SseSink, signal: AbortSignal) => void, headers: Readonly<Record<string, string>> = {}): Reply {
    return Reply.of({ kind: 'sse', start }, { headers }, 'text/event-stream; charset=utf-8');
  }

  static empty(status = 204, headers: Readonly<Record<string, string>> = {}): Reply {
    return Reply.of({ kind: 'none' }, { status, headers }, undefined);
  }

  static redirect(location: string, status: 302 | 303 | 307 | 308 = 303): Reply {
    return Reply.of({ kind: 'none' }, { status, headers: { location } }, undefined);
  }
}
