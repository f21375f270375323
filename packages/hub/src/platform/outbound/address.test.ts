import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalAddress, isPublicAddress, netsOf } from './address.ts';
import { addressPolicy, Refusal, targetOf } from './policy.ts';

const policy = addressPolicy({ allow: [], refuse: [] });

/** What a literal in a URL ends as: its address, or the reason of the refusal. */
function literal(url: string): string {
  try {
    const target = targetOf(url);
    policy.checkTarget(target);
    return policy.checkAddresses(target, [target.host])[0] ?? 'none';
  } catch (error) {
    if (error instanceof Refusal) return `refused: ${error.reason}`;
    throw error;
  }
}

test('public addresses are let through, in every spelling', () => {
  for (const host of ['93.184.216.34', '0x5db8d822', '1572395042', '[2606:2800:220:1:248:1893:25c8:1946]', '[::ffff:93.184.216.34]']) {
    assert.doesNotMatch(literal(`http://${host}/`), /refused/, host);
  }
});

test('S01: private, special and embedded addresses are refused, in every spelling', () => {
  const hosts = [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '017700000001',
    '127.0.0.1.',
    '127%2e0%2e0%2e1',
    '１２７.0.0.1',
    '127。0。0。1',
    '0',
    '0.0.0.0',
    '10.1.2.3',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '192.0.0.192',
    '198.18.0.1',
    '192.0.2.1',
    '224.0.0.1',
    '255.255.255.255',
    '240.0.0.1',
    '[::]',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::a00:1]',
    '[2002:7f00:1::]',
    '[2002:c0a8:101::1]',
    '[2001:0:53aa:64c:0:fffe:80ff:fffe]',
    '[fe80::1]',
    '[fc00::1]',
    '[fd00:ec2::254]',
    '[fec0::1]',
    '[ff02::1]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[5f00::1]',
    '[4000::1]',
    '[2606:4700::5efe:a00:1]',
    '[2606:4700::200:5efe:a00:1]',
    '[fe80::1%25eth0]',
    '[::1%25lo]',
  ];
  for (const host of hosts) assert.match(literal(`http://${host}/`), /^refused/, host);
});

test('S01, S04: only plain absolute http and https URLs are read', () => {
  const urls = [
    '/api/v1',
    '//example.org/',
    'example.org',
    'http:example.org',
    'http:/example.org',
    'http:///example.org',
    'http:\\\\example.org',
    'http://example.org\\@evil.example/',
    'file:///etc/passwd',
    'gopher://example.org/',
    'ftp://example.org/',
    'unix:/var/run/docker.sock',
    'http+unix://%2fvar%2frun',
    'data:text/plain,x',
    'javascript:1',
    'http://user@example.org/',
    'http://user:pw@example.org/',
    'http://@example.org/',
    'http://:@example.org/',
    'http://example.org/\r\nHost: x',
    'http://example.org/ x',
    'http://exa\tmple.org/',
    ' http://example.org/',
    'http://example.org/\u0000',
    'http://',
    'http://[::1',
    '',
    'http://example.org:22/',
    'http://example.org:6379/',
    'http://example.org:0/',
    'http://example.org:99999/',
    `http://example.org/${'a'.repeat(5000)}`,
  ];
  for (const url of urls) {
    const read = (): void => policy.checkTarget(targetOf(url));
    assert.throws(read, Refusal, url);
  }
  assert.equal(targetOf('https://Example.org./a?b=c@d').host, 'example.org');
});

test('the own names and addresses are refused even when allowed', () => {
  const own = addressPolicy({ allow: ['hub.example', '10.0.0.0/8'], refuse: ['hub.example', '10.0.0.7'] });
  assert.throws(() => own.checkTarget(targetOf('http://HUB.example./')), Refusal);
  assert.throws(() => own.checkAddresses(targetOf('http://a.example/'), ['::ffff:10.0.0.7']), Refusal);
  assert.deepEqual(own.checkAddresses(targetOf('http://a.example/'), ['10.0.0.8']), ['10.0.0.8']);
});

test('an allowed host may be private on its own port only, and another host may not', () => {
  const some = addressPolicy({ allow: ['misp.internal:8443', 'feeds.internal'], refuse: [] });
  assert.deepEqual(some.checkAddresses(targetOf('https://misp.internal:8443/'), ['10.0.0.8']), ['10.0.0.8']);
  assert.throws(() => some.checkAddresses(targetOf('https://misp.internal/'), ['10.0.0.8']), Refusal);
  assert.throws(() => some.checkAddresses(targetOf('https://xfeeds.internal/'), ['10.0.0.8']), Refusal);
});

test('a wrong entry in the configuration is an error, not an open door', () => {
  for (const cidr of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/x', 'fe80::/129']) assert.throws(() => netsOf([cidr]), cidr);
});

test('property: an IPv4 address is judged the same whether plain or mapped, and never public when carried by a transition form', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
      const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      assert.equal(canonicalAddress(`::ffff:${hex}`), address);
      for (const carried of [`64:ff9b::${hex}`, `2002:${hex}::1`, `::${hex}`, `2001::${hex}`])
        assert.equal(isPublicAddress(canonicalAddress(carried) ?? ''), false, carried);
    }),
  );
});
