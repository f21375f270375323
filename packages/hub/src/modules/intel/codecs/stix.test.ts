import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from '../draft.ts';
import { isObject, type JsonObject } from './json.ts';
import { patternMaxChars } from './limits.ts';
import { parseStix } from './stix.ts';
import { toStix } from './stix-export.ts';
import { parsePattern } from './stix-pattern.ts';
import { patternOfValue, valuesOfPattern } from './stix-values.ts';
import { fixture } from './testing/shared-data.ts';

const options = { now: new Date('2026-04-01T00:00:00Z'), producer: { name: 'Hub', uuid: '0b5e00ff-7a11-4c0d-8e5e-5eed100000ff' } };
function read(bytes: Buffer): Draft {
  const parsed = parseStix(bytes);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.drafts[0] ?? assert.fail();
}
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const byId = (bundle: JsonObject) => new Map((bundle.objects as JsonObject[]).map((object) => [object.id, object]));

test('a bundle comes back out with every object as it came in, whatever the hub understood of it', () => {
  for (const name of ['bundle-2.1.json', 'bundle-2.0.json']) {
    const original = JSON.parse(fixture(`stix/${name}`).toString()) as JsonObject;
    const out = toStix(read(fixture(`stix/${name}`)), options);
    assert.deepEqual(byId(out), byId(original));
    assert.deepEqual({ ...out, objects: [] }, { ...original, objects: [] });
  }
});

test('a bundle is read into values, tags, markings and times', () => {
  const draft = read(fixture('stix/bundle-2.1.json'));
  assert.deepEqual(
    [draft.info, draft.tlp, draft.date, draft.author?.name],
    ['Paper Heron: invented campaign', 'green', '2026-03-17', 'Invented SOC'],
  );
  assert.deepEqual(
    draft.tags.map((tag) => tag.name),
    ['desk-review', 'misp-galaxy:malware="HeronLoader"', 'misp-galaxy:threat-actor="Paper Heron"'],
  );
  const rows = draft.attributes.map((a) => [a.type, a.value, a.toIds, ...(a.tlp ? [a.tlp] : []), ...(a.deleted ? ['deleted'] : [])]);
  assert.deepEqual(rows, [
    ['domain', 'c2.paper-heron.example', true, 'green'],
    ['ip-dst', '203.0.113.20', true, 'red'],
    ['ip-dst', '203.0.113.21', true, 'red'],
    ['sha256', 'ab'.repeat(32), true],
    ['md5', 'cd'.repeat(16), true],
    ['ip-dst|port', '203.0.113.22|8443', true],
    [
      'stix2-pattern',
      "[process:command_line LIKE '%-enc %'] FOLLOWEDBY [url:value = 'https://c2.paper-heron.example/a'] WITHIN 300 SECONDS",
      true,
    ],
    ['url', "https://c2.paper-heron.example/it's", false, 'deleted'],
    ['yara', 'rule invented { condition: false }', true],
    ['ip-dst', '2001:db8::20', false],
    ['comment', "An analyst's remark", false],
    ['vulnerability', 'CVE-2026-12345', false],
    ['sha256', 'ef'.repeat(32), false],
    ['filename', 'factura.iso', false],
    ['domain', 'seen.example', false],
  ]);
  const stix = draft.attributes[0]?.extra?.stix;
  assert.ok(isObject(stix));
  assert.deepEqual([stix.confidence, stix.validUntil], [85, '2026-06-17T10:00:00Z']);
});

test('what is marked red never lies in the part of the event that others may read', () => {
  const draft = read(fixture('stix/bundle-2.1.json'));
  assert.ok(!JSON.stringify(draft.extra).includes('203.0.113.20'));
});

test('a granular marking counts for the whole object, and an own definition for its level', () => {
  assert.equal(read(fixture('stix/bundle-2.0.json')).attributes[0]?.tlp, 'amber');
});

test('where the hub holds an event more narrowly, nothing leaves under the wider marking', () => {
  const draft = { ...read(fixture('stix/bundle-2.1.json')), tlp: 'amber+strict' as const };
  const out = byId(toStix(draft, options));
  for (const object of out.values()) {
    if (['identity', 'marking-definition'].includes(String(object.type))) continue;
    const refs = object.object_marking_refs as string[];
    assert.ok(refs.every((ref) => ref.includes('939a9414') || ref.includes('e828b379')) && refs.length === 1, String(object.id));
  }
  assert.ok(out.has('marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003'));
});

test('an attribute that was taken out or changed does not leave in its old form', () => {
  const draft = read(fixture('stix/bundle-2.1.json'));
  const [first, ...others] = draft.attributes;
  assert.ok(first);
  assert.ok(!JSON.stringify(toStix({ ...draft, attributes: others }, options)).includes("'c2.paper-heron.example'"));
  const changed = toStix({ ...draft, attributes: [{ ...first, value: 'other.example' }, ...others] }, options);
  assert.ok(!JSON.stringify(changed).includes("'c2.paper-heron.example'") && JSON.stringify(changed).includes("'other.example'"));
});

test('a draft of any format becomes identity, report, one indicator per value to act on, and markings', () => {
  const draft: Draft = {
    info: 'From a table',
    tlp: 'green',
    tags: [{ name: 'tlp:green' }, { name: 'mine', local: true }],
    attributes: [
      { type: 'domain', value: "a'b\\.example", toIds: true, tags: [] },
      { type: 'sha256', value: 'ab'.repeat(32), tags: [] },
      { type: 'filename|md5', value: `x|${'cd'.repeat(16)}`, tags: [] },
      { type: 'comment', value: 'no observable', toIds: false, tags: [] },
    ],
    objects: [],
    attachments: [],
    sightings: [],
  };
  const out = toStix(draft, options);
  const objects = out.objects as JsonObject[];
  assert.deepEqual(
    objects.map((o) => o.type),
    ['indicator', 'indicator', 'indicator', 'report', 'identity', 'marking-definition'],
  );
  assert.equal(objects[0]?.pattern, "[domain-name:value = 'a\\'b\\\\.example']");
  assert.ok(!JSON.stringify(out).includes('"mine"'));
  assert.deepEqual(toStix(draft, options), out);
  const again = read(json(out));
  assert.deepEqual(
    again.attributes.map((a) => [a.type, a.value]),
    draft.attributes.slice(0, 3).map((a) => [a.type, a.value]),
  );
  assert.equal(again.tlp, 'green');
});

test('patterns of single values are taken apart, all others stay whole', () => {
  const of = (pattern: string) => valuesOfPattern(pattern)?.map((v) => `${v.type} ${v.value}`);
  assert.deepEqual(of("[ipv4-addr:value IN ('1.2.3.4', '1.2.3.5')]"), ['ip-dst 1.2.3.4', 'ip-dst 1.2.3.5']);
  assert.deepEqual(of("[url:value = 'a'] OR ([domain-name:value = 'b'])"), ['url a', 'domain b']);
  assert.deepEqual(of("[domain-name:value = 'a' AND domain-name:resolves_to_refs[*].value = '1.2.3.4']"), ['domain|ip a|1.2.3.4']);
  for (const whole of [
    "[ipv4-addr:value = 'a'] AND [ipv4-addr:value = 'b']",
    "[ipv4-addr:value != 'a']",
    "[NOT ipv4-addr:value = 'a']",
    "[ipv4-addr:value NOT = 'a']",
    "[ipv4-addr:value ISSUBSET '10.0.0.0/8']",
    "[ipv4-addr:value = 'a'] REPEATS 5 TIMES",
    "[ipv4-addr:value = 'a' AND process:name = 'b']",
    '[EXISTS file:name]',
    'not a pattern',
  ])
    assert.equal(of(whole), undefined, whole);
});

test('a pattern that we write reads back as the value', () => {
  for (const [type, value] of [
    ['ip-dst', '1.2.3.4'],
    ['url', "x'\\"],
    ['sha1', 'ab'.repeat(20)],
    ['ip-dst|port', '1.2.3.4|80'],
    ['domain|ip', 'a.example|1.2.3.4'],
    ['filename|sha256', `a|b|${'ab'.repeat(32)}`],
    ['AS', 'AS64500'],
  ] as const) {
    const pattern = patternOfValue(type, value) ?? assert.fail(type);
    assert.deepEqual(valuesOfPattern(pattern), [{ type, value: type === 'AS' ? '64500' : value }]);
  }
  assert.equal(patternOfValue('ip-dst|port', "1.2.3.4|80] OR [url:value = 'x'"), undefined);
  assert.equal(patternOfValue('comment', 'x'), undefined);
});

test('broken patterns are refused where they break, and hostile ones at once', () => {
  const at = (pattern: string) => {
    const parsed = parsePattern(pattern);
    return parsed.ok ? undefined : parsed.fault.at;
  };
  assert.equal(at("[url:value = 'a'"), 16);
  assert.equal(at('[url:value = ]'), 13);
  assert.equal(at("[url:value 'a']"), 11);
  assert.notEqual(at(`${'('.repeat(30_000)}`), undefined);
  assert.notEqual(at('['.repeat(30_000)), undefined);
  assert.equal(at('x'.repeat(patternMaxChars + 1)), 0);
});

test('broken bundles are refused with the place', () => {
  const field = (value: unknown) => {
    const parsed = parseStix(json(value));
    return parsed.ok ? 'accepted' : parsed.problems[0]?.field;
  };
  assert.equal(field({ type: 'bundle', objects: [{ type: 'indicator', id: 'indicator--nonsense' }] }), 'objects[0].id');
  assert.equal(
    field({ type: 'bundle', objects: [{ type: 'indicator', id: 'url--0b5e0001-7a11-4c0d-8e5e-5eed10000001' }] }),
    'objects[0].id',
  );
  assert.equal(
    field({ type: 'bundle', objects: [{ type: 'indicator', id: 'indicator--0b5e0001-7a11-4c0d-8e5e-5eed10000001' }] }),
    'objects[0].pattern',
  );
  assert.equal(field({ type: 'bundle', objects: [7] }), 'objects[0]');
  assert.equal(field({ type: 'bundle', objects: [] }), 'objects');
  assert.equal(field({ type: 'bundle' }), undefined);
});
