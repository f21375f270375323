import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import type { Parsed } from '../draft.ts';
import { decodeBase64 } from './base64.ts';
import { parseCsv } from './csv.ts';
import { detectFormat } from './detect.ts';
import { notEncryptedZip } from './encrypted-zip.ts';
import { htmlToPlain } from './html-plain.ts';
import { readJson } from './json.ts';
import { walkJson } from './json-position.ts';
import { mailToPlain } from './mail-plain.ts';
import { parseMisp } from './misp.ts';
import { toMisp } from './misp-export.ts';
import { parseStix } from './stix.ts';
import { toStix } from './stix-export.ts';
import { parsePattern } from './stix-pattern.ts';
import { valuesOfPattern } from './stix-values.ts';
import { bent, mutated } from './testing/mutate.ts';
import { fixture } from './testing/shared-data.ts';
import { parseText } from './text.ts';

const numRuns = 2_000;
const anyText = fc.string({ unit: 'binary', maxLength: 300 });
const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const json = (value: unknown) => Buffer.from(JSON.stringify(value) ?? '');
const document = (path: string): unknown => JSON.parse(fixture(path).toString());
const options = { now: new Date(0), producer: { name: 'x', uuid: '0b5e0001-7a11-4c0d-8e5e-5eed00000001' } };

/** Either drafts that can be stored, or problems that say something. */
function assertSound(parsed: Parsed): void {
  const text = JSON.stringify(parsed);
  assert.ok(text.isWellFormed() && !text.includes('\\u0000') && !text.includes('\0'));
  if (!parsed.ok) assert.ok(parsed.problems.length > 0 && parsed.problems.every((problem) => problem.message !== ''));
}

test('walkJson and JSON.parse agree on what is JSON', () => {
  const broken = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '"', '}', ']', '\\', '0', '\n', 'e', '\u0001'))
    .map(([text, at, by]) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + by + text.slice(from + 1);
    });
  fc.assert(
    fc.property(fc.oneof(fc.json(), broken, anyText), (text) => {
      let good = true;
      try {
        JSON.parse(text);
      } catch {
        good = false;
      }
      const { fault } = walkJson(text);
      assert.equal(fault === undefined, good, text);
      assert.ok(fault === undefined || (fault.offset >= 0 && fault.offset <= text.length));
    }),
    { numRuns },
  );
});

test('readJson takes any bytes, and what it takes can be stored', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyBytes,
        fc.json({ stringUnit: 'binary' }).map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        const read = readJson(bytes);
        if (read.ok) assert.ok(!JSON.stringify(read.value).includes('\\u0000'));
      },
    ),
    { numRuns },
  );
});

test('MISP: any document is read or refused, and what is read comes back out as it went in', () => {
  const events = ['misp/whole-event.json', 'misp/loose-scalars.json'].map((path) => mutated(document(path)));
  fc.assert(
    fc.property(fc.oneof(...events, fc.jsonValue({ stringUnit: 'binary' })), (value) => {
      const parsed = parseMisp(json(value));
      assertSound(parsed);
      if (!parsed.ok) return;
      for (const draft of parsed.drafts) {
        const once = toMisp(draft, { local: true });
        const again = parseMisp(json(once));
        assert.ok(again.ok, JSON.stringify(again));
        assert.deepEqual(toMisp(again.drafts[0] ?? assert.fail(), { local: true }), once);
      }
    }),
    { numRuns },
  );
});

test('STIX: any bundle is read or refused, and what is read can be written', () => {
  const bundles = ['stix/bundle-2.1.json', 'stix/bundle-2.0.json'].map((path) => mutated(document(path)));
  fc.assert(
    fc.property(fc.oneof(...bundles, fc.jsonValue({ stringUnit: 'binary' })), (value) => {
      const parsed = parseStix(json(value));
      assertSound(parsed);
      if (parsed.ok) for (const draft of parsed.drafts) assert.ok(Array.isArray(toStix(draft, options).objects));
    }),
    { numRuns },
  );
});

test('STIX patterns: any text is read or refused', () => {
  const word = fc.constantFrom(
    '[',
    ']',
    '(',
    ')',
    "'a'",
    'url:value',
    '=',
    'AND',
    'OR',
    'NOT',
    'IN',
    'FOLLOWEDBY',
    'WITHIN',
    '5',
    'SECONDS',
    'file:hashes.MD5',
    "t'x'",
    ',',
    '*',
    'EXISTS',
    ' ',
    "'",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        fc.array(word, { maxLength: 60 }).map((words) => words.join(' ')),
      ),
      (pattern) => {
        const parsed = parsePattern(pattern);
        if (!parsed.ok) assert.ok(parsed.fault.at <= pattern.length && parsed.fault.message !== '');
        valuesOfPattern(pattern);
      },
    ),
    { numRuns: numRuns * 2 },
  );
});

test('CSV: any text is read or refused', () => {
  const cell = fc.constantFrom(
    'value',
    'type',
    'tags',
    'tlp',
    ',',
    ';',
    '\t',
    '\n',
    '\r\n',
    '"',
    '""',
    'domain',
    'one.example',
    '1.2.3.4',
    'hxxp://a[.]example',
    '#',
    ' ',
    'amber',
    'x:y="z"',
    '\0',
    '\ud800',
    '__proto__',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        anyBytes,
        anyText.map((text) => Buffer.from(text)),
        fc.array(cell, { maxLength: 60 }).map((cells) => Buffer.from(cells.join(''))),
      ),
      (bytes) => {
        assertSound(parseCsv(bytes));
      },
    ),
    { numRuns },
  );
});

test('texts: any bytes are read, and findings lie inside the text', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyBytes,
        anyText.map((text) => Buffer.from(text)),
        bent(fixture('documents/report.md')),
      ),
      (bytes) => {
        const parsed = parseText(bytes);
        assertSound(parsed);
        assert.ok(parsed.ok && parsed.text !== undefined);
        for (const { start, end } of parsed.findings ?? []) assert.ok(0 <= start && start < end && end <= parsed.text.length);
      },
    ),
    { numRuns },
  );
});

test('pages: any text is read', () => {
  const tag = fc.constantFrom(
    '<p>',
    '</p>',
    '<a href="',
    '">',
    '<table>',
    '<tr>',
    '<td colspan="999999999">',
    '<td rowspan="99999">',
    '<script>',
    '<!--',
    '&#xFFFFFFFF;',
    '&lt',
    '<ol start="1e9">',
    '<li>',
    'text',
    '<![CDATA[',
    '<svg>',
    '\0',
    "'",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        fc.array(tag, { maxLength: 80 }).map((tags) => tags.join('')),
      ),
      (html) => void htmlToPlain(html),
    ),
    { numRuns },
  );
});

test('messages: any bytes are read or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(anyBytes, bent(fixture('documents/message.eml'))), async (bytes) => {
      await mailToPlain(bytes).catch(() => undefined);
    }),
    { numRuns },
  );
});

test('PDFs: any bytes are read or refused', async () => {
  const samples = fc.sample(fc.oneof(anyBytes, bent(fixture('documents/report.pdf'))), numRuns);
  // In a thread, as in earnest: the library leaves rejected promises behind, which the thread is made to bear.
  const worker = new Worker(new URL('./testing/pdf-thread.ts', import.meta.url), { workerData: samples });
  const [answers] = (await once(worker, 'message')) as [number];
  assert.equal(answers, numRuns);
  await worker.terminate();
});

test('formats, base64 and archives: any bytes get an answer', () => {
  const zip = Buffer.from('504b0304', 'hex');
  fc.assert(
    fc.property(anyBytes, anyText, (bytes, text) => {
      detectFormat(bytes, { fileName: text, contentType: text });
      decodeBase64(text, 100);
      assert.notEqual(notEncryptedZip(Buffer.concat([zip, bytes])), undefined);
    }),
    { numRuns },
  );
});

test('a megabyte of the worst is answered, by every reader of text', () => {
  const size = 1024 * 1024;
  const fill = (piece: string) => piece.repeat(Math.ceil(size / piece.length));
  const pieces = [
    '[',
    '{"a":',
    '"',
    '\\',
    '[[]',
    '(',
    "'",
    ',',
    ';',
    '"",',
    '\n',
    '0',
    ' ',
    '.',
    'a.',
    'a@',
    '<',
    '#',
    '=',
    'http://',
    '1.',
    ':',
    'TLP:',
    "[a:b = 'c'] OR ",
    '\ud800',
    '\0',
  ];
  for (const piece of pieces) {
    const text = fill(piece);
    const bytes = Buffer.from(text);
    for (const read of [parseMisp, parseStix, parseCsv, parseText]) assertSound(read(bytes));
    parsePattern(text);
    assertSound(
      parseStix(
        json({
          type: 'bundle',
          objects: [{ type: 'indicator', id: 'indicator--0b5e0001-7a11-4c0d-8e5e-5eed10000001', pattern: text.slice(0, size / 2) }],
        }),
      ),
    );
    assertSound(parseMisp(json({ Event: { info: 'x', Attribute: [{ type: 'domain', value: text, data: text, Tag: [{ name: text }] }] } })));
  }
});
