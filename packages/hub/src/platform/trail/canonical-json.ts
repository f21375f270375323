/**
 * One text for one value: members sorted by UTF-16 code units, no white space, `undefined` members left out, dates as RFC 3339. Made for hashing,
 * so what has no single text (NaN, functions, lone surrogates) is refused or replaced here and not found out by a verifier years later.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > depthMax) throw new Error('Too deeply nested for canonical JSON.');
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Error('Not a finite number.');
    return JSON.stringify(value);
  }
  // PostgreSQL text cannot hold NUL, and a lone surrogate has no UTF-8: both become the replacement character before anything is hashed.
  if (typeof value === 'string') return JSON.stringify(value.replaceAll('\u0000', '\uFFFD').toWellFormed());
  if (value instanceof Date) return JSON.stringify(value.toISOString());
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null, depth + 1)).join(',')}]`;
  if (typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${members.map(([key, inner]) => `${canonicalJson(key)}:${canonicalJson(inner, depth + 1)}`).join(',')}}`;
  }
  throw new Error(`No canonical JSON for ${typeof value}.`);
}

/** Deeper than anything that is recorded; bounds the recursion. */
const depthMax = 32;
