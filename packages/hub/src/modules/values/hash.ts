import { createHash } from 'node:crypto';
import { accept, type Canonical, type NotCanonical, refuse } from './kinds.ts';

/** Plain digests and hex fingerprints: number of hex digits. Keys are the algorithm part of the canonical value. */
const hexLengths = new Map<string, readonly number[]>([
  ['md5', [32]],
  ['sha1', [40]],
  ['sha224', [56]],
  ['sha256', [64]],
  ['sha384', [96]],
  ['sha512', [128]],
  ['sha512/224', [56]],
  ['sha512/256', [64]],
  ['sha3-224', [56]],
  ['sha3-256', [64]],
  ['sha3-384', [96]],
  ['sha3-512', [128]],
  ['imphash', [32]],
  ['authentihash', [64]],
  ['pehash', [40]],
  ['cdhash', [40, 64]],
  ['hassh', [32]],
  ['hasshserver', [32]],
  ['jarm', [62]],
  ['x509-md5', [32]],
  ['x509-sha1', [40]],
  ['x509-sha256', [64]],
]);

/** MISP types whose name is not the algorithm. Certificates get their own algorithm: a file with the same digest is another thing. */
const algorithmOfType = new Map<string, string>([
  ['hassh-md5', 'hassh'],
  ['hasshserver-md5', 'hasshserver'],
  ['jarm-fingerprint', 'jarm'],
  ['x509-fingerprint-md5', 'x509-md5'],
  ['x509-fingerprint-sha1', 'x509-sha1'],
  ['x509-fingerprint-sha256', 'x509-sha256'],
]);

const fuzzyAlgorithms = new Set(['ssdeep', 'impfuzzy', 'tlsh', 'telfhash', 'vhash']);

/** Every digest here is far shorter; the bound keeps the shape checks off megabytes of garbage. */
const hashMaxChars = 512;

/** The algorithm behind a MISP type, or behind an algorithm name itself; undefined when the type is not a hash. */
export function hashAlgorithm(type: string): string | undefined {
  const algorithm = algorithmOfType.get(type) ?? type;
  return hexLengths.has(algorithm) || fuzzyAlgorithms.has(algorithm) ? algorithm : undefined;
}

/** Lower-case hex of one of the lengths, or undefined. */
export function readHex(text: string, lengths: readonly number[]): string | undefined {
  if (!lengths.includes(text.length)) return undefined;
  let upper = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 65 && c <= 70) upper = true;
    else if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102))) return undefined;
  }
  return upper ? text.toLowerCase() : text;
}

/** Canonical `<algorithm>:<digest>`. The digest may carry its own algorithm as a prefix, so that canonical values read back. */
export function canonicalHash(algorithm: string, text: string): Canonical | NotCanonical {
  if (text.length > hashMaxChars) return refuse('hash_length', `This is too long for ${algorithm}.`);
  const digest =
    text.length > algorithm.length && text[algorithm.length] === ':' && text.toLowerCase().startsWith(algorithm)
      ? text.slice(algorithm.length + 1)
      : text;
  const lengths = hexLengths.get(algorithm);
  if (!lengths) return canonicalFuzzy(algorithm, digest);
  const hex = readHex(algorithm.startsWith('x509-') ? joinPairs(digest) : digest, lengths);
  if (hex !== undefined) return accept('hash', `${algorithm}:${hex}`);
  if (lengths.includes(digest.length)) return refuse('hash_alphabet', `A ${algorithm} value has hexadecimal digits only.`);
  return refuse('hash_length', `A ${algorithm} value has ${lengths.join(' or ')} hexadecimal digits, not ${digest.length} characters.`);
}

/** Certificate tools print fingerprints as pairs with colons. */
function joinPairs(text: string): string {
  return text[2] === ':' && /^[0-9a-f]{2}(?::[0-9a-f]{2})*$/i.test(text) ? text.replaceAll(':', '') : text;
}

function canonicalFuzzy(algorithm: string, digest: string): Canonical | NotCanonical {
  const shape = refuse('hash_shape', `This does not have the shape of a ${algorithm} value.`);
  switch (algorithm) {
    // Two base64 halves after the block size; both are case-sensitive. 64 characters by design, some tools print up to twice as many.
    case 'ssdeep':
    case 'impfuzzy':
      return /^[1-9]\d{0,9}:[A-Za-z0-9+/]{0,148}:[A-Za-z0-9+/]{0,148}$/.test(digest) ? accept('hash', `${algorithm}:${digest}`) : shape;
    // The version mark T1 was added later and does not change the digest.
    case 'tlsh':
    case 'telfhash': {
      const hex = readHex(/^t1/i.test(digest) ? digest.slice(2) : digest, [70]);
      return hex === undefined ? shape : accept('hash', `${algorithm}:${hex}`);
    }
    // Not published; seen are lower-case letters, digits and a few marks.
    default:
      return /^[\x21-\x7e]{8,256}$/.test(digest) && /\d/.test(digest) ? accept('hash', `${algorithm}:${digest}`) : shape;
  }
}

const emptyContent = new Set<string>([
  ...['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha3-224', 'sha3-256', 'sha3-384', 'sha3-512'].map(
    (name) => `${name}:${createHash(name).update('').digest('hex')}`,
  ),
  `sha512/224:${createHash('sha512-224').update('').digest('hex')}`,
  `sha512/256:${createHash('sha512-256').update('').digest('hex')}`,
  'ssdeep:3::',
]);

/** Whether a canonical hash value is the digest of nothing, or one repeated digit: a sample that was never read. */
export function isEmptyContentHash(value: string): boolean {
  if (emptyContent.has(value)) return true;
  const digest = value.slice(value.indexOf(':') + 1);
  return digest.length >= 32 && digest === digest.slice(0, 1).repeat(digest.length);
}
