/** What the readers ask, made from the router's own list: a route that appears tomorrow is asked tomorrow, or fails the test by its name. */
import type { RouteInfo } from '#platform/http';
import { values } from './acts.ts';
import { bodies } from './bodies.ts';
import type { Ask } from './exchange.ts';
import type { Reader } from './world.ts';

const unknownId = '0b0e6b0e-77aa-4c1d-9d0f-2f6d1c9a7e55';

/** Values of query parameters, by name, whatever the route. */
const queryTable: Readonly<Record<string, readonly string[]>> = {
  limit: ['1', '2', '0', '1000000'],
  after: ['x', 'WyIyMDI2LTAzLTAzVDEwOjAwOjAwLjAwMFoiLCIwYjBlNmIwZS03N2FhLTRjMWQtOWQwZi0yZjZkMWM5YTdlNTUiXQ'],
  q: ['evil', 'hidden', 'known', '%', '45.155', ''],
  tag: ['tlp:green', 'campaign:wolf', 'none:such'],
  owner: [],
  type: ['ip-dst', 'domain'],
  value: [
    ...values.known,
    ...values.hidden,
    ...values.unknown,
    values.shared,
    values.ruled,
    values.banned,
    values.group,
    values.entity,
    values.red,
    values.pending,
    values.retracted,
    values.heldByGuard,
    'hxxp://hidden-evil[.]xyz/drop/b.php',
  ],
  kind: ['ip', 'domain', 'url', 'hash'],
  gone: ['true', 'false'],
  held: ['true'],
  format: ['misp', 'stix'],
  topics: ['event.released', 'decisions.changed'],
  network: ['true'],
  days: ['1', '400'],
  stepMinutes: ['60'],
  all: ['true'],
  channel: ['immediate/c', 'informed/c', 'guest/c'],
  version: ['0'],
  state: ['published'],
  code: ['x'],
  from: ['2026-03-02T00:00:00.000Z'],
  to: ['2026-03-09T00:00:00.000Z'],
  since: ['2026-03-02T00:00:00.000Z'],
  until: ['2026-03-09T00:00:00.000Z'],
  before: ['9'],
  action: ['intel.report'],
  actions: ['intel.report'],
  sort: ['id'],
  order: ['asc'],
};

/** Query parameters that hold the id of something: of everything of that kind that the history knows, and of nothing. */
const queryIds: Readonly<Record<string, readonly string[]>> = {
  entity: ['entity'],
  entityId: ['entity'],
  personId: ['person'],
  actorId: ['person'],
  actor: ['person'],
  target: ['event'],
  eventId: ['event'],
  decisionId: ['decision'],
  id: ['event'],
  owner: ['entity'],
  control: ['control'],
};

/** Kinds of ids for a path parameter, by the segment before it. Others are asked with everything that has an id. */
const segmentIds: Readonly<Record<string, readonly string[]>> = {
  entities: ['entity'],
  groups: ['group'],
  events: ['event', 'report'],
  reports: ['report', 'event'],
  attachments: ['attachment'],
  decisions: ['decision', 'event'],
  controls: ['control'],
  people: ['person'],
  queue: ['event'],
  lifts: ['lift'],
  keys: ['person'],
  socs: ['entity'],
  sessions: ['person'],
  passkeys: ['person'],
  releases: ['event'],
  lists: ['event'],
  assets: ['entity'],
};

const lists = ['ip', 'domain', 'url', 'net', 'all', 'hash-sha256', 'nothing'].flatMap((list) =>
  ['txt', 'csv', 'json'].map((end) => `${list}.${end}`),
);

/** Values of path parameters that are no ids, by name. */
const paramTable: Readonly<Record<string, readonly string[]>> = {
  file: lists,
  namespace: ['tlp', 'PAP', 'none'],
};

const idParam = /^(?:id|[a-z]+Id)$/;

export type Known = ReadonlyMap<string, string>;

export function idsOf(known: Known, kinds: readonly string[] | undefined): string[] {
  const found = [...known].filter(([name]) => kinds === undefined || kinds.some((kind) => name.startsWith(`${kind}:`))).map(([, id]) => id);
  return [...new Set([...found, unknownId])];
}

/** The paths of a route with its parameters filled in; throws with the route's name where the table has nothing to fill in. */
export function pathsOf(route: RouteInfo, known: Known): string[] {
  let paths = [''];
  let before = '';
  for (const segment of route.path.split('/').slice(1)) {
    const [, name, end = ''] = /^:([A-Za-z]+)(\..+)?$/.exec(segment) ?? [];
    let texts: readonly string[] | undefined = [segment];
    if (segment === '*') texts = paramTable['*'];
    else if (name !== undefined) texts = paramTable[name] ?? (idParam.test(name) ? idsOf(known, segmentIds[before]) : undefined);
    if (texts === undefined) throw new Error(`${route.method} ${route.path}: the table has no value for the parameter ${segment}`);
    paths = paths.flatMap((path) => (texts ?? []).map((text) => `${path}/${text}${end}`));
    before = segment;
  }
  return paths;
}

function queriesOf(route: RouteInfo, known: Known): string[] {
  const schema = route.query as { properties?: Record<string, unknown>; required?: string[] } | undefined;
  const names = Object.keys(schema?.properties ?? {});
  const texts = (name: string): string[] => {
    const own = name === 'channel' ? idsOf(known, ['entity']).map((id) => `informed/e:${id}`) : [];
    const listed = [...own, ...(queryTable[name] ?? []), ...(queryIds[name] === undefined ? [] : idsOf(known, queryIds[name]))];
    if (listed.length === 0) throw new Error(`${route.method} ${route.path}: the table has no value for ?${name}=`);
    return listed;
  };
  const pair = (name: string, text: string): string => `${name}=${encodeURIComponent(text)}`;
  const required = schema?.required ?? [];
  const base = required.map((name) => pair(name, texts(name)[0] ?? '')).join('&');
  const out = [base];
  for (const name of names) {
    const others = required.filter((each) => each !== name).map((each) => pair(each, texts(each)[0] ?? ''));
    for (const text of texts(name)) out.push([...others, pair(name, text)].join('&'));
  }
  // A filter together with a short page: where the end of a list is, is told by its cursor.
  if (names.includes('limit'))
    for (const name of names.filter((each) => each === 'q' || each === 'kind' || each === 'gone'))
      for (const text of texts(name).slice(0, 2)) out.push(`${pair(name, text)}&limit=1`);
  return [...new Set(out)];
}

const live = (route: RouteInfo): boolean => route.path.endsWith('/stream');
/** The operator's own view of the machine. Asked with a credential, so that being on the same machine is no credential. */
const operators: readonly string[] = ['/metrics'];
/** Answers that are another one at every request: heartbeats and signatures are made when asked for, and are compared by the agent's own test. */
const everNew: ReadonlySet<string> = new Set(['GET /api/v1/agent/state', 'GET /api/v1/agent/snapshot']);

/** GET, HEAD and conditional requests of one reader over every route. */
export function reads(reader: Reader, routes: readonly RouteInfo[], known: Known): Ask[] {
  const asks: Ask[] = [];
  for (const route of routes.filter((each) => each.method === 'GET' && !live(each))) {
    if (operators.includes(route.path) && reader.name === 'anonymous') continue;
    const key = `${route.method} ${route.path}`;
    const may = route.scope === 'public' || reader.scopes.includes(route.scope);
    if (may && everNew.has(key)) continue;
    const paths = pathsOf(route, known);
    const queries = queriesOf(route, known);
    const put = (path: string, query: string, method = 'GET', headers: Ask['headers'] = {}): void => {
      asks.push({
        reader: reader.name,
        method,
        path: query === '' ? path : `${path}?${query}`,
        headers: { ...reader.headers, ...headers },
      });
    };
    // Who may not is told so whatever is asked for: a sample says it as well.
    for (const path of may ? paths : paths.slice(0, 2)) put(path, queries[0] ?? '');
    if (!may) continue;
    for (const path of paths.slice(0, 2)) for (const query of queries.slice(1)) put(path, query);
    for (const path of [paths[0] ?? '', paths.at(-2) ?? '']) {
      put(path, queries[0] ?? '', 'HEAD');
      put(path, queries[0] ?? '', 'GET', { 'if-none-match': '*' });
      put(path, queries[0] ?? '', 'GET', { 'accept-encoding': 'gzip' });
    }
    put(`${paths[0]}/`, '');
    put(paths[0] ?? '', 'surprise=1');
  }
  return asks;
}

/** Everything that answers to what is sent. Each is a step of its own: it may change what is there. */
export function writes(reader: Reader, routes: readonly RouteInfo[], known: Known): Ask[] {
  const asks: Ask[] = [];
  for (const route of routes.filter((each) => each.method !== 'GET')) {
    const key = `${route.method} ${route.path}`;
    const may = route.scope === 'public' || reader.scopes.includes(route.scope);
    const put = (path: string, body: unknown, headers: Ask['headers'] = {}): void => {
      const raw = typeof body === 'string';
      const origin = reader.headers.cookie === undefined ? {} : { origin: 'http://hub.example' };
      asks.push({
        reader: reader.name,
        method: route.method,
        path,
        headers: { ...reader.headers, ...origin, ...(raw ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
      });
    };
    if (!may) {
      put(pathsOf(route, known)[0] ?? '', {});
      continue;
    }
    const make = bodies[key];
    if (make === undefined) throw new Error(`${key}: the table has no bodies for this route, and a reader may use it`);
    for (const each of make(known, reader)) {
      const paths = each.path === undefined ? pathsOf(route, known) : [each.path];
      for (const path of paths) put(path, each.body, each.headers);
    }
  }
  return asks;
}

/** Short: what other people's rights, reports and rulings could show in after a reader has acted. */
export function readsAgain(reader: Reader, routes: readonly RouteInfo[], known: Known): Ask[] {
  const wanted = [
    '/api/v1/events',
    '/api/v1/decisions',
    '/api/v1/reports',
    '/api/v1/values',
    '/feeds/:file',
    '/api/v1/reports/:id',
    '/api/v1/reports/events/:id/indicators',
    '/api/v1/decisions/:id',
    '/api/v1/events/:id',
    '/api/v1/agent/batches',
    '/api/v1/groups',
    '/api/v1/ledger',
  ];
  return reads(
    reader,
    routes.filter((route) => wanted.includes(route.path)),
    known,
  );
}
