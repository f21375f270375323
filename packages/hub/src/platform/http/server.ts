import assert from 'node:assert/strict';
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Actor } from '#platform/actor';
import type { Clock } from '#platform/clock';
import type { ErrorCatalog } from '#platform/errors';
import type { Ids } from '#platform/ids';
import type { MetricsRegistry } from '#platform/metrics';
import type { Log } from '#platform/ports';
import { hasBody } from './body.ts';
import { builtinRoutes } from './builtin.ts';
import { isPlainPath, rawPathOf } from './paths.ts';
import { fail, failureOf, HttpOnlyError, presentProblem, problemOf, WaitError } from './problems.ts';
import { createLimiter, defaultRates, type Rates } from './rates.ts';
import { Reply } from './reply.ts';
import { RequestState } from './request.ts';
import { allowedMethods, authenticateRequest, type BoundRoute, bindRoute, type RunDeps, runRoute } from './route.ts';
import { headersFor, securityHeaders, send } from './send.ts';
import { createSseClients } from './sse.ts';
import type { Authenticate, Http, Method, PresentFailure, Register, RouteInfo, RouteSpec } from './types.ts';

export type HttpLimits = {
  readonly rates?: Partial<Rates>;
  /** Open sockets; further ones are closed at once. */
  readonly connectionsMax?: number;
  readonly sseClientsMax?: number;
  /** Time for the header to arrive, and for the whole request. Slow senders hold a socket no longer. */
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly keepAliveTimeoutMs?: number;
  readonly headerMaxBytes?: number;
  /** Requests in flight get this long to finish when the hub stops. */
  readonly drainMs?: number;
};

const defaults = {
  // 5,000 agents, their reconnects, people and tools.
  connectionsMax: 20_000,
  sseClientsMax: 15_000,
  headersTimeoutMs: 10_000,
  // An import of 100 MB over a slow line; without a body the header's limit is what counts.
  requestTimeoutMs: 300_000,
  // Longer than the idle time of common reverse proxies, or they reuse a socket that is just being closed.
  keepAliveTimeoutMs: 75_000,
  headerMaxBytes: 16 * 1024,
  drainMs: 10_000,
} as const satisfies Omit<Required<HttpLimits>, 'rates'>;

/** Header lines; Node drops what is beyond. */
const headersCountMax = 100;

/** A path parameter may hold a long URL. */
const paramMaxChars = 4096;

export type HttpDeps = {
  readonly log: Log;
  readonly metrics: MetricsRegistry;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly authenticate: Authenticate;
  /** Acts on public routes. */
  readonly anonymous: Actor;
  readonly publicUrl: string;
  readonly limits?: HttpLimits;
  /** False: routes that add are answered with 503. */
  readonly hasRoom?: () => boolean;
  /** For `/readyz`: whether requests can be answered now. */
  readonly ready?: () => Promise<boolean>;
  /** `loopback` (default): also to a caller on this machine that no proxy stands before and that shows no credential. Else the admin right. */
  readonly metricsFor?: 'loopback' | 'admin';
  /** Catalogues of the modules, for the errors page. */
  readonly errors?: readonly ErrorCatalog[];
  /** Checks every reply against its whole schema, and fails where it differs. For tests. */
  readonly checkReplies?: boolean;
};

export type HttpServer = Http & {
  listen(at: { readonly host: string; readonly port: number }): Promise<{ readonly url: string; readonly port: number }>;
  /** Stops accepting, says goodbye to live clients, lets requests in flight finish, then closes what is left. */
  drain(): Promise<void>;
  routes(): readonly RouteInfo[];
};

declare module 'fastify' {
  interface FastifyContextConfig {
    bound?: BoundRoute;
  }
}

/** Answers what Node's parser refuses before there is a request: the text is fixed, and the socket is done for. */
function refuseSocket(error: Error & { code?: string }, socket: Socket, id: string): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const failure = failureOf(new HttpOnlyError(status, 'http.bad_request', 'the request breaks the rules of HTTP'), id);
  const body = JSON.stringify(problemOf(failure));
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body);
}

export function createHttp(deps: HttpDeps): HttpServer {
  const { log, metrics, clock, ids } = deps;
  const limits = { ...defaults, ...deps.limits };
  const limiter = createLimiter(clock, { ...defaultRates, ...deps.limits?.rates });
  const sse = createSseClients({ metrics, max: limits.sseClientsMax });
  const replyDefaults = securityHeaders(deps.publicUrl.startsWith('https:'));
  const duration = metrics.histogram('rebato_http_request_seconds', 'Time from the request to the end of its reply', [
    'route',
    'method',
    'status',
  ]);
  const bound: BoundRoute[] = [];
  const presenters: { readonly prefix: string; readonly present: PresentFailure }[] = [];
  let draining = false;
  let inFlight = 0;
  let idle: (() => void) | undefined;

  const app: FastifyInstance = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    bodyLimit: Number.MAX_SAFE_INTEGER,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    genReqId: () => '',
    http: {
      maxHeaderSize: limits.headerMaxBytes,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    },
    routerOptions: {
      caseSensitive: true,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
      maxParamLength: paramMaxChars,
      // Read by the route itself, strictly, after it is known who asks.
      querystringParser: () => ({}),
    },
    clientErrorHandler: (error, socket) => refuseSocket(error, socket as Socket, ids.uuid()),
    frameworkErrors: (error, request, reply) => {
      reply.hijack();
      void serve(request, reply.raw, error);
    },
  });
  app.server.maxConnections = limits.connectionsMax;
  app.server.maxHeadersCount = headersCountMax;

  const presenterOf = (path: string): PresentFailure => {
    let best: { readonly prefix: string; readonly present: PresentFailure } | undefined;
    for (const candidate of presenters)
      if (path.startsWith(candidate.prefix) && candidate.prefix.length > (best?.prefix.length ?? 0)) best = candidate;
    return best?.present ?? presentProblem;
  };

  const run: RunDeps = {
    authenticate: deps.authenticate,
    anonymous: deps.anonymous,
    publicUrl: deps.publicUrl,
    limiter,
    hasRoom: deps.hasRoom ?? (() => true),
  };

  async function answer(state: RequestState, request: FastifyRequest, route: BoundRoute | undefined, path: string): Promise<Reply> {
    // A path has one spelling. Proxies and caches that decide by another one never see a different answer for it.
    const plain = isPlainPath(path);
    if (route !== undefined && plain && route.template.matches(path)) return runRoute(run, route, state, request.raw, request.params);
    const here = plain ? bound.filter((candidate) => candidate.template.matches(path)) : [];
    if (here.length === 0) throw fail('http.not_found', 'no such path');
    // Who has no credential learns that first, as for every wrong request to a closed route.
    if (here.every((candidate) => candidate.info.scope !== 'public')) await authenticateRequest(run, state);
    const allow = allowedMethods(here);
    throw new HttpOnlyError(405, 'http.method_not_allowed', `this path answers to ${allow}`, { allow });
  }

  /** The reply to anything thrown, in the form of the protocol that the path belongs to. */
  function refusal(error: unknown, state: RequestState, route: BoundRoute | undefined, path: string): Reply {
    const failure = failureOf(error, state.id, route?.info.challenge);
    if (failure.status === 500)
      log.error({ err: error, requestId: state.id, method: state.method, route: route?.info.path ?? 'none' }, 'request failed');
    for (const [name, value] of Object.entries(failure.headers)) state.setHeader(name, value);
    return presenterOf(path)(failure);
  }

  function openStream(state: RequestState, request: FastifyRequest, response: ServerResponse, reply: Reply): Promise<void> | undefined {
    const to = { response, request: state, defaults: replyDefaults, closing: true };
    if (reply.body.kind !== 'sse') return undefined;
    if (draining) throw fail('http.draining', 'the hub is stopping');
    if (sse.full) throw new WaitError('http.too_many_streams', 'too many live streams', 30_000);
    if (state.method === 'HEAD') return send(to, Reply.empty(reply.status, reply.headers));
    request.raw.socket.setKeepAlive(true, 60_000);
    sse.open(response, reply.status, headersFor(to, reply), reply.body.start);
    return Promise.resolve();
  }

  async function serve(request: FastifyRequest, response: ServerResponse, refused?: unknown): Promise<void> {
    const state = new RequestState(request.raw, response, ids.uuid(), clock.monotonicMs());
    const path = rawPathOf(state.url);
    const route = refused === undefined ? request.routeOptions.config.bound : undefined;
    inFlight += 1;
    let live = false;
    response.once('close', () => {
      inFlight -= 1;
      if (inFlight === 0) idle?.();
      const seconds = (clock.monotonicMs() - state.startedMs) / 1000;
      if (!live)
        duration.observe(seconds, {
          route: route?.info.path ?? 'none',
          method: route === undefined ? 'other' : state.method,
          status: `${Math.floor(response.statusCode / 100)}xx`,
        });
    });
    try {
      let reply: Reply;
      try {
        if (refused !== undefined) throw refused;
        reply = await answer(state, request, route, path);
        const opened = openStream(state, request, response, reply);
        if (opened !== undefined) {
          live = true;
          return await opened;
        }
      } catch (error) {
        reply = refusal(error, state, route, path);
      }
      // A body that nobody has read would have to be taken in before the next request on this socket.
      const unread = hasBody(request.raw) && !request.raw.readableEnded;
      await send({ response, request: state, defaults: replyDefaults, closing: draining || unread }, reply);
    } catch (error) {
      // The header may be out already: half a reply must not look like a whole one.
      const left =
        error instanceof Error && 'code' in error && ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'].includes(String(error.code));
      if (!left) log.error({ err: error, requestId: state.id, method: state.method, route: route?.info.path ?? 'none' }, 'reply failed');
      response.destroy();
    }
  }

  // Before the body is touched and before Fastify looks at its media type, so that rights come first for every route.
  app.addHook('onRequest', (request, reply) => {
    reply.hijack();
    void serve(request, reply.raw);
  });
  app.setNotFoundHandler((_request, reply) => reply.hijack());

  const register =
    (method: Method): Register =>
    (path, spec) => {
      const route = bindRoute(method, path, spec as unknown as RouteSpec, deps.checkReplies === true);
      bound.push(route);
      app.route({
        method: method === 'GET' ? ['GET', 'HEAD'] : method,
        url: path,
        config: { bound: route },
        handler: (_request, reply) => reply.hijack(),
      });
    };

  const http: Http = {
    get: register('GET'),
    post: register('POST'),
    put: register('PUT'),
    patch: register('PATCH'),
    delete: register('DELETE'),
    failuresBelow(prefix, present) {
      assert(prefix.startsWith('/') && prefix.endsWith('/'), `prefix ${prefix} must begin and end with a slash`);
      presenters.push({ prefix, present });
    },
  };
  const routes = (): readonly RouteInfo[] => bound.map(({ info }) => info);
  builtinRoutes(http, {
    metrics,
    publicUrl: deps.publicUrl,
    ready: deps.ready ?? (async () => true),
    metricsFor: deps.metricsFor ?? 'loopback',
    errors: deps.errors ?? [],
    routes,
    authenticate: (state) => authenticateRequest(run, state),
  });

  return {
    ...http,
    routes,
    async listen({ host, port }) {
      await app.listen({ host, port, listenTextResolver: () => '' });
      const address = app.server.address() as AddressInfo;
      return { port: address.port, url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}` };
    },
    async drain() {
      if (draining) return;
      draining = true;
      app.server.close();
      app.server.closeIdleConnections();
      sse.closeAll();
      if (inFlight > 0) {
        await new Promise<void>((resolve) => {
          const late = setTimeout(resolve, limits.drainMs);
          idle = () => {
            clearTimeout(late);
            resolve();
          };
        });
      }
      app.server.closeAllConnections();
      sse.stop();
      await app.close();
    },
  };
}
