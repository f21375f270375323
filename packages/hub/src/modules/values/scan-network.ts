import { parse } from 'tldts';
import { parseIp, parseNet } from './address.ts';
import { canonicalise } from './canonical.ts';
import { registrableDomain } from './domain.ts';
import { claim, isClaimed, type Scan } from './scan.ts';
import { aloneOnLine, announcesFile, announcesName, keyBefore, lineBefore, numberNotAddress } from './surroundings.ts';

/** A URL is followed for as long as one may be stored. */
const urlMaxChars = 8192;

/** Longest spelling of a scheme, `view-source` and the like included. */
const schemeMaxChars = 14;

const closers: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** Where a URL that starts before `from` ends: at a space, a quote, a closing bracket that was not opened; without trailing punctuation. */
function urlEnd(text: string, from: number, quote: string): number {
  const open: Record<string, number> = { '(': 0, '[': 0, '{': 0 };
  const limit = Math.min(text.length, from + urlMaxChars);
  let end = from;
  for (; end < limit; end++) {
    const c = text[end] ?? '';
    if (c <= ' ' || '<>"`|\\^“”«»'.includes(c) || c === quote || /\s/.test(c)) break;
    if (c === "'" && !/[A-Za-z0-9]/.test(text[end + 1] ?? '')) break;
    if (c in open) open[c] = (open[c] ?? 0) + 1;
    const opener = closers[c];
    if (opener !== undefined) {
      if ((open[opener] ?? 0) === 0) break;
      open[opener] = (open[opener] ?? 0) - 1;
    }
    if ((c === ',' || c === ';') && /^[a-z]{3,6}:\/\//i.test(text.slice(end + 1, end + 10))) break;
  }
  while (end > from && /[.,;:!?'*…’]/.test(text[end - 1] ?? '')) end--;
  return end;
}

const defangedSchemes: Readonly<Record<string, string>> = { fxp: 'ftp', fxps: 'ftps', meow: 'http', meows: 'https' };

function refangScheme(written: string): string {
  const lower = written.toLowerCase();
  const web = /^h(?:[tx*_]{2})p(s?)$/.exec(lower);
  return web ? `http${web[1]}` : (defangedSchemes[lower] ?? lower);
}

/** Schemas name themselves with addresses of the web that nobody visits. */
const namespaceHosts = new Set(['schemas.xmlsoap.org', 'www.w3.org', 'schemas.microsoft.com', 'schemas.openxmlformats.org', 'purl.org']);

/** Everything with `://`. */
export function scanUrls(scan: Scan): void {
  const { text } = scan;
  for (let mark = text.indexOf('://'); mark >= 0; mark = text.indexOf('://', mark + 3)) {
    if (isClaimed(scan, mark)) continue;
    let from = mark;
    while (from > 0 && mark - from < schemeMaxChars && /[A-Za-z0-9+*_-]/.test(text[from - 1] ?? '')) from--;
    // `url_http://` and `1http://`: only the letters right before the mark are the scheme.
    const scheme = /(?:[a-z][a-z0-9+-]*|h[*_]{2}ps?)$/i.exec(text.slice(from, mark))?.[0] ?? '';
    from = mark - scheme.length;
    const before = text[from - 1] ?? '';
    const to = urlEnd(text, mark + 3, before === "'" ? "'" : '');
    claim(scan, from, to);
    if (scheme === '' || to === mark + 3) continue;
    const real = refangScheme(scheme);
    const value = `${real}${text.slice(mark, to)}`;
    const read = canonicalise('url', value);
    if (!read.ok) continue;
    if (namespaceHosts.has(read.parts?.[0]?.value ?? '')) continue;
    const defanged = real !== scheme.toLowerCase() || scan.edited(from, to);
    // The target of a live Markdown link is there to be clicked by the reader: a source, seldom an indicator.
    const reference = !defanged && before === '(' && text[from - 2] === ']';
    scan.report({
      type: reference ? 'link' : 'url',
      value,
      from,
      to,
      confidence: reference ? 'maybe' : 'sure',
      ...(reference ? { context: 'reference' as const } : {}),
    });
  }
}

const nameCharacter = /[\p{L}\p{M}\p{N}_.-]/u;
const localCharacter = /[\p{L}\p{N}._%+~=#!$&'*-]/u;

/** 64 before the @, RFC 5321; 253 after it, RFC 1035. */
const localMaxChars = 64;
const hostMaxChars = 253;

const headerTypes: readonly (readonly [RegExp, string])[] = [
  [/(?:^|[\s>|*-])(?:reply-to|responder a)[ \t]{0,2}:/i, 'email-reply-to'],
  [/(?:^|[\s>|*-])(?:from|de|remitente|sender|return-path)[ \t]{0,2}:/i, 'email-src'],
  [/(?:^|[\s>|*-])(?:to|para|destinatario|cc|bcc|cco)[ \t]{0,2}:/i, 'email-dst'],
];

/** Mail addresses. Message ids and `git@host:path` look like them and are none. */
export function scanMail(scan: Scan): void {
  const { text } = scan;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    if (isClaimed(scan, at)) continue;
    let from = at;
    while (from > 0 && at - from < localMaxChars && localCharacter.test(text[from - 1] ?? '')) from--;
    let to = at + 1;
    while (to < text.length && to - at <= hostMaxChars && nameCharacter.test(text[to] ?? '')) to++;
    while (to > at + 1 && /[._-]/.test(text[to - 1] ?? '')) to--;
    // Quotes, stars and `key=` in front belong to the text around.
    const lead = /^(?:[^=]{0,30}=)?['*.&#!~$-]*/.exec(text.slice(from, at))?.[0].length ?? 0;
    from += lead;
    if (from === at || to === at + 1) continue;
    const before = lineBefore(text, from);
    if (/(?:message-id|in-reply-to|references|content-id)[ \t]{0,2}:/i.test(before) || /^:[\w~/]/.test(text.slice(to, to + 2))) {
      claim(scan, from, to);
      continue;
    }
    const value = text.slice(from, to);
    if (!canonicalise('email', value).ok || !hasKnownSuffix(scan, value.slice(value.lastIndexOf('@') + 1))) continue;
    claim(scan, from, to);
    const type = headerTypes.find(([label]) => label.test(before))?.[1];
    scan.report({ type: type ?? 'email', value, from, to, confidence: 'sure', ...(type ? { context: 'mail_header' as const } : {}) });
  }
}

/** `mailto:` and text paths such as `GET /a/b.php?x=y.zip` hold no names of their own. */
export function claimRequestPaths(scan: Scan): void {
  for (const match of scan.text.matchAll(/(?<=(?:^|[\s"'`(])(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS)[ \t])\/\S*/gm)) {
    if (!isClaimed(scan, match.index)) claim(scan, match.index, match.index + match[0].length);
  }
}

/** IPv6 addresses and networks. Clock times, hardware addresses and `a::b` of programs have the same characters. */
export function scanIpv6(scan: Scan): void {
  const { text } = scan;
  for (const match of text.matchAll(/(?<![\w:.%-])[0-9a-fA-F:]{2,39}(?:\d{0,3}(?:\.\d{1,3}){3})?(?:\/\d{1,3})?(?![\w:%])/g)) {
    const written = match[0];
    const from = match.index;
    if (!written.includes(':') || isClaimed(scan, from)) continue;
    const address = written.split('/')[0] ?? '';
    if (parseIp(address) === undefined || !/\d/.test(address)) continue;
    const groups = address.split(':').filter((group) => group !== '');
    // `B::2` is a room, or a class of a program: an address has a longer group or more of them.
    if (address !== '::1' && (groups.length < 2 || (groups.length < 4 && groups.every((group) => group.length < 3)))) continue;
    if (!address.includes('::') && groups.every((group) => group.length === 2)) continue;
    const to = from + written.length;
    claim(scan, from, to);
    if (canonicalise('ip-dst', written).ok) scan.report({ type: 'ip-dst', value: written, from, to, confidence: 'sure' });
  }
}

/**
 * Names, IPv4 addresses, and what hangs on them: a port, a prefix length, a path without a scheme. Works on whole runs of name
 * characters, so that each character is looked at once.
 */
export function scanHosts(scan: Scan): void {
  for (const match of scan.text.matchAll(/[\p{L}\p{M}\p{N}_.-]+/gu)) {
    const run = match[0];
    // Eight full names in a row is a list without separators: nobody writes that, and it would be costly.
    if (!run.includes('.') || run.length > 8 * hostMaxChars || isClaimed(scan, match.index)) continue;
    // `_dmarc.example.com` keeps its underscore, `_emphasis.com_` does not, nor does a name that could not have one.
    const emphasis = run.endsWith('_') || run.split('.', 3).length < 3;
    const lead = (emphasis ? /^[._-]*/ : /^[.-]*/).exec(run)?.[0].length ?? 0;
    let end = run.length;
    while (end > lead && /[._-]/.test(run[end - 1] ?? '')) end--;
    const host = run.slice(lead, end);
    if (!host.includes('.') || host.includes('..')) continue;
    const range = /^([\d.]{7,15})-([\d.]{7,15})$/.exec(host);
    if (range) {
      considerHost(scan, range[1] ?? '', match.index + lead);
      considerHost(scan, range[2] ?? '', match.index + lead + (range[1]?.length ?? 0) + 1);
    } else considerHost(scan, host, match.index + lead);
  }
}

function considerHost(scan: Scan, host: string, from: number): void {
  const { text } = scan;
  const to = from + host.length;
  const before = text[from - 1] ?? '';
  if (before === '\\' || before === '$' || (before === '%' && !/^[0-9A-Fa-f]{2}/.test(host))) return;
  // Inside a path; but `http:#//1.2.3.4` and `//evil.com` start one, and `one.com/two.com` is a list.
  if (before === '/' && text[from - 2] !== '/' && !(isClaimed(scan, from - 2) && !isClaimed(scan, from - 1))) return;
  if (/^[\d.]+$/.test(host)) considerAddress(scan, host, from, to);
  else if (!/^-/.test(host) && before !== '@' && !/urn:$/i.test(lineBefore(text, from))) considerName(scan, host, from);
}

function considerAddress(scan: Scan, host: string, from: number, to: number): void {
  const { text } = scan;
  if (parseIp(host) === undefined) return;
  const defanged = scan.edited(from, to);
  if (!defanged && numberNotAddress(text, from, to)) return;
  const tail = text.slice(to, to + 8);
  const prefix = /^\/\d{1,2}(?!\w|[.-]\w|\/\w)/.exec(tail)?.[0];
  if (prefix !== undefined && parseNet(host + prefix)) {
    claim(scan, from, to + prefix.length);
    scan.report({ type: 'ip-dst', value: host + prefix, from, to: to + prefix.length, confidence: 'sure' });
    return;
  }
  claim(scan, from, to);
  reportHost(scan, 'ip', host, from, to, defanged ? 'sure' : undefined);
}

/** Extensions that are also top-level domains; without other evidence a name with one label before them is a file, or code. */
const fileLike = new Set(
  'zip mov cab py sh rs md so ps one dot pub map ax name id call run new foo java data mm cat bar box bat win csv sql'.split(' '),
);

/** Rarer extensions: a file only where the text says so. */
const sometimesFile = new Set('com app pl cc ms in la ai ml do sc st tf vi mp pn'.split(' '));

function listedAfterFile(scan: Scan, top: string, from: number): boolean {
  const gap = from - scan.lastFileEnd;
  // `.com` is nearly always a domain: only beside another such program.
  if (top.toLowerCase() === 'com' && !/\.com$/i.test(scan.text.slice(Math.max(0, scan.lastFileEnd - 4), Math.max(0, scan.lastFileEnd))))
    return false;
  return (
    scan.lastFileEnd >= 0 &&
    gap <= 10 &&
    /^[,;]?\s?(?:and|or|y|e|o|u)?\s?(?:a|al|el|la|en|the|to|in)?\s?$/.test(scan.text.slice(scan.lastFileEnd, from))
  );
}

/** Extensions in the middle of a name: `factura.pdf.zip` is a file whatever its end. */
const innerExtensions =
  /\.(?:exe|dll|docx?|xlsx?|pptx?|pdf|zip|rar|7z|iso|img|lnk|js|vbs|ps1|bat|cmd|hta|jar|txt|html?|php|aspx?|jpe?g|png|gif|tar|gz|scr|msi|apk|xml|json|csv|dat|tmp|log|py|sh)\./i;

/** Names of things, spelled like names of the network. */
const knownThings = new Set(
  'asp.net vb.net ado.net ml.net system.net system.io java.io java.net java.security javax.net command.com node.io socket.io draw.io win.com npm.im config.in makefile.am configure.in'.split(
    ' ',
  ),
);

/** The name, less a word that starts the next sentence without a space (`evil.com.Then`); undefined without a suffix that exists. */
function withoutNextSentence(scan: Scan, written: string): string | undefined {
  if (hasKnownSuffix(scan, written)) return written;
  const dot = written.lastIndexOf('.');
  const rest = written.slice(0, dot);
  return /^\p{Lu}\p{Ll}*$/u.test(written.slice(dot + 1)) && rest.includes('.') && hasKnownSuffix(scan, rest) ? rest : undefined;
}

function considerName(scan: Scan, written: string, from: number): void {
  const { text } = scan;
  const host = withoutNextSentence(scan, written);
  if (host === undefined) return;
  const lower = host.toLowerCase();
  const to = from + host.length;
  const after = text[to] ?? '';
  const defanged = scan.edited(from, to);
  let sure = defanged;
  if (!defanged) {
    const labels = host.split('.');
    const top = labels[labels.length - 1] ?? '';
    const announced = announcesName(text, from);
    const www = /^www\d?\./.test(lower);
    const file =
      knownThings.has(lower) ||
      innerExtensions.test(lower) ||
      (!announced && !www && fileLike.has(top.toLowerCase())) ||
      (!announced && sometimesFile.has(top.toLowerCase()) && (announcesFile(text, from) || listedAfterFile(scan, top, from)));
    if (file) {
      scan.lastFileEnd = to;
      return;
    }
    if (after === '(' || after === '=' || (after === '[' && !/^\[:\]/.test(text.slice(to, to + 3)))) return;
    // `System.Net`, or two sentences without a space: the last label starts like a sentence and the rest is not upper case.
    if (/^\p{Lu}/u.test(top) && host !== host.toUpperCase()) return;
    if (/^(?:token|session|cookie|package|import|namespace|using|class)$/.test(keyBefore(text, from) ?? '')) return;
    if (/(?:^|[\s(])(?:import|using|namespace|require|package|from)\s["']?$/.test(lineBefore(text, from)) && !lower.startsWith('www.')) {
      if (!/\b(?:received|mail|correo|connections?|traffic|downloaded|descarga\w*|conexiones)\b/i.test(lineBefore(text, from)))
        sure = false;
    }
    sure ||= announced || www || aloneOnLine(text, from, to);
  }
  claim(scan, from, to);
  reportHost(scan, 'name', host, from, to, sure ? 'sure' : 'maybe');
}

/** Reports a host with its port or path, if one follows. */
function reportHost(scan: Scan, is: 'ip' | 'name', host: string, from: number, to: number, confidence: 'sure' | 'maybe' | undefined): void {
  const { text } = scan;
  const port = /^:([1-9]\d{0,4})(?!\w|\.\w)/.exec(text.slice(to, to + 8));
  const portEnd = port ? to + port[0].length : to;
  if (text[portEnd] === '/' && /[\w%~.?@!-]/.test(text[portEnd + 1] ?? '')) {
    const end = urlEnd(text, portEnd, '');
    const path = text.slice(portEnd + 1, end);
    if (!isHostItself(scan, path)) {
      const value = `http://${text.slice(from, end)}`;
      if (canonicalise('url', value).ok) {
        claim(scan, from, end);
        scan.report({ type: 'url', value, from, to: end, confidence: confidence ?? 'maybe', context: 'no_scheme' });
        return;
      }
    }
  }
  const plain =
    is === 'ip' ? 'ip-dst' : (registrableDomain(host.toLowerCase()) ?? host.toLowerCase()) === host.toLowerCase() ? 'domain' : 'hostname';
  if (port && Number(port[1]) <= 65535) {
    claim(scan, from, portEnd);
    scan.report({
      type: is === 'ip' ? 'ip-dst|port' : 'hostname|port',
      value: `${host}|${port[1]}`,
      from,
      to: portEnd,
      confidence: confidence ?? 'sure',
    });
    return;
  }
  scan.report({ type: plain, value: host, from, to, confidence: confidence ?? 'sure' });
}

/** `one.com/two.com` is a list of two, not a path. */
function isHostItself(scan: Scan, path: string): boolean {
  if (!/^[A-Za-z0-9.-]+$/.test(path)) return false;
  if (parseIp(path) !== undefined) return true;
  const top = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
  return path.includes('.') && !fileLike.has(top) && hasKnownSuffix(scan, path.toLowerCase()) && canonicalise('domain', path).ok;
}

/** Whether the last label is a top-level domain that exists. */
function hasKnownSuffix(scan: Scan, name: string): boolean {
  const top = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const remembered = scan.suffixes.get(top);
  if (remembered !== undefined) return remembered;
  const known = /^\p{L}/u.test(top) && parse(`x.${top}`, { validateHostname: false, extractHostname: false }).isIcann === true;
  scan.suffixes.set(top, known);
  return known;
}
