import { domainToASCII, domainToUnicode } from 'node:url';

const labelPattern = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/** The canonical form of a name in the DNS: lower case ASCII, no trailing dot, at most 253 octets; IDNA labels must survive a round trip. */
export function isCanonicalDomain(text: string): boolean {
  if (text.length === 0 || text.length > 253) return false;
  const labels = text.split('.');
  if (!labels.every((label) => labelPattern.test(label))) return false;
  const last = labels.at(-1) ?? '';
  // All digits at the end would be read as an address by some resolvers, and there is no such top-level domain.
  if (/^[0-9]+$/.test(last) || /^0x[0-9a-f]*$/.test(last)) return false;
  return labels.every((label) => !label.startsWith('xn--') || isCanonicalIdna(label));
}

function isCanonicalIdna(label: string): boolean {
  // What cannot be decoded comes back as it was.
  const unicode = domainToUnicode(label);
  return unicode !== '' && !unicode.startsWith('xn--') && domainToASCII(unicode) === label;
}

/** Top-level names that are no part of the public DNS, and the zones of reverse look-ups. */
const specialEnds = [
  'arpa',
  'localhost',
  'local',
  'localdomain',
  'internal',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'test',
  'example',
  'invalid',
  'onion',
  'alt',
  'i2p',
];

export function isSpecialDomain(domain: string): boolean {
  return specialEnds.includes(domain.slice(domain.lastIndexOf('.') + 1));
}

/** Names with everything above and below them. */
export class DomainTree {
  readonly #names: ReadonlySet<string>;
  readonly #parents = new Set<string>();

  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
    for (const name of this.#names) for (const parent of parentsOf(name)) this.#parents.add(parent);
  }

  isListed(domain: string): boolean {
    return this.#names.has(domain);
  }
  /** Blocking `domain` would take a listed name with it. */
  isAbove(domain: string): boolean {
    return this.#parents.has(domain);
  }
  /** `domain` lies under a listed name. */
  isBelow(domain: string): boolean {
    for (const parent of parentsOf(domain)) if (this.#names.has(parent)) return true;
    return false;
  }
}

function* parentsOf(domain: string): Generator<string> {
  for (let at = domain.indexOf('.'); at >= 0; at = domain.indexOf('.', at + 1)) yield domain.slice(at + 1);
}
