/** One row of a special-purpose registry. `why` completes the sentence "This address is …". */
export type SpecialRange = { readonly net: string; readonly why: string };

/**
 * IPv4 ranges that never mean one host on the Internet: the IANA special-purpose registry (RFC 6890 and its updates), multicast and the
 * reserved space. A block here hits the reader's own network, or nothing.
 */
export const specialIpv4: readonly SpecialRange[] = [
  { net: '0.0.0.0/8', why: '"this network"' }, // RFC 791
  { net: '10.0.0.0/8', why: 'private' }, // RFC 1918
  { net: '100.64.0.0/10', why: 'shared by customers behind a provider (CGNAT)' }, // RFC 6598
  { net: '127.0.0.0/8', why: 'loopback' }, // RFC 1122
  { net: '169.254.0.0/16', why: 'link-local' }, // RFC 3927
  { net: '172.16.0.0/12', why: 'private' }, // RFC 1918
  { net: '192.0.0.0/24', why: 'set aside for protocols' }, // RFC 6890, 7335, 7723, 8155
  { net: '192.0.2.0/24', why: 'for documentation' }, // RFC 5737
  { net: '192.31.196.0/24', why: 'the anycast sink of reverse look-ups (AS112)' }, // RFC 7535
  { net: '192.52.193.0/24', why: 'the anycast range of multicast tunnels (AMT)' }, // RFC 7450
  { net: '192.88.99.0/24', why: 'the retired anycast range of 6to4 relays' }, // RFC 7526
  { net: '192.168.0.0/16', why: 'private' }, // RFC 1918
  { net: '192.175.48.0/24', why: 'the anycast sink of reverse look-ups (AS112)' }, // RFC 7534
  { net: '198.18.0.0/15', why: 'for benchmarks' }, // RFC 2544
  { net: '198.51.100.0/24', why: 'for documentation' }, // RFC 5737
  { net: '203.0.113.0/24', why: 'for documentation' }, // RFC 5737
  { net: '224.0.0.0/4', why: 'multicast' }, // RFC 5771
  { net: '240.0.0.0/4', why: 'reserved or broadcast' }, // RFC 1112, 8190
];

/**
 * IPv6 ranges that never mean one host. Only 2000::/3 is handed out for global use (RFC 4291), so what lies outside is one row each side.
 * The forms that carry an IPv4 address (`transitionIpv6`) are not here: they are judged by the address that they carry.
 */
export const specialIpv6: readonly SpecialRange[] = [
  { net: '::/128', why: 'unspecified' }, // RFC 4291
  { net: '::1/128', why: 'loopback' }, // RFC 4291
  { net: '64:ff9b:1::/48', why: 'for translation inside one network' }, // RFC 8215
  { net: '100::/64', why: 'the discard prefix' }, // RFC 6666
  { net: '100:0:0:1::/64', why: 'the dummy prefix' }, // RFC 9780
  { net: '2001:1::/32', why: 'set aside for protocol anycast' }, // RFC 7723, 8155, 9665
  { net: '2001:2::/48', why: 'for benchmarks' }, // RFC 5180
  { net: '2001:3::/32', why: 'the anycast range of multicast tunnels (AMT)' }, // RFC 7450
  { net: '2001:4:112::/48', why: 'the anycast sink of reverse look-ups (AS112)' }, // RFC 7535
  { net: '2001:10::/28', why: 'an identifier without a route (ORCHID)' }, // RFC 4843
  { net: '2001:20::/28', why: 'an identifier without a route (ORCHID v2)' }, // RFC 7343
  { net: '2001:30::/28', why: 'an identifier of a drone' }, // RFC 9374
  { net: '2001:40::/26', why: 'set aside for protocols' }, // RFC 2928
  { net: '2001:80::/25', why: 'set aside for protocols' }, // RFC 2928
  { net: '2001:100::/24', why: 'set aside for protocols' }, // RFC 2928
  { net: '2001:db8::/32', why: 'for documentation' }, // RFC 3849
  { net: '2620:4f:8000::/48', why: 'the anycast sink of reverse look-ups (AS112)' }, // RFC 7534
  { net: '3fff::/20', why: 'for documentation' }, // RFC 9637
  { net: '4000::/2', why: 'not handed out' }, // RFC 4291; holds 5f00::/16 of RFC 9602, segment routing
  { net: '8000::/1', why: 'unique-local, link-local, multicast or not handed out' }, // RFC 4193, 4291
  { net: '200::/7', why: 'not handed out' }, // RFC 4048
  { net: '400::/6', why: 'not handed out' }, // RFC 4291
  { net: '800::/5', why: 'not handed out' }, // RFC 4291
  { net: '1000::/4', why: 'not handed out' }, // RFC 4291
];

/** IPv6 ranges whose addresses carry an IPv4 address. A single address is judged by what it carries; a net of them is refused. */
export const transitionIpv6: readonly SpecialRange[] = [
  { net: '::/96', why: 'the retired compatible form' }, // RFC 4291
  { net: '::ffff:0:0:0/96', why: 'the translated form' }, // RFC 2765
  { net: '64:ff9b::/96', why: 'the NAT64 form' }, // RFC 6052
  { net: '2001::/32', why: 'the Teredo form' }, // RFC 4380
  { net: '2002::/16', why: 'the 6to4 form' }, // RFC 3056
];

/** Names that mean something special to resolvers and are never a host of somebody on the Internet. */
export const specialNames: readonly { readonly name: string; readonly why: string }[] = [
  { name: 'localhost', why: 'the machine itself' }, // RFC 6761
  { name: 'invalid', why: 'never valid' }, // RFC 6761
  { name: 'test', why: 'for tests' }, // RFC 6761
  { name: 'example', why: 'for documentation' }, // RFC 6761
  { name: 'example.com', why: 'for documentation' }, // RFC 6761
  { name: 'example.net', why: 'for documentation' }, // RFC 6761
  { name: 'example.org', why: 'for documentation' }, // RFC 6761
  { name: 'local', why: 'for the local link' }, // RFC 6762
  { name: 'home.arpa', why: 'for home networks' }, // RFC 8375
  { name: 'internal', why: 'for private networks' }, // reserved by ICANN in 2024
  { name: 'lan', why: 'used inside local networks' },
  { name: 'intranet', why: 'used inside local networks' }, // RFC 6762, appendix G
  { name: 'corp', why: 'used inside local networks' }, // RFC 6762, appendix G
  { name: 'home', why: 'used inside local networks' }, // RFC 6762, appendix G
  { name: 'resolver.arpa', why: 'how machines find their resolver' }, // RFC 9462
  { name: 'service.arpa', why: 'for service discovery' }, // RFC 9665
  { name: 'ipv4only.arpa', why: 'how machines find their translator' }, // RFC 7050
  { name: 'as112.arpa', why: 'the sink of reverse look-ups' }, // RFC 7535
];

/** Zones that turn addresses and telephone numbers into names. A block in them breaks mail and log look-ups, never an attacker. */
export const reverseZones: readonly string[] = ['in-addr.arpa', 'ip6.arpa', 'ip6.int', 'e164.arpa', 'uri.arpa', 'urn.arpa'];
