import { CodedError, type Detail, type ErrorCatalog, type ErrorKind, errorsFor } from '#platform/errors';
import { isPassing } from '#platform/passing';
import { Reply } from './reply.ts';
import type { Failure } from './types.ts';

/** Codes of the door itself. Public API, like those of the modules. */
export const httpErrors = {
  'http.invalid_json': { kind: 'invalid', help: 'The body is not acceptable JSON. The detail names line and column.' },
  'http.invalid_body': { kind: 'invalid', help: 'The body does not have the declared shape. Each entry of errors names a field.' },
  'http.invalid_query': {
    kind: 'invalid',
    help: 'The query string does not have the declared shape. Each entry of errors names a parameter.',
  },
  'http.invalid_path': { kind: 'invalid', help: 'A part of the path does not have the declared shape.' },
  'http.bad_request': { kind: 'invalid', help: 'The request breaks the rules of HTTP.' },
  'http.invalid_encoding': { kind: 'invalid', help: 'The compressed body cannot be decompressed.' },
  'http.unauthenticated': {
    kind: 'unauthenticated',
    help: 'No valid credential was given: send an API key as a bearer token, or sign in.',
  },
  'http.scope_missing': { kind: 'forbidden', help: 'The credential is valid but does not carry the right that this route needs.' },
  'http.role_missing': { kind: 'forbidden', help: 'This is reserved to certain roles.' },
  'http.cross_site': { kind: 'forbidden', help: 'A page of another site may not act with your session.' },
  'http.not_found': { kind: 'not_found', help: 'There is no such path. Paths are exact: case, slashes and dots count.' },
  'http.body_too_large': { kind: 'too_large', help: 'The body is larger than this route takes, possibly only after decompression.' },
  'http.rate_limited': { kind: 'too_many', help: 'Too many requests. Wait for the time named in Retry-After.' },
  'http.too_many_streams': { kind: 'too_many', help: 'Too many live streams are open.' },
  'http.draining': { kind: 'unavailable', help: 'The hub is stopping. Try again shortly.' },
  'http.no_room': {
    kind: 'unavailable',
    help: 'The hub takes in no reports now, because its disk is nearly full. Retractions go on. Try again later.',
  },
  'http.not_ready': { kind: 'unavailable', help: 'The hub is starting or has lost its database. Try again shortly.' },
} as const satisfies ErrorCatalog;

export const fail = errorsFor(httpErrors);

const statusOfKind: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  gone: 410,
  too_large: 413,
  too_many: 429,
  unavailable: 503,
};

/** Seconds that a client waits when nothing better is known. */
const retryAfterSeconds = 5;

/** Only HTTP knows these; no kind of the domain maps to them. */
export class HttpOnlyError extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** A rate-limit refusal knows how long to wait. */
export class WaitError extends CodedError {
  readonly retryAfterMs: number;
  constructor(code: 'http.rate_limited' | 'http.too_many_streams', message: string, retryAfterMs: number) {
    super(code, httpErrors[code].kind, httpErrors[code].help, message, []);
    this.retryAfterMs = retryAfterMs;
  }
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Too large',
  414: 'URI too long',
  415: 'Unsupported media type',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Unavailable',
};

export const titleOf = (status: number): string => titles[status] ?? 'Error';

function headersOf(error: CodedError, challenge: 'bearer' | 'basic'): Record<string, string> {
  if (error.kind === 'unauthenticated')
    return { 'www-authenticate': challenge === 'basic' ? 'Basic realm="rebato", charset="UTF-8"' : 'Bearer realm="rebato"' };
  if (error instanceof WaitError) return { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))) };
  if (error.kind === 'too_many' || error.kind === 'unavailable') return { 'retry-after': String(retryAfterSeconds) };
  return {};
}

/** Errors of Fastify and Node that a client can cause, by their code. Anything else is ours, and becomes 500. */
function foreign(error: unknown): HttpOnlyError | CodedError | undefined {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_ROUTER_URL_TOO_LONG') return fail('http.not_found', 'no such path');
  if (code === 'FST_ERR_MAX_PARAM_LENGTH') return new HttpOnlyError(414, 'http.uri_too_long', 'a part of the path is too long');
  if (code.startsWith('FST_ERR_CTP_'))
    return new HttpOnlyError(415, 'http.unsupported_media_type', 'the media type of the body is not understood');
  // Not the client's connection but the database's: a restart, a crash, a full disk. (A client that breaks off is 'aborted'.)
  if (isPassing(error)) return fail('http.not_ready', 'The database is not available. Try again shortly.');
  if (code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET') return fail('http.bad_request', 'the body ended early');
  return undefined;
}

/** The failure to show for anything thrown. Bugs tell the caller nothing but where to ask. */
export function failureOf(error: unknown, requestId: string, challenge: 'bearer' | 'basic' = 'bearer'): Failure {
  const known = error instanceof CodedError || error instanceof HttpOnlyError ? error : foreign(error);
  if (known instanceof CodedError) {
    const status = statusOfKind[known.kind];
    return {
      status,
      code: known.code,
      title: titleOf(status),
      detail: known.message,
      errors: known.details,
      requestId,
      headers: headersOf(known, challenge),
    };
  }
  if (known instanceof HttpOnlyError) {
    return {
      status: known.status,
      code: known.code,
      title: titleOf(known.status),
      detail: known.message,
      errors: [],
      requestId,
      headers: known.headers,
    };
  }
  const detail = 'Something went wrong on our side. The operator finds it in the log by the request id.';
  return { status: 500, code: 'internal', title: titleOf(500), detail, errors: [], requestId, headers: {} };
}

/** RFC 9457. `type` leads to the entry of the code in the documentation. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly instance: string;
  readonly errors: readonly Detail[];
};

export function problemOf(failure: Failure): Problem {
  return {
    type: `/api/docs/errors#${failure.code}`,
    title: failure.title,
    status: failure.status,
    detail: failure.detail,
    code: failure.code,
    instance: failure.requestId,
    errors: failure.errors,
  };
}

export function presentProblem(failure: Failure): Reply {
  return Reply.json(problemOf(failure), { status: failure.status, type: 'application/problem+json' });
}
