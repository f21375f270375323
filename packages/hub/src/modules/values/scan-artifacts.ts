import { canonicalise } from './canonical.ts';
import { base58CheckHolds, bech32Holds } from './checksum.ts';
import { claim, isClaimed, type Scan } from './scan.ts';
import { announcesFile, keyBefore, lineAfter, lineBefore } from './surroundings.ts';

/** Digests by number of hex digits. 56 (SHA-224) is rarer than accidents of that length, and needs its name beside it. */
const digestTypes = new Map<number, string>([
  [32, 'md5'],
  [40, 'sha1'],
  [64, 'sha256'],
  [96, 'sha384'],
  [128, 'sha512'],
]);

/** Algorithms that share a length with a plain digest: a word before the value decides. */
const namedDigests: readonly (readonly [RegExp, number, string])[] = [
  [/\bimphash\b/i, 32, 'imphash'],
  [/\bja3s?\b/i, 32, 'ja3-fingerprint-md5'],
  [/\bhasshserver\b/i, 32, 'hasshserver-md5'],
  [/\bhassh\b/i, 32, 'hassh-md5'],
  [/\bpehash\b/i, 40, 'pehash'],
  [/\bcdhash\b/i, 40, 'cdhash'],
  [/\b(?:thumbprint|certificate|certificado|x\.?509|huella del certificado)\b/i, 32, 'x509-fingerprint-md5'],
  [/\b(?:thumbprint|certificate|certificado|x\.?509|huella del certificado)\b/i, 40, 'x509-fingerprint-sha1'],
  [/\b(?:thumbprint|certificate|certificado|x\.?509|huella del certificado)\b/i, 64, 'x509-fingerprint-sha256'],
  [/\bauthentihash\b/i, 64, 'authentihash'],
  [/\bsha-?224\b/i, 56, 'sha224'],
  [/\bsha3-256\b/i, 64, 'sha3-256'],
  [/\bjarm\b/i, 62, 'jarm-fingerprint'],
];

/** Keys whose hexadecimal value is a secret or a number, not the digest of a file. */
const notDigestKey =
  /sess|token|cookie|csrf|nonce|etag|guid|uuid|secret|passw|clave|api_?key|^s?id$|trace|request|^key$|salt|serial|boundary/;
const notDigestWord =
  /\b(?:commit|commits|revision|guid|uuid|serial(?: number)?|número de serie|nonce|token|cookie|session|sesión|clave|contraseña|password|salt|txid|transaction|transacción)[ \t:=]{0,3}$/i;

/** Digests and fingerprints. */
export function scanHashes(scan: Scan): void {
  const { text } = scan;
  for (const match of text.matchAll(/(?<![\w:+/.-])\d{1,7}:[A-Za-z0-9+/]{6,148}:[A-Za-z0-9+/]{3,148}(?![\w:+/=])/g)) {
    if (isClaimed(scan, match.index)) continue;
    const block = Number(match[0].slice(0, match[0].indexOf(':'))) / 3;
    // Block sizes are three times a power of two; clock times and ratios are not.
    if (!Number.isInteger(block) || !Number.isInteger(Math.log2(block)) || match[0].length < 20) continue;
    reportWhole(scan, 'ssdeep', match[0], match.index);
  }
  for (const match of text.matchAll(/(?<![\w-])[tqd][0-9ds][0-9][di]\d{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}(?![\w-])/g)) {
    if (!isClaimed(scan, match.index)) reportWhole(scan, 'ja4', match[0], match.index);
  }
  for (const match of text.matchAll(/(?<![\w-])T1[0-9A-Fa-f]{70}(?![\w-])/g)) {
    if (!isClaimed(scan, match.index))
      reportWhole(scan, /telfhash/i.test(lineBefore(text, match.index)) ? 'telfhash' : 'tlsh', match[0], match.index);
  }
  for (const match of text.matchAll(/(?<![\w:-])[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){15,31}(?![\w:-])/g)) {
    const type = new Map([
      [47, 'x509-fingerprint-md5'],
      [59, 'x509-fingerprint-sha1'],
      [95, 'x509-fingerprint-sha256'],
    ]).get(match[0].length);
    if (isClaimed(scan, match.index)) continue;
    claim(scan, match.index, match.index + match[0].length);
    // SSH prints host keys the same way, and says so.
    if (type && !/\b(?:ssh|rsa|dsa|ecdsa|ed25519|md5:?)\b/i.test(lineBefore(text, match.index)))
      reportWhole(scan, type, match[0], match.index);
  }
  for (const match of text.matchAll(/(?<![A-Za-z0-9])[0-9A-Fa-f]{32,}(?![A-Za-z0-9])/g)) considerDigest(scan, match[0], match.index);
}

function considerDigest(scan: Scan, digest: string, from: number): void {
  const { text } = scan;
  if (isClaimed(scan, from)) return;
  const to = from + digest.length;
  const before = lineBefore(text, from);
  const named = namedDigests.find(([word, length]) => length === digest.length && word.test(before));
  const type = named?.[2] ?? digestTypes.get(digest.length);
  claim(scan, from, to);
  if (type === undefined) return;
  // A digest has letters and digits: 32 decimal digits are an account, a run of one letter a filler.
  if (!/\d/.test(digest) || !/[a-f]/i.test(digest) || new Set(digest.toLowerCase()).size < 6) return;
  // Part of something longer: a chain with hyphens or underscores, base64, a path.
  if (/[-_+/\\%#]$/.test(before) && !/(?:^|\s)[-*+]$/.test(before)) return;
  if (/^(?:[-_+=\\]|\/\w)/.test(text.slice(to, to + 2))) return;
  const file = /^\.[a-z0-9]{2,4}\b/i.test(text.slice(to, to + 5));
  if (file && digest.length < 64) return;
  const key = keyBefore(text, from);
  if (!named && ((key !== undefined && notDigestKey.test(key)) || notDigestWord.test(before))) return;
  scan.report({ type, value: digest, from, to, confidence: file ? 'maybe' : 'sure', ...(file ? { context: 'filename' as const } : {}) });
}

function reportWhole(scan: Scan, type: string, value: string, from: number, confidence: 'sure' | 'maybe' = 'sure'): void {
  const to = from + value.length;
  if (!canonicalise(type, value).ok) return;
  claim(scan, from, to);
  scan.report({ type, value, from, to, confidence });
}

/** Base58 checks cost some microseconds each: enough for any wallet list, and not for a megabyte of candidates. */
const walletChecksMax = 5000;

/** Vulnerabilities, autonomous systems, wallets. */
export function scanIdentifiers(scan: Scan): void {
  const { text } = scan;
  for (const match of text.matchAll(/(?<![A-Za-z0-9])CVE[-\u2010-\u2015_ ]?((?:1999|20\d\d)[-\u2010-\u2015_])(\d{4,7})(?!\d)/gi)) {
    if (isClaimed(scan, match.index)) continue;
    const value = `CVE-${match[1]?.slice(0, 4)}-${match[2]}`;
    claim(scan, match.index, match.index + match[0].length);
    scan.report({ type: 'vulnerability', value, from: match.index, to: match.index + match[0].length, confidence: 'sure' });
  }
  for (const match of text.matchAll(/(?<![\w.-])ASN?[ -]?(\d{1,10})(?![\w.]|-\d)/g)) {
    const around = `${lineBefore(text, match.index)} ${lineAfter(text, match.index + match[0].length)}`;
    const told =
      match[0].startsWith('ASN') ||
      /\b(?:asn|autonomous|aut[oó]nomo|bgp|isp|hosting|hosted|alojad[oa]s?|proveedor|provider)\b/i.test(around);
    // AS2 and AS4 are protocols, AS400 is a computer.
    if (!told && !/^AS\d{4,}$/.test(match[0])) continue;
    if (!isClaimed(scan, match.index)) reportWhole(scan, 'AS', match[0], match.index, told ? 'sure' : 'maybe');
  }
  let checks = 0;
  for (const match of text.matchAll(
    /(?<![A-Za-z0-9])(?:[13X7][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{11,71}|[48][1-9A-HJ-NP-Za-km-z]{94,105})(?![A-Za-z0-9])/g,
  )) {
    const value = match[0];
    if (isClaimed(scan, match.index) || ++checks > walletChecksMax) continue;
    if (value.startsWith('bc1')) {
      if (bech32Holds(value)) reportWhole(scan, 'btc', value, match.index);
    } else if (value.length >= 95) reportWhole(scan, 'xmr', value, match.index);
    else if (base58CheckHolds(value)) reportWhole(scan, /^[X7]/.test(value) ? 'dash' : 'btc', value, match.index);
  }
}

/** Registry keys and Windows paths contain dots, spaces and names: claimed first. */
export function scanRegistry(scan: Scan): void {
  const { text } = scan;
  const start = /(?<![A-Za-z0-9_])(?:HKEY_(?:LOCAL_MACHINE|CURRENT_USER|CLASSES_ROOT|USERS|CURRENT_CONFIG)|HK(?:LM|CU|CR|U|CC)):?\\/gi;
  for (const match of text.matchAll(start)) {
    const from = match.index;
    if (isClaimed(scan, from)) continue;
    const to = pathEnd(text, from + match[0].length, text[from - 1] ?? '');
    claim(scan, from, to);
    const value = text.slice(from, to);
    if (canonicalise('regkey', value).ok) scan.report({ type: 'regkey', value, from, to, confidence: 'sure' });
  }
}

/** Registry keys and paths are cut here; Windows allows 32,767 characters, reports print far less. */
const pathMaxChars = 1024;

/** `[same folder as the document]` and the like. */
const placeholderMaxChars = 60;

/**
 * End of a path with backslashes. Segments may contain spaces: a space belongs to the path when, within a few words, a backslash follows
 * (`Windows NT\CurrentVersion`) and no new sentence starts. In quotes the path ends at the quote.
 */
function pathEnd(text: string, from: number, opener: string): number {
  const quote = { '"': '"', "'": "'", '`': '`', '“': '”', '«': '»' }[opener];
  const limit = Math.min(text.length, from + pathMaxChars);
  if (quote !== undefined) {
    const close = text.slice(from, limit).search(new RegExp(`[${quote}\\r\\n]`));
    if (close >= 0 && text[from + close] === quote) return from + close;
  }
  let end = from;
  while (end < limit) {
    const c = text[end] ?? '';
    if (c === '[') {
      // A placeholder, with spaces of its own.
      const close = text.slice(end, Math.min(limit, end + placeholderMaxChars)).search(/[\]\r\n]/);
      if (close > 0 && text[end + close] === ']') {
        end += close + 1;
        continue;
      }
    }
    if (/[\r\n\t"<>|`”»]/.test(c)) break;
    if ((c === ',' || c === ';' || c === ')') && !/\\/.test(text.slice(end, end + 12))) break;
    if (c === ' ' && !/^ [\w().{}-]{1,24}(?: [\w().{}-]{1,24}){0,2}\\(?!\\)/.test(text.slice(end, end + 80))) break;
    // ` C:\` after a space starts another path.
    if (c === ' ' && /^ (?:[A-Za-z]:|HK[A-Z_]{1,20}:?)\\/.test(text.slice(end, end + 24))) break;
    end++;
  }
  const placeholders = text.slice(from, end).includes('[');
  while (end > from && /[.,;:!?'*)\]]/.test(text[end - 1] ?? '') && !(placeholders && text[end - 1] === ']')) end--;
  return end;
}

/** Tools of the system that every infection uses: naming them says nothing about a file. */
const systemTools = new Set(
  'regsvr32.exe rundll32.exe powershell.exe pwsh.exe cmd.exe explorer.exe svchost.exe winword.exe excel.exe mshta.exe wscript.exe cscript.exe schtasks.exe certutil.exe bitsadmin.exe msiexec.exe lsass.exe services.exe wmic.exe net.exe reg.exe outlook.exe iexplore.exe chrome.exe firefox.exe msedge.exe conhost.exe taskhost.exe dllhost.exe spoolsv.exe werfault.exe vssadmin.exe'.split(
    ' ',
  ),
);

const extensions =
  'exe|dll|sys|scr|com|bat|cmd|ps1|vbs|vbe|js|jse|wsf|hta|lnk|msi|jar|apk|elf|bin|doc|docx|docm|dot|dotm|xls|xlsx|xlsm|xlsb|ppt|pptx|pptm|rtf|pdf|one|zip|rar|7z|iso|img|vhd|gz|tar|cab|ace|png|jpg|jpeg|gif|bmp|html|htm|php|asp|aspx|jsp|txt|dat|tmp|log|inf|gf|sh|py|pl|so|ocx|cpl|chm|url|eml|msg|xml|json|csv|arm|mips';
const endsInExtension = new RegExp(`\\.(?:${extensions})$`, 'i');

/** File names: whole paths, names that the text calls files, and names that stand after a digest as `sha256sum` prints them. */
export function scanFiles(scan: Scan): void {
  const { text } = scan;
  for (const match of text.matchAll(/(?<![A-Za-z0-9\\])(?:[A-Za-z]:\\|%[A-Za-z_]{3,24}%\\|\\\\[\w.-]{1,63}\\)(?=[^\s\\])/g)) {
    const from = match.index;
    if (isClaimed(scan, from)) continue;
    const to = pathEnd(text, from + match[0].length, text[from - 1] ?? '');
    const path = text.slice(from, to);
    claim(scan, from, to);
    const base = path.slice(path.lastIndexOf('\\') + 1);
    if (!endsInExtension.test(base) || systemTools.has(base.toLowerCase())) continue;
    // A path with a placeholder names no single place; its last part still is a name.
    const concrete = !/[[\]<>*]/.test(path);
    const value = concrete ? path : base;
    if (canonicalise('filename', value).ok && !/[[\]<>*%]/.test(base))
      scan.report({ type: 'filename', value, from: to - value.length, to, confidence: 'sure', context: 'filename' });
  }
  // Bounded on both sides: the digest in front is at least 32 digits, the name at most 200 characters up to the end of the line.
  for (const match of text.matchAll(
    /(?<=[0-9A-Fa-f]{32}(?:[ \t]{1,3}|[ \t][*|-][ \t]?))(?=[^\s\\])[^\r\n|<>"]{3,200}?(?=[ \t]{0,4}(?:\r?\n|$|\|))/gm,
  )) {
    const value = match[0].trimEnd();
    const from = match.index;
    if (isClaimed(scan, from) || !endsInExtension.test(value) || /[\\/:?]/.test(value)) continue;
    claim(scan, from, from + value.length);
    reportFile(scan, value, from, 'sure');
  }
  const bare = new RegExp(
    `(?<![\\w.\\\\/@%-])[\\p{L}\\p{N}_][\\p{L}\\p{N}_.()+-]{0,120}\\.(?:${extensions})(?![\\p{L}\\p{N}_@\\\\/-]|\\.\\p{L})`,
    'giu',
  );
  for (const match of text.matchAll(bare)) {
    const from = match.index;
    if (isClaimed(scan, from) || scan.edited(from, from + match[0].length)) continue;
    if (!announcesFile(text, from)) continue;
    if (/\.com$/i.test(match[0])) continue;
    claim(scan, from, from + match[0].length);
    reportFile(scan, match[0], from, 'maybe');
  }
}

function reportFile(scan: Scan, value: string, from: number, confidence: 'sure' | 'maybe'): void {
  if (systemTools.has(value.toLowerCase()) || !canonicalise('filename', value).ok) return;
  scan.report({ type: 'filename', value, from, to: from + value.length, confidence, context: 'filename' });
}

/** Mutexes have no shape of their own: the word must stand before them, or the namespace of the object manager. */
export function scanMutexes(scan: Scan): void {
  const { text } = scan;
  for (const match of text.matchAll(/(?<![\w\\])(?:Global|Local)\\[\w{}.-]{4,128}/g)) {
    if (!isClaimed(scan, match.index))
      reportWhole(scan, 'mutex', match[0], match.index, /mutex|mutant/i.test(lineBefore(text, match.index)) ? 'sure' : 'maybe');
  }
  for (const match of text.matchAll(/(?<=\b(?:mutex|mutexes|mutant)\b[^\n"'`“«]{0,30})["'`“«]([^\n"'`”»]{3,128})["'`”»]/gi)) {
    const value = match[1] ?? '';
    if (!isClaimed(scan, match.index + 1)) reportWhole(scan, 'mutex', value, match.index + 1);
  }
  for (const match of text.matchAll(
    /(?<=\b(?:mutex|mutant)[ \t]{0,2}(?:name|nombre)?[ \t]{0,2}[:=][ \t]{0,3})[\w{}-][\w{}.\\-]{2,127}/gi,
  )) {
    if (!isClaimed(scan, match.index)) reportWhole(scan, 'mutex', match[0], match.index);
  }
}
