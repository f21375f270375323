import { createHash } from 'node:crypto';
import type { ErrorCatalog } from '#platform/errors';
import type { RouteInfo } from './types.ts';

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character] ?? '');

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}' +
  'code,pre{font:14px/1.4 ui-monospace,monospace}h2{margin-top:2.5rem}section{border-top:1px solid #ccc;padding:.5rem 0}' +
  'h3{margin:.3rem 0}pre{background:#f4f4f4;padding:.7rem;overflow:auto}dt{font-weight:600}' +
  '@media (prefers-color-scheme:dark){body{color:#eee;background:#181818}pre{background:#262626}a{color:#8ab4f8}section{border-color:#444}}';

/** Allows the one style sheet in the page by its hash, and nothing else. */
export const docsPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

function page(title: string, body: string): string {
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title><meta name="viewport" content="width=device-width, initial-scale=1"><style>${style}</style></head><body>${body}</body></html>\n`;
}

const anchorOf = (route: RouteInfo): string => `${route.method.toLowerCase()}${route.path.replace(/[^A-Za-z0-9]+/g, '-')}`;

function shape(name: string, schema: unknown): string {
  return schema === undefined
    ? ''
    : `<details><summary>${name}</summary><pre>${escapeHtml(JSON.stringify(schema, undefined, 2))}</pre></details>`;
}

function section(route: RouteInfo): string {
  const anchor = anchorOf(route);
  const rights =
    route.scope === 'public'
      ? 'public'
      : `right <code>${route.scope}</code>${route.roles === undefined ? '' : `, persons: ${escapeHtml(route.roles.join(', '))}`}`;
  const fails = (route.fails ?? [])
    .map((code) => `<a href="/api/docs/errors#${escapeHtml(code)}"><code>${escapeHtml(code)}</code></a>`)
    .join(', ');
  return `<section id="${anchor}"><h3><a href="#${anchor}"><code>${route.method} ${escapeHtml(route.path)}</code></a></h3><p>${escapeHtml(route.summary)}</p><p>${rights}; rate class ${route.limit}${fails === '' ? '' : `; fails with ${fails}`}</p>${shape('Path', route.params)}${shape('Query', route.query)}${shape('Body', route.body)}${shape('Reply', route.reply)}</section>`;
}

/** All declared routes on one page: no script, no resource from elsewhere. */
export function docsPage(routes: readonly RouteInfo[]): string {
  const shown = routes.filter((route) => route.hidden !== true);
  const tags = [...new Set(shown.map((route) => route.tag ?? 'general'))].toSorted();
  const body = tags.map((tag) => {
    const sections = shown
      .filter((route) => (route.tag ?? 'general') === tag)
      .toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
    return `<h2 id="${escapeHtml(tag)}">${escapeHtml(tag)}</h2>${sections.map(section).join('')}`;
  });
  const intro =
    '<p>Send an API key as <code>Authorization: Bearer KEY</code>. Machine-readable: <a href="/api/openapi.json">openapi.json</a>. <a href="/api/docs/errors">Errors</a>.</p>';
  return page(
    'Rebato API',
    `<h1>Rebato API</h1>${intro}<p>${tags.map((tag) => `<a href="#${escapeHtml(tag)}">${escapeHtml(tag)}</a>`).join(' · ')}</p>${body.join('')}`,
  );
}

/** What each code means; problem documents point here. */
export function errorsPage(catalog: ErrorCatalog): string {
  const entries = Object.entries(catalog)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, { kind, help }]) =>
        `<dt id="${escapeHtml(code)}"><code>${escapeHtml(code)}</code> (${kind})</dt><dd>${escapeHtml(help)}</dd>`,
    );
  return page('Rebato errors', `<h1>Errors</h1><p>Codes are stable: decide by them, not by texts.</p><dl>${entries.join('')}</dl>`);
}
