import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepts, refuses } from '#test/corpus/canonical-expectations';
import { canonicalise } from './index.ts';

test('URLs: scheme, host and default port are normalised, the path is kept byte for byte', () => {
  accepts('url', {
    'HTTP://Example.COM': 'url http://example.com/',
    'http://example.com:80/A/../b?Q=1#F': 'url http://example.com/A/../b?Q=1#F',
    'https://example.com:443?x': 'url https://example.com/?x',
    'https://example.com:8443/%7Ea//b': 'url https://example.com:8443/%7Ea//b',
    'https://example.com./': 'url https://example.com/',
    'ftp://user:pw@example.com/x': 'url ftp://user:pw@example.com/x',
    'http://1.2.3.4/x': 'url http://1.2.3.4/x',
    'http://[2001:DB8::1]:8080/x': 'url http://[2001:db8::1]:8080/x',
    'http://[::ffff:1.2.3.4]/': 'url http://1.2.3.4/',
    'http://münchen.de/ü': 'url http://xn--mnchen-3ya.de/ü',
    'tcp://example.com:4444': 'url tcp://example.com:4444/',
    'http://gov.uk/x': 'url http://gov.uk/x',
    'http://example.com#@evil.com/': 'url http://example.com/#@evil.com/',
  });
});

test('C17: URLs that two readers take apart differently are refused, and a name before @ is flagged', () => {
  const at = canonicalise('url', 'http://good.com@evil.com/');
  assert.ok(at.ok);
  assert.deepEqual(at.flags, ['userinfo']);
  assert.deepEqual(at.parts, [{ ok: true, kind: 'domain', value: 'evil.com' }]);
  refuses('url', {
    'http://good.com\\@evil.com/': 'url_backslash',
    'http:\\\\evil.com': 'url_backslash',
    'ht\ttp://evil.com/': 'url_control',
    'http://evil.com/a\nb': 'url_control',
    'http://evil.com/a b': 'url_space',
    'http://evil.com/a\u00a0b': 'url_space',
    'http://a@b@evil.com/': 'url_userinfo',
    'http://a\u200bb@evil.com/': 'url_userinfo',
    'http://%65vil.com/': 'url_host_encoded',
    'http://[fe80::1%25eth0]/': 'url_host_encoded',
    'http://[::1/': 'url_host',
    'http:///x': 'url_host',
    '//evil.com/x': 'url_scheme',
    'evil.com/x': 'url_scheme',
    'http:evil.com': 'url_slashes',
    'http:/evil.com': 'url_slashes',
    'javascript:alert(1)': 'url_scheme',
    'javascript://evil.com/%0aalert(1)': 'url_scheme',
    'data:text/html,x': 'url_scheme',
    'file:///etc/passwd': 'url_scheme',
    'hxxp://evil.com/': 'url_defanged',
    'http://evil[.]com/': 'domain_defanged',
    'http://evil.com:0/': 'url_port',
    'http://evil.com:65536/': 'url_port',
    'http://evil.com:080/': 'url_port',
    'http://evil.com:80:80/': 'url_port',
    'http://0x7f.1/': 'domain_numeric_tld',
    'http://2130706433/': 'address_dword',
    'http://1.2.3.4./': 'address_shape',
    'http://１.２.３.４/': 'domain_compatibility',
    'http://10.0.0.0/8': 'accepted as url http://10.0.0.0/8',
    'http://localhost/': 'domain_single_label',
  });
});

test('mail addresses keep the local part; what has none, or hides something in it, is refused', () => {
  accepts('email-src', { 'John.Doe+x@Example.COM': 'email John.Doe+x@example.com', 'josé@españa.es': 'email josé@xn--espaa-rta.es' });
  refuses('email', {
    '@gmail.com': 'email_local',
    'a b@x.com': 'email_local',
    'a\u200b@x.com': 'email_local',
    'a@b@x.com': 'email_local',
    'x.com': 'email_shape',
    'a@localhost': 'domain_single_label',
    'a@1.2.3.4': 'domain_numeric_tld',
    'a@[1.2.3.4]': 'domain_character',
  });
});
