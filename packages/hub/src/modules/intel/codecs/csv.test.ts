import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from '../draft.ts';
import { parseCsv } from './csv.ts';

function read(text: string | Buffer, fileName?: string): Draft {
  const parsed = parseCsv(Buffer.from(text), fileName === undefined ? {} : { fileName });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.drafts[0] ?? assert.fail();
}
const rows = (draft: Draft) => draft.attributes.map((a) => [a.type, a.value]);
function problem(text: string) {
  const parsed = parseCsv(Buffer.from(text));
  assert.ok(!parsed.ok, 'this should have been refused');
  return parsed.problems[0] ?? assert.fail();
}

test('a table with a heading is read, whatever its separator, quotes, encoding and order of columns', () => {
  for (const separator of [',', ';', '\t']) {
    const text = [
      ['value', 'type', 'comment', 'tags', 'first_seen', 'last_seen', 'to_ids', 'tlp'],
      ['one.example', 'domain', '"a, b; ""c"""', '"x:y=""1,2"";tlp:green"', '2026-03-01T10:00:00Z', '', '0', 'amber'],
    ]
      .map((row) => row.join(separator))
      .join('\r\n');
    for (const bytes of [Buffer.from(text), Buffer.from(`\ufeff${text}`), Buffer.from(`\ufeff${text}`, 'utf16le')]) {
      const draft = read(bytes);
      assert.deepEqual(draft.attributes, [
        {
          type: 'domain',
          value: 'one.example',
          toIds: false,
          comment: 'a, b; "c"',
          firstSeen: '2026-03-01T10:00:00Z',
          tlp: 'amber',
          tags: [{ name: 'x:y="1,2"' }, { name: 'tlp:green' }],
        },
      ]);
      assert.equal(draft.tlp, 'amber');
    }
  }
  assert.deepEqual(rows(read('Comentario;Tipo;Indicador\nnada;hash;d41d8cd98f00b204e9800998ecf8427e\n')), [
    ['md5', 'd41d8cd98f00b204e9800998ecf8427e'],
  ]);
});

test('values without heading and type are told by their looks, defanged ones too', () => {
  const list =
    '# a comment\nhxxps://one[.]example/a#b\n198.51.100[.]7\n"two.example"\n\n2001:db8::1\n' +
    'ab'.repeat(32) +
    '\npagos@three.example\n198.51.100.0/24\nCVE-2026-1234\n';
  assert.deepEqual(rows(read(list)), [
    ['url', 'https://one.example/a#b'],
    ['ip-dst', '198.51.100.7'],
    ['domain', 'two.example'],
    ['ip-dst', '2001:db8::1'],
    ['sha256', 'ab'.repeat(32)],
    ['email', 'pagos@three.example'],
    ['ip-dst', '198.51.100.0/24'],
    ['vulnerability', 'CVE-2026-1234'],
  ]);
  const titled = parseCsv(Buffer.from('Malas direcciones\n198.51.100.7\n'), { fileName: 'lista.txt' });
  assert.ok(titled.ok && titled.drafts[0]?.info === 'lista' && titled.warnings[0]?.line === 1 && titled.drafts[0].attributes.length === 1);
});

test('tables without a heading: value and type, type and value, value and remark', () => {
  assert.deepEqual(rows(read('one.example,domain,remark\n')), [['domain', 'one.example']]);
  assert.deepEqual(rows(read('domain,one.example\n')), [['domain', 'one.example']]);
  const [attribute] = read('one.example,seen in March,and more\n').attributes;
  assert.deepEqual([attribute?.comment, attribute?.extra], ['seen in March', { csv: { 'column 3': 'and more' } }]);
});

test("MISP's own CSV export is read with and without its heading", () => {
  const heading =
    'uuid,event_id,category,type,value,comment,to_ids,date,object_relation,attribute_tag,object_uuid,object_name,object_meta_category\n';
  const row =
    '"0b5e0001-7a11-4c0d-8e5e-5eed00000001",871,"Network activity","ip-dst|port","203.0.113.7|80","",1,1773741600,"","tlp:red,x:y=""z""","","",""\n';
  for (const text of [heading + row, row]) {
    const [attribute] = read(text).attributes;
    assert.deepEqual(
      [
        attribute?.uuid,
        attribute?.type,
        attribute?.value,
        attribute?.category,
        attribute?.timestamp,
        attribute?.tlp,
        attribute?.tags.length,
      ],
      ['0b5e0001-7a11-4c0d-8e5e-5eed00000001', 'ip-dst|port', '203.0.113.7|80', 'Network activity', 1773741600, 'red', 2],
    );
  }
});

test('an unknown type is kept with a warning and not made actionable', () => {
  const parsed = parseCsv(Buffer.from('value,type\nx,invented\n'));
  assert.ok(parsed.ok);
  assert.deepEqual([parsed.warnings[0]?.line, parsed.drafts[0]?.attributes[0]?.toIds], [2, false]);
});

test('what is wrong is said with its line, counting lines inside quotes', () => {
  assert.deepEqual(problem('value,type\none.example,domain\nnot an address,ip-dst\n').line, 3);
  assert.deepEqual(problem('value,comment\n"one.example","two\nlines"\nwhatever it is,\n').line, 4);
  assert.match(problem('value,type\n"one.example,domain\n').message, /never closed/);
  assert.match(problem('value,tlp\none.example,purple\n').message, /no TLP level/);
  assert.equal(problem('value,to_ids\none.example,perhaps\n').field, 'to_ids');
  assert.equal(problem('value,first_seen\none.example,yesterday\n').field, 'first_seen');
  assert.equal(problem('value,type\n,domain\n').field, 'value');
  assert.equal(problem('value,uuid\none.example,7\n').field, 'uuid');
  assert.match(problem('value,type\n').message, /no values below/);
  assert.match(problem('').message, /no values/);
  assert.match(problem(`value,type\n${'a,'.repeat(100)}\n`).message, /more than 64 columns/);
});

test('one wrong row refuses the whole file', () => {
  const parsed = parseCsv(Buffer.from('one.example\ntwo words\nthree.example\n'));
  assert.ok(!parsed.ok);
  assert.deepEqual(
    parsed.problems.map((p) => p.line),
    [2],
  );
});
