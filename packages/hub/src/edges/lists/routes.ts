import { Type } from 'typebox';
import type { Actor } from '#platform/actor';
import { acceptsGzip, gzipParts, plainOf } from '#platform/gzip';
import { type Http, Reply } from '#platform/http';
import { fail } from './errors.ts';
import { createLists, type ListControl, type ListsDeps } from './lists.ts';
import { contentTypes, type Format, formats } from './render.ts';
import { lists as listNames } from './source.ts';

export type ListRoutesDeps = ListsDeps & {
  /** Given by decisions: a control of the actor's entity that reads lists, or undefined. */
  readonly listControl: (actor: Actor, controlId: string) => Promise<ListControl | undefined>;
};

const filePattern = /^([a-z0-9-]{1,20})\.([a-z]{1,5})$/;
const isFormat = (text: string): text is Format => (formats as readonly string[]).includes(text);
const kindOfList: Readonly<Record<string, string>> = {
  ip: 'ip',
  net: 'net',
  domain: 'domain',
  url: 'url',
  'hash-sha256': 'hash',
  'hash-sha1': 'hash',
  'hash-md5': 'hash',
};

/** Block lists for firewalls, resolvers and proxies that fetch a file. */
export function listRoutes(http: Http, deps: ListRoutesDeps): void {
  const lists = createLists(deps);
  http.get('/feeds/:file', {
    summary: 'A block list: ip, net, domain, url, hash-sha256, hash-sha1, hash-md5 or all, as .txt, .csv or .json',
    tag: 'lists',
    scope: 'read',
    limit: 'read',
    challenge: 'basic',
    params: Type.Object({ file: Type.String({ maxLength: 40 }) }),
    query: Type.Object({ control: Type.Optional(Type.String({ maxLength: 36, pattern: '^[0-9a-f-]{36}$' })) }),
    fails: ['lists.not_found', 'lists.control_not_found', 'lists.unavailable'],
    async handle({ actor, params, query, request }) {
      const [, list = '', format = ''] = filePattern.exec(params.file) ?? [];
      if (!Object.hasOwn(listNames, list) || !isFormat(format)) throw fail('lists.not_found', 'There is no such list.');
      const control = query.control === undefined ? undefined : await deps.listControl(actor, query.control);
      const kind = kindOfList[list];
      const refused = control !== undefined && kind !== undefined && !(control.policy.kinds as readonly string[]).includes(kind);
      if (query.control !== undefined && (control === undefined || refused))
        throw fail('lists.control_not_found', 'There is no such control.');
      const text = await lists.text(actor.viewer, list, format, control);

      const gzip = acceptsGzip(request.headers['accept-encoding']);
      const headers: Record<string, string> = {
        // A strong tag names exact bytes, and the compressed ones are others.
        etag: `"${text.tag}${gzip ? '-gz' : ''}"`,
        vary: 'authorization, accept-encoding',
        'cache-control': 'private, no-cache',
        'x-rebato-entries': String(text.count),
        ...(text.modifiedAt === null ? {} : { 'last-modified': text.modifiedAt.toUTCString() }),
        ...(text.leftOut === 0 ? {} : { 'x-rebato-left-out': String(text.leftOut) }),
        ...(text.staleSince === undefined ? {} : { warning: '110 - "Response is Stale"', 'x-rebato-stale': text.staleSince.toISOString() }),
      };
      if (matches(request.headers['if-none-match'], text.tag)) return Reply.empty(304, headers);
      if (gzip) {
        const parts = gzipParts(text.pieces);
        const bytes = parts.reduce((sum, part) => sum + part.length, 0);
        return Reply.stream(each(parts), {
          type: contentTypes[format],
          headers: { ...headers, 'content-encoding': 'gzip', 'content-length': String(bytes) },
        });
      }
      const bytes = text.pieces.reduce((sum, piece) => sum + piece.bytes, 0);
      return Reply.stream(each(text.pieces, plainOf), {
        type: contentTypes[format],
        headers: { ...headers, 'content-length': String(bytes) },
      });
    },
  });
}

async function* each<T>(items: readonly T[], bytesOf: (item: T) => Buffer = (item) => item as Buffer): AsyncGenerator<Buffer> {
  for (const item of items) yield bytesOf(item);
}

/** The same content in either coding. */
function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((text) => {
    const bare = text.trim().replace(/^W\//, '');
    return bare === `"${tag}"` || bare === `"${tag}-gz"`;
  });
}
