import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalise, extract } from '#values';
import { sentences } from './sentences.ts';
import { laterSentences } from './sentences-later.ts';

const all = [...sentences, ...laterSentences];

const recallFloor = 0.98;
const precisionFloor = 0.99;

test('extract: tricky sentences give what they name, and traps give nothing', (t) => {
  assert.ok(all.length >= 80);
  let expected = 0;
  let found = 0;
  let right = 0;
  let mistyped = 0;
  for (const sentence of all) {
    const wanted = new Set(
      sentence.expected.map((line) => {
        const space = line.indexOf(' ');
        const read = canonicalise(line.slice(0, space), line.slice(space + 1));
        assert.ok(read.ok, `the expectation ${line} has no canonical form`);
        return `${read.kind} ${read.value}`;
      }),
    );
    const findings = extract(sentence.text, sentence.own ? { own: { domains: sentence.own } } : {});
    const got = new Set(findings.map(({ canonical }) => `${canonical.kind} ${canonical.value}`));
    expected += wanted.size;
    found += got.size;
    for (const key of got) {
      if (wanted.has(key)) right++;
      else t.diagnostic(`invented ${key} in: ${sentence.text}`);
    }
    for (const key of wanted) if (!got.has(key)) t.diagnostic(`missed ${key} in: ${sentence.text}`);
    // The types are part of the answer: compared where all values are right.
    const types = findings.map(({ type }) => type).join(' ');
    const wantedTypes = sentence.expected.map((line) => line.slice(0, line.indexOf(' '))).join(' ');
    if (wanted.size === got.size && types !== wantedTypes) {
      mistyped++;
      t.diagnostic(`typed as ${types} and not ${wantedTypes}: ${sentence.text}`);
    }
  }
  t.diagnostic(
    `sentences: ${all.length} texts, ${expected} values expected, recall ${(right / expected).toFixed(4)}, precision ${(right / found).toFixed(4)}`,
  );
  assert.ok(right / expected >= recallFloor, 'recall');
  assert.ok(right / found >= precisionFloor, 'precision');
  assert.equal(mistyped, 0);
});
