import { BlockList, isIP } from 'node:net';

/** An IPv4 client of a dual-stack socket appears as `::ffff:192.0.2.1`. */
export const plainAddress = (ip: string): string => (ip.startsWith('::ffff:') && isIP(ip.slice(7)) === 4 ? ip.slice(7) : ip);

/** `192.0.2.0/24`, `2001:db8::/32`, or a single address, which becomes /32 or /128. Undefined when it is neither. */
export function readCidr(
  text: string,
): { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', width, more] = text.split('/', 3);
  const version = isIP(address);
  if (version === 0 || more !== undefined || address.includes('%')) return undefined;
  const max = version === 4 ? 32 : 128;
  const prefix = width === undefined ? max : /^\d{1,3}$/.test(width) ? Number(width) : -1;
  if (prefix < 0 || prefix > max) return undefined;
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** Whether the address is in one of the networks. No networks: everything is. */
export function within(cidrs: readonly string[], ip: string): boolean {
  if (cidrs.length === 0) return true;
  const address = plainAddress(ip);
  const version = isIP(address);
  if (version === 0) return false;
  const list = new BlockList();
  for (const text of cidrs) {
    const cidr = readCidr(text);
    if (cidr) list.addSubnet(cidr.address, cidr.prefix, cidr.family);
  }
  return list.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** What counts as one source of tries: an IPv4 address, or an IPv6 /64, because one customer has at least that. */
export function sourcePrefix(ip: string): string {
  const address = plainAddress(ip);
  if (isIP(address) !== 6) return address;
  const plain = address.split('%', 1)[0] ?? address;
  const [head = '', tail] = plain.split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = tail === undefined ? left : [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
