import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft, Parsed } from '../draft.ts';
import { isObject } from './json.ts';
import { jsonMaxDepth } from './limits.ts';
import { parseMisp, readMispAttribute, readMispObject } from './misp.ts';
import { toMisp, toMispAttribute, toMispObject } from './misp-export.ts';
import { takeNotes } from './notes.ts';
import { normalMisp } from './testing/misp-normal.ts';
import { fixture, fixtureNames, sharedFiles } from './testing/shared-data.ts';

const parse = (value: unknown): Parsed => parseMisp(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
function drafts(parsed: Parsed): readonly Draft[] {
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.drafts;
}
function problem(parsed: Parsed) {
  assert.ok(!parsed.ok, 'this should have been refused');
  return parsed.problems[0] ?? assert.fail();
}
const event = (fields: object) => ({ Event: { info: 'test', ...fields } });
const attribute = (fields: object) => event({ Attribute: [{ type: 'domain', value: 'one.example', ...fields }] });

/** The events of a document, found without the codec. */
function eventsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(eventsOf);
  if (!isObject(value)) return [];
  if (value.response) return eventsOf(value.response);
  return [value.Event ?? value];
}

function assertRoundTrip(bytes: Buffer): void {
  const originals = eventsOf(JSON.parse(bytes.toString()));
  const read = drafts(parseMisp(bytes));
  assert.equal(read.length, originals.length);
  for (const [index, draft] of read.entries()) {
    const once = toMisp(draft, { local: true });
    assert.deepEqual(normalMisp(once.Event, 'Event'), normalMisp(originals[index], 'Event'));
    // What we write, we read as the same again, to the letter.
    const [again] = drafts(parse(once));
    assert.deepEqual(toMisp(again ?? assert.fail(), { local: true }), once);
  }
}

const shared = sharedFiles('misp-events', '.json');
test('every real MISP event comes back out with the content it came in with', { skip: shared.skip }, () => {
  for (const file of shared.files) assertRoundTrip(file.bytes());
});

test('every own sample of the exchange format comes back out with the content it came in with', () => {
  const good = ['whole-event.json', 'bare-event.json', 'list-of-events.json', 'single-response.json'];
  for (const name of good) assertRoundTrip(fixture(`misp/${name}`));
  assert.equal(fixtureNames('misp').length, 9);
});

test('the comparison of the round trip sees what matters', () => {
  const original = (JSON.parse(fixture('misp/whole-event.json').toString()) as { Event: { Attribute: Record<string, unknown>[] } }).Event;
  for (const change of [
    { to_ids: false },
    { value: 'x.example' },
    { comment: '' },
    { deleted: true },
    { distribution: '2' },
    { Tag: [] },
    { first_seen: null },
  ]) {
    const changed = structuredClone(original);
    Object.assign(changed.Attribute[0] ?? {}, change);
    assert.notDeepEqual(normalMisp(changed, 'Event'), normalMisp(original, 'Event'), JSON.stringify(change));
  }
});

test('a whole event is read into its places', () => {
  const [draft] = drafts(parseMisp(fixture('misp/whole-event.json')));
  assert.ok(draft);
  assert.equal(draft.tlp, 'amber');
  assert.equal(draft.pap, 'green');
  assert.equal(draft.distribution, 'community');
  assert.deepEqual(draft.author, { name: 'Invented SOC', uuid: '0b5e0003-7a11-4c0d-8e5e-5eed00000003' });
  assert.equal(draft.attributes[0]?.tlp, 'red');
  assert.equal(draft.attributes[1]?.distribution, 'entity');
  assert.equal(draft.attributes[2]?.distribution, 'group');
  assert.equal(draft.attributes[2]?.deleted, true);
  assert.deepEqual(
    draft.sightings.map((s) => [s.type, s.at.toISOString()]),
    [
      ['seen', '2026-03-17T10:23:20.000Z'],
      ['false_positive', '2026-03-17T10:40:00.000Z'],
    ],
  );
  assert.deepEqual(
    draft.attachments.map((a) => [a.name, a.malware, a.attributeUuid === undefined]),
    [
      ['factura.exe', true, false],
      ['notes.txt', false, false],
    ],
  );
  assert.equal(draft.objects[0]?.references[0]?.relation, 'connects-to');
});

test('numbers, booleans and tags are read as loosely as MISP reads them', () => {
  const [first, second] = drafts(parseMisp(fixture('misp/loose-scalars.json')));
  assert.equal(first?.info, '20260317');
  assert.equal(first?.uuid, '0b5e0065-7a11-4c0d-8e5e-5eed00000065');
  assert.deepEqual([first?.tlp, first?.pap, first?.threatLevel, first?.analysis], ['clear', 'amber', 3, 0]);
  assert.deepEqual(
    first?.attributes.map((a) => [a.value, a.toIds]),
    [
      ['198.51.100.9', false],
      ['443', true],
      ['kept verbatim', false],
    ],
  );
  assert.deepEqual(
    second?.attributes.map((a) => [a.value, a.toIds]),
    [
      ['one.example', true],
      ['two.example', true],
    ],
  );
  assert.deepEqual(
    second?.tags.map((tag) => [tag.name, tag.local]),
    [['tlp:green', true]],
  );
});

test('an attribute of an unknown type is kept with a warning, and is not actionable by default', () => {
  const parsed = parse(attribute({ type: 'invented', value: 'x' }));
  assert.ok(parsed.ok);
  assert.deepEqual(
    parsed.warnings.map((w) => w.field),
    ['Event.Attribute[0].type'],
  );
  assert.deepEqual([parsed.drafts[0]?.attributes[0]?.type, parsed.drafts[0]?.attributes[0]?.toIds], ['invented', false]);
});

test('the narrowest marking wins, and one that nobody knows counts as red', () => {
  const tlp = (...names: string[]) => drafts(parse(event({ Tag: names.map((name) => ({ name })) })))[0]?.tlp;
  assert.equal(tlp('tlp:white', 'TLP:AMBER', 'tlp:green'), 'amber');
  assert.equal(tlp('tlp:amber+strict'), 'amber+strict');
  assert.equal(tlp('TLP:AMBER-STRICT'), 'amber+strict');
  assert.equal(tlp('tlp:purple'), 'red');
  assert.equal(tlp('tlp:ex:chr'), undefined);
  assert.equal(tlp('type:osint'), undefined);
});

test('local tags and the creator stay behind on export, but a local marking never does', () => {
  const [draft] = drafts(
    parse(
      event({
        event_creator_email: 'desk@soc.example',
        Tag: [
          { name: 'desk:mine', local: 1 },
          { name: 'tlp:red', local: 1 },
        ],
      }),
    ),
  );
  const out = toMisp(draft ?? assert.fail()).Event;
  assert.deepEqual(out.Tag, [{ name: 'tlp:red' }]);
  assert.equal('event_creator_email' in out, false);
});

test('a marking that was narrowed after the import replaces the tags of its family', () => {
  const [draft] = drafts(parse(event({ Tag: [{ name: 'tlp:white' }, { name: 'type:osint' }] })));
  const out = toMisp({ ...(draft ?? assert.fail()), tlp: 'amber', pap: 'red' }).Event;
  assert.deepEqual(out.Tag, [{ name: 'type:osint' }, { name: 'tlp:amber' }, { name: 'PAP:RED' }]);
});

test('broken JSON is refused with line and column', () => {
  assert.deepEqual(problem(parseMisp(fixture('misp/broken-syntax.json'))), {
    line: 4,
    column: 5,
    message: 'this is not JSON: a comma is missing here',
  });
});

test('a field of the wrong type refuses the whole file, naming the field and its line', () => {
  const found = problem(parseMisp(fixture('misp/wrong-type.json')));
  assert.equal(found.field, 'Event.Attribute[1].type');
  assert.equal(found.line, 11);
});

test('what is wrong in an event is named by its path', () => {
  const cases: [unknown, string][] = [
    [event({ uuid: 'nonsense' }), 'Event.uuid'],
    [event({ date: '2026-02-30' }), 'Event.date'],
    [event({ threat_level_id: 9 }), 'Event.threat_level_id'],
    [event({ Attribute: 'none' }), 'Event.Attribute'],
    [event({ Attribute: [7] }), 'Event.Attribute[0]'],
    [{ Event: { uuid: '0b5e0001-7a11-4c0d-8e5e-5eed00000001', Attribute: [] } }, 'Event.info'],
    [attribute({ value: '' }), 'Event.Attribute[0].value'],
    [attribute({ value: { a: 1 } }), 'Event.Attribute[0].value'],
    [attribute({ to_ids: 'maybe' }), 'Event.Attribute[0].to_ids'],
    [attribute({ first_seen: 'yesterday' }), 'Event.Attribute[0].first_seen'],
    [attribute({ timestamp: -5 }), 'Event.Attribute[0].timestamp'],
    [attribute({ Tag: [{}] }), 'Event.Attribute[0].Tag[0].name'],
    [attribute({ type: 'attachment', data: '%%%' }), 'Event.Attribute[0].data'],
    [event({ Object: [{ Attribute: [] }] }), 'Event.Object[0].name'],
    [
      event({ Attribute: [1, 2].map(() => ({ type: 'domain', value: 'a.example', uuid: '0b5e0001-7a11-4c0d-8e5e-5eed00000001' })) }),
      'Event.Attribute[1]',
    ],
  ];
  for (const [value, field] of cases) assert.equal(problem(parse(value)).field, field);
});

test('documents that are no events are refused with a reason', () => {
  for (const value of [
    '',
    '[]',
    '{}',
    '7',
    'null',
    '{"response":[]}',
    '{"type":"bundle","objects":[]}',
    '{"0b5e0001-7a11-4c0d-8e5e-5eed00000001":{"info":"x"}}',
  ])
    assert.ok(problem(parse(value)).message.length > 10);
});

test('a malware sample enters inside an encrypted archive only', () => {
  assert.match(problem(parseMisp(fixture('misp/plain-sample.json'))).message, /password-protected ZIP archive: it is no ZIP archive/);
  const plain = problem(parseMisp(fixture('misp/plain-archive.json')));
  assert.match(plain.message, /without a password/);
  assert.equal(plain.field, 'Event.Attribute[1].data');
});

test('names of attached files lose their paths and invisible characters', () => {
  const name = (value: string) => drafts(parse(attribute({ type: 'attachment', value, data: 'AAAA' })))[0]?.attachments[0]?.name;
  assert.equal(name('../../etc/passwd'), 'passwd');
  assert.equal(name('C:\\temp\\a\u202etxt.exe'), 'atxt.exe');
  assert.equal(name('..'), 'unnamed');
});

test('hostile JSON does no harm: prototypes, NUL, half characters, huge numbers, repeated keys, depth', () => {
  const parsed = parse(
    '{"Event":{"info":"first","info":"a\\u0000b\\ud800","__proto__":{"polluted":1},"x":1e999,"y":123456789012345678901}}',
  );
  const [draft] = drafts(parsed);
  assert.equal(draft?.info, 'a\ufffdb\ufffd');
  assert.equal(({} as { polluted?: number }).polluted, undefined);
  assert.deepEqual(Object.keys((draft?.extra?.misp as object) ?? {}), ['y']);
  assert.equal(parsed.ok && parsed.warnings.length, 4);
  const deep = `{"Event":{"info":"x","a":${'['.repeat(500_000)}${']'.repeat(500_000)}}}`;
  assert.match(problem(parse(deep)).message, new RegExp(`deeper than ${jsonMaxDepth}`));
  assert.match(problem(parse('['.repeat(500_000))).message, /the text ends/);
  assert.match(problem(parseMisp(Buffer.from([0x7b, 0x0a, 0xff, 0xfe]))).message, /UTF-8/);
});

test('attributes and objects alone are read bare and wrapped, and written back', () => {
  for (const value of [{ type: 'domain', value: 'one.example' }, { Attribute: { type: 'domain', value: 'one.example' } }]) {
    const read = readMispAttribute(value, takeNotes());
    assert.equal(toMispAttribute(read?.part ?? assert.fail()).value, 'one.example');
  }
  const object = readMispObject(
    { Object: { name: 'file', Attribute: [{ type: 'md5', value: 'ab'.repeat(16), object_relation: 'md5' }] } },
    takeNotes(),
  );
  assert.equal((toMispObject(object?.part ?? assert.fail()).Attribute as unknown[]).length, 1);
  const notes = takeNotes();
  assert.equal(readMispAttribute({ Attribute: { type: 'domain' } }, notes), undefined);
  assert.deepEqual(
    notes.problems().map((one) => one.field),
    ['Attribute.value'],
  );
});
