import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Role } from '@rebato/contract';
import type { Static, TSchema } from 'typebox';
import type { Actor, Scope } from '#platform/actor';
import type { Detail } from '#platform/errors';
import type { Reply } from './reply.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Which bucket a route draws from. `sign-in` is for everything that tests a credential. */
export type LimitClass = 'read' | 'write' | 'heavy' | 'sign-in';

/** What a handler may know of the request besides its validated parts. */
export type RequestInfo = {
  /** Made here, never taken from the client; also in `X-Request-Id` and in problem documents. */
  readonly id: string;
  readonly method: string;
  /** Address of the socket. Forwarding headers are not believed. */
  readonly ip: string;
  readonly headers: IncomingHttpHeaders;
  /** Path and query as sent. */
  readonly url: string;
  readonly cookies: Readonly<Record<string, string>>;
  /** The body's bytes after decompression, for routes with `bodyType` json (when there was a body) or raw. */
  readonly rawBody?: Buffer;
  /** Only for `bodyType: 'stream'`: decompressed, bounded by `bodyMaxBytes`; past the bound it errors with a `too_large` coded error. */
  readonly bodyStream?: Readable;
  /** Aborts when the client goes away before the reply is complete. */
  readonly signal: AbortSignal;
  /** Adds a header to whatever reply follows, errors included. `set-cookie` adds up, others replace. */
  setHeader(name: string, value: string): void;
};

export type RouteInput<P extends TSchema, Q extends TSchema, B extends TSchema> = {
  /** The `anonymous` actor of the hub on public routes. */
  readonly actor: Actor;
  readonly params: Static<P>;
  readonly query: Static<Q>;
  readonly body: Static<B>;
  readonly request: RequestInfo;
};

/** A route as its module declares it: validation, rights, rate limit and documentation come from here. */
export type RouteSpec<
  P extends TSchema = TSchema,
  Q extends TSchema = TSchema,
  B extends TSchema = TSchema,
  R extends TSchema = TSchema,
> = {
  readonly summary: string;
  readonly tag?: string;
  /** Right that the actor needs. `public` means nobody is asked who they are. */
  readonly scope: Scope | 'public';
  readonly limit: LimitClass;
  /** It only adds, and much: refused first when the disk fills up. Retractions, rulings and receipts never are. */
  readonly adds?: boolean;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Shape of the JSON reply; fields that it does not name never leave. Routes without it answer with a `Reply` or nothing (204). */
  readonly reply?: R;
  /** Status of success: 200 with a reply, 204 without, unless said here. */
  readonly status?: number;
  /** `json` (default) is parsed and validated; `raw` and `stream` take any media type and leave the reading to the handler. */
  readonly bodyType?: 'json' | 'raw' | 'stream';
  /** Of the body after decompression. Default 1 MiB. */
  readonly bodyMaxBytes?: number;
  /** A member that the schema does not name: refused (default), or dropped for foreign protocols whose clients send extras. */
  readonly unknown?: 'refuse' | 'ignore';
  /** Codes of the module's catalogue that this route answers with, for the documentation and the tests. */
  readonly fails?: readonly string[];
  /** Persons, and their own keys, need one of these roles besides the scope; machines need only the scope. */
  readonly roles?: readonly Role[];
  /** What `WWW-Authenticate` asks for. Default `bearer`. */
  readonly challenge?: 'bearer' | 'basic';
  /** Left out of the documentation: foreign protocols describe themselves. */
  readonly hidden?: boolean;
  handle(input: RouteInput<P, Q, B>): Promise<Static<R> | Reply>;
};

/** A route as the router lists it, for the documentation, the authorisation matrix and the non-interference test. */
export type RouteInfo = Omit<RouteSpec, 'handle'> & { readonly method: Method; readonly path: string };

export type Register = <P extends TSchema = TSchema, Q extends TSchema = TSchema, B extends TSchema = TSchema, R extends TSchema = TSchema>(
  path: string,
  spec: RouteSpec<P, Q, B, R>,
) => void;

/** Anything that is not success, before it is put into a protocol's form. */
export type Failure = {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly Detail[];
  readonly requestId: string;
  /** Such as `retry-after`, `allow`, `www-authenticate`; a presenter need not repeat them. */
  readonly headers: Readonly<Record<string, string>>;
};

/** Puts failures into a foreign protocol's form. */
export type PresentFailure = (failure: Failure) => Reply;

/** What modules and edges register with. Paths are exact: `:name` is one segment, `:name.json` one with a fixed end, a last `*` the rest. */
export type Http = {
  readonly get: Register;
  readonly post: Register;
  readonly put: Register;
  readonly patch: Register;
  readonly delete: Register;
  /** Failures of all paths below `prefix` (such as `/misp/`), unknown ones included, take this form. The longest prefix wins. */
  failuresBelow(prefix: string, present: PresentFailure): void;
};

/** What is known of a caller before it is known who it is. */
export type AuthRequest = Pick<RequestInfo, 'id' | 'method' | 'ip' | 'headers' | 'url' | 'cookies'>;

/** Who calls. `undefined` or an `unauthenticated` coded error: nobody we know. Must not tell the two apart in time or text. */
export type Authenticate = (request: AuthRequest) => Promise<Actor | undefined>;

/** One live client. Bytes are whole frames (ending in an empty line), so that a frame is serialised once for all its readers. */
export type SseSink = {
  send(frames: Buffer | string): void;
  /** `data` is JSON text or any text; line breaks are put into the form's own. */
  event(name: string, data: string, id?: string): void;
  close(): void;
  readonly closed: boolean;
  /** Bytes accepted by `send` that the client's connection has not taken yet. */
  readonly unsentBytes: number;
};
