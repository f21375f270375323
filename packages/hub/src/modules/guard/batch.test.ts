import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardRulesMarkdown, ruleTexts } from './documentation.ts';
import { judgeTargets } from './resolved.ts';
import { addSpread, emptySpread, judgeSpread, spreadLimits } from './spread.ts';
import { assembleTables, builtinTables } from './tables.ts';
import { victimData } from './victims.ts';

const range = (count: number, make: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => make(i));

test('C03: many narrow networks that add up to a wide one are held, scattered ones pass', () => {
  assert.equal(judgeSpread(range(16, (i) => `45.95.${i}.0/24`)), undefined);
  assert.equal(judgeSpread(range(17, (i) => `45.95.${i}.0/24`))?.rule, 'spread');
  assert.equal(judgeSpread(range(256, (i) => `45.95.${i}.0/24`))?.verdict, 'hold');
  assert.equal(judgeSpread(range(60, (i) => `45.${i}.7.0/24`)), undefined);
  assert.equal(judgeSpread(range(65, (i) => `45.${i}.7.0/24`))?.rule, 'spread');
  assert.equal(judgeSpread(range(256, (i) => `2a0b:f4c2:${i.toString(16)}::/48`)), undefined);
  assert.equal(judgeSpread(range(257, (i) => `2a0b:f4c2:${i.toString(16)}::/48`))?.rule, 'spread');
  assert.equal(judgeSpread(['2a0b:f4c2::/37'])?.rule, 'spread');
});

test('C03: what is blocked already counts, and repetitions do not', () => {
  const before = addSpread(
    emptySpread,
    range(16, (i) => `45.95.${i}.0/24`),
  );
  assert.equal(judgeSpread(['45.95.200.0/24'], before)?.rule, 'spread');
  assert.equal(judgeSpread(['45.96.200.0/24'], before), undefined);
  assert.equal(addSpread(emptySpread, ['45.95.1.0/24', '45.95.1.0/24', '45.95.1.7', '45.95.1.128/25']).v4Addresses, 256);
  const full = { ...emptySpread, v4Addresses: spreadLimits.v4Total };
  assert.equal(judgeSpread(['45.95.147.236'], full)?.rule, 'spread');
  assert.equal(judgeSpread(['2a0b:f4c2::1'], full), undefined);
});

test('C20: a name that points at something guarded is held', () => {
  const tables = assembleTables(builtinTables(), { own: [{ kind: 'domain', value: 'hub.rebato-red.es' }] });
  const marking = { tlp: 'green', pap: 'green' } as const;
  assert.equal(judgeTargets(['45.95.147.236'], marking, tables).verdict, 'pass');
  for (const target of ['127.0.0.1', '10.0.0.1', '104.16.1.1', 'hub.rebato-red.es', '64:ff9b::7f00:1', 'not canonical']) {
    const verdict = judgeTargets(['45.95.147.236', target], marking, tables);
    assert.equal(verdict.verdict === 'hold' && verdict.rule, 'resolves', target);
  }
  assert.equal(judgeTargets(['evil.github.io', 's3.amazonaws.com'], marking, tables).verdict, 'pass');
});

const own = {
  assets: [
    { kind: 'net', value: '130.206.0.0/16' },
    { kind: 'domain', value: 'hospital-uno.es' },
  ],
  people: [{ name: 'Ana García López', mails: ['Ana.Garcia@hospital-uno.es', 'ana@private.net'] }],
} as const;

test('victimData: finds the own addresses, names, mailboxes and people, however they stand in the text', () => {
  const reasons = (kind: 'ip' | 'net' | 'url' | 'email' | 'filename' | 'domain' | 'text', value: string) =>
    [...new Set(victimData([{ kind, value }], own).map((hit) => hit.reason))].sort().join(' ');
  assert.equal(reasons('ip', '130.206.3.3'), 'own_asset');
  assert.equal(reasons('net', '130.206.3.0/24'), 'own_asset');
  assert.equal(reasons('domain', 'mail.hospital-uno.es'), 'own_asset');
  assert.equal(reasons('url', 'https://mail.hospital-uno.es:8443/owa?x=1'), 'own_asset');
  assert.equal(reasons('email', 'ana@private.net'), 'person_mail');
  assert.equal(reasons('email', 'Ana.Garcia@Hospital-Uno.es'), 'own_asset person_mail');
  assert.equal(reasons('filename', 'nomina_ANA-GARCIA_LOPEZ.docx'), 'person_name');
  assert.equal(reasons('text', 'The user García López, Ana? No: Ana Garcia Lopez opened it from 130.206.9.9.'), 'own_asset person_name');
  assert.equal(reasons('text', 'It came from 130.206.9.9, then from mail.hospital-uno.es.'), 'own_asset');
  assert.equal(reasons('text', 'Mail to <ana@private.net>.'), 'person_mail');
});

test('victimData: leaves everything else alone', () => {
  const clean = [
    { kind: 'ip', value: '45.95.147.236' },
    { kind: 'domain', value: 'hospital-uno.es.evil.top' },
    { kind: 'domain', value: 'myhospital-uno.es' },
    { kind: 'email', value: 'ana.garcia@evil.top' },
    { kind: 'text', value: 'Ana wrote to García about López.' },
    { kind: 'hash', value: 'md5:9e107d9d372bb6826bd81d3542a419d6' },
  ] as const;
  assert.deepEqual(victimData(clean, own), []);
  const mixed = victimData([...clean, { kind: 'ip', value: '130.206.1.1' }], own);
  assert.deepEqual(mixed, [{ index: clean.length, reason: 'own_asset', found: '130.206.0.0/16' }]);
});

test('documentation: names every rule once', () => {
  const text = guardRulesMarkdown();
  for (const rule of Object.keys(ruleTexts)) assert.equal(text.split(`| \`${rule}\` |`).length, 2, rule);
});
