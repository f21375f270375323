import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { ValueKind } from '@rebato/contract';
import fc from 'fast-check';
import { parseAddress, parseNet, parseV4, parseV6, printV4, printV6, type Span, SpanSet } from './address.ts';
import { createGuard, parseNeverBlock } from './guard.ts';
import { addressesIn, gatewaysV4, gatewaysV6, readSurroundings, resolvers } from './machine.ts';
import { embeddedV4 } from './special.ts';

const own = parseAddress('45.60.0.1');
const guard = createGuard(
  { neverBlock: ['45.50.0.0/24', '2a00:5::/48', '45.51.0.9', 'owner.com', 'deep.partner.net'], widestV4: 20, widestV6: 40 },
  { addresses: own ? [own] : [], hubName: 'rebato.hub-host.org' },
);

test('addresses and prefixes that are printed are read back, and nothing else is an address', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (n) => assert.equal(parseV4(printV4(n)), n)));
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (n) => assert.equal(parseV6(printV6(n)), n)));
  fc.assert(
    fc.property(fc.string(), (text) => {
      const span = parseAddress(text) ?? parseNet(text);
      if (span) assert.ok(/^[0-9a-f.:/]+$/.test(text));
    }),
  );
});

test('values that must never reach a control are refused, each for its reason', () => {
  const cases: [ValueKind, string, string][] = [
    ...['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '45.0.0.0/8', '45.0.0.0/19', '::/0', '2a00::/39'].map(
      (net): [ValueKind, string, string] => ['net', net, 'prefix_too_wide'],
    ),
    ...[
      '10.0.0.1',
      '127.0.0.1',
      '169.254.1.1',
      '172.31.9.9',
      '192.168.1.1',
      '100.64.0.1',
      '192.0.2.5',
      '198.18.0.1',
      '224.0.0.1',
      '240.0.0.1',
      '255.255.255.255',
      '0.0.0.0',
    ].map((ip): [ValueKind, string, string] => ['ip', ip, 'special_purpose']),
    ...[
      '::',
      '::1',
      'fe80::1',
      'fc00::1',
      'ff02::1',
      '2001:db8::1',
      '64:ff9b::808:808',
      '2002:808:808::',
      '2001:0:4136:e378:8000:63bf:3fff:fdd2',
      '::ffff:808:808',
      '::808:808',
      '3fff::1',
      '100::1',
    ].map((ip): [ValueKind, string, string] => ['ip', ip, 'special_purpose']),
    ...[
      '0177.0.0.1',
      '0x7f.1',
      '2130706433',
      '127.1',
      '0',
      '1.2.3',
      '08.08.08.08',
      '+1.2.3.4',
      ' 1.2.3.4',
      '1.2.3.4 ',
      '1.2.3.4\n',
      '１.2.3.4',
      '1。2。3。4',
      '[2a00::1]',
      '2a00::1%eth0',
      '1.2.3.4:80',
      '2A00::1',
      '2a00:0::1',
      '::ffff:8.8.8.8',
      '',
    ].map((ip): [ValueKind, string, string] => ['ip', ip, 'not_canonical']),
    ...['45.0.0.0/08', '45.0.0.0/0x18', '45.0.0.0/33', '45.0.0.0/-1', '45.0.0.0/24.0', '45.0.0.1/24', '45.0.0.0/', '/24', '45.0.0.0'].map(
      (net): [ValueKind, string, string] => ['net', net, 'not_canonical'],
    ),
    ...['8.8.8.8', '1.1.1.1', '9.9.9.9', '2606:4700:4700::1111', '198.41.0.4'].map((ip): [ValueKind, string, string] => [
      'ip',
      ip,
      'well_known',
    ]),
    ['net', '8.8.8.0/24', 'well_known'],
    ['ip', '45.50.0.77', 'local_never_block'],
    ['net', '45.50.0.0/23', 'local_never_block'],
    ['net', '45.50.0.128/25', 'local_never_block'],
    ['net', '45.51.0.0/24', 'local_never_block'],
    ['ip', '2a00:5::7', 'local_never_block'],
    ['ip', '45.60.0.1', 'own_machine'],
    ['net', '45.60.0.0/24', 'own_machine'],
    ['ip', '2a00:1::5efe:a00:1', 'embedded_special'],
    ['ip', '2a00:1::200:5efe:808:808', 'embedded_special'],
    ...['com', 'es', 'localhost', ''].map((name): [ValueKind, string, string] => [
      'domain',
      name,
      name === '' ? 'not_canonical' : 'public_suffix',
    ]),
    ...['1.0.0.127.in-addr.arpa', 'x.ip6.arpa', 'printer.local', 'a.localhost', 'x.onion', 'foo.test', 'www.example'].map(
      (name): [ValueKind, string, string] => ['domain', name, 'special_domain'],
    ),
    ...['gob.es', 'co.uk', 'github.io', 'google.com', 'windowsupdate.com', 'amazonaws.com'].map((name): [ValueKind, string, string] => [
      'domain',
      name,
      'well_known',
    ]),
    ...[
      'evil.com.',
      '.evil.com',
      'evil..com',
      'EVIL.com',
      '*.evil.com',
      `${'a'.repeat(64)}.com`,
      `${'a.'.repeat(127)}com`,
      '-a.com',
      'a-.com',
      'evil.com/x',
      'evil .com',
      'xn--a.com',
      '1.2.3.4',
      'аpple.com',
      'ｅvil.com',
      'evil.0x1',
    ].map((name): [ValueKind, string, string] => ['domain', name, 'not_canonical']),
    ['domain', 'owner.com', 'local_never_block'],
    ['domain', 'mail.owner.com', 'local_never_block'],
    ['domain', 'partner.net', 'local_never_block'],
    ['domain', 'x.deep.partner.net', 'local_never_block'],
    ['domain', 'rebato.hub-host.org', 'own_hub'],
    ['domain', 'hub-host.org', 'own_hub'],
    ['url', 'http://owner.com/x', 'local_never_block'],
    ['url', 'http://10.0.0.1/x', 'special_purpose'],
    ['url', 'http://good.net@evil.net/', 'not_canonical'],
    ['url', 'http://evil.net\\@owner.com/', 'not_canonical'],
    ['url', 'javascript:alert(1)', 'not_canonical'],
    ['email', '@gmail.com', 'not_canonical'],
    ['email', 'boss@owner.com', 'local_never_block'],
    ['hash', 'a\nb', 'not_canonical'],
  ];
  for (const [kind, value, reason] of cases) assert.equal(guard.judge(kind, value), reason, `${kind} ${JSON.stringify(value)}`);
});

test('values that attackers use pass', () => {
  const cases: [ValueKind, string][] = [
    ['ip', '45.12.3.4'],
    ['ip', '2a00:1450:4001::1'],
    ['net', '45.12.3.0/24'],
    ['net', '45.12.0.0/20'],
    ['net', '2a00:1451::/40'],
    ['domain', 'evil.com'],
    ['domain', 'login.evil-bank.co.uk'],
    ['domain', 'xn--pple-43d.com'],
    ['domain', 'victim.github.io'],
    ['domain', '_dmarc.evil.com'],
    ['domain', 'notowner.com'],
    ['url', 'https://github.com/evil/payload'],
    ['url', 'http://[2a00:1450::1]:8080/x'],
    ['email', 'phisher@gmail.com'],
  ];
  for (const [kind, value] of cases) assert.equal(guard.judge(kind, value), undefined, `${kind} ${value}`);
});

test('a prefix and a never-blocked prefix are held against each other as plain ranges would be', () => {
  const net = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 20, max: 32 })).map(([n, bits]) => {
    const size = 2 ** (32 - bits);
    return `${printV4(Math.floor((45 * 2 ** 24 + n * 256 + n) / size) * size)}/${bits}`;
  });
  fc.assert(
    fc.property(fc.array(net, { maxLength: 6 }), net, (list, one) => {
      const spans = list.map(parseNet).filter((span) => span !== undefined);
      const span = parseNet(one);
      assert.ok(span);
      const expected = spans.some((other) => other.from <= span.to && span.from <= other.to);
      assert.equal(new SpanSet(spans).overlaps(span), expected);
    }),
  );
});

test('IPv4 inside IPv6 is found in each of its forms', () => {
  for (const text of ['::ffff:808:808', '::808:808', '64:ff9b::808:808', '2002:808:808::1', '2a00::5efe:808:808']) {
    const value = parseV6(text);
    assert.ok(value !== undefined && embeddedV4(value).some((span) => span.from === 0x08080808), text);
  }
  assert.deepEqual(embeddedV4(parseV6('2a00:1450::8808:808') ?? 0n), []);
});

test('the owner’s list is read kindly, and what cannot be read is named', () => {
  const { list, unreadable } = parseNeverBlock(['45.0.0.1', ' Owner.COM. ', '*.partner.net', '2a00::/32', '45.0.0.1/24', 'not a name']);
  assert.equal(list.spans.length, 2);
  assert.deepEqual(list.domains, ['owner.com', 'partner.net']);
  assert.deepEqual(unreadable, ['45.0.0.1/24', 'not a name']);
});

test('gateways and resolvers are read from the tables of the system', () => {
  assert.deepEqual(gatewaysV4('Iface\tDestination\tGateway\neth0\t00000000\t0101A8C0\t0003\neth0\t0001A8C0\t00000000\t0001'), [
    '192.168.1.1',
  ]);
  const zero = '0'.repeat(32);
  assert.deepEqual(gatewaysV6(`${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 1 0 3 eth0`), ['fe80::1']);
  assert.deepEqual(resolvers('# x\nnameserver 45.1.1.1\nnameserver 2a00::53\noptions edns0'), ['45.1.1.1', '2a00::53']);
});

test('addresses and gateways of another namespace are taken from what ip says, and anything else gives nothing', () => {
  const addresses = [{ ifname: 'lo', addr_info: [{ local: '127.0.0.1' }] }, { ifname: 'e', addr_info: [{ local: '203.0.113.9' }, {}] }, {}];
  assert.deepEqual(addressesIn(JSON.stringify(addresses)), ['127.0.0.1', '203.0.113.9']);
  assert.deepEqual(addressesIn('[{"dst":"default","gateway":"203.0.113.1"},{"nexthops":[{"gateway":"203.0.113.2"}]}]'), [
    '203.0.113.1',
    '203.0.113.2',
  ]);
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => addressesIn(text).every((one) => typeof one === 'string')));
});

test('a control in another namespace stands on the addresses of that one, and without it on this machine’s alone', async (t) => {
  const name = `rebato-test-${process.pid}`;
  const ip = (...words: string[]): boolean => spawnSync('ip', words).status === 0;
  if (!ip('netns', 'add', name)) return t.skip('no network namespace can be made here');
  t.after(() => ip('netns', 'delete', name));
  assert.ok(ip('-n', name, 'link', 'set', 'lo', 'up') && ip('-n', name, 'address', 'add', '203.0.113.77/32', 'dev', 'lo'));
  const has = async (netns?: string): Promise<boolean> =>
    new SpanSet((await readSurroundings('https://127.0.0.1', netns)).addresses).overlaps(parseAddress('203.0.113.77') as Span);
  assert.equal(await has(name), true);
  assert.equal(await has(), false);
});
