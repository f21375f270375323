import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalise, extract, findingsMax } from './index.ts';

test('findings are in order of appearance, once per value, and point to where they stand in the text as given', () => {
  const text = 'First hxxp://b[.]example-bad[.]com/x, then 203.0.113[.]5 and B.example-bad.com; again 203.0.113.5.';
  const findings = extract(text);
  assert.deepEqual(
    findings.map(({ type, value, defanged, start, end }) => ({ type, value, defanged, written: text.slice(start, end) })),
    [
      { type: 'url', value: 'http://b.example-bad.com/x', defanged: true, written: 'hxxp://b[.]example-bad[.]com/x' },
      { type: 'ip-dst', value: '203.0.113.5', defanged: true, written: '203.0.113[.]5' },
      { type: 'hostname', value: 'B.example-bad.com', defanged: false, written: 'B.example-bad.com' },
    ],
  );
});

test('a URL is one finding: its host is not reported a second time, but is when it also stands alone', () => {
  assert.deepEqual(
    extract('http://one-bad.com/a').map(({ type }) => type),
    ['url'],
  );
  assert.deepEqual(
    extract('http://one-bad.com/a and one-bad.com').map(({ type }) => type),
    ['url', 'domain'],
  );
});

test('a second, clear mention settles a doubtful first one', () => {
  assert.equal(extract('We saw strange-name.net there')[0]?.confidence, 'maybe');
  assert.equal(extract('We saw strange-name.net there\nstrange-name[.]net')[0]?.confidence, 'sure');
});

test('own names are dropped in a signature and kept elsewhere; foreign ones in a signature are doubtful', () => {
  const text = 'Look at www.own-soc.es\n\nSaludos,\nAna\nana@own-soc.es\nbad-in-signature.com';
  const own = { domains: ['own-soc.es'] };
  assert.deepEqual(
    extract(text, { own }).map(({ value, context, confidence }) => [value, context, confidence]),
    [
      ['www.own-soc.es', undefined, 'sure'],
      ['bad-in-signature.com', 'signature', 'maybe'],
    ],
  );
  assert.equal(extract(text).length, 3);
});

test('own people are dropped from mail headers, others are kept', () => {
  const text = 'From: ana@own-soc.es\nTo: eve@bad-mail.net';
  assert.deepEqual(
    extract(text, { own: { domains: [], people: ['Ana@own-soc.es'] } }).map(({ value }) => value),
    ['eve@bad-mail.net'],
  );
});

const pieces = fc.constantFrom(
  'hxxp://',
  'http://',
  '[.]',
  '(dot)',
  ' dot ',
  '.',
  '\\.',
  '[:]',
  '://',
  '@',
  '[at]',
  ' (at) ',
  'evil',
  'com',
  '1.2.3.4',
  '::1',
  '2001:db8::',
  '/24',
  '/',
  '|',
  '\n',
  ' ',
  '-- \n',
  '\u200b',
  'HKLM\\',
  'C:\\',
  'a'.repeat(64),
  'ñ',
  '\ud800',
  '\0',
  'CVE-2024-1234',
  'AS64500',
  'mutex "',
  '"',
  '[',
  ']',
  '(',
  ')',
  '{',
  '}',
  '<',
  '>',
  '%',
  '.exe',
  'xn--',
  '٣',
  ':',
  '-',
  '_',
);

test('property: never throws; every finding is what its type and value say, and lies inside the text', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.array(pieces, { maxLength: 40 }).map((list) => list.join('')),
      ),
      (text) => {
        let last = 0;
        for (const finding of extract(text)) {
          assert.deepEqual(canonicalise(finding.type, finding.value), finding.canonical);
          assert.ok(finding.start >= last && finding.end > finding.start && finding.end <= text.length, JSON.stringify(finding));
          last = finding.start;
        }
      },
    ),
    { numRuns: 5000 },
  );
});

test('property: defanging a value in any of the usual ways does not change what is found', () => {
  const dots = fc.constantFrom('[.]', '(.)', '{.}', '[dot]', '(dot)', ' [.] ', '[ . ]', '\\.');
  const domain = fc.constantFrom('evil-one.com', 'a.b.evil-two.es', 'xn--mnchen-3ya.de', '203.0.113.9');
  fc.assert(
    fc.property(domain, dots, fc.constantFrom('Seen: ', '- ', '"', '('), (name, dot, lead) => {
      const written = name.replaceAll('.', () => dot);
      const [finding, ...rest] = extract(`${lead}${written} today`);
      assert.equal(finding?.value, name);
      assert.equal(finding?.defanged, true);
      assert.deepEqual(rest, []);
    }),
  );
});

/** Each repeats something that a careless scanner would read again from every place. The limit is for a hung test, not a measurement. */
const hostile: readonly string[] = [
  'a',
  '.',
  'a.',
  '-',
  '@',
  'a@',
  '://',
  'a://',
  'http://a',
  '[.]',
  'a[.]',
  ' ',
  ' dot ',
  'a dot ',
  '(',
  '[',
  'HKLM\\',
  'HKLM\\a b ',
  'C:\\',
  'C:\\a b',
  ':',
  '1:',
  '1.',
  '1.1.1.1',
  '0',
  'f:',
  'AA:',
  'CVE-',
  'AS',
  '1A',
  '\\',
  '\\.',
  '%',
  '\n',
  '-- \n',
  'mutex ',
  'mutex "',
  'a.com ',
  'a-1.es,',
  '0123456789abcdef',
  '3:aaaaaa:',
  'GET /',
  'x.zip ',
  '\u200b',
  'xn--a.',
  '[a](',
  '|',
  '<',
  '"',
  "'",
  'versions 1.2.3.4, ',
];

test('hostile repetition is read in linear time, and findings are bounded', { timeout: 120_000 }, () => {
  for (const piece of hostile) {
    const text = piece.repeat(Math.ceil(100_000 / piece.length));
    assert.ok(extract(text).length <= findingsMax);
  }
  const many = Array.from({ length: findingsMax + 50 }, (_, i) => `host${i}.example-many.com`).join('\n');
  assert.equal(extract(many).length, findingsMax);
});
