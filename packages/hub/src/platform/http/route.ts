import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import type { TSchema } from 'typebox';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { type Actor, scopes } from '#platform/actor';
import { CodedError } from '#platform/errors';
import { bodyMaxBytesDefault, hasBody, isJsonType, openBody, readBody } from './body.ts';
import { parseJson } from './json.ts';
import { type Template, templateOf } from './paths.ts';
import { fail, HttpOnlyError, WaitError } from './problems.ts';
import { compileProjection, type Project } from './project.ts';
import { type Limiter, principalOfAddress } from './rates.ts';
import { Reply } from './reply.ts';
import { parseQuery, type RequestState } from './request.ts';
import { compileCoercion, compileInput, type InputCheck } from './schema.ts';
import type { Authenticate, LimitClass, Method, RouteInfo, RouteInput, RouteSpec } from './types.ts';

/** A declaration with everything that can be worked out beforehand. */
export type BoundRoute = {
  readonly info: RouteInfo;
  readonly template: Template;
  readonly handle: (input: RouteInput<TSchema, TSchema, TSchema>) => Promise<unknown>;
  readonly readParams: (params: unknown) => unknown;
  readonly readQuery: (url: string) => unknown;
  readonly checkBody: InputCheck | undefined;
  readonly writeReply: (value: unknown) => Reply;
};

const limitClasses: readonly LimitClass[] = ['read', 'write', 'heavy', 'sign-in'];

/** Routes that declare no body take none; clients that send `{}` out of habit are not turned away. */
const noMembers = Type.Object({});

type Loose = RouteSpec<TSchema, TSchema, TSchema, TSchema>;

function readerOfQuery(spec: Loose): (url: string) => unknown {
  const schema = spec.query ?? noMembers;
  const coerce = compileCoercion(schema);
  const check = compileInput(schema, 'http.invalid_query', spec.unknown);
  return (url) => {
    const out: Record<string, unknown> = Object.create(null);
    for (const [name, texts] of parseQuery(url)) out[name] = coerce(name, texts);
    return check(out);
  };
}

function readerOfParams(spec: Loose): (params: unknown) => unknown {
  if (spec.params === undefined) return (params) => params;
  const coerce = compileCoercion(spec.params);
  const check = compileInput(spec.params, 'http.invalid_path', spec.unknown);
  return (params) => {
    const out: Record<string, unknown> = Object.create(null);
    for (const [name, text] of Object.entries(params as Record<string, string>)) out[name] = coerce(name, [text]);
    return check(out);
  };
}

function writerOfReply(spec: Loose, at: string, checkReplies: boolean): (value: unknown) => Reply {
  const status = spec.status;
  const project: Project | undefined = spec.reply === undefined ? undefined : compileProjection(spec.reply);
  const validator = checkReplies && spec.reply !== undefined ? Compile(spec.reply) : undefined;
  return (value) => {
    if (value instanceof Reply) return value;
    if (project === undefined) {
      assert(value === undefined, `${at} declares no reply, so what it returns cannot be sent`);
      return Reply.empty(status ?? 204);
    }
    const text = JSON.stringify(project(value));
    if (validator !== undefined) {
      const [wrong] = validator.Errors(JSON.parse(text));
      assert(wrong === undefined, `the reply of ${at} is not what it declares: ${wrong?.instancePath} ${wrong?.message}`);
    }
    return Reply.bytes(text, { status: status ?? 200, type: 'application/json; charset=utf-8' });
  };
}

/** Works a declaration out once. A route without a scope or a rate class does not start: there is no safe default for either. */
export function bindRoute(method: Method, path: string, spec: Loose, checkReplies: boolean): BoundRoute {
  const at = `${method} ${path}`;
  assert(spec.scope === 'public' || (scopes as readonly string[]).includes(spec.scope), `${at} must declare its scope`);
  assert(limitClasses.includes(spec.limit), `${at} must declare its rate limit`);
  assert(typeof spec.summary === 'string' && spec.summary !== '', `${at} must say what it is for`);
  const reads = spec.bodyType === 'raw' || spec.bodyType === 'stream' || method === 'GET';
  assert(!(reads && spec.body !== undefined), `${at} cannot validate a body`);
  const { handle, ...rest } = spec;
  return {
    info: { ...rest, method, path },
    template: templateOf(path),
    handle: (input) => handle.call(spec, input),
    readParams: readerOfParams(spec),
    readQuery: readerOfQuery(spec),
    checkBody: reads ? undefined : compileInput(spec.body ?? noMembers, 'http.invalid_body', spec.unknown),
    writeReply: writerOfReply(spec, at, checkReplies),
  };
}

export function allowedMethods(routes: readonly BoundRoute[]): string {
  const methods = routes.flatMap(({ info }) => (info.method === 'GET' ? ['GET', 'HEAD'] : [info.method]));
  return [...new Set(methods)].toSorted().join(', ');
}

export type RunDeps = {
  readonly authenticate: Authenticate;
  readonly anonymous: Actor;
  readonly limiter: Limiter;
  readonly publicUrl: string;
  readonly hasRoom: () => boolean;
};

function charge(deps: RunDeps, kind: LimitClass | 'failed', principal: string): void {
  const waitMs = deps.limiter.take(kind, principal);
  if (waitMs > 0) throw new WaitError('http.rate_limited', 'too many requests', waitMs);
}

/**
 * Who asks, or the refusal. Wrong credentials are counted per address, and past the limit answered with 429. Right ones always pass: a
 * neighbour behind the same address with an outdated key must not lock anybody out, and keys are too long to be guessed at any rate.
 */
export async function authenticateRequest(deps: RunDeps, state: RequestState): Promise<Actor> {
  let actor: Actor | undefined;
  let refusal: CodedError | undefined;
  try {
    actor = await deps.authenticate(state);
  } catch (error) {
    if (!(error instanceof CodedError) || error.kind !== 'unauthenticated') throw error;
    refusal = error;
  }
  if (actor !== undefined) return actor;
  charge(deps, 'failed', principalOfAddress(state.ip));
  throw refusal ?? fail('http.unauthenticated', 'no valid credential');
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** A browser names the page that makes it act. Pages of other sites may not, whatever cookies it sends along. */
function refuseCrossSite(state: RequestState, publicUrl: string): void {
  if (safeMethods.has(state.method)) return;
  const { origin, host } = state.headers;
  const site = state.headers['sec-fetch-site'];
  const foreign =
    origin !== undefined && origin !== new URL(publicUrl).origin && origin !== `http://${host}` && origin !== `https://${host}`;
  if (foreign || site === 'cross-site') throw fail('http.cross_site', 'requests from pages of other sites are refused');
}

async function admit(deps: RunDeps, route: BoundRoute, state: RequestState): Promise<Actor> {
  const { info } = route;
  const address = (): string => principalOfAddress(state.ip);
  if (info.scope === 'public') {
    charge(deps, info.limit, address());
    return { ...deps.anonymous, from: state.ip, requestId: state.id };
  }
  const actor = await authenticateRequest(deps, state);
  charge(deps, info.limit, info.limit === 'sign-in' ? address() : `${actor.kind} ${actor.id}`);
  refuseCrossSite(state, deps.publicUrl);
  if (!actor.scopes.includes(info.scope)) throw fail('http.scope_missing', `this needs the right ${info.scope}`);
  const { roles } = info;
  if (roles !== undefined && (actor.kind === 'person' || actor.personId !== null) && !roles.some((role) => actor.roles.includes(role))) {
    throw fail('http.role_missing', `this needs the role ${roles.join(' or ')}`);
  }
  // Last, so that who may not write learns nothing of the disk.
  if (info.adds === true && !deps.hasRoom()) throw fail('http.no_room', 'the disk is nearly full');
  return { ...actor, from: state.ip, requestId: state.id };
}

async function readDeclaredBody(route: BoundRoute, state: RequestState, request: IncomingMessage): Promise<unknown> {
  const { bodyType = 'json', bodyMaxBytes = bodyMaxBytesDefault, method } = route.info;
  if (bodyType === 'stream') {
    state.bodyStream = openBody(request, bodyMaxBytes);
    return undefined;
  }
  if (method === 'GET') return undefined;
  const present = hasBody(request);
  if (bodyType === 'raw') {
    state.rawBody = present ? await readBody(request, bodyMaxBytes) : Buffer.alloc(0);
    return undefined;
  }
  if (present && !isJsonType(request.headers['content-type'])) {
    throw new HttpOnlyError(415, 'http.unsupported_media_type', 'send JSON: content-type application/json', { accept: 'application/json' });
  }
  const bytes = present ? await readBody(request, bodyMaxBytes) : undefined;
  if (bytes !== undefined) state.rawBody = bytes;
  if (bytes === undefined || bytes.length === 0) {
    if (route.info.body !== undefined) throw fail('http.invalid_body', 'a JSON body is required');
    return undefined;
  }
  return route.checkBody?.(parseJson(bytes));
}

/** Rights first, then the parts of the request in the order of their arrival, then the handler. The order is the same for every route. */
export async function runRoute(
  deps: RunDeps,
  route: BoundRoute,
  state: RequestState,
  request: IncomingMessage,
  rawParams: unknown,
): Promise<Reply> {
  const actor = await admit(deps, route, state);
  const params = route.readParams(rawParams);
  const query = route.readQuery(state.url);
  const body = await readDeclaredBody(route, state, request);
  return route.writeReply(await route.handle({ actor, params, query, body, request: state }));
}
