import { canonicalAddress, parseIp, printIp } from './address.ts';
import { readName } from './domain.ts';
import { accept, type Canonical, type NotCanonical, refuse } from './kinds.ts';

/** Longest URL that is stored. Browsers and proxies cut earlier; longer ones carry a payload, not a place. */
const urlMaxChars = 8192;

/** Ports that the scheme implies, so that `:443` and nothing are one value. */
const defaultPorts = new Map<string, string>([
  ['http', '80'],
  ['https', '443'],
  ['ws', '80'],
  ['wss', '443'],
  ['ftp', '21'],
  ['ftps', '990'],
  ['ssh', '22'],
  ['sftp', '22'],
  ['telnet', '23'],
  ['ldap', '389'],
  ['ldaps', '636'],
  ['smb', '445'],
  ['rtsp', '554'],
  ['irc', '6667'],
]);

/** Schemes that name no place on a network: they run, or show, what follows. */
const placelessSchemes = new Set([
  'javascript',
  'data',
  'vbscript',
  'blob',
  'about',
  'file',
  'mailto',
  'view-source',
  'jar',
  'filesystem',
  'chrome',
]);

/** A host as it may stand in a URL or before a port: a strict address, an IPv6 address in brackets, or a name. */
export function canonicalHost(host: string): Canonical | NotCanonical {
  if (host.startsWith('[')) {
    if (!host.endsWith(']')) return refuse('url_host', 'The address in the host has an opening bracket only.');
    return canonicalAddressOnly(host.slice(1, -1));
  }
  if (/^[0-9.]+$/.test(host) || /(?:^|\.)0x[0-9a-f]*$/i.test(host)) return canonicalAddressOnly(host);
  const name = readName(host);
  return name.ok ? accept('domain', name.name, undefined, name.flags) : name;
}

function canonicalAddressOnly(text: string): Canonical | NotCanonical {
  if (text.includes('/')) return refuse('url_host', 'The host is a network, not an address.');
  return canonicalAddress(text);
}

/** `1` to `65535` in plain decimal, or undefined. */
export function readPort(text: string): string | undefined {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535 ? text : undefined;
}

/**
 * Canonical URL: scheme and host in canonical form, no default port, at least "/" as path; path, query and fragment byte for byte as
 * given, because servers may tell any two spellings apart. Everything that two parsers are known to read differently is refused instead
 * of repaired. `parts` holds the host; the flag `userinfo` warns of a name before an @, which readers take for the host.
 */
export function canonicalUrl(text: string): Canonical | NotCanonical {
  if (text.length > urlMaxChars) return refuse('url_length', `A URL has at most ${urlMaxChars} characters.`);
  if (/[\x00-\x1f\x7f-\x9f]/.test(text))
    return refuse('url_control', 'The URL contains a control character such as a tab or a line break.');
  if (/\s/.test(text)) return refuse('url_space', 'The URL contains a space: write it as %20.');
  if (text.includes('\\')) return refuse('url_backslash', 'The URL contains a backslash, which some readers take for a slash.');

  const colon = text.indexOf(':');
  const scheme = colon < 0 ? '' : text.slice(0, colon).toLowerCase();
  if (!/^[a-z][a-z0-9+.-]{0,30}$/.test(scheme)) return refuse('url_scheme', 'The URL does not start with a scheme such as https://.');
  if (/^(?:h[x*]{2}ps?|fxps?|hxtps?|htxps?)$/.test(scheme))
    return refuse('url_defanged', 'The URL is still defanged: write its real scheme.');
  if (placelessSchemes.has(scheme)) return refuse('url_scheme', `A ${scheme}: URL names no place on a network.`);
  if (!text.startsWith('//', colon + 1)) return refuse('url_slashes', 'The scheme is not followed by two slashes.');

  const start = colon + 3;
  const end = text.slice(start).search(/[/?#]/);
  const authority = end < 0 ? text.slice(start) : text.slice(start, start + end);
  const rest = end < 0 ? '' : text.slice(start + end);

  const at = authority.indexOf('@');
  if (at !== authority.lastIndexOf('@')) return refuse('url_userinfo', 'The URL has more than one @ before its path.');
  const userinfo = at < 0 ? '' : authority.slice(0, at + 1);
  if (!/^[A-Za-z0-9._~!$&'()*+,;=:%@-]*$/.test(userinfo))
    return refuse('url_userinfo', 'The part before the @ contains a character that must be percent-encoded.');

  const hostPort = at < 0 ? authority : authority.slice(at + 1);
  const portColon = hostPort.startsWith('[') ? hostPort.indexOf(':', hostPort.indexOf(']')) : hostPort.indexOf(':');
  const rawHost = portColon < 0 ? hostPort : hostPort.slice(0, portColon);
  const rawPort = portColon < 0 ? '' : hostPort.slice(portColon + 1);
  if (rawHost === '') return refuse('url_host', 'The URL has no host.');
  if (rawHost.includes('%')) return refuse('url_host_encoded', 'The host of the URL is percent-encoded, or has a zone id.');
  const host = canonicalHost(rawHost);
  if (!host.ok) return host;
  if (rawPort !== '' && readPort(rawPort) === undefined) return refuse('url_port', 'The port of the URL is not a number from 1 to 65535.');

  const port = rawPort === '' || defaultPorts.get(scheme) === rawPort ? '' : `:${rawPort}`;
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  const value = `${scheme}://${userinfo === '@' ? '' : userinfo}${writeHost(host.value)}${port}${path}`;
  const flags = [...(userinfo.length > 1 ? (['userinfo'] as const) : []), ...(host.flags ?? [])];
  return accept('url', value, [host], flags);
}

function writeHost(value: string): string {
  const ip = value.includes(':') ? parseIp(value) : undefined;
  return ip ? `[${printIp(ip)}]` : value;
}

/** RFC 5321: 64 octets before the @. */
const localPartMaxChars = 64;

/** Canonical mail address: the local part as given (only the receiving host knows whether case matters), the domain canonical. */
export function canonicalEmail(text: string): Canonical | NotCanonical {
  const at = text.lastIndexOf('@');
  if (at < 0) return refuse('email_shape', 'A mail address has an @.');
  const local = text.slice(0, at);
  if (local === '') return refuse('email_local', 'There is nothing before the @.');
  if (local.length > localPartMaxChars) return refuse('email_local', `There are more than ${localPartMaxChars} characters before the @.`);
  if (/[\p{Cc}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\s]/u.test(local)) {
    return refuse('email_local', 'The part before the @ contains a space, a control character or an invisible one.');
  }
  if (/["(),:;<>@[\\\]]/.test(local)) return refuse('email_local', 'The part before the @ contains a character that needs quoting.');
  const name = readName(text.slice(at + 1));
  if (!name.ok) return name;
  return accept('email', `${local}@${name.name}`, [accept('domain', name.name, undefined, name.flags)], name.flags);
}
