import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardRulesMarkdown, ruleTexts } from './documentation.ts';
import { addSpread, emptySpread, judgeSpread, spreadLimits } from './spread.ts';

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

test('documentation: names every rule once', () => {
  const text = guardRulesMarkdown();
  for (const rule of Object.keys(ruleTexts)) assert.equal(text.split(`| \`${rule}\` |`).length, 2, rule);
});
