import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Http, Method, Register, RouteInfo } from '../../packages/hub/src/platform/http.ts';
import { allErrors, cell } from './errors.ts';

/**
 * Every route of the hub as it is declared. Routes are registered with a recorder instead of a server; what they are given to work on is
 * a stand-in that answers anything, since declarations do nothing until they are called.
 */
export async function routesMarkdown(root: string): Promise<string> {
  const routes = await declaredRoutes(root);
  const known = await allErrors(root);
  for (const { method, path, fails = [] } of routes) {
    for (const code of fails) if (!known.has(code)) throw new Error(`${method} ${path} fails with ${code}, which stands in no catalogue`);
  }
  const groups = Map.groupBy(routes, (route) => route.tag ?? 'general');
  const sections = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([tag, mine]) =>
      [
        `## ${tag}`,
        '',
        '| Route | Right | Class | What it does | Fails with |',
        '| --- | --- | --- | --- | --- |',
        ...mine.map(row),
        '',
      ].join('\n'),
    );
  return [
    '# Routes',
    '',
    'Shapes of requests and replies are in `/api/openapi.json` of a running hub, readable at `/api/docs`. *Right* is the scope that the',
    'credential needs; *class* is the bucket of the rate limit. Codes are explained in `errors.md`.',
    '',
    ...sections,
  ].join('\n');
}

function row(route: RouteInfo): string {
  const right = route.roles === undefined ? route.scope : `${route.scope}; persons: ${route.roles.join(', ')}`;
  const fails = (route.fails ?? []).map((code) => `\`${code}\``).join(' ');
  return `| \`${route.method} ${route.path}\` | ${right} | ${route.limit} | ${cell(route.summary)} | ${fails} |`;
}

/** By path, then method. */
async function declaredRoutes(root: string): Promise<RouteInfo[]> {
  const found = new Map<string, RouteInfo>();
  const recorder = recordInto(found);
  for (const path of globSync(['packages/hub/src/*.ts', 'packages/hub/src/{modules,edges,platform/http}/**/*.ts'], { cwd: root }).sort()) {
    if (path.endsWith('.test.ts')) continue;
    const text = readFileSync(join(root, path), 'utf8');
    const names = [...text.matchAll(/^export function (\w+)\(\s*http: Http\b/gm)].map((match) => match[1] ?? '');
    if (names.length === 0) continue;
    const module: Readonly<Record<string, unknown>> = await import(join(root, path));
    for (const name of names) (module[name] as (http: Http, ...rest: unknown[]) => void)(recorder, anything, anything, anything);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, route]) => route);
}

/** Keyed by path and method, since a function that registers routes may also be called by another one that is found by itself. */
function recordInto(found: Map<string, RouteInfo>): Http {
  const recordAs = (method: Method): Register => {
    return (path, spec) => {
      found.set(`${path} ${method}`, { ...spec, method, path } as unknown as RouteInfo);
    };
  };
  return {
    get: recordAs('GET'),
    post: recordAs('POST'),
    put: recordAs('PUT'),
    patch: recordAs('PATCH'),
    delete: recordAs('DELETE'),
    failuresBelow() {},
  };
}

/** Any property of it, and any call of it, is itself; as a list it is empty, as a text too. */
const anything: unknown = new Proxy(() => anything, {
  get(_target, name) {
    if (name === 'then') return undefined;
    if (name === Symbol.iterator) return () => [][Symbol.iterator]();
    if (name === Symbol.toPrimitive) return () => '';
    return anything;
  },
  construct: () => anything as object,
});
