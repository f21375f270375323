import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ValueKind } from '@rebato/contract';
import { netContains, parseNet } from '#values';
import { isSharedHost, judge } from './judge.ts';
import { compileLists } from './lists.ts';
import { drain } from './steps.ts';
import { assembleTables, builtinTables } from './tables.ts';
import type { GuardInput } from './verdict.ts';
import { wellKnownGroups } from './well-known/index.ts';

const builtin = builtinTables();
const tables = assembleTables(builtin, {
  own: [
    { kind: 'domain', value: 'hub.rebato-red.es' },
    { kind: 'ip', value: '45.10.20.30' },
  ],
  members: [
    { kind: 'domain', value: 'mail.hospital-uno.es' },
    { kind: 'net', value: '130.206.0.0/16' },
    { kind: 'net', value: '2001:720::/32' },
    { kind: 'email', value: 'ana@ayuntamiento-dos.com' },
    { kind: 'asn', value: 'AS766' },
  ],
  lists: drain(
    compileLists([
      { id: '1', name: 'Top names', kinds: ['domain'], entries: ['dpopular.org', 'dwww.deep.tienda.es', 'eblogs.barrio.es'] },
      { id: '2', name: 'Ranges', kinds: ['ip', 'net'], entries: ['n91.200.0.0/16', 'n2a09:1::/32'] },
      { id: '3', name: 'Samples', kinds: ['hash'], entries: ['x0cc175b9c0f1b6a831c399e269772661'] },
      { id: '4', name: 'Contacts', kinds: ['email'], entries: ['r/^(info)\\@.*\\..*$/i'] },
      { id: '5', name: 'Throwaway', kinds: ['email'], entries: ['smailinator'] },
      { id: '6', name: 'Pages', kinds: ['url'], entries: ['xhttps://clean.dev/page', 'dlinks.dev'] },
    ]),
  ),
  overrides: ['ip 91.200.1.1', 'ip 10.0.0.1', 'domain popular.org'],
});

function verdict(kind: ValueKind, value: string, more: Partial<GuardInput> = {}): string {
  const given = judge({ kind, value, tlp: 'green', pap: 'green', ...more }, tables);
  return given.verdict === 'pass' ? 'pass' : `${given.verdict} ${given.rule}`;
}

function expectAll(expected: string, kind: ValueKind, values: readonly string[]): void {
  for (const value of values) assert.equal(verdict(kind, value), expected, `${kind} ${value}`);
}

test('judge: ordinary values of attackers pass', () => {
  expectAll('pass', 'ip', ['45.95.147.236', '185.220.101.4', '2a0b:f4c2::1']);
  expectAll('pass', 'net', ['45.95.147.0/24', '2a0b:f4c2:1::/48', '2a0b:f4c2:1:2::/64']);
  expectAll('pass', 'domain', ['evil-login.top', 'a.b.evil-login.top', 'xn--pple-43d.com', 'evil.duckdns.org', 'tenant.github.io']);
  expectAll('pass', 'url', ['https://evil-login.top/a.exe', 'http://45.95.147.236/x', 'http://[2a0b:f4c2::1]:8080/x']);
  expectAll('pass', 'email', ['ceo.urgent@gmail.com', 'pay@evil-login.top']);
  expectAll('pass', 'hash', ['md5:9e107d9d372bb6826bd81d3542a419d6']);
  expectAll('pass', 'ja3', ['e7d705a3286e19ea42f587b344ee6865']);
});

test('C01: resolvers, root servers and time servers never pass', () => {
  expectAll('hold well_known', 'ip', [
    '8.8.8.8',
    '1.1.1.1',
    '9.9.9.9',
    '150.214.94.5',
    '80.58.61.250',
    '2001:4860:4860::8888',
    '2620:fe::fe',
  ]);
  expectAll('refuse well_known', 'ip', ['198.41.0.4', '193.0.14.129', '2001:dc3::35', '2001:7fd::1']);
  expectAll('hold well_known', 'net', ['8.8.8.0/24', '1.1.1.0/24']);
});

test('C02: special-purpose addresses are refused', () => {
  expectAll('refuse special_purpose', 'ip', [
    ...['10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '127.0.0.1', '169.254.1.1', '100.64.0.1', '100.127.255.255'],
    ...['192.0.0.9', '192.0.2.1', '198.18.0.1', '198.19.255.255', '198.51.100.7', '203.0.113.9', '224.0.0.1', '239.255.255.250'],
    ...['240.0.0.1', '255.255.255.255', '0.0.0.0', '0.1.2.3', '192.88.99.1'],
  ]);
  expectAll('pass', 'ip', ['172.32.0.1', '100.128.0.1', '198.20.0.1', '11.0.0.1', '192.0.1.1']);
});

test('C03, C04: wide networks are held or refused, narrow ones pass', () => {
  expectAll('refuse special_purpose', 'net', ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '::/0', '2000::/3']);
  expectAll('refuse prefix_width', 'net', [
    '45.0.0.0/8',
    '45.95.0.0/16',
    '45.95.128.0/19',
    '2a0b::/16',
    '2a0b:f4c2::/32',
    '2a0b:f4c2::/39',
  ]);
  expectAll('hold prefix_width', 'net', ['45.95.144.0/20', '45.95.146.0/23', '2a0b:f4c2::/40', '2a0b:f4c2::/47']);
  expectAll('pass', 'net', ['45.95.147.0/24', '45.95.147.128/25', '2a0b:f4c2::/48']);
  expectAll('refuse canonical', 'net', ['45.95.147.1/24', '45.95.147.0/08', '45.95.147.0/33', '45.95.147.0/-1', '45.95.147.0/0x18']);
});

test('C05, C06: odd spellings are no canonical values', () => {
  expectAll('refuse canonical', 'ip', [
    '0177.0.0.1',
    '0x7f.1',
    '2130706433',
    '127.1',
    '0',
    '08.08.08.08',
    '+8.8.8.8',
    ' 8.8.8.8',
    '8.8.8.8\n',
    '8.8.8.8\0',
  ]);
});

test('C07: forms that carry an IPv4 address are judged as that address', () => {
  expectAll('hold well_known', 'ip', [
    '::ffff:8.8.8.8',
    '::ffff:808:808',
    '::808:808',
    '64:ff9b::808:808',
    '2002:808:808::',
    '2001:0:1:2:3:4:f7f7:f7f7',
  ]);
  expectAll('hold well_known', 'ip', ['2a0b:f4c2::5efe:808:808', '2a0b:f4c2::200:5efe:808:808', '::ffff:0:808:808']);
  expectAll('refuse special_purpose', 'ip', [
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '::7f00:1',
    '64:ff9b:1::808:808',
    '2a0b:f4c2::5efe:a00:1',
  ]);
  expectAll('refuse special_purpose', 'net', [
    '2002:808:808::/48',
    '64:ff9b::/96',
    '64:ff9b::808:800/120',
    '2001::/48',
    '::/96',
    '2002:2d5f:93ec::/48',
  ]);
  expectAll('pass', 'ip', ['64:ff9b::2d5f:93ec', '2002:2d5f:93ec::1']);
});

test('C08: IPv6 that is local, multicast or not handed out is refused', () => {
  expectAll('refuse special_purpose', 'ip', [
    'fe80::1',
    'fc00::1',
    'fdff::1',
    'ff02::1',
    '::1',
    '::',
    '2001:db8::1',
    '3fff::1',
    '100::1',
    '5f00::1',
    '4000::1',
    '1::1',
    '2001:20::1',
    'fec0::1',
  ]);
  expectAll('refuse canonical', 'ip', ['fe80::1%eth0', '[::1]', '[2a0b::1]:80']);
});

test('C10: the hub, what is beneath it and what is above it are refused', () => {
  expectAll('refuse own_host', 'domain', ['hub.rebato-red.es', 'api.hub.rebato-red.es', 'rebato-red.es']);
  expectAll('refuse own_host', 'ip', ['45.10.20.30', '::ffff:45.10.20.30', '64:ff9b::2d0a:141e']);
  expectAll('refuse own_host', 'net', ['45.10.20.0/24', '45.10.16.0/20']);
  expectAll('refuse own_host', 'url', ['https://hub.rebato-red.es/api/v1/x', 'http://45.10.20.30:7373/']);
  expectAll('pass', 'domain', ['other.rebato-red.es', 'hub.rebato-red.es.evil.top', 'myhub.rebato-red.es']);
});

test('C11: what members declared is held, with what is inside, around and above it', () => {
  expectAll('hold member_asset', 'domain', ['mail.hospital-uno.es', 'x.mail.hospital-uno.es', 'hospital-uno.es']);
  expectAll('hold member_asset', 'ip', ['130.206.3.3', '2001:720::1', '64:ff9b::82ce:303']);
  expectAll('hold member_asset', 'net', ['130.206.3.0/24', '2001:720:1::/48']);
  expectAll('hold member_asset', 'url', ['https://mail.hospital-uno.es/owa', 'http://130.206.3.3/x']);
  expectAll('hold member_asset', 'email', ['ana@ayuntamiento-dos.com', 'x@mail.hospital-uno.es']);
  expectAll('hold member_asset', 'asn', ['AS766']);
  expectAll('pass', 'domain', ['www.hospital-uno.es', 'hospital-dos.es']);
});

test('C12: list entries are held, alone, beneath and above', () => {
  expectAll('hold warning_list', 'domain', [
    'www.popular.org',
    'deep.tienda.es',
    'tienda.es',
    'x.www.deep.tienda.es',
    'blogs.barrio.es',
    'barrio.es',
  ]);
  expectAll('pass', 'domain', ['x.blogs.barrio.es', 'other.tienda.es', 'unpopular.org']);
  expectAll('hold warning_list', 'ip', ['91.200.5.5', '2a09:1::5']);
  expectAll('hold warning_list', 'net', ['91.200.5.0/24']);
  expectAll('hold warning_list', 'hash', ['md5:0cc175b9c0f1b6a831c399e269772661']);
  expectAll('hold warning_list', 'email', ['info@evil-login.top', 'x@sub.mailinator.com']);
  expectAll('hold warning_list', 'url', ['https://clean.dev/page', 'https://links.dev/x', 'https://popular.org/']);
  // A list about names says nothing about one page on them.
  expectAll('pass', 'url', ['https://www.popular.org/uploads/evil.exe', 'https://clean.dev/other']);
});

test('C13, C14: suffixes, single labels and reverse zones are refused', () => {
  expectAll('refuse public_suffix', 'domain', [
    'co.uk',
    'gob.es',
    'github.io',
    's3.amazonaws.com',
    'duckdns.org',
    'blob.core.windows.net',
    'com.es',
  ]);
  expectAll('refuse single_label', 'domain', ['com', 'es', 'router']);
  expectAll('refuse special_purpose', 'domain', ['localhost', 'printer.local', 'home.arpa', 'a.test', 'www.example.com']);
  expectAll('refuse reverse_zone', 'domain', ['8.8.8.8.in-addr.arpa', 'ip6.arpa']);
  expectAll('refuse canonical', 'domain', ['127.1', '0x7f.1', 'a.1', '.', '*.es', 'a..es', 'a.es.', 'A.es', 'а.es', '']);
});

test('C17, C18: a URL on a shared host may be blocked, the host may not', () => {
  expectAll('pass', 'url', [
    'https://github.com/evil/evil.exe',
    'https://s3.amazonaws.com/evil-bucket/x',
    'https://bit.ly/3xYz',
    'https://evil.github.io/x',
  ]);
  expectAll('hold shared_host', 'url', ['https://github.com/', 'https://github.com/#x', 'https://user@github.com/']);
  expectAll('refuse public_suffix', 'url', ['https://s3.amazonaws.com/', 'https://duckdns.org/']);
  expectAll('hold shared_host', 'domain', [
    'github.com',
    'bit.ly',
    'raw.githubusercontent.com',
    'dropbox.com',
    'evil.westeurope.cloudapp.azure.com',
  ]);
  expectAll('hold well_known', 'url', [
    'https://login.microsoftonline.com/x',
    'https://www.agenciatributaria.es/x',
    'https://good.com:8443@www.google.com/x',
  ]);
  expectAll('refuse special_purpose', 'url', ['http://127.0.0.1/x', 'http://[::1]/x', 'http://localhost/x', 'http://[::ffff:10.0.0.1]/']);
  expectAll('refuse canonical', 'url', ['http://0x7f.1/', 'http://127.1/x', 'evil.top/x', 'http:///x']);
  assert.equal(verdict('ip', '45.95.147.236', { sharedHostUrl: true }), 'hold shared_host');
  assert.equal(verdict('domain', 'evil-login.top', { sharedHostUrl: true }), 'hold shared_host');
  assert.equal(isSharedHost('github.io', tables), true);
  assert.equal(isSharedHost('bit.ly', tables), true);
  assert.equal(isSharedHost('evil-login.top', tables), false);
});

test('C19: delivery networks and what depends on them are held', () => {
  expectAll('hold well_known', 'ip', ['104.16.1.1', '151.101.1.140', '23.32.5.5']);
  expectAll('hold well_known', 'domain', [
    'cloudflare.com',
    'd1.cloudfront.net',
    'e1.akamaiedge.net',
    'ocsp.digicert.com',
    'sede.seg-social.gob.es',
    'www.boe.es',
  ]);
});

test('C14: a customer of a service is not the service, a government body under its own suffix is guarded', () => {
  expectAll('pass', 'domain', ['evil.blob.core.windows.net', 'bucket.s3.amazonaws.com', 'login.evil.web.app']);
  expectAll('pass', 'url', ['https://evil.blob.core.windows.net/x']);
  expectAll('hold well_known', 'domain', ['sede.algo.gob.es', 'login.windows.net', 'd1.cloudfront.net', 'www.azure.com']);
});

test('judge: whoever releases a wide network sees what else stands against it', () => {
  const given = judge({ kind: 'net', value: '130.206.0.0/20', tlp: 'green', pap: 'green' }, tables);
  assert.match(given.verdict === 'hold' ? given.message : '', /wider than .*declared/);
});

test('C21: digests of nothing are refused', () => {
  expectAll('refuse empty_hash', 'hash', [
    'md5:d41d8cd98f00b204e9800998ecf8427e',
    'sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709',
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  ]);
});

test('C22: patterns that match everything are refused, and file names are no blocks', () => {
  expectAll('refuse match_all', 'filename', ['*', '*.*', 'C:\\', 'C:\\*', '.*', '']);
  expectAll('refuse match_all', 'mutex', ['*', '.*']);
  expectAll('refuse match_all', 'regkey', ['HKEY_LOCAL_MACHINE\\*', 'HKEY_USERS\\']);
  expectAll('refuse kind', 'filename', ['evil.exe']);
  expectAll('refuse kind', 'cve', ['CVE-2024-1234']);
});

test('C24: whole mail domains and reserved systems are refused, every other system is held', () => {
  expectAll('refuse mail_domain', 'email', ['@gmail.com', '*@gmail.com', '%@gmail.com']);
  expectAll('hold well_known', 'email', ['abuse@evil-login.top', 'Postmaster@evil-login.top']);
  expectAll('refuse asn', 'asn', ['AS0', 'AS23456', 'AS64512', 'AS65535', 'AS4200000000', 'AS4294967295']);
  expectAll('hold asn', 'asn', ['AS3352', 'AS13335', 'AS131072']);
  expectAll('refuse canonical', 'asn', ['3352', 'AS', 'ES']);
});

test('C16: a look-alike of a guarded name is another name', () => {
  expectAll('hold well_known', 'domain', ['apple.com']);
  expectAll('pass', 'domain', ['xn--pple-43d.com', 'app1e.com']);
});

test('judge: only PAP clear and green, and nothing above TLP amber+strict, becomes a block', () => {
  assert.equal(verdict('ip', '45.95.147.236', { pap: 'amber' }), 'refuse pap');
  assert.equal(verdict('ip', '45.95.147.236', { pap: 'red' }), 'refuse pap');
  assert.equal(verdict('ip', '45.95.147.236', { pap: 'clear' }), 'pass');
  assert.equal(verdict('ip', '45.95.147.236', { tlp: 'red' }), 'refuse tlp');
  assert.equal(verdict('ip', '45.95.147.236', { tlp: 'amber+strict' }), 'pass');
  // What nobody can release comes before what two people can.
  assert.equal(verdict('ip', '8.8.8.8', { pap: 'red' }), 'refuse pap');
});

test('judge: a release takes back a hold, but no refusal, no marking and no other value', () => {
  assert.equal(verdict('ip', '91.200.1.1'), 'pass');
  assert.equal(verdict('ip', '91.200.1.2'), 'hold warning_list');
  assert.equal(verdict('ip', '91.200.1.1', { pap: 'red' }), 'refuse pap');
  assert.equal(verdict('ip', '10.0.0.1'), 'refuse special_purpose');
  assert.equal(verdict('domain', 'popular.org'), 'pass');
  assert.equal(verdict('domain', 'www.popular.org'), 'hold warning_list');
});

test('C34: declarations that would make everybody immune protect nothing', () => {
  const greedy = assembleTables(builtin, {
    members: [
      { kind: 'net', value: '0.0.0.0/0' },
      { kind: 'net', value: '45.0.0.0/8' },
      { kind: 'net', value: '2000::/3' },
      { kind: 'domain', value: 'com' },
      { kind: 'domain', value: 'duckdns.org' },
      { kind: 'url', value: 'https://evil-login.top/' },
      { kind: 'ip', value: '1.2.3' },
      { kind: 'net', value: '45.80.0.0/16' },
    ],
  });
  assert.equal(greedy.ignored.length, 7);
  const of = (kind: ValueKind, value: string) => judge({ kind, value, tlp: 'green', pap: 'green' }, greedy).verdict;
  assert.equal(of('ip', '45.95.147.236'), 'pass');
  assert.equal(of('domain', 'evil-login.com'), 'pass');
  assert.equal(of('domain', 'evil.duckdns.org'), 'pass');
  assert.equal(of('ip', '45.80.1.1'), 'hold');
});

test('well-known services: at least 250, canonical, none of them wide open, none vital hidden inside one that is not', () => {
  let count = 0;
  const nets = wellKnownGroups.flatMap((group) => (group.nets ?? []).map((text) => ({ group, text, net: parseNet(text) })));
  for (const { net, text } of nets) {
    assert.ok(net, `${text} is not canonical`);
    count++;
  }
  for (const vital of nets.filter(({ group }) => group.vital)) {
    for (const other of nets.filter(({ group }) => !group.vital)) {
      if (vital.net && other.net) assert.ok(!netContains(other.net, vital.net), `${other.text} hides ${vital.text}`);
    }
  }
  const seen = new Map<string, string>();
  for (const group of wellKnownGroups) {
    for (const name of group.names ?? []) {
      count++;
      assert.equal(seen.get(name), undefined, `${name} is in ${group.id} and in ${seen.get(name)}`);
      seen.set(name, group.id);
      const given = judge({ kind: 'domain', value: name, tlp: 'clear', pap: 'clear' }, tables);
      assert.notEqual(given.verdict, 'pass', name);
    }
  }
  assert.ok(count >= 250, `${count} entries`);
});
