import { accept, type Canonical, type NotCanonical, refuse } from './kinds.ts';

/** An address as a number. `bytes` has 32 bits for family 4 and 128 for family 6, first octet highest. */
export type Ip = { readonly family: 4 | 6; readonly bytes: bigint };

/** A network whose host bits are zero. */
export type Net = Ip & { readonly prefix: number };

/** 39 characters are the longest IPv6 address, 45 with a dotted tail, plus "/128": anything longer is not an address. */
const addressMaxChars = 64;

const MAPPED = 0xffffn;
const LOW32 = 0xffff_ffffn;

/** Four decimal octets without leading zeros as a number, or -1. Written as a loop because it runs for every value of an import. */
function readIpv4(text: string): number {
  if (text.length < 7 || text.length > 15) return -1;
  let result = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 46) {
      if (digits === 0 || dots === 3) return -1;
      result = result * 256 + octet;
      octet = 0;
      digits = 0;
      dots++;
    } else if (c >= 48 && c <= 57) {
      if (digits > 0 && octet === 0) return -1;
      octet = octet * 10 + (c - 48);
      digits++;
      if (octet > 255) return -1;
    } else return -1;
  }
  return dots === 3 && digits > 0 ? result * 256 + octet : -1;
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 97 && c <= 102) return c - 87;
  return c >= 65 && c <= 70 ? c - 55 : -1;
}

/** The eight groups of an IPv6 address in any spelling of RFC 4291, or undefined. A dotted tail follows the strict IPv4 rules. */
function readIpv6(text: string): number[] | undefined {
  if (text.length < 2 || text.length > 45) return undefined;
  const groups: number[] = [];
  let gap = -1;
  let i = 0;
  if (text.charCodeAt(0) === 58) {
    if (text.charCodeAt(1) !== 58) return undefined;
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    if (groups.length === 8) return undefined;
    let group = 0;
    const start = i;
    while (i < text.length && i - start < 5) {
      const digit = hexDigit(text.charCodeAt(i));
      if (digit < 0) break;
      group = group * 16 + digit;
      i++;
    }
    const length = i - start;
    if (text.charCodeAt(i) === 46) {
      const tail = readIpv4(text.slice(start));
      if (tail < 0 || groups.length > 6) return undefined;
      groups.push(Math.floor(tail / 65536), tail % 65536);
      break;
    }
    if (length === 0 || length > 4) return undefined;
    groups.push(group);
    if (i === text.length) break;
    if (text.charCodeAt(i) !== 58) return undefined;
    i++;
    if (text.charCodeAt(i) === 58) {
      if (gap >= 0) return undefined;
      gap = groups.length;
      i++;
    } else if (i === text.length) return undefined;
  }
  if (gap < 0) return groups.length === 8 ? groups : undefined;
  if (groups.length > 7) return undefined;
  const missing = 8 - groups.length;
  return [...groups.slice(0, gap), ...new Array<number>(missing).fill(0), ...groups.slice(gap)];
}

function groupsToBytes(groups: readonly number[]): bigint {
  let bytes = 0n;
  for (const group of groups) bytes = (bytes << 16n) | BigInt(group);
  return bytes;
}

function printIpv4(bits: number): string {
  return `${Math.floor(bits / 16777216)}.${Math.floor(bits / 65536) % 256}.${Math.floor(bits / 256) % 256}.${bits % 256}`;
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as "::". */
function printIpv6(groups: readonly number[]): string {
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) {
      bestStart = i;
      bestLength = end - i;
    }
    i = end > i ? end : i + 1;
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (bestStart < 0) return hex(groups);
  return `${hex(groups.slice(0, bestStart))}::${hex(groups.slice(bestStart + bestLength))}`;
}

function bytesToGroups(bytes: bigint): number[] {
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((bytes >> shift) & 0xffffn));
  return groups;
}

/** Reads one address strictly; a mapped IPv6 address (`::ffff:a.b.c.d`) is the IPv4 one. Undefined for everything else. */
export function parseIp(text: string): Ip | undefined {
  const v4 = readIpv4(text);
  if (v4 >= 0) return { family: 4, bytes: BigInt(v4) };
  const groups = readIpv6(text);
  if (!groups) return undefined;
  const bytes = groupsToBytes(groups);
  return bytes >> 32n === MAPPED ? { family: 4, bytes: bytes & LOW32 } : { family: 6, bytes };
}

/** The canonical spelling: dotted quad, or RFC 5952. */
export function printIp(ip: Ip): string {
  return ip.family === 4 ? printIpv4(Number(ip.bytes)) : printIpv6(bytesToGroups(ip.bytes));
}

export function printNet(net: Net): string {
  return `${printIp(net)}/${net.prefix}`;
}

/** Strict decimal prefix length, or -1. */
function readPrefix(text: string): number {
  if (text.length === 0 || text.length > 3) return -1;
  let prefix = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return -1;
    if (i > 0 && prefix === 0) return -1;
    prefix = prefix * 10 + (c - 48);
  }
  return prefix;
}

/** Reads a network, or an address as its /32 or /128. Undefined when the host bits are not zero. A mapped IPv6 network is the IPv4 one. */
export function parseNet(text: string): Net | undefined {
  const slash = text.indexOf('/');
  const ip = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (!ip) return undefined;
  if (slash < 0) return { ...ip, prefix: ip.family === 4 ? 32 : 128 };
  const written = readPrefix(text.slice(slash + 1));
  if (written < 0) return undefined;
  const mapped = ip.family === 4 && text.includes(':');
  const prefix = mapped ? written - 96 : written;
  const width = ip.family === 4 ? 32 : 128;
  if (prefix < 0 || prefix > width) return undefined;
  const hostBits = BigInt(width - prefix);
  return (ip.bytes >> hostBits) << hostBits === ip.bytes ? { ...ip, prefix } : undefined;
}

/** Whether the address, or all of the other network, lies inside `net`. Families never contain each other. */
export function netContains(net: Net, inner: Ip | Net): boolean {
  if (net.family !== inner.family) return false;
  if ('prefix' in inner && inner.prefix < net.prefix) return false;
  const shift = BigInt((net.family === 4 ? 32 : 128) - net.prefix);
  return inner.bytes >> shift === net.bytes >> shift;
}

/**
 * The IPv4 address that a packet to this IPv6 address ends at, or comes from: NAT64 (RFC 6052, 8215), 6to4 (RFC 3056), Teredo (RFC 4380,
 * the client's address is stored inverted), ISATAP (RFC 5214), the deprecated compatible form and the translated form of SIIT. A rule
 * about one is a rule about the other, so a guard must look at both.
 */
export function embeddedIpv4(canonicalV6: string): string | undefined {
  const groups = readIpv6(canonicalV6);
  if (!groups) return undefined;
  const [g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0, g6 = 0, g7 = 0] = groups;
  const low = g6 * 65536 + g7;
  if (g0 === 0x64 && g1 === 0xff9b && (g2 === 1 || (g2 === 0 && g3 === 0 && g4 === 0 && g5 === 0))) return printIpv4(low);
  if (g0 === 0x2002) return printIpv4(g1 * 65536 + g2);
  if (g0 === 0x2001 && g1 === 0) return printIpv4(0xffff_ffff - low);
  if (g5 === 0x5efe && (g4 === 0 || g4 === 0x200)) return printIpv4(low);
  if (g0 === 0 && g1 === 0 && g2 === 0 && g3 === 0) {
    if (g4 === 0 && (g5 === 0xffff || (g5 === 0 && low > 1))) return printIpv4(low);
    if (g4 === 0xffff && g5 === 0) return printIpv4(low);
  }
  return undefined;
}

/** Canonical form of an address or a network, or why it is neither. `text` has no white space around it. */
export function canonicalAddress(text: string): Canonical | NotCanonical {
  if (readIpv4(text) >= 0) return accept('ip', text);
  const slash = text.indexOf('/');
  if (slash < 0) {
    const ip = parseIp(text);
    return ip ? accept('ip', printIp(ip)) : explainAddress(text);
  }
  const net = parseNet(text);
  if (!net) return explainNet(text.slice(0, slash), text.slice(slash + 1));
  if (net.prefix === (net.family === 4 ? 32 : 128)) return accept('ip', printIp(net));
  return accept('net', printNet(net));
}

/** Only reached when the strict reader has refused: names the reason, so that a person can correct the value. */
function explainAddress(text: string): NotCanonical {
  if (text === '') return refuse('address_empty', 'The address is empty.');
  if (text.length > addressMaxChars) return refuse('address_shape', 'This is too long to be an address.');
  if (/[\x00-\x20\x7f]/.test(text)) return refuse('address_space', 'The address contains a space or a control character.');
  if (/[^\x21-\x7e]/.test(text)) {
    return refuse(
      'address_not_ascii',
      'The address contains characters that are not plain ASCII, such as full-width digits or invisible marks.',
    );
  }
  if (text.includes('%'))
    return refuse('address_zone', 'The address has a zone id after a percent sign; it means nothing outside one machine.');
  if (/[[\]]/.test(text))
    return refuse('address_brackets', 'The address contains brackets: write it plainly, without brackets and without a port.');
  if (/^[+-]/.test(text) || /[.:][+-]/.test(text)) return refuse('address_sign', 'A number of the address has a sign.');
  if (/^[0-9.]+:\d+$/.test(text)) return refuse('address_port', 'The address is followed by a port: give the port in its own field.');
  if (text.includes(':')) return refuse('address_shape', 'This is not an IPv6 address.');
  const pieces = text.split('.');
  if (pieces.some((piece) => /^0x[0-9a-f]*$/i.test(piece)))
    return refuse('address_hex', 'The address has a hexadecimal number: write four decimal numbers.');
  if (!pieces.every((piece) => /^\d+$/.test(piece))) return refuse('address_shape', 'This is not an address.');
  const padded = pieces.filter((piece) => piece.length > 1 && piece.startsWith('0'));
  if (padded.some((piece) => /^[0-7]+$/.test(piece))) {
    return refuse('address_octal', 'A number of the address starts with 0 and could be read as octal: write it without leading zeros.');
  }
  if (padded.length > 0) return refuse('address_leading_zero', 'A number of the address starts with 0: write it without leading zeros.');
  if (pieces.length === 1) return refuse('address_dword', 'The address is written as one number: write four decimal numbers with dots.');
  if (pieces.length < 4) return refuse('address_short', 'The address has fewer than four numbers.');
  if (pieces.length > 4) return refuse('address_shape', 'The address has more than four numbers.');
  return refuse('address_octet_range', 'A number of the address is larger than 255.');
}

function explainNet(address: string, prefix: string): NotCanonical {
  const ip = parseIp(address);
  if (!ip) return explainAddress(address);
  if (readPrefix(prefix) < 0) return refuse('net_prefix_shape', 'The prefix length is not a plain decimal number.');
  const width = ip.family === 4 && !address.includes(':') ? 32 : 128;
  if (readPrefix(prefix) > width) return refuse('net_prefix_range', `The prefix length is larger than ${width}.`);
  return refuse('net_host_bits', 'The network address has bits set beyond its prefix length.');
}
