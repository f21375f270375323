import { type Expression, parsePattern } from './stix-pattern.ts';

export type TypedValue = { readonly type: string; readonly value: string };

/** MISP type of a property that identifies something by itself. */
const single = new Map<string, string>([
  ['ipv4-addr:value', 'ip-dst'],
  ['ipv6-addr:value', 'ip-dst'],
  ['domain-name:value', 'domain'],
  ['url:value', 'url'],
  ['email-addr:value', 'email'],
  ['mac-addr:value', 'mac-address'],
  ['mutex:name', 'mutex'],
  ['file:name', 'filename'],
  ['windows-registry-key:key', 'regkey'],
  ['autonomous-system:number', 'AS'],
  ['email-message:from_ref.value', 'email-src'],
  ['email-message:sender_ref.value', 'email-src'],
  ['email-message:subject', 'email-subject'],
  ['network-traffic:src_ref.value', 'ip-src'],
  ['network-traffic:dst_ref.value', 'ip-dst'],
]);

/** STIX hash names, with and without dashes because producers differ, and MISP's. */
const hashes = new Map<string, string>(
  ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha3-256', 'sha3-512', 'ssdeep', 'tlsh', 'imphash', 'authentihash'].map(
    (type) => [type.replace(/-/g, ''), type],
  ),
);

export function typeOfPath(path: string): string | undefined {
  const known = single.get(path);
  if (known) return known;
  const match = /^(file|x509-certificate|artifact):hashes\.([A-Za-z0-9-]{1,20})$/.exec(path);
  const hash = match ? hashes.get((match[2] ?? '').toLowerCase().replace(/-/g, '')) : undefined;
  if (match?.[1] !== 'x509-certificate') return hash;
  return hash === 'md5' || hash === 'sha1' || hash === 'sha256' ? `x509-fingerprint-${hash}` : undefined;
}

/** Property path and hash spelling of a MISP type, for patterns that we write. */
export function pathOfType(type: string, value: string): string | undefined {
  if (type === 'ip-dst' || type === 'ip-src') return value.includes(':') ? 'ipv6-addr:value' : 'ipv4-addr:value';
  if (type === 'hostname') return 'domain-name:value';
  if (type === 'email-src') return 'email-message:from_ref.value';
  if (hashes.has(type.replace(/-/g, ''))) return `file:hashes.${stixHashName(type)}`;
  if (type.startsWith('x509-fingerprint-')) return `x509-certificate:hashes.${stixHashName(type.slice('x509-fingerprint-'.length))}`;
  for (const [path, known] of single) if (known === type) return path;
  return undefined;
}

/** `SHA-256`, quoted because of its dash; `MD5` and the fuzzy ones as they are. */
function stixHashName(type: string): string {
  if (type === 'md5' || type === 'ssdeep' || type === 'tlsh') return type.toUpperCase();
  return `'${type.replace(/^sha(?=\d{3}|1$)/, 'sha-').toUpperCase()}'`;
}

/**
 * The values that a pattern amounts to when each of them alone would match: one comparison, alternatives of such, or several hashes of one file.
 * Undefined for everything else, which must stay whole: half of a conjunction matches more than its author meant.
 */
export function valuesOfPattern(pattern: string): readonly TypedValue[] | undefined {
  const parsed = parsePattern(pattern);
  return parsed.ok ? valuesOf(parsed.expression) : undefined;
}

function valuesOf(expression: Expression): TypedValue[] | undefined {
  switch (expression.kind) {
    case 'observed':
      return expression.qualified ? undefined : valuesOf(expression.inner);
    case 'comparison': {
      const { path, operator, negated, values } = expression.comparison;
      const type = typeOfPath(path);
      if (type === undefined || negated || (operator !== '=' && operator !== 'IN')) return undefined;
      return values.map((value) => ({ type, value }));
    }
    case 'or': {
      const parts = expression.parts.map(valuesOf);
      return parts.includes(undefined) ? undefined : parts.flatMap((part) => part ?? []);
    }
    case 'and': {
      const parts = expression.parts.map((part) =>
        part.kind === 'comparison' && /^file:hashes\./.test(part.comparison.path) ? valuesOf(part) : undefined,
      );
      const all = parts.every((part) => part?.length === 1);
      return all ? parts.flatMap((part) => part ?? []) : pairOf(expression.parts);
    }
    default:
      return undefined;
  }
}

/** Two comparisons that are one MISP value: address and port, name and digest, domain and address. */
function pairOf(parts: readonly Expression[]): TypedValue[] | undefined {
  if (parts.length !== 2) return undefined;
  const found = new Map<string, string>();
  for (const part of parts) {
    if (part.kind !== 'comparison' || part.comparison.negated || part.comparison.operator !== '=') return undefined;
    found.set(part.comparison.path, part.comparison.values[0] ?? '');
  }
  const get = (path: string) => found.get(path);
  const port = get('network-traffic:dst_port');
  const address = get('network-traffic:dst_ref.value');
  if (port !== undefined && address !== undefined) return [{ type: 'ip-dst|port', value: `${address}|${port}` }];
  const domain = get('domain-name:value');
  const resolved = get('domain-name:resolves_to_refs[*].value') ?? get('domain-name:resolves_to_refs[0].value');
  if (domain !== undefined && resolved !== undefined) return [{ type: 'domain|ip', value: `${domain}|${resolved}` }];
  const name = get('file:name');
  for (const [path, value] of found) {
    const type = path.startsWith('file:hashes.') ? typeOfPath(path) : undefined;
    if (type && name !== undefined) return [{ type: `filename|${type}`, value: `${name}|${value}` }];
  }
  return undefined;
}

export function quotePattern(value: string): string {
  return `'${value.replace(/[\\']/g, '\\$&')}'`;
}

/** The pattern of one value, or undefined for a type that STIX has no observable for. */
export function patternOfValue(type: string, value: string): string | undefined {
  if (type === 'stix2-pattern') return value;
  const bar = value.indexOf('|');
  if (type.includes('|') && bar > 0) {
    const [left, right] = type.startsWith('filename|')
      ? [value.slice(0, value.lastIndexOf('|')), value.slice(value.lastIndexOf('|') + 1)]
      : [value.slice(0, bar), value.slice(bar + 1)];
    if (type === 'ip-dst|port' && /^\d+$/.test(right))
      return `[network-traffic:dst_ref.value = ${quotePattern(left)} AND network-traffic:dst_port = ${right}]`;
    if (type === 'domain|ip')
      return `[domain-name:value = ${quotePattern(left)} AND domain-name:resolves_to_refs[*].value = ${quotePattern(right)}]`;
    const path = type.startsWith('filename|') ? pathOfType(type.slice('filename|'.length), right) : undefined;
    return path?.startsWith('file:hashes.') ? `[file:name = ${quotePattern(left)} AND ${path} = ${quotePattern(right)}]` : undefined;
  }
  const path = pathOfType(type, value);
  if (path === undefined) return undefined;
  if (path === 'autonomous-system:number') return /^(?:AS)?\d+$/i.test(value) ? `[${path} = ${value.replace(/\D/g, '')}]` : undefined;
  return `[${path} = ${quotePattern(value)}]`;
}
