import type { Actor } from '#platform/actor';
import type { ErrorCatalog } from '#platform/errors';
import type { MetricsRegistry } from '#platform/metrics';
import { docsPage, docsPolicy, errorsPage } from './docs-page.ts';
import { openapi } from './openapi.ts';
import { fail, httpErrors } from './problems.ts';
import { Reply } from './reply.ts';
import type { RequestState } from './request.ts';
import type { Http, RequestInfo, RouteInfo } from './types.ts';

export type BuiltinDeps = {
  readonly metrics: MetricsRegistry;
  readonly publicUrl: string;
  readonly ready: () => Promise<boolean>;
  readonly metricsFor: 'loopback' | 'admin';
  readonly errors: readonly ErrorCatalog[];
  readonly routes: () => readonly RouteInfo[];
  readonly authenticate: (state: RequestState) => Promise<Actor>;
};

const loopback = /^(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|::ffff:127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;

/** Any of these means that somebody else stands behind the socket. They are never believed, only enough to be more careful. */
const relayed = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via'];
const credentials = ['authorization', 'cookie', 'x-api-key'];

async function admitToMetrics(deps: BuiltinDeps, request: RequestInfo): Promise<void> {
  const direct = loopback.test(request.ip) && ![...relayed, ...credentials].some((name) => request.headers[name] !== undefined);
  if (deps.metricsFor === 'loopback' && direct) return;
  const actor = await deps.authenticate(request as RequestState);
  if (!actor.scopes.includes('admin')) throw fail('http.scope_missing', 'this needs the right admin');
}

const html = (text: string): Reply =>
  Reply.bytes(text, { type: 'text/html; charset=utf-8', headers: { 'content-security-policy': docsPolicy } });

/** What every hub has: signs of life, figures, and its own description. */
export function builtinRoutes(http: Http, deps: BuiltinDeps): void {
  const common = { scope: 'public', limit: 'read', tag: 'operations', unknown: 'ignore' } as const;
  http.get('/healthz', { ...common, summary: 'Whether the process is up', handle: async () => Reply.bytes('ok\n') });
  http.get('/readyz', {
    ...common,
    summary: 'Whether requests can be answered now',
    fails: ['http.not_ready'],
    async handle() {
      if (!(await deps.ready())) throw fail('http.not_ready', 'not ready');
      return Reply.bytes('ready\n');
    },
  });
  http.get('/metrics', {
    ...common,
    summary: 'Figures in Prometheus text form, for this machine or the admin right',
    async handle({ request }) {
      await admitToMetrics(deps, request);
      return Reply.bytes(await deps.metrics.text(), { type: deps.metrics.contentType });
    },
  });
  http.get('/api/openapi.json', {
    ...common,
    summary: 'This interface, OpenAPI 3.1',
    handle: async () => Reply.json(openapi(deps.routes(), { url: deps.publicUrl })),
  });
  http.get('/api/docs', { ...common, summary: 'This interface, readable', handle: async () => html(docsPage(deps.routes())) });
  http.get('/api/docs/errors', {
    ...common,
    summary: 'What each error code means',
    handle: async () => html(errorsPage(Object.assign({}, httpErrors, ...deps.errors) as ErrorCatalog)),
  });
}
