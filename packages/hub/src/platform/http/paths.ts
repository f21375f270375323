import assert from 'node:assert/strict';

/** A route's path, taken apart. A request's path matches it only in the spelling of the declaration. */
export type Template = { readonly path: string; matches(rawPath: string): boolean };

const declared = /^\/$|^(?:\/(?:[A-Za-z0-9._~@-]+|:[A-Za-z][A-Za-z0-9]*(?:\.[a-z0-9]+)?|\*))+\/?$/;

/** Segments that proxies and file systems read as "here" and "up", however they are spelled. */
const dots = /^(?:\.|%2e){1,2}$/i;

/** Characters that some servers cut or convert: never in a path in the clear, nor as an encoded NUL. */
const odd = /[;\\\s]|%00/;

/** The path of a request target as it was sent: no decoding, no joining of slashes. */
export function rawPathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

/** Whether a path is written in the one form that this server answers to, whatever its route. */
export function isPlainPath(rawPath: string): boolean {
  if (!rawPath.startsWith('/') || odd.test(rawPath) || rawPath.includes('//')) return false;
  return !rawPath.split('/').some((segment) => dots.test(segment));
}

/** Compares static segments literally, so that `%76`, upper case or a trailing slash is another path, and so no path. */
export function templateOf(path: string): Template {
  assert(declared.test(path), `path ${path} is not one that the router takes`);
  const segments = path.split('/');
  const star = segments.indexOf('*');
  assert(star === -1 || star === segments.length - 1, `the star of ${path} must be its last segment`);
  const suffixes = segments.map((segment) => (segment.startsWith(':') && segment.includes('.') ? segment.slice(segment.indexOf('.')) : ''));
  return {
    path,
    matches(rawPath) {
      const parts = rawPath.split('/');
      if (star === -1 ? parts.length !== segments.length : parts.length < segments.length) return false;
      return segments.every((segment, index) => {
        const part = parts[index] ?? '';
        if (segment === '*') return true;
        const suffix = suffixes[index] ?? '';
        return segment.startsWith(':') ? part.length > suffix.length && part.endsWith(suffix) : part === segment;
      });
    },
  };
}
