import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startTestHub, type TestHub, type TestMember } from '#test/hub';
import { runPython, withoutPython } from './python.ts';

const skip = withoutPython();
const fixture = (path: string): string => readFileSync(new URL(`../../../../fixtures/${path}`, import.meta.url), 'utf8');

/** What members report by hand, with the spread of types that firewalls, mail gateways and end points produce. */
const indicators = [
  { value: '185.220.101.7', comment: 'scanner, “first” seen' },
  { value: '185.220.101.7|8443', type: 'ip-dst|port' },
  { value: '2a0b:f4c2::7', type: 'ip-src' },
  { value: '45.155.204.0/24', type: 'ip-dst' },
  { value: 'login.example-bank.xyz', firstSeen: '2026-11-01T10:00:00.000Z', lastSeen: '2026-11-20T10:00:00.000Z' },
  { value: 'xn--exmple-bank-9db.xyz' },
  { value: 'https://login.example-bank.xyz/a?b=c&d=%27e%27#f' },
  { value: 'phisher@example-bank.xyz', type: 'email-src' },
  { value: 'Your "invoice" \\ 4711', type: 'email-subject' },
  { value: '44d88612fea8a8f36de82e1278abb02f' },
  { value: '3395856ce81f2b7382dee72602f798b642f14140' },
  { value: '275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f' },
  { value: 'invoice.exe|44d88612fea8a8f36de82e1278abb02f', type: 'filename|md5' },
  { value: 'C:\\Users\\Public\\invoice.exe', type: 'filename' },
  { value: 'HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\invoice', type: 'regkey' },
  { value: 'Mozilla/4.0 (compatible; "x")', type: 'user-agent' },
  { value: 'Global\\invoice', type: 'mutex' },
  { value: 'CVE-2026-12345', type: 'vulnerability' },
  { value: 'AS64496', type: 'AS' },
  { value: 'Ran at night.\nTwice.', type: 'text' },
];

/** `source`: the STIX that it came in as, with what its author invented and left out, and has to leave as; else empty. */
type Exports = { readonly name: string; readonly source: string; readonly misp: unknown; readonly stix: unknown };

async function exportsOf(
  hub: TestHub,
  owner: TestMember,
  name: string,
  sent: Promise<{ status: number; text: string; body: unknown }>,
): Promise<Exports[]> {
  const answer = await sent;
  assert.equal(answer.status, 202, `${name}: ${answer.text}`);
  await hub.settled();
  const found: Exports[] = [];
  for (const id of (answer.body as { events: string[] }).events) {
    const [misp, stix] = [
      await owner.get(`/api/v1/events/${id}/export?format=misp`),
      await owner.get(`/api/v1/events/${id}/export?format=stix`),
    ];
    assert.deepEqual([misp.status, stix.status], [200, 200], `${name}: ${misp.text} ${stix.text}`);
    found.push({ name, source: name.startsWith('stix/') ? fixture(`${name}.json`) : '', misp: misp.body, stix: stix.body });
  }
  return found;
}

async function allExports(hub: TestHub): Promise<Exports[]> {
  const alice = await hub.member('Ayuntamiento de Alba');
  const report = (body: unknown) => alice.post('/api/v1/reports', body);
  const file = (path: string, query: string) =>
    alice.post(`/api/v1/reports/file?${query}`, Buffer.from(fixture(path)), { 'content-type': 'application/octet-stream' });
  const markings = { tlp: 'green', pap: 'amber' };
  return (
    await Promise.all([
      exportsOf(hub, alice, 'by hand', report({ title: 'Phishing “Banco”', ...markings, indicators })),
      exportsOf(
        hub,
        alice,
        'text',
        report({ title: 'Text', text: 'seen hxxp://evil-login[.]example-bank[.]xyz/a and 185.220.101[.]9 today' }),
      ),
      exportsOf(hub, alice, 'misp/whole-event', file('misp/whole-event.json', 'format=misp')),
      exportsOf(hub, alice, 'stix/bundle-2.1', file('stix/bundle-2.1.json', 'format=stix')),
      exportsOf(hub, alice, 'documents/report.md', file('documents/report.md', 'name=report.md')),
    ])
  ).flat();
}

/** Loads each event as PyMISP does, writes it again and loads that, and checks types and categories against its own table. */
const loadMisp = `
import json, sys
from pymisp import MISPEvent
out = []
for one in json.load(sys.stdin):
    problems = []
    result = {'name': one['name'], 'problems': problems}
    out.append(result)
    try:
        event = MISPEvent()
        event.load(one['misp'])
        again = MISPEvent()
        again.load(event.to_json())
        attributes = list(event.attributes) + [a for o in event.objects for a in o.attributes]
        known = event.describe_types
        for a in attributes:
            if a.type not in known['types']: problems.append('type ' + a.type)
            elif a.category not in known['categories']: problems.append('category ' + a.category)
            elif a.type not in known['category_type_mappings'][a.category]: problems.append(a.type + ' is not in ' + a.category)
        result.update(info=event.info, uuid=str(event.uuid), count=len(attributes), again=len(again.attributes) + sum(len(o.attributes) for o in again.objects),
                      values=sorted(str(a.value) for a in attributes), tags=sorted(t.name for t in event.tags))
    except Exception as error:
        problems.append(type(error).__name__ + ': ' + str(error))
json.dump(out, sys.stdout)
`;

/**
 * Parses each bundle, which checks every property, identifier, time and pattern; strictly (no custom content) where it is ours alone. What a
 * foreign bundle refers to without bringing it stays so; what we refer to is there.
 */
const parseStix = `
import json, sys
import stix2
from stix2.exceptions import STIXError
from stix2patterns.validator import run_validator
out = []
for one in json.load(sys.stdin):
    problems = []
    bundle = one['stix']
    custom = one['source'] != ''
    result = {'name': one['name'], 'problems': problems, 'objects': len(bundle['objects'])}
    out.append(result)
    for item in bundle['objects']:
        try:
            stix2.parse(item, allow_custom=custom, version='2.1')
        except Exception as error:
            problems.append(item['id'] + ': ' + type(error).__name__ + ': ' + str(error))
        if item['type'] == 'indicator' and item['pattern_type'] == 'stix':
            problems += [item['id'] + ': ' + item['pattern'] + ': ' + str(e) for e in run_validator(item['pattern'], stix_version='2.1')]
    ids = [item['id'] for item in bundle['objects']]
    if len(ids) != len(set(ids)): problems.append('an id comes twice')
    for item in bundle['objects']:
        for ref in item.get('object_marking_refs', []) + item.get('object_refs', []) + [item.get('created_by_ref', ids[0])]:
            if ref not in ids and ref not in one['source']: problems.append(item['id'] + ' refers to ' + ref + ', which is not in the bundle')
    try:
        stix2.parse(bundle, allow_custom=custom, version='2.1')
    except Exception as error:
        problems.append('bundle: ' + type(error).__name__ + ': ' + str(error))
    result['patterns'] = sorted(item['pattern'] for item in bundle['objects'] if item['type'] == 'indicator')
json.dump(out, sys.stdout)
`;

type Loaded = {
  readonly name: string;
  readonly problems: readonly string[];
  readonly info?: string;
  readonly count?: number;
  readonly again?: number;
  readonly values?: readonly string[];
  readonly tags?: readonly string[];
};
type Parsed = {
  readonly name: string;
  readonly problems: readonly string[];
  readonly objects: number;
  readonly patterns: readonly string[];
};

const told = (results: readonly { readonly name: string; readonly problems: readonly string[] }[]): string[] =>
  results.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`));

test('PyMISP loads every exported event without losing anything, and knows its types and categories', { skip }, async () => {
  await using hub = await startTestHub();
  const exports = await allExports(hub);
  const loaded = await runPython<Loaded[]>(loadMisp, JSON.stringify(exports));
  assert.deepEqual(told(loaded), []);
  assert.equal(loaded.length, exports.length);
  for (const { name, count, again } of loaded) assert.equal(count, again, name);
  const byHand = loaded.find(({ name }) => name === 'by hand');
  assert.equal(byHand?.info, 'Phishing “Banco”');
  assert.deepEqual(byHand?.values?.toSorted(), indicators.map(({ value }) => value).toSorted());
  assert.deepEqual(byHand?.tags, ['PAP:AMBER', 'tlp:green']);
});

test('the stix2 library parses every exported bundle strictly, and every pattern is one', { skip }, async () => {
  await using hub = await startTestHub();
  const exports = await allExports(hub);
  const parsed = await runPython<Parsed[]>(parseStix, JSON.stringify(exports));
  assert.deepEqual(told(parsed), []);
  const byHand = parsed.find(({ name }) => name === 'by hand');
  for (const part of [
    "ipv4-addr:value = '185.220.101.7'",
    "domain-name:value = 'login.example-bank.xyz'",
    "file:hashes.'SHA-256'",
    'ipv6-addr:value',
  ])
    assert.ok(
      byHand?.patterns.some((pattern) => pattern.includes(part)),
      `${part} in ${byHand?.patterns.join('\n')}`,
    );
});

/** Reads the page with Prometheus' own Python parser, and checks what that parser lets pass: declared types, doubles, counters' names, buckets. */
const parseMetrics = `
import json, math, sys
from prometheus_client.parser import text_string_to_metric_families
text = sys.stdin.read()
problems, names, samples, seen = [], [], 0, set()
if not text.endswith('\\n'): problems.append('the page does not end with a line')
for family in text_string_to_metric_families(text):
    names.append(family.name)
    if family.type == 'unknown': problems.append(family.name + ' has no type')
    if not family.documentation: problems.append(family.name + ' has no help')
    if not family.samples: continue
    buckets = {}
    for s in family.samples:
        samples += 1
        key = (s.name, tuple(sorted(s.labels.items())))
        if key in seen: problems.append('twice: ' + str(key))
        seen.add(key)
        if family.type == 'counter' and not (s.value >= 0): problems.append(s.name + ' is a counter below zero')
        if family.type == 'histogram' and s.name.endswith('_bucket'):
            rest = tuple(sorted((k, v) for k, v in s.labels.items() if k != 'le'))
            buckets.setdefault(rest, []).append((float(s.labels['le']), s.value))
        if family.type == 'histogram' and s.name.endswith('_count'):
            total = buckets.get(tuple(sorted(s.labels.items())), [])
            if not total or total[-1] != (math.inf, s.value): problems.append(s.name + ' differs from its last bucket')
    for rest, row in buckets.items():
        if row != sorted(row) or [v for _, v in row] != sorted(v for _, v in row): problems.append(family.name + ' has buckets out of order')
if len(names) != len(set(names)): problems.append('a family comes twice')
json.dump({'problems': problems, 'names': names, 'samples': samples}, sys.stdout)
`;

test('/metrics is what Prometheus reads: every family typed and explained, no sample twice, buckets that add up', { skip }, async () => {
  await using hub = await startTestHub();
  const alice = await hub.member('Ayuntamiento de Alba');
  await alice.post('/api/v1/reports', { title: 'x', text: 'seen 185.220.101.7' });
  await hub.settled();
  // Labels that an outsider may try to choose.
  await fetch(`${hub.url}/api/v1/%22%7D%0Aevil 1`);
  await fetch(`${hub.url}/nowhere"{}\\`);
  const page = await fetch(`${hub.url}/metrics`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const read = await runPython<{ problems: string[]; names: string[]; samples: number }>(parseMetrics, await page.text());
  assert.deepEqual(read.problems, []);
  assert.ok(read.samples > 50, `${read.samples} samples`);
  assert.ok(read.names.includes('process_resident_memory_bytes'), read.names.join(' '));
});
