import { canonicalise, extract } from '#values';
import type { TypedValue } from './stix-values.ts';

/** Longest cell that is searched for a defanged value. */
const searchMaxChars = 4_096;

const hashTypes = new Map([
  [32, 'md5'],
  [40, 'sha1'],
  [56, 'sha224'],
  [64, 'sha256'],
  [96, 'sha384'],
  [128, 'sha512'],
]);

/** The MISP type of a single value, and the value refanged when it was defanged; undefined when it is none that can be told by its looks. */
export function guessType(cell: string): TypedValue | undefined {
  const text = cell.trim();
  if (text === '' || text.length > searchMaxChars) return undefined;
  const type = plainType(text);
  if (type !== undefined && canonicalise(type, text).ok) return { type, value: text };
  return wholeFinding(text);
}

/** The value when it is fit for its type, as written or refanged; otherwise why not. */
export function fitValue(type: string, cell: string): { readonly value: string } | { readonly message: string } {
  const text = cell.trim();
  const canonical = canonicalise(type, text);
  if (canonical.ok) return { value: text };
  const found = text.length <= searchMaxChars ? wholeFinding(text) : undefined;
  if (found && canonicalise(type, found.value).ok) return { value: found.value };
  return { message: canonical.message };
}

function plainType(text: string): string | undefined {
  if (/^[0-9a-fA-F]+$/.test(text) && hashTypes.has(text.length)) return hashTypes.get(text.length);
  if (/^[a-zA-Z][a-zA-Z0-9+.-]{0,20}:\/\//.test(text)) return 'url';
  if (/^[0-9a-fA-F:.]+(?:\/\d{1,3})?$/.test(text) && /[.:]/.test(text)) return 'ip-dst';
  if (/^CVE-\d/i.test(text)) return 'vulnerability';
  if (/^[^\s@]{1,64}@[^\s@]{1,255}$/.test(text)) return 'email';
  if (/^[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)+\.?$/u.test(text)) return 'domain';
  return undefined;
}

/** The one value that makes up the whole cell, but for quotes and brackets around it. */
function wholeFinding(text: string): TypedValue | undefined {
  const [found, ...others] = extract(text);
  if (!found || others.length > 0) return undefined;
  const around = text.slice(0, found.start) + text.slice(found.end);
  return /^[\s"'<>()[\]{}.,;]*$/.test(around) ? { type: found.type, value: found.value } : undefined;
}
