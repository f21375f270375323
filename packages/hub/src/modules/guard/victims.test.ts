import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type OwnPerson, ownData, withhold } from './victims.ts';

const assets = [
  { kind: 'net', value: '130.206.0.0/16' },
  { kind: 'net', value: '2001:720:418::/48' },
  { kind: 'domain', value: 'hospital-uno.es' },
  { kind: 'domain', value: 'xn--seal-hqa.es' },
] as const;
const people: readonly OwnPerson[] = [
  { name: 'Ana García López', mails: ['Ana.Garcia@hospital-uno.es', 'ana@private.net'] },
  { name: 'Iñigo de la Torre', mails: ['itorre@hospital-uno.es'] },
  { name: 'María José García García', mails: ['soporte@private.net', 'u483201@private.net'] },
];
const own = ownData({ assets, people });
const told = (text: string): string => withhold(text, own.inText(text));

test('own data: names of people go, whatever their case, accents, order and small words', () => {
  for (const [text, becomes] of [
    ['Phishing against Ana García López', 'Phishing against [withheld]'],
    ['phishing against ANA GARCIA.', 'phishing against [withheld].'],
    ['opened by García López, Ana on Monday', 'opened by [withheld] on Monday'],
    ['opened by López, Ana', 'opened by [withheld]'],
    ['nomina_ANA-GARCIA_LOPEZ.docx', 'nomina_[withheld].docx'],
    ['Inigo de la Torre and Torre, Iñigo', '[withheld] and [withheld]'],
    ['In\u0303igo Torre', '[withheld]'],
    ['Ａｎａ Ｇａｒｃíａ', '[withheld]'],
    ['Ana\n  García', '[withheld]'],
    ['seen by García García', 'seen by [withheld]'],
    ['to ana.garcia@evil.top', 'to [withheld]@evil.top'],
  ] as const)
    assert.equal(told(text), becomes, text);
});

test('own data: one word of a name is nobody, and neither are two words that are not one beside the other', () => {
  for (const text of [
    'Ana wrote to García about López.',
    'Torre de control, Ana',
    'García, the family of bankers',
    'The tower (la Torre) of Iñiguez',
    'Ananas Garciamos',
    'Anagarcía',
    'banana garcia',
    'Ana - - - - - García',
    'itorres and soporte and ana',
    'soporte@evil.top wrote',
    'victory of itorrenueva.es',
  ])
    assert.equal(told(text), text);
  assert.deepEqual(ownData({ assets: [], people: [{ name: 'Ana', mails: [] }] }).inText('Ana, Ana and Ana'), []);
});

test('own data: mail addresses go whole, and what stands before the @ where it names somebody', () => {
  for (const [text, becomes] of [
    ['Mail to <ana@private.net>.', 'Mail to <[withheld]>.'],
    ['ANA+shop@Private.NET!', '[withheld]!'],
    ['ana[@]private[.]net and ana(at)private.net', '[withheld] and [withheld]'],
    ['user itorre logged in', 'user [withheld] logged in'],
    ['C:\\Users\\itorre\\x.exe', 'C:\\Users\\[withheld]\\x.exe'],
    ['account U483201', 'account [withheld]'],
    ['anyone@hospital-uno.es', '[withheld]'],
  ] as const)
    assert.equal(told(text), becomes, text);
});

test('own data: declared addresses and names go in every spelling, with the page or port behind them', () => {
  for (const [text, becomes] of [
    ['It came from 130.206.9.9, then from mail.hospital-uno.es.', 'It came from [withheld], then from [withheld].'],
    ['130[.]206[.]9[.]9 and 130.206.9.9:443', '[withheld] and [withheld]'],
    ['hxxps://vpn[.]hospital-uno[.]es/login?u=7 was open', '[withheld] was open'],
    ['(see https://MAIL.Hospital-Uno.es:8443/owa?x=1)', '(see [withheld])'],
    ['to 2001:720:418::25, 2001:720:418:7::/64', 'to [withheld], [withheld]'],
    ['130.206.3.0/24 whole', '[withheld] whole'],
    ['señal.es and xn--seal-hqa.es', '[withheld] and [withheld]'],
  ] as const)
    assert.equal(told(text), becomes, text);
  for (const text of [
    'hospital-uno.es.evil.top',
    'myhospital-uno.es',
    '45.95.147.236 and 131.206.0.1',
    'hospital-uno, of the town',
    '2001:720:419::25',
    'v130.206',
  ])
    assert.equal(told(text), text);
});

test('own data: values are held for the same reasons, and digests for none', () => {
  const reason = (kind: Parameters<typeof own.inValue>[0], value: string) => own.inValue(kind, value)?.reason;
  assert.equal(reason('ip', '130.206.3.3'), 'own_asset');
  assert.equal(reason('net', '130.206.3.0/24'), 'own_asset');
  assert.equal(reason('domain', 'mail.hospital-uno.es'), 'own_asset');
  assert.equal(reason('url', 'https://mail.hospital-uno.es:8443/owa?x=1'), 'own_asset');
  assert.equal(reason('url', 'https://evil.top/?u=ana%40private.net'), 'person_mail');
  assert.equal(reason('url', 'https://evil.top/Ana%20Garc%C3%ADa'), 'person_name');
  assert.equal(reason('url', 'https://evil.top/%zz%ff'), undefined);
  assert.equal(reason('email', 'ana@private.net'), 'person_mail');
  assert.equal(reason('filename', 'nomina_ANA-GARCIA_LOPEZ.docx'), 'person_name');
  assert.equal(reason('ip', '45.95.147.236'), undefined);
  assert.equal(reason('domain', 'hospital-uno.es.evil.top'), undefined);
  assert.equal(reason('hash', 'md5:9e107d9d372bb6826bd81d3542a419d6'), undefined);
});

test('own data: what is too long to be searched does not leave', () => {
  const long = `${'word '.repeat(840_000)}Ana García`;
  const out = told(long);
  assert.ok(!out.includes('García') && out.endsWith('[withheld]'));
});

test('own data: any text with somebody in it loses the name and keeps the rest', () => {
  const filler = fc.constantFrom(
    'seen',
    'at',
    'evil[.]xyz',
    '185.220.101.7',
    '«',
    '—',
    '\n',
    'http://kit-evil.xyz/a?b=c',
    'é',
    '😀',
    '@',
    '%',
  );
  const secret = fc.constantFrom('Ana García', 'lópez, ana', 'ana@private.net', '130.206.1.1', 'vpn[.]hospital-uno[.]es', 'itorre');
  fc.assert(
    fc.property(fc.array(filler), secret, fc.array(filler), (before, one, after) => {
      const text = [...before, one, ...after].join(' ');
      const out = told(text);
      assert.ok(!out.includes(one), out);
      for (const word of [...before, ...after]) assert.ok(out.includes(word), `${word} in ${out}`);
      assert.equal(told(out), out, 'what is told holds nothing more');
    }),
    { numRuns: 500 },
  );
  // The control: an index that knows nobody withholds nothing.
  assert.equal(ownData({ assets: [], people: [] }).inText('Ana García').length, 0);
});
