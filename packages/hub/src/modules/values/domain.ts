import { domainToASCII, domainToUnicode } from 'node:url';
import { getDomain, getPublicSuffix } from 'tldts';
import { accept, type Canonical, type NotCanonical, refuse, type ValueFlag } from './kinds.ts';

/** RFC 1035: 63 octets in a label, 253 characters in a written name. */
const labelMaxChars = 63;
const nameMaxChars = 253;

/** A name in Unicode is shorter than its ASCII form; four times the limit is generous and keeps IDNA off megabytes. */
const rawMaxChars = 4 * nameMaxChars;

/** The reader gets canonical names only, so tldts must not guess at hosts, addresses or schemes. */
const withPrivate = { allowPrivateDomains: true, extractHostname: false, validateHostname: false, detectIp: false, mixedInputs: false };
const icannOnly = { ...withPrivate, allowPrivateDomains: false };

/** The part of a canonical domain that one party registered (`a.b.example.co.uk` gives `example.co.uk`), or undefined for a suffix. */
export function registrableDomain(domain: string): string | undefined {
  return getDomain(domain, withPrivate) ?? undefined;
}

/** Whether anybody can get names below this one: registries' suffixes, and private ones such as shared hosting and dynamic DNS. */
export function isPublicSuffix(domain: string): boolean {
  return getPublicSuffix(domain, withPrivate) === domain;
}

function isRegistrySuffix(domain: string): boolean {
  return getPublicSuffix(domain, icannOnly) === domain;
}

/** A name read strictly into ASCII, with the reason when it is none. */
type Name = { readonly ok: true; readonly name: string; readonly flags: readonly ValueFlag[] };

/**
 * Canonical name: IDNA ASCII, lower case, no trailing dot. Registry suffixes pass here, because a URL or a mailbox may live on one
 * (`gov.uk`); `canonicalDomain` refuses them.
 */
export function readName(raw: string): Name | NotCanonical {
  if (raw === '') return refuse('domain_empty', 'The name is empty.');
  if (raw.length > rawMaxChars) return refuse('domain_length', `A name has at most ${nameMaxChars} characters.`);
  const foreign = /[^\x00-\x7f]/.test(raw);
  const ascii = foreign ? asciiOf(raw) : raw.toLowerCase();
  if (typeof ascii !== 'string') return ascii;
  const name = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii;
  const wrong = checkName(name);
  if (wrong) return wrong;
  if (!name.includes('xn--')) return { ok: true, name, flags: [] };
  return readInternational(name);
}

/** Unicode to ASCII, after refusing what IDNA would silently drop or fold: a report with such characters is a trick or an accident. */
function asciiOf(raw: string): string | NotCanonical {
  if (/[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Bidi_Control}]/u.test(raw)) {
    return refuse('domain_invisible', 'The name contains invisible characters or direction marks.');
  }
  if (/[\u3002\uff0e\uff61]/.test(raw)) return refuse('domain_dot', 'The name contains a dot that is not the ASCII full stop.');
  if (raw.normalize('NFKC') !== raw.normalize('NFC')) {
    return refuse('domain_compatibility', 'The name contains full-width or other compatibility characters that read as different ones.');
  }
  const ascii = domainToASCII(raw.normalize('NFC'));
  if (ascii === '') return refuse('domain_idna', 'The name is not valid under the rules for international names.');
  return ascii;
}

function checkName(name: string): NotCanonical | undefined {
  if (name.length > nameMaxChars) return refuse('domain_length', `A name has at most ${nameMaxChars} characters.`);
  let start = 0;
  let labels = 0;
  let underscore = -1;
  let numeric = true;
  for (let i = 0; i <= name.length; i++) {
    const c = i === name.length ? 46 : name.charCodeAt(i);
    if (c === 46) {
      const length = i - start;
      if (length === 0) return refuse('domain_empty_label', 'The name has an empty label: two dots in a row, or a dot at the start.');
      if (length > labelMaxChars) return refuse('domain_label_length', `A label of the name has more than ${labelMaxChars} characters.`);
      if (name.charCodeAt(start) === 45 || name.charCodeAt(i - 1) === 45) {
        return refuse('domain_hyphen', 'A label of the name starts or ends with a hyphen.');
      }
      labels++;
      if (i < name.length) {
        start = i + 1;
        numeric = true;
      }
    } else if (c >= 97 && c <= 122) numeric = false;
    else if (c === 45) numeric = false;
    else if (c === 95) {
      numeric = false;
      underscore = labels;
    } else if (c < 48 || c > 57) return explainCharacter(name);
  }
  // The last label decides how a browser reads the host: digits, or 0x and hex digits, make it an address (WHATWG URL, "ends in a number").
  if (numeric || /^0x[0-9a-f]*$/.test(name.slice(start))) {
    return refuse('domain_numeric_tld', 'The name ends in a number, so it would be read as an address.');
  }
  if (labels < 2) return refuse('domain_single_label', 'A single label is not a domain that means the same everywhere.');
  if (underscore >= labels - 2) return refuse('domain_underscore', 'An underscore is allowed only to the left of the registered name.');
  return undefined;
}

function explainCharacter(name: string): NotCanonical {
  if (/\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)/i.test(name)) return refuse('domain_defanged', 'The name is still defanged: write plain dots.');
  if (name.includes('*'))
    return refuse(
      'domain_wildcard',
      'Wildcards are not part of a name: a decision about a domain says itself whether it covers what is below.',
    );
  return refuse('domain_character', 'The name contains a character that no domain has.');
}

/** An xn-- label must decode, must decode to something that is not ASCII, and must encode back to itself. */
function readInternational(name: string): Name | NotCanonical {
  const unicode = domainToUnicode(name);
  const labels = unicode.split('.');
  if (unicode === '' || labels.some((label) => label.startsWith('xn--')) || domainToASCII(unicode) !== name) {
    return refuse('domain_punycode', 'A label starts with xn-- and is not a valid international label.');
  }
  const top = labels[labels.length - 1] ?? '';
  if (/^\p{Nd}+$/u.test(top)) return refuse('domain_numeric_tld', 'The name ends in a number, so it would be read as an address.');
  const flags = new Set<ValueFlag>();
  for (const label of labels) {
    const flag = scriptFlag(label);
    if (flag) flags.add(flag);
  }
  return { ok: true, name, flags: [...flags] };
}

/** Cyrillic and Greek letters that most fonts draw like a Latin one. */
const latinLookalikes = /^[аеорсухіјѕһԁԛԝӏъьгпкмтвиνοαρυικ\d-]+$/u;

function scriptFlag(label: string): ValueFlag | undefined {
  const latin = /\p{Script=Latin}/u.test(label);
  const cyrillic = /\p{Script=Cyrillic}/u.test(label);
  const greek = /\p{Script=Greek}/u.test(label);
  if (Number(latin) + Number(cyrillic) + Number(greek) > 1) return 'mixed_script';
  return (cyrillic || greek) && latinLookalikes.test(label) ? 'confusable' : undefined;
}

/** Canonical form of a domain or host name. Registry suffixes (`com`, `gob.es`) and reverse zones are no subject for a decision. */
export function canonicalDomain(text: string): Canonical | NotCanonical {
  const read = readName(text);
  if (!read.ok) return read;
  if (read.name.endsWith('.arpa'))
    return refuse('domain_reverse_zone', 'This is a name of the reverse tree, not a domain: give the address.');
  if (isRegistrySuffix(read.name)) return refuse('domain_public_suffix', 'This is a public suffix: everybody registers names below it.');
  return accept('domain', read.name, undefined, read.flags);
}
