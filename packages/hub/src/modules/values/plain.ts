import { readHex } from './hash.ts';
import { accept, type Canonical, type NotCanonical, refuse } from './kinds.ts';

/** Windows limits a path to 32,767 characters and a registry key to far less. */
const pathMaxChars = 32_767;

export function canonicalJa3(text: string): Canonical | NotCanonical {
  const hex = readHex(text, [32]);
  return hex === undefined ? refuse('ja3_shape', 'A JA3 fingerprint has 32 hexadecimal digits.') : accept('ja3', hex);
}

/**
 * JA4 (client): protocol, TLS version, SNI, two counts, ALPN, then two truncated digests. JA4S has a shorter first part. Upper case never
 * occurs in the digests; the first part may keep it (ALPN characters), so only the digests are folded.
 */
export function canonicalJa4(text: string): Canonical | NotCanonical {
  const match = /^([tqd][0-9ds][0-9][di]\d{4}[0-9a-zA-Z]{2})_([0-9a-fA-F]{12})_([0-9a-fA-F]{12})$/.exec(text);
  if (match) return accept('ja4', `${match[1]}_${match[2]?.toLowerCase()}_${match[3]?.toLowerCase()}`);
  const server = /^([tqd][0-9ds][0-9]\d{2}[0-9a-zA-Z]{2})_([0-9a-fA-F]{4})_([0-9a-fA-F]{12})$/.exec(text);
  if (server) return accept('ja4', `${server[1]}_${server[2]?.toLowerCase()}_${server[3]?.toLowerCase()}`);
  return refuse('ja4_shape', 'This does not have the shape of a JA4 fingerprint.');
}

/** File names keep their case: half of the systems that read them tell case apart. */
export function canonicalFilename(text: string): Canonical | NotCanonical {
  if (text.length > pathMaxChars) return refuse('filename_length', `A file name has at most ${pathMaxChars} characters.`);
  if (/[\x00-\x1f\x7f]/.test(text)) return refuse('filename_control', 'The file name contains a control character.');
  if (/^[*?.\\/:\s]*$/.test(text) || /^[A-Za-z]:[\\/*.]*$/.test(text))
    return refuse('filename_everything', 'This is no name: it stands for every file.');
  return accept('filename', text);
}

/** Mutex names are compared exactly by the system that owns them. */
export function canonicalMutex(text: string): Canonical | NotCanonical {
  if (text.length > pathMaxChars) return refuse('mutex_length', `A mutex name has at most ${pathMaxChars} characters.`);
  if (/^[*?.\\]*$/.test(text)) return refuse('mutex_everything', 'This is no name: it is empty or stands for everything.');
  return accept('mutex', text);
}

const hives = new Map<string, string>([
  ['hklm', 'HKEY_LOCAL_MACHINE'],
  ['hkcu', 'HKEY_CURRENT_USER'],
  ['hkcr', 'HKEY_CLASSES_ROOT'],
  ['hku', 'HKEY_USERS'],
  ['hkcc', 'HKEY_CURRENT_CONFIG'],
  ['hkpd', 'HKEY_PERFORMANCE_DATA'],
  ['hkey_local_machine', 'HKEY_LOCAL_MACHINE'],
  ['hkey_current_user', 'HKEY_CURRENT_USER'],
  ['hkey_classes_root', 'HKEY_CLASSES_ROOT'],
  ['hkey_users', 'HKEY_USERS'],
  ['hkey_current_config', 'HKEY_CURRENT_CONFIG'],
  ['hkey_performance_data', 'HKEY_PERFORMANCE_DATA'],
]);

function startsWithHive(path: string): boolean {
  const match = /^([a-z_]{3,22}):?\\/i.exec(path);
  return match?.[1] !== undefined && hives.has(match[1].toLowerCase());
}

const kernelRoots: readonly (readonly [string, string])[] = [
  ['\\registry\\machine\\', 'HKEY_LOCAL_MACHINE\\'],
  ['\\registry\\user\\', 'HKEY_USERS\\'],
];

/**
 * Registry paths ignore case, so everything after the hive is lower case; hive abbreviations, PowerShell's colon, export files' brackets
 * and doubled backslashes are spellings. A path without a hive stays without one: guessing it would merge different keys.
 */
export function canonicalRegkey(text: string): Canonical | NotCanonical {
  if (text.length > pathMaxChars) return refuse('regkey_length', `A registry key has at most ${pathMaxChars} characters.`);
  if (/[\x00-\x1f\x7f]/.test(text)) return refuse('regkey_control', 'The registry key contains a control character.');
  const bracketed = text.startsWith('[') && text.endsWith(']') && startsWithHive(text.slice(1));
  let path = (bracketed ? text.slice(1, -1) : text).replace(/\\+/g, '\\').toLowerCase();
  if (path.endsWith('\\')) path = path.slice(0, -1).trimEnd();
  if (path.startsWith('computer\\') && startsWithHive(path.slice('computer\\'.length))) path = path.slice('computer\\'.length);
  for (const [root, hive] of kernelRoots) if (path.startsWith(root)) path = hive.toLowerCase() + path.slice(root.length);
  const slash = path.indexOf('\\');
  const first = slash < 0 ? path : path.slice(0, slash);
  const hive = hives.get(first.replace(/:$/, ''));
  if (slash < 0) {
    return hive
      ? refuse('regkey_everything', 'This is a whole hive, not a key.')
      : refuse('regkey_shape', 'A registry key is a path with backslashes.');
  }
  if (/^[\\*?.]*$/.test(path.slice(slash + 1))) return refuse('regkey_everything', 'This stands for a whole hive, not for a key.');
  return accept('regkey', `${hive ?? first}${path.slice(slash)}`);
}

const base58 = '[1-9A-HJ-NP-Za-km-z]';
const walletShapes: Record<'btc' | 'xmr' | 'dash', readonly RegExp[]> = {
  // Legacy and script addresses are base58 and case-sensitive; bech32 and bech32m are one case throughout.
  btc: [new RegExp(`^[13]${base58}{25,34}$`), /^bc1[02-9ac-hj-np-z]{11,71}$/],
  // Standard and subaddresses have 95 characters, integrated ones 106.
  xmr: [new RegExp(`^[48]${base58}{94}$`), new RegExp(`^4${base58}{105}$`)],
  dash: [new RegExp(`^[X7]${base58}{33}$`)],
};

export function canonicalWallet(currency: 'btc' | 'xmr' | 'dash', text: string): Canonical | NotCanonical {
  const value = currency === 'btc' && /^BC1[0-9A-Z]{11,71}$/.test(text) ? text.toLowerCase() : text;
  if (walletShapes[currency].some((shape) => shape.test(value))) return accept('wallet', value);
  return refuse('wallet_shape', `This does not have the shape of a ${currency} address.`);
}

/** Autonomous systems: 0 and the last number are reserved and belong to nobody (RFC 7607, RFC 7300). */
export function canonicalAsn(text: string): Canonical | NotCanonical {
  const match = /^(?:ASN?[ -]?)?(\d{1,10})$/i.exec(text);
  if (!match) return refuse('asn_shape', 'An autonomous system is written like AS64500.');
  const number = Number(match[1]);
  if (number === 0 || number >= 4_294_967_295) return refuse('asn_range', 'There is no autonomous system with this number.');
  return accept('asn', `AS${number}`);
}

/** CVE identifiers: year, and four to nineteen digits. */
export function canonicalCve(text: string): Canonical | NotCanonical {
  const upper = text.toUpperCase();
  if (/^CVE-(?:1999|2\d{3})-\d{4,19}$/.test(upper)) return accept('cve', upper);
  return refuse('cve_shape', 'A CVE identifier is written like CVE-2024-12345.');
}
