import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
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
