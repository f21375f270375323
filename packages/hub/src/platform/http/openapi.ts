import { httpErrors, type problemOf } from './problems.ts';
import { isSchema, plainOf, type Schema, withObjects } from './schema.ts';
import type { RouteInfo } from './types.ts';

const problemSchema = {
  type: 'object',
  description: 'Problem document, RFC 9457',
  required: ['type', 'title', 'status', 'detail', 'code', 'instance', 'errors'],
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', description: 'Stable; part of the interface' },
    instance: { type: 'string', description: 'Request id' },
    errors: {
      type: 'array',
      items: { type: 'object', required: ['field', 'message'], properties: { field: { type: 'string' }, message: { type: 'string' } } },
    },
  },
} satisfies Record<keyof ReturnType<typeof problemOf> | string, unknown>;

const toTemplate = (path: string): string => path.replace(/:([A-Za-z][A-Za-z0-9]*)/g, '{$1}').replace(/\*$/, '{path}');

/** Named after method and path, so that generated clients get stable names. */
function operationId(route: RouteInfo): string {
  const words = route.path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '' && word !== 'api' && word !== 'v1');
  return [route.method.toLowerCase(), ...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))].join('');
}

function parameters(where: 'path' | 'query', schema: Schema | undefined): unknown[] {
  if (schema === undefined || !isSchema(schema['properties'])) return [];
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(schema['properties']).map(([name, part]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(isSchema(part) && typeof part['description'] === 'string' ? { description: part['description'] } : {}),
    schema: part,
  }));
}

/** Path parameters that the route has not described are texts. */
function pathParameters(route: RouteInfo): unknown[] {
  const properties = route.params && plainOf(route.params)['properties'];
  const described = isSchema(properties) ? Object.keys(properties) : [];
  const named = [...toTemplate(route.path).matchAll(/\{([A-Za-z0-9]+)\}/g)].flatMap(([, name]) => (name === undefined ? [] : [name]));
  const plain = named
    .filter((name) => !described.includes(name))
    .map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  return [...parameters('path', route.params && plainOf(route.params)), ...plain];
}

function successOf(route: RouteInfo): unknown {
  const description = route.summary;
  if (route.reply === undefined) return { description };
  return { description, content: { 'application/json': { schema: route.reply } } };
}

function operation(route: RouteInfo): unknown {
  const status = String(route.status ?? (route.reply === undefined ? 204 : 200));
  const fails = route.fails ?? [];
  const rights =
    route.scope === 'public'
      ? 'Public.'
      : `Needs the right \`${route.scope}\`${route.roles === undefined ? '' : `; persons need the role ${route.roles.join(' or ')}`}.`;
  return {
    operationId: operationId(route),
    summary: route.summary,
    description: `${rights} Rate class \`${route.limit}\`.${fails.length === 0 ? '' : ` Fails with ${fails.map((code) => `\`${code}\``).join(', ')}.`}`,
    tags: [route.tag ?? 'general'],
    security: route.scope === 'public' ? [] : [{ key: [] }, { session: [] }],
    parameters: [...pathParameters(route), ...parameters('query', route.query && plainOf(route.query))],
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: withObjects(plainOf(route.body), 'closed') } } } }),
    ...(route.bodyType === 'raw' || route.bodyType === 'stream' ? { requestBody: { content: { '*/*': {} } } } : {}),
    responses: {
      [status]: successOf(route),
      default: {
        description: 'What went wrong',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
    'x-scope': route.scope,
    'x-limit': route.limit,
    ...(route.roles === undefined ? {} : { 'x-roles': route.roles }),
    ...(fails.length === 0 ? {} : { 'x-fails': fails }),
  };
}

/** OpenAPI 3.1 of the declared routes. Generated, so it is right or the routes are wrong. */
export function openapi(
  routes: readonly RouteInfo[],
  about: { readonly title?: string; readonly version?: string; readonly url?: string } = {},
): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    if (route.hidden === true) continue;
    const at = toTemplate(route.path);
    paths[at] ??= {};
    paths[at][route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.0',
    info: { title: about.title ?? 'Rebato', version: about.version ?? '1', license: { name: 'EUPL-1.2', identifier: 'EUPL-1.2' } },
    ...(about.url === undefined ? {} : { servers: [{ url: about.url }] }),
    paths,
    components: {
      schemas: { Problem: problemSchema },
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'API key' },
        session: { type: 'apiKey', in: 'cookie', name: 'rebato_session', description: 'Browser session' },
      },
    },
    'x-errors': Object.fromEntries(Object.entries(httpErrors).map(([code, { help }]) => [code, help])),
  };
}
