import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { fail } from './problems.ts';
import type { RequestInfo } from './types.ts';

/** Parameters of one query string: more is nobody's form. */
const queryParametersMax = 200;

/** Cookies looked at; we set two. */
const cookiesMax = 50;

/** Cookies by name. The first of a name counts, as it is the one of the longest path. Nothing is decoded: our own values need none. */
export function parseCookies(header: string | undefined): Record<string, string> {
  const out: Record<string, string> = Object.create(null);
  if (header === undefined) return out;
  for (const part of header.split(';', cookiesMax)) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals).trim();
    if (equals > 0 && out[name] === undefined) out[name] = part.slice(equals + 1).trim();
  }
  return out;
}

function decode(text: string): string {
  let out: string;
  try {
    out = decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw fail('http.invalid_query', 'the query string has broken percent-encoding');
  }
  if (out.includes('\u0000')) throw fail('http.invalid_query', 'the query string has an encoded NUL');
  return out;
}

/** Values by name, in order. Brackets in names are letters like others: nothing is nested. */
export function parseQuery(url: string): Map<string, string[]> {
  const out = new Map<string, string[]>();
  const mark = url.indexOf('?');
  const end = url.indexOf('#');
  const text = mark === -1 ? '' : url.slice(mark + 1, end === -1 ? undefined : end);
  if (text === '') return out;
  const parts = text.split('&');
  if (parts.length > queryParametersMax) throw fail('http.invalid_query', `more than ${queryParametersMax} parameters`);
  for (const part of parts) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decode(equals === -1 ? part : part.slice(0, equals));
    const value = equals === -1 ? '' : decode(part.slice(equals + 1));
    const values = out.get(name);
    if (values === undefined) out.set(name, [value]);
    else values.push(value);
  }
  return out;
}

/** What one request carries through the door. Cookies and the abort signal are made when first asked for: most routes ask for neither. */
export class RequestState implements RequestInfo {
  readonly id: string;
  readonly method: string;
  readonly ip: string;
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  readonly startedMs: number;
  readonly replyHeaders: Record<string, string | string[]> = Object.create(null);
  rawBody?: Buffer;
  bodyStream?: Readable;
  readonly #response: ServerResponse;
  #cookies: Record<string, string> | undefined;
  #abort: AbortController | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, id: string, startedMs: number) {
    this.id = id;
    this.method = request.method ?? 'GET';
    this.ip = request.socket.remoteAddress ?? 'unknown';
    this.headers = request.headers;
    this.url = request.url ?? '/';
    this.startedMs = startedMs;
    this.#response = response;
  }

  get cookies(): Readonly<Record<string, string>> {
    this.#cookies ??= parseCookies(this.headers.cookie);
    return this.#cookies;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#abort = abort;
      const response = this.#response;
      if (response.closed) abort.abort();
      else response.once('close', () => (response.writableFinished ? undefined : abort.abort()));
    }
    return this.#abort.signal;
  }

  setHeader(name: string, value: string): void {
    const key = name.toLowerCase();
    if (key !== 'set-cookie') this.replyHeaders[key] = value;
    else this.replyHeaders[key] = [...(this.replyHeaders[key] ?? []), value];
  }
}
