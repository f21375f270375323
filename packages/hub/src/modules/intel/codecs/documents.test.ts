import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import type { Parsed } from '../draft.ts';
import { type InputHint, parseInput } from './index.ts';
import { readInThread } from './reader.ts';
import { fixture, sharedFiles } from './testing/shared-data.ts';

async function read(bytes: Buffer, hint: InputHint = {}): Promise<Parsed & { ok: true }> {
  const parsed = await parseInput(bytes, hint);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed;
}
const values = (parsed: Parsed & { ok: true }) => parsed.drafts[0]?.attributes.map((a) => a.value) ?? [];

/** Every finding lies where it says: reading the marked piece alone finds the same. */
function assertOffsets(parsed: Parsed & { ok: true }): void {
  assert.ok(parsed.text !== undefined && parsed.findings !== undefined && parsed.findings.length > 0);
  for (const { start, end } of parsed.findings)
    assert.ok(start < end && end <= parsed.text.length && parsed.text.slice(start, end).trim() !== '');
}

test('the format is told from name, type or content', async () => {
  for (const [name, format] of [
    ['documents/page.html', 'html'],
    ['documents/message.eml', 'eml'],
    ['documents/report.pdf', 'pdf'],
    ['documents/report.md', 'text'],
    ['misp/whole-event.json', 'misp'],
    ['misp/loose-scalars.json', 'misp'],
    ['misp/bare-event.json', 'misp'],
    ['stix/bundle-2.1.json', 'stix'],
    ['stix/bundle-2.0.json', 'stix'],
  ] as const)
    assert.equal((await read(fixture(name))).format, format, name);
  assert.equal((await read(fixture('documents/report.md'), { fileName: 'x.md' })).format, 'markdown');
  assert.equal((await read(Buffer.from('value;type\none.example;domain\n'))).format, 'csv');
  assert.equal((await read(Buffer.from('198.51.100.7\none.example\n'))).format, 'csv');
  assert.equal((await read(Buffer.from('198.51.100.7\none.example\nand then this sentence\nmore text'))).format, 'text');
  assert.equal((await read(Buffer.from('From: us\nTo: you\nWe saw 198.51.100.7'))).format, 'text');
  assert.equal((await parseInput(Buffer.from('{"Event": {'))).ok, false);
});

test('a page is read as its reader sees it, with the addresses behind links; scripts, styles, images and frames are not', async () => {
  const parsed = await read(fixture('documents/page.html'));
  assert.deepEqual([parsed.drafts[0]?.info, parsed.drafts[0]?.tlp], ['Informe Sobre Una Campaña', 'green']);
  assert.deepEqual(
    values(parsed).sort(),
    ['198.51.100.23', '9ffd23ef88c7660f8b400d5b47db3ddfbf1a0d8bd13a0e1f06ed8fdbdc46c810', 'https://landing.example/Pago?id=1'].sort(),
  );
  assertOffsets(parsed);
});

test("a message is read with its sender's side, both bodies and its files, but not with its recipients", async () => {
  const parsed = await read(fixture('documents/message.eml'));
  const draft = parsed.drafts[0] ?? assert.fail();
  assert.deepEqual([draft.info, draft.date], ['Notificación pendiente', '2026-03-17']);
  assert.deepEqual(
    draft.attachments.map((a) => [a.name, a.bytes.toString()]),
    [['factura.iso', 'opaque invented bytes']],
  );
  const found = new Map(draft.attributes.map((a) => [a.value, a]));
  for (const value of ['https://sede-falsa.example/acceso', 'https://otra-sede.example/login'])
    assert.equal(found.get(value)?.toIds, true, value);
  assert.deepEqual([found.get('notificaciones@example.net')?.type, found.get('notificaciones@example.net')?.toIds], ['email-src', false]);
  assert.equal(found.get('cobros@example.org')?.type, 'email-reply-to');
  assert.ok(found.has('203.0.113.50') && found.has('factura.iso'));
  assert.ok(![...found.keys()].some((value) => value.includes('empleada') || value.includes('pixel')));
  assertOffsets(parsed);
});

test('a PDF is read page by page', async () => {
  const parsed = await read(fixture('documents/report.pdf'));
  assert.equal(parsed.drafts[0]?.tlp, 'amber');
  assert.deepEqual(values(parsed), ['http://c2.report.example/gate.php', '7734eb80d3306a5e0353467f1bae2c17', '203.0.113.99']);
  assertOffsets(parsed);
});

test('a text keeps its title and markings, and what stands in a signature is shown and not acted upon', async () => {
  const parsed = await read(fixture('documents/report.md'), { own: { domains: ['own-soc.example'] } });
  const draft = parsed.drafts[0];
  assert.deepEqual([draft?.info, draft?.tlp, draft?.pap], ['Campaña **Garza** (invented)', 'amber+strict', 'green']);
  assert.deepEqual(values(parsed), ['https://cdn.garza.example/l.bin', '203.0.113.101']);
  assertOffsets(parsed);
});

const shared = sharedFiles('reports', '.txt');
test('real reports are read, and their values lie where they say', { skip: shared.skip }, async () => {
  for (const file of shared.files) {
    const parsed = await read(file.bytes(), { fileName: file.name });
    assert.ok(values(parsed).length > 10, file.name);
    if (parsed.format === 'text') assertOffsets(parsed);
  }
});

test('a document that takes too long or too much is given up, and the hub goes on', async () => {
  // 1 GiB of zeros, packed twice, as the content of a page.
  const bomb = deflateSync(deflateSync(Buffer.alloc(256 * 1024 * 1024)));
  const pdf = Buffer.concat([
    Buffer.from(
      `%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>\nendobj\n4 0 obj\n<</Length ${bomb.length}/Filter[/FlateDecode/FlateDecode]>>\nstream\n`,
    ),
    bomb,
    Buffer.from('\nendstream\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n'),
  ]);
  const reply = await readInThread('pdf', pdf, { maxBufferBytes: 64 * 1024 * 1024, maxMs: 10_000 });
  assert.ok(!reply.ok && /takes too/.test(reply.message), JSON.stringify(reply).slice(0, 200));
  const slow = await readInThread('pdf', fixture('documents/report.pdf'), { maxMs: 1 });
  assert.ok(!slow.ok && /too long/.test(slow.message));
});

test('deep and endless pages are read, or given up in time', async () => {
  const hostile = [
    '<div>'.repeat(50_000),
    '<a href="'.repeat(100_000),
    '<table><tr><td>'.repeat(200_000),
    '<!--'.repeat(200_000),
    '&'.repeat(1_000_000),
  ];
  for (const html of hostile) {
    const reply = await readInThread('html', Buffer.from(`<html>${html}`), { maxMs: 1_500 });
    assert.ok(reply.ok || /too/.test(reply.message), JSON.stringify(reply).slice(0, 200));
  }
});

test('what is empty, too large or locked is refused with a reason', async () => {
  for (const [bytes, hint] of [
    [Buffer.alloc(0), {}],
    [Buffer.alloc(9 * 1024 * 1024, 'a'), { format: 'text' }],
    [Buffer.from('%PDF-1.4 nothing'), {}],
    [Buffer.from(''), { format: 'eml' }],
    [Buffer.from('\r\n'), { format: 'eml' }],
  ] as [Buffer, InputHint][]) {
    const parsed = await parseInput(bytes, hint);
    assert.ok(!parsed.ok && (parsed.problems[0]?.message.length ?? 0) > 10, JSON.stringify(parsed).slice(0, 200));
  }
});
