import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { accepts, refuses } from '#test/corpus/canonical-expectations';
import { embeddedIpv4, type Net, netContains, parseIp, parseNet, printIp, printNet } from './index.ts';

function net(text: string): Net {
  const parsed = parseNet(text);
  assert.ok(parsed, text);
  return parsed;
}

test('C31: print(parse(x)) is x for every canonical address and network', () => {
  const ip = fc.oneof(
    fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((bytes) => ({ family: 4 as const, bytes })),
    fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((bytes) => ({ family: 6 as const, bytes })),
    // Sparse addresses, where the position of "::" matters.
    fc.array(fc.constantFrom(0n, 0n, 1n, 0xdb8n), { minLength: 8, maxLength: 8 }).map((groups) => ({
      family: 6 as const,
      bytes: groups.reduce<bigint>((sum, group) => (sum << 16n) | group, 0n),
    })),
  );
  fc.assert(
    fc.property(ip, fc.nat(128), (address, bits) => {
      if (address.family === 6 && address.bytes >> 32n === 0xffffn) return;
      const printed = printIp(address);
      assert.deepEqual(parseIp(printed), address);
      const width = address.family === 4 ? 32 : 128;
      const prefix = bits % (width + 1);
      const shift = BigInt(width - prefix);
      const bytes = (address.bytes >> shift) << shift;
      if (address.family === 6 && bytes >> 32n === 0xffffn) return;
      const network = { family: address.family, bytes, prefix };
      assert.deepEqual(parseNet(printNet(network)), network);
      assert.ok(netContains(network, address));
    }),
    { numRuns: 5000 },
  );
});

test('property: our IPv6 reader agrees with the URL parser of the platform on what it accepts', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{2,30}$/)), (text) => {
      const ours = parseIp(text);
      if (!text.includes(':')) return;
      const theirs = URL.canParse(`http://[${text}]/`) ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : undefined;
      assert.equal(ours !== undefined, theirs !== undefined, text);
      if (ours?.family === 6) assert.equal(printIp(ours), theirs);
    }),
    { numRuns: 5000 },
  );
});

test('C07: an IPv4 address inside an IPv6 one is found in every known form', () => {
  for (const address of ['64:ff9b::808:808', '64:ff9b:1::808:808', '2002:808:808::', '2002:808:808::1', '::808:808', '::ffff:0:808:808']) {
    assert.equal(embeddedIpv4(address), '8.8.8.8', address);
  }
  assert.equal(embeddedIpv4('2001:0:4136:e378:8000:63bf:f7f7:f7f7'), '8.8.8.8');
  assert.equal(embeddedIpv4('2001:db8::5efe:808:808'), '8.8.8.8');
  assert.equal(embeddedIpv4('fe80::200:5efe:808:808'), '8.8.8.8');
  for (const plain of ['2001:db8::1', '::', '::1', 'fe80::1', '64:ff9c::808:808', '8.8.8.8', 'nonsense'])
    assert.equal(embeddedIpv4(plain), undefined, plain);
});

test('containment looks at family, prefix and bits', () => {
  assert.ok(netContains(net('10.0.0.0/8'), net('10.2.0.0/16')));
  assert.ok(!netContains(net('10.2.0.0/16'), net('10.0.0.0/8')));
  assert.ok(netContains(net('0.0.0.0/0'), net('255.255.255.255')));
  assert.ok(!netContains(net('::/0'), net('1.2.3.4')));
  assert.ok(!netContains(net('10.0.0.0/8'), net('11.0.0.1')));
  assert.ok(netContains(net('::ffff:10.0.0.0/104'), net('10.1.1.1')));
  assert.equal(parseNet('10.0.0.1/8'), undefined);
  assert.equal(parseNet('10.0.0.0/'), undefined);
});

test('addresses in every honest spelling become one value', () => {
  accepts('ip-dst', {
    '8.8.8.8': 'ip 8.8.8.8',
    ' 8.8.8.8\n': 'ip 8.8.8.8',
    '8.8.8.8/32': 'ip 8.8.8.8',
    '10.0.0.0/8': 'net 10.0.0.0/8',
    '0.0.0.0/0': 'net 0.0.0.0/0',
    '2001:DB8:0:0:0:0:0:1': 'ip 2001:db8::1',
    '2001:db8:0:1:1:1:1:1': 'ip 2001:db8:0:1:1:1:1:1',
    '2001:0:0:1:0:0:0:1': 'ip 2001:0:0:1::1',
    '::': 'ip ::',
    '1::': 'ip 1::',
    '2001:db8::/32': 'net 2001:db8::/32',
    '2001:db8::1/128': 'ip 2001:db8::1',
    '::ffff:8.8.8.8': 'ip 8.8.8.8',
    '::ffff:0808:0808': 'ip 8.8.8.8',
    '::ffff:10.0.0.0/104': 'net 10.0.0.0/8',
    '::8.8.8.8': 'ip ::808:808',
    '64:ff9b::8.8.8.8': 'ip 64:ff9b::808:808',
  });
});

test('C04: prefix lengths are plain decimal numbers in range, and host bits are zero', () => {
  refuses('ip-dst', {
    '1.2.3.0/08': 'net_prefix_shape',
    '1.2.3.0/0x18': 'net_prefix_shape',
    '1.2.3.0/33': 'net_prefix_range',
    '1.2.3.0/-1': 'net_prefix_shape',
    '1.2.3.0/24.0': 'net_prefix_shape',
    '1.2.3.0/+24': 'net_prefix_shape',
    '1.2.3.0/': 'net_prefix_shape',
    '1.2.3.0/24/24': 'net_prefix_shape',
    '1.2.3.4/24': 'net_host_bits',
    '2001:db8::1/64': 'net_host_bits',
    '2001:db8::/129': 'net_prefix_range',
    '1.2.3.0/255.255.255.0': 'net_prefix_shape',
    '::ffff:10.0.0.0/8': 'net_host_bits',
  });
});

test('C05, C06: octal, hexadecimal, one-number and short addresses, signs, spaces and control characters are refused', () => {
  refuses('ip-dst', {
    '0177.0.0.1': 'address_octal',
    '0x7f.1': 'address_hex',
    '0x7f000001': 'address_hex',
    '2130706433': 'address_dword',
    '127.1': 'address_short',
    '0': 'address_dword',
    '1.2.3': 'address_short',
    '08.08.08.08': 'address_leading_zero',
    '1.2.3.04': 'address_octal',
    '+1.2.3.4': 'address_sign',
    '1.-2.3.4': 'address_sign',
    '1. 2.3.4': 'address_space',
    '1.2.3.\t4': 'address_space',
    '1.2.3\n.4': 'address_space',
    '1.2.3.4\0': 'value_nul',
    '256.1.1.1': 'address_octet_range',
    '1.2.3.4.5': 'address_shape',
    '1.2.3.4.': 'address_shape',
    '1..2.3': 'address_shape',
    '': 'address_empty',
    'evil.com': 'address_shape',
  });
});

test('C08: zone ids, brackets and ports are refused; broken IPv6 too', () => {
  refuses('ip-src', {
    'fe80::1%eth0': 'address_zone',
    'fe80::1%25eth0': 'address_zone',
    '[2001:db8::1]': 'address_brackets',
    '[2001:db8::1]:443': 'address_brackets',
    '1.2.3.4:80': 'address_port',
    '1::2::3': 'address_shape',
    '1:2:3:4:5:6:7': 'address_shape',
    '1:2:3:4:5:6:7:8:9': 'address_shape',
    '1:2:3:4:5:6:7::8': 'address_shape',
    ':1::2': 'address_shape',
    '1::2:': 'address_shape',
    '12345::': 'address_shape',
    '::ffff:08.8.8.8': 'address_shape',
    '::1.2.3.4:5': 'address_shape',
    '2001:db8::g': 'address_shape',
  });
});

test('C09: full-width digits and dots, other digits, invisible and direction marks are refused', () => {
  refuses('ip-dst', {
    '１.２.３.４': 'address_not_ascii',
    '1。2。3。4': 'address_not_ascii',
    '١.٢.٣.٤': 'address_not_ascii',
    '1.2.3.4\u200b': 'address_not_ascii',
    '\u202e1.2.3.4': 'address_not_ascii',
    '1.2.3.4\u00a0': 'address_not_ascii',
  });
  refuses('domain', {
    'ｅxample.com': 'domain_compatibility',
    'example。com': 'domain_dot',
    'example．com': 'domain_dot',
    '１.２.３.４': 'domain_compatibility',
    '1。2。3。4': 'domain_dot',
    'exam\u200bple.com': 'domain_invisible',
    'exam\u00adple.com': 'domain_invisible',
    '\u202emoc.elpmaxe': 'domain_invisible',
    'example.com\u200f': 'domain_invisible',
    '①.com': 'domain_compatibility',
    '١.٢.٣.٤': 'domain_idna',
    'exa\u0000mple.com': 'value_nul',
  });
});
