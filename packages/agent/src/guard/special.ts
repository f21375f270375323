import { parseAddress, parseNet, printV4, type Span, SpanSet } from './address.ts';

/** IANA special-purpose registry for IPv4, and multicast and class E, which are not in it. Read November 2026. */
export const specialV4 = [
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
] as const;

/** Only 2000::/3 is assigned for global use, so everything else is special; these are the exceptions inside it. */
const globalV6 = net('2000::/3');
export const specialV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'] as const;

const special = new SpanSet([...specialV4, ...specialV6].map(net));

/** Whether any address of the span is special-purpose: such a span never reaches a firewall. */
export function isSpecial(span: Span): boolean {
  if (span.family === 6 && (span.from < globalV6.from || span.to > globalV6.to)) return true;
  return special.overlaps(span);
}

/**
 * IPv4 addresses inside an IPv6 one: mapped, compatible, NAT64, 6to4, both ends of Teredo, ISATAP. Most lie in ranges that are refused
 * anyway; they are judged again as IPv4, so that the answer does not hang on that.
 */
export function embeddedV4(address: bigint): Span[] {
  const low = Number(address & 0xffffffffn);
  const found: number[] = [];
  const top96 = address >> 32n;
  if (top96 === 0xffffn || top96 === 0n || top96 === 0xffff0000n || top96 === 0x0064ff9b0000000000000000n) found.push(low);
  if (address >> 80n === 0x0064ff9b0001n) found.push(low);
  if (address >> 112n === 0x2002n) found.push(Number((address >> 80n) & 0xffffffffn));
  if (address >> 96n === 0x20010000n) found.push(Number((address >> 64n) & 0xffffffffn), Number(~address & 0xffffffffn));
  // The universal bit of an ISATAP identifier may stand either way.
  if (((address >> 32n) & 0xfdffffffn) === 0x5efen) found.push(low);
  return found.map((value) => parseAddress(printV4(value))).filter((span): span is Span => span !== undefined);
}

function net(text: string): Span {
  const span = parseNet(text);
  if (!span) throw new Error(`not a prefix: ${text}`);
  return span;
}
