import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { accepts, code, refuses, value } from '#test/corpus/canonical-expectations';
import {
  attributeTypes,
  canonicalise,
  canonicaliseKind,
  isEmptyContentHash,
  isPublicSuffix,
  registrableDomain,
  valueKinds,
} from './index.ts';

test('the order of the kinds is stored and therefore fixed', () => {
  assert.deepEqual([...valueKinds], 'ip net domain url email hash ja3 ja4 filename regkey mutex wallet asn cve rule other'.split(' '));
});

test('names in every honest spelling become one value, and hostname is the same kind as domain', () => {
  accepts('domain', {
    'Example.COM': 'domain example.com',
    'example.com.': 'domain example.com',
    'faß.de': 'domain xn--fa-hia.de',
    'MÜNCHEN.de': 'domain xn--mnchen-3ya.de',
    'mu\u0308nchen.de': 'domain xn--mnchen-3ya.de',
    'XN--MNCHEN-3YA.de': 'domain xn--mnchen-3ya.de',
    '_dmarc.example.com': 'domain _dmarc.example.com',
    'r3---sn-abc.example.com': 'domain r3---sn-abc.example.com',
    '1.example.com': 'domain 1.example.com',
    'foo.duckdns.org': 'domain foo.duckdns.org',
    'duckdns.org': 'domain duckdns.org',
    'constructor.example.com': 'domain constructor.example.com',
  });
  assert.equal(value('hostname', 'WWW.Example.com'), 'domain www.example.com');
});

test('C13: suffixes, single labels, wildcards, empty labels and reverse zones are no domain', () => {
  refuses('domain', {
    com: 'domain_single_label',
    localhost: 'domain_single_label',
    '.': 'domain_empty_label',
    '': 'domain_empty',
    'gob.es': 'domain_public_suffix',
    'co.uk': 'domain_public_suffix',
    '*.es': 'domain_wildcard',
    '.example.com': 'domain_empty_label',
    '4.3.2.1.in-addr.arpa': 'domain_reverse_zone',
    '1.0.0.0.ip6.arpa': 'domain_reverse_zone',
    '1.2.3.4': 'domain_numeric_tld',
    '1.2.3.4.': 'domain_numeric_tld',
    'foo.0x10': 'domain_numeric_tld',
    'foo.09': 'domain_numeric_tld',
    'evil[.]com': 'domain_defanged',
    'exam ple.com': 'domain_character',
    'example.com/x': 'domain_character',
    'example.com:80': 'domain_character',
    'user@example.com': 'domain_character',
    'ex%61mple.com': 'domain_character',
  });
});

test('C15: dots, label and name lengths, hyphens, underscores and false international labels', () => {
  const label = 'a'.repeat(63);
  assert.equal(code('domain', `${label}a.com`), 'domain_label_length');
  assert.equal(value('domain', `${label}.com`), `domain ${label}.com`);
  const longest = `${label}.${label}.${label}.${'b'.repeat(57)}.com`;
  assert.equal(longest.length, 253);
  assert.equal(value('domain', longest), `domain ${longest}`);
  assert.equal(code('domain', `a${longest}`), 'domain_length');
  refuses('domain', {
    'example..com': 'domain_empty_label',
    'example.com..': 'domain_empty_label',
    'my_bank.com': 'domain_underscore',
    'example.c_m': 'domain_underscore',
    '-a.com': 'domain_hyphen',
    'a-.com': 'domain_hyphen',
    'xn--a.com': 'domain_punycode',
    'xn--abc-.com': 'domain_hyphen',
    'xn--.com': 'domain_hyphen',
    'xn--zzzzzzzzzzzzzz9.com': 'domain_punycode',
    'xn--example-.xn--com': 'domain_hyphen',
  });
});

test('C16: a lookalike name is kept apart from the real one and carries a warning', () => {
  const mixed = canonicalise('domain', 'аpple.com');
  assert.ok(mixed.ok);
  assert.equal(mixed.value, 'xn--pple-43d.com');
  assert.deepEqual(mixed.flags, ['mixed_script']);
  const whole = canonicalise('domain', 'xn--80ak6aa92e.com');
  assert.ok(whole.ok);
  assert.deepEqual(whole.flags, ['confusable']);
  const honest = canonicalise('domain', 'españa.es');
  assert.ok(honest.ok);
  assert.equal(honest.flags, undefined);
});

test('C21: digests have the length and alphabet of their algorithm and name it; the digest of nothing is recognised', () => {
  const md5 = 'D41D8CD98F00B204E9800998ECF8427E';
  assert.equal(value('md5', md5), 'hash md5:d41d8cd98f00b204e9800998ecf8427e');
  assert.ok(isEmptyContentHash('md5:d41d8cd98f00b204e9800998ecf8427e'));
  assert.ok(isEmptyContentHash('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'));
  assert.ok(isEmptyContentHash(`sha1:${'0'.repeat(40)}`));
  assert.ok(!isEmptyContentHash(`sha1:${'01'.repeat(20)}`));
  assert.equal(code('sha1', md5), 'hash_length');
  assert.equal(code('md5', `${md5}0`), 'hash_length');
  assert.equal(code('md5', md5.replace('D', 'G')), 'hash_alphabet');
  assert.equal(code('md5', `sha1:${md5}`), 'hash_length');
  assert.equal(code('md5', ''), 'hash_length');
  const hex = (length: number) => 'a1'.repeat(length / 2);
  for (const [type, length] of Object.entries({ sha224: 56, sha256: 64, sha384: 96, sha512: 128, 'sha512/224': 56, 'sha512/256': 64 })) {
    assert.equal(value(type, hex(length)), `hash ${type}:${hex(length)}`);
  }
  for (const type of ['sha3-224', 'imphash', 'authentihash', 'pehash', 'cdhash', 'jarm-fingerprint', 'hassh-md5']) {
    assert.equal(code(type, hex(60)), 'hash_length', type);
  }
  for (const type of ['impfuzzy', 'ssdeep', 'tlsh', 'telfhash']) assert.equal(code(type, hex(60)), 'hash_shape', type);
  accepts('tlsh', { [`T1${hex(70).toUpperCase()}`]: `hash tlsh:${hex(70)}`, [hex(70)]: `hash tlsh:${hex(70)}` });
  accepts('ssdeep', {
    '96:s4Ud1Lj96tHHlZDrwciQmA+4uy1I0G4:sfD1dtHHlNrwciQmA+4uy1I': 'hash ssdeep:96:s4Ud1Lj96tHHlZDrwciQmA+4uy1I0G4:sfD1dtHHlNrwciQmA+4uy1I',
  });
  refuses('ssdeep', { '0:a:b': 'hash_shape', '3:a': 'hash_shape', '3:a:b!': 'hash_shape' });
  accepts('x509-fingerprint-sha1', {
    [hex(40)]: `hash x509-sha1:${hex(40)}`,
    [new Array(20).fill('A1').join(':')]: `hash x509-sha1:${hex(40)}`,
  });
});

test('fingerprints, keys, mutexes, wallets, systems and vulnerabilities', () => {
  accepts('ja3-fingerprint-md5', { E7D705A3286E19EA42F587B344EE6865: 'ja3 e7d705a3286e19ea42f587b344ee6865' });
  accepts('ja4', { t13d1516h2_8DAAF6152771_b186095e22b6: 'ja4 t13d1516h2_8daaf6152771_b186095e22b6' });
  refuses('ja4', { t13d1516h2_8daaf6152771: 'ja4_shape' });
  const run = 'regkey HKEY_LOCAL_MACHINE\\software\\run';
  accepts('regkey', {
    'HKLM\\Software\\Run': run,
    'hklm:\\SOFTWARE\\Run\\': run,
    '[HKEY_LOCAL_MACHINE\\Software\\Run]': run,
    'HKLM\\\\Software\\\\Run': run,
    'Computer\\HKEY_LOCAL_MACHINE\\Software\\Run': run,
    '\\REGISTRY\\MACHINE\\Software\\Run': run,
    'Software\\Run': 'regkey software\\run',
  });
  refuses('regkey', { HKLM: 'regkey_everything', 'HKLM\\': 'regkey_everything', 'HKLM\\*': 'regkey_everything', run: 'regkey_shape' });
  accepts('mutex', { 'Global\\AbC': 'mutex Global\\AbC' });
  refuses('mutex', { '*': 'mutex_everything', '': 'mutex_everything' });
  accepts('filename', { 'Invoice.ZIP': 'filename Invoice.ZIP', 'C:\\Users\\x.exe': 'filename C:\\Users\\x.exe' });
  refuses('filename', {
    '*': 'filename_everything',
    '*.*': 'filename_everything',
    'C:\\': 'filename_everything',
    'a\nb': 'filename_control',
  });
  accepts('btc', {
    '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa': 'wallet 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa',
    BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4: 'wallet bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
  });
  refuses('btc', { '1A1zP1eP5QGefi2DMPTfTL5SLmv7Div0Oa': 'wallet_shape', bc1Qw508d6qejxtdg4y5r3: 'wallet_shape' });
  refuses('xmr', { '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa': 'wallet_shape' });
  accepts('AS', { AS123: 'asn AS123', '123': 'asn AS123', 'as 0123': 'asn AS123', ASN123: 'asn AS123' });
  refuses('AS', { AS0: 'asn_range', '4294967295': 'asn_range', 'AS1.10': 'asn_shape', '': 'asn_shape' });
  accepts('vulnerability', { 'cve-2024-12345': 'cve CVE-2024-12345', 'GHSA-xxxx': 'other GHSA-xxxx' });
  refuses('vulnerability', { 'CVE-2024-1': 'cve_shape', CVE: 'cve_shape' });
});

test('composites give their parts and take kind and value from the strongest', () => {
  const sha = 'a1'.repeat(32);
  accepts('filename|sha256', { [`a|b.exe|${sha.toUpperCase()}`]: `hash sha256:${sha}` });
  accepts('malware-sample', { [`x.exe|${'a1'.repeat(16)}`]: `hash md5:${'a1'.repeat(16)}` });
  accepts('domain|ip', { 'Example.com|1.2.3.4': 'domain example.com' });
  accepts('ip-dst|port', {
    '1.2.3.4|443': 'ip 1.2.3.4',
    '1.2.3.4:443': 'ip 1.2.3.4',
    '[2001:db8::1]:443': 'ip 2001:db8::1',
    '2001:db8::1|443': 'ip 2001:db8::1',
  });
  accepts('hostname|port', { 'www.Example.com|443': 'domain www.example.com' });
  accepts('regkey|value', { 'HKCU\\Run|a|b': 'regkey HKEY_CURRENT_USER\\run' });
  const both = canonicalise('domain|ip', 'example.com|::ffff:1.2.3.4');
  assert.deepEqual(both.ok && both.parts?.map((part) => part.value), ['example.com', '1.2.3.4']);
  refuses('ip-dst|port', {
    '1.2.3.4': 'pair_separator',
    '1.2.3.4|0': 'port_range',
    '1.2.3.4|70000': 'port_range',
    '1.2.3.0/24|80': 'pair_network',
  });
  refuses('domain|ip', { 'example.com|1.2.3.0/24': 'pair_network', 'example.com|': 'address_empty' });
  refuses('filename|sha256', { 'x.exe|abc': 'hash_length', [sha]: 'pair_separator' });
});

test('C28: prototype names, unknown types, lone surrogates, NUL and huge values are refused', () => {
  for (const type of ['constructor', '__proto__', 'toString', 'hasOwnProperty', '', 'filename|constructor'])
    assert.equal(code(type, 'x'), 'type_unknown');
  refuses('comment', { 'a\ud800': 'value_malformed', 'a\0b': 'value_nul', '': 'value_empty', '  ': 'value_empty' });
  accepts('comment', { __proto__: 'other __proto__', constructor: 'other constructor', NaN: 'other NaN', ' a  b ': 'other a  b' });
  assert.equal(code('comment', 'é'.repeat(32 * 1024 + 1)), 'value_size');
  assert.equal(code('yara', 'x'.repeat(1024 * 1024 + 1)), 'value_size');
  assert.equal(value('yara', `rule x ${'y'.repeat(70_000)}`).startsWith('rule rule x'), true);
  assert.equal(value('comment', 'e\u0301'), 'other e\u0301');
});

test('C13, C14: public suffixes are known, registries’ and private ones', () => {
  for (const suffix of ['com', 'es', 'gob.es', 'co.uk', 'duckdns.org', 'github.io', 's3.amazonaws.com', 'xn--55qx5d.cn']) {
    assert.ok(isPublicSuffix(suffix), suffix);
    assert.equal(registrableDomain(suffix), undefined, suffix);
  }
  assert.ok(!isPublicSuffix('example.com'));
  assert.equal(registrableDomain('a.b.example.co.uk'), 'example.co.uk');
  assert.equal(registrableDomain('x.foo.github.io'), 'foo.github.io');
});

test('a value read by kind is the same as by type, and kinds are not mixed up', () => {
  assert.equal(canonicaliseKind('ip', '1.2.3.0/24').ok, false);
  assert.equal(canonicaliseKind('net', '1.2.3.4').ok, false);
  assert.equal(canonicaliseKind('hash', 'a1'.repeat(16)).ok, false);
  assert.equal(canonicaliseKind('cve', 'GHSA-1').ok, false);
  for (const [type, raw] of samples) {
    const read = canonicalise(type, raw);
    assert.ok(read.ok);
    const again = canonicaliseKind(read.kind, read.value);
    assert.ok(again.ok, `${read.kind} ${read.value}`);
    assert.equal(again.kind, read.kind);
    assert.equal(again.value, read.value);
  }
});

const samples: readonly (readonly [string, string])[] = [
  ['ip-dst', '::ffff:1.2.3.4'],
  ['ip-dst', '2001:DB8::/32'],
  ['domain', 'Ñ.es'],
  ['url', 'HTTP://X.com:80'],
  ['email', 'A@B.com'],
  ['sha512/224', 'A1'.repeat(28)],
  ['ssdeep', '3:a:b'],
  ['x509-fingerprint-md5', 'a1'.repeat(16)],
  ['ja3-fingerprint-md5', 'A1'.repeat(16)],
  ['ja4', 't13d1516h2_8daaf6152771_b186095e22b6'],
  ['filename', 'a.exe'],
  ['regkey', 'HKLM\\X\\Y'],
  ['mutex', 'm'],
  ['btc', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa'],
  ['AS', '123'],
  ['vulnerability', 'cve-2024-1234'],
  ['yara', 'rule x {}'],
  ['comment', 'x'],
];

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.string({ maxLength: 80 }),
  fc.stringMatching(/^[0-9a-fx.:/%[\]]{0,40}$/),
  fc.stringMatching(/^[a-zA-Z0-9._@:/\\|?#-]{0,60}$/),
  fc.constantFrom(...samples.map(([, raw]) => raw)),
  fc.webUrl(),
  fc.emailAddress(),
  fc.domain(),
  fc.ipV6(),
);

test('property: never throws, and what is accepted reads back as itself', () => {
  const plainTypes = [...attributeTypes, 'ja4', 'nonsense'];
  fc.assert(
    fc.property(fc.constantFrom(...plainTypes), anyText, (type, raw) => {
      const once = canonicalise(type, raw);
      if (!once.ok) return assert.match(once.code, /^[a-z0-9_]+$/);
      const byKind = canonicaliseKind(once.kind, once.value);
      assert.ok(byKind.ok, `${once.kind} ${JSON.stringify(once.value)}: ${byKind.ok ? '' : byKind.code}`);
      assert.equal(byKind.value, once.value);
      if (type.includes('|') || type === 'malware-sample') return undefined;
      const twice = canonicalise(type, once.value);
      assert.ok(twice.ok, `${type} ${JSON.stringify(once.value)}: ${twice.ok ? '' : twice.code}`);
      assert.equal(twice.value, once.value);
      assert.equal(twice.kind, once.kind);
      return undefined;
    }),
    { numRuns: 20_000 },
  );
});
