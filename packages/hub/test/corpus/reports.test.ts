import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { canonicalise, extract } from '#values';

/**
 * Labels were made by reading the reports line by line. Expected is every distinct address, name, URL, mail address, digest, vulnerability
 * and registry key that stands in the lines, harmless ones too (telling them apart is the guard's task), and file names that stand with a
 * digest or as a path; a path with a placeholder counts by its last part. Not expected: tools of the system, request paths without a host,
 * names of XML schemas, mistyped addresses.
 */
type Label = {
  readonly file: string;
  readonly fromLine: number;
  readonly toLine: number;
  readonly expected: readonly { readonly type: string; readonly value: string }[];
};

const labels = JSON.parse(readFileSync(new URL('labels.json', import.meta.url), 'utf8')) as Label[];
const shared = process.env.REBATO_SHARED ?? new URL('../../../../../shared', import.meta.url).pathname;
const reports = `${shared}/data/reports`;

const recallFloor = 0.98;
const precisionFloor = 0.98;

function keyOf(type: string, value: string): string {
  const read = canonicalise(type, value);
  assert.ok(read.ok, `the label ${type} ${value} has no canonical form`);
  return `${read.kind} ${read.value}`;
}

test('labels: at least 150 values from at least 4 reports', () => {
  assert.ok(labels.reduce((sum, label) => sum + label.expected.length, 0) >= 150);
  assert.ok(new Set(labels.map((label) => label.file)).size >= 4);
});

test('extract: recall and precision on real reports stay above their floors', {
  skip: existsSync(reports) ? false : 'the reports are not at hand; set REBATO_SHARED',
}, (t) => {
  let expected = 0;
  let found = 0;
  let right = 0;
  for (const label of labels) {
    const lines = readFileSync(`${reports}/${label.file}`, 'utf8').split('\n');
    const wanted = new Set(label.expected.map(({ type, value }) => keyOf(type, value)));
    const got = new Set(
      extract(lines.slice(label.fromLine - 1, label.toLine).join('\n')).map(({ canonical }) => `${canonical.kind} ${canonical.value}`),
    );
    expected += wanted.size;
    found += got.size;
    for (const key of got) {
      if (wanted.has(key)) right++;
      else t.diagnostic(`invented in ${label.file}:${label.fromLine}: ${key}`);
    }
    for (const key of wanted) if (!got.has(key)) t.diagnostic(`missed in ${label.file}:${label.fromLine}: ${key}`);
  }
  const recall = right / expected;
  const precision = right / found;
  t.diagnostic(`reports: ${expected} values expected, ${found} found, recall ${recall.toFixed(4)}, precision ${precision.toFixed(4)}`);
  assert.ok(recall >= recallFloor, `recall ${recall}`);
  assert.ok(precision >= precisionFloor, `precision ${precision}`);
});
