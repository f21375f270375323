import { BlockList, isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** IPv4 that never is somebody's public server: the IANA special-purpose registry (RFC 6890 and updates), multicast, and what is reserved. */
const special4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/** Within 2000::/3, the only part of IPv6 that is handed out: protocols (Teredo is among them), documentation, 6to4, AS112. */
const special6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'];
const global6 = '2000::/3';

/** Several nets as one question. */
export function netsOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
    const whole = family === 'ipv4' ? 32 : 128;
    const prefix = bits === undefined ? whole : Number(bits);
    if (family === undefined || !/^\d{1,3}$/.test(bits ?? '0') || prefix > whole) throw new Error(`${cidr} is not an address or a net`);
    list.addSubnet(address, prefix, family);
  }
  return list;
}

const refused4 = netsOf(special4);
const refused6 = netsOf(special6);
const allowed6 = netsOf([global6]);

/** One spelling of an address; the IPv4 that a mapped address means. `undefined` for anything else, zones included. */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const parsed = ipaddr.IPv6.parse(text);
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.toRFC5952String();
}

/** An interface identifier that carries an IPv4 address (ISATAP, RFC 5214) may lead into a network behind it. */
function isIsatap(address: string): boolean {
  const { parts } = ipaddr.IPv6.parse(address);
  return parts[5] === 0x5efe && (parts[4] === 0 || parts[4] === 0x0200);
}

/** Whether an address in canonical form is a public unicast address. Transition forms carry other addresses, and are refused altogether. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !refused4.check(address, 'ipv4');
  if (!isIPv6(address)) return false;
  return allowed6.check(address, 'ipv6') && !refused6.check(address, 'ipv6') && !isIsatap(address);
}
