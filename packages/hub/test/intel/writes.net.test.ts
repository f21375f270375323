import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, TestMember } from '../hub.ts';
import { startNetwork } from './network.ts';

type Ack = { readonly id: string; readonly events: string[]; readonly repeated: boolean };
type Problem = { readonly code: string; readonly errors?: readonly { readonly field: string }[] };

const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
/** An answer without what is random in it: ids. */
const blind = (answer: Answer): string =>
  `${answer.status} ${answer.headers.get('content-type')} ${answer.headers.get('content-length')} ${answer.text.replaceAll(uuids, 'ID')}`;

test('the same key and content get the first answer again, and nothing is stored twice; other content is refused', async () => {
  await using network = await startNetwork();
  const town = await network.hub.member('Ayuntamiento de Alba');
  const hospital = await network.hub.member('Hospital de Boira');
  const send = (by: TestMember, value: string, key = 'once') =>
    by.post<Ack & Problem>('/api/v1/reports', { title: 'Once', indicators: [{ value }] }, { 'idempotency-key': key });
  const first = await send(town, 'once-evil.xyz');
  assert.deepEqual([first.status, first.body.repeated], [202, false]);
  const again = await send(town, 'once-evil.xyz');
  assert.deepEqual([again.status, again.body], [202, { ...first.body, repeated: true }]);
  const other = await send(town, 'twice-evil.xyz');
  assert.deepEqual([other.status, other.body.code], [409, 'intel.idempotency_reused']);
  // A key belongs to one entity: another may use the same.
  assert.equal((await send(hospital, 'twice-evil.xyz')).body.repeated, false);
  const many = await Promise.all(Array.from({ length: 5 }, () => send(town, 'many-evil.xyz', 'many')));
  assert.equal(new Set(many.map((each) => each.body.id)).size, 1);
  assert.equal(many.filter((each) => !each.body.repeated).length, 1);
  const row = await network.hub.db.one<{ n: number }>`select count(*) as n from intel.event`;
  assert.equal(row?.n, 3);
  for (const key of ['', 'k'.repeat(256)]) {
    const bad = await send(town, 'once-evil.xyz', key);
    if (key !== '') assert.deepEqual([bad.status, bad.body.errors?.[0]?.field], [400, 'Idempotency-Key']);
  }
  const file = (bytes: string) =>
    town.post<Ack & Problem>('/api/v1/reports/file?format=text', bytes, { 'content-type': 'text/plain', 'idempotency-key': 'file' });
  const one = await file('file-evil[.]xyz');
  assert.equal((await file('file-evil[.]xyz')).body.id, one.body.id);
  assert.equal((await file('other-evil[.]xyz')).body.code, 'intel.idempotency_reused');
});

test('a report, a sighting and a file are answered alike for values that are known and unknown, to the letter but for ids', async () => {
  await using network = await startNetwork();
  const town = await network.hub.member('Ayuntamiento de Alba');
  const company = await network.hub.member('Paloma Security', 'provider');
  await network.tell(town, ['aaaa-evil.xyz', '45.155.205.11']);
  const bodies: readonly ((value: string) => Promise<Answer>)[] = [
    (value) => company.post('/api/v1/reports', { title: 'Same', indicators: [{ value }] }),
    (value) => company.post('/api/v1/reports', { title: 'Same', text: `seen ${value}` }),
    (value) => company.post('/api/v1/sightings', { sightings: [{ value }] }),
    (value) => company.post('/api/v1/reports/file?format=text', `seen ${value}`, { 'content-type': 'text/plain' }),
  ];
  for (const send of bodies)
    for (const [known, unknown] of [
      ['aaaa-evil.xyz', 'bbbb-evil.xyz'],
      ['45.155.205.11', '45.155.205.12'],
    ] as const)
      assert.equal(blind(await send(known)), blind(await send(unknown)));
  await network.settle();
  // What it then reads of its own report does not differ either.
  const reports = await company.get<{ reports: { id: string }[] }>('/api/v1/reports');
  const own = await Promise.all(reports.body.reports.map((each) => company.get(`/api/v1/reports/${each.id}`)));
  assert.equal(own.length, 12);
  // Three ways of reporting, each with four values: by the answer one cannot tell which of the four.
  const anyValue = /(?:aaaa|bbbb)-evil\.xyz|45\.155\.205\.1[12]/g;
  const alike = own.map((each) =>
    each.text
      .replaceAll(uuids, 'ID')
      .replaceAll(anyValue, 'VALUE')
      .replaceAll(/"(?:arrivedAt|receivedAt)":"[^"]*"/g, ''),
  );
  assert.equal(new Set(alike).size, 3, [...new Set(alike)].join('\n'));
  // An event of the same source UUID by somebody else is no conflict.
  const event = {
    Event: { uuid: '0b5e1005-7a11-4c0d-8e5e-5eed00000001', info: 'x', Attribute: [{ type: 'domain', value: 'uuid-evil.xyz' }] },
  };
  assert.equal((await network.file(town, event, '?format=misp')).status, 202);
  assert.equal((await network.file(company, event, '?format=misp')).status, 202);
  const twice = (await network.file(town, event, '?format=misp')) as unknown as Answer<Problem>;
  assert.deepEqual([twice.status, twice.body.code], [409, 'intel.event_exists']);
});

test('what is too much or not of its form is refused by name, never with an internal error', async () => {
  await using network = await startNetwork();
  const town = await network.hub.member('Ayuntamiento de Alba');
  const sent = await network.tell(town, ['limit-evil.xyz']);
  const zero = '00000000-0000-4000-8000-000000000000';
  const report = (body: object) => town.post<Problem>('/api/v1/reports', body);
  const cursor = (parts: unknown) => Buffer.from(JSON.stringify(parts)).toString('base64url');
  const cases: readonly (readonly [string, () => Promise<Answer<Problem>>, number, RegExp])[] = [
    ['no content', () => report({ title: 'x' }), 400, /text/],
    ['text and indicators', () => report({ text: 'a-evil.xyz', indicators: [{ value: 'a-evil.xyz' }] }), 400, /text/],
    ['no indicators', () => report({ indicators: [] }), 400, /indicators/],
    ['nothing in the text', () => report({ text: 'good morning' }), 400, /^$/],
    ['an untold type', () => report({ indicators: [{ value: 'a-evil.xyz' }, { value: 'hello there' }] }), 400, /indicators\[1\]/],
    ['an unknown type', () => report({ indicators: [{ value: 'x', type: 'nonsense' }] }), 400, /indicators\[0\]\.type/],
    ['a bad marking', () => report({ text: 'a-evil.xyz', tlp: 'purple' }), 400, /tlp/],
    ['a confidence over 100', () => report({ text: 'a-evil.xyz', confidence: 101 }), 400, /confidence/],
    ['a strange group', () => report({ text: 'a-evil.xyz', distribution: 'group', groupId: zero }), 400, /groupId/],
    [
      'too many lookups',
      () => town.post('/api/v1/values/lookup', { values: Array.from({ length: 1_001 }, (_, i) => `${i}.xyz`) }),
      400,
      /values/,
    ],
    [
      'too many sightings',
      () => town.post('/api/v1/sightings', { sightings: Array.from({ length: 1_001 }, () => ({ value: 'a-evil.xyz' })) }),
      400,
      /sightings/,
    ],
    [
      'a sighting of nothing',
      () => town.post('/api/v1/sightings', { sightings: [{ value: '999.1.1.1', type: 'ip-dst' }] }),
      400,
      /sightings\[0\]\.value/,
    ],
    [
      'a preview too big',
      () => town.post('/api/v1/reports/preview', 'x'.repeat(2 * 1024 * 1024 + 1), { 'content-type': 'text/plain' }),
      413,
      /^$/,
    ],
    ['a bad id of an event', () => town.get('/api/v1/events/not-a-uuid'), 400, /id/],
    ['a bad id of a report', () => town.get('/api/v1/reports/1'), 400, /id/],
    ['an unknown event', () => town.get(`/api/v1/events/${zero}`), 404, /^$/],
    ['an unknown export', () => town.get(`/api/v1/events/${zero}/export`), 404, /^$/],
    ['an unknown report', () => town.get(`/api/v1/reports/${zero}`), 404, /^$/],
    ['an unknown attachment', () => town.get(`/api/v1/attachments/${zero}`), 404, /^$/],
    ['a comment on an unknown event', () => town.post(`/api/v1/events/${zero}/comments`, { text: 'x' }), 404, /^$/],
    ['a page too long', () => town.get('/api/v1/events?limit=1001'), 400, /limit/],
    ['a page of nothing', () => town.get('/api/v1/events?limit=0'), 400, /limit/],
    ['a bad owner', () => town.get('/api/v1/events?owner=me'), 400, /owner/],
    ...['events', 'reports', 'decisions', `events/${sent.event}/indicators`].flatMap((list) =>
      [
        'x',
        cursor(['2026-11-02T08:00:00Z', '-'.repeat(36)]),
        cursor(['-200000-01-01T00:00:00Z', zero]),
        cursor(['-'.repeat(36)]),
        `2026-11-02_${'-'.repeat(36)}`,
      ].map((after) => [`cursor ${after} of ${list}`, () => town.get<Problem>(`/api/v1/${list}?after=${after}`), 400, /after/] as const),
    ),
  ];
  for (const [name, call, status, field] of cases) {
    const answer = await call();
    assert.equal(answer.status, status, `${name}: ${answer.text}`);
    assert.match(answer.headers.get('content-type') ?? '', /problem\+json/, name);
    const where = answer.body.errors?.[0]?.field ?? '';
    if (field.source !== '^$') assert.match(where, field, `${name}: ${answer.text}`);
  }
  assert.equal((await network.hub.db.one<{ n: number }>`select count(*) as n from intel.report`)?.n, 1);
});

test('characters that no text of the database can hold are refused or left out, and never an internal error', async () => {
  await using network = await startNetwork();
  const town = await network.hub.member('Ayuntamiento de Alba');
  const sent = await network.tell(town, ['nul-evil.xyz']);
  const nul = '\u0000';
  const lone = '\ud800';
  for (const bad of [nul, lone])
    for (const [name, call] of [
      ['title', () => town.post('/api/v1/reports', { title: `a${bad}b`, indicators: [{ value: 'a-evil.xyz' }] })],
      ['text', () => town.post('/api/v1/reports', { title: 'x', text: `a-evil.xyz ${bad} b-evil.xyz` })],
      ['value', () => town.post('/api/v1/reports', { title: 'x', indicators: [{ type: 'text', value: `a${bad}b` }] })],
      ['comment of a value', () => town.post('/api/v1/reports', { title: 'x', indicators: [{ value: 'a-evil.xyz', comment: bad }] })],
      ['tag', () => town.post('/api/v1/reports', { title: 'x', indicators: [{ value: 'a-evil.xyz', tags: [{ name: `t${bad}` }] }] })],
      ['comment', () => town.post(`/api/v1/events/${sent.event}/comments`, { text: `a${bad}b` })],
      ['source of a sighting', () => town.post('/api/v1/sightings', { sightings: [{ value: 'nul-evil.xyz', source: `a${bad}` }] })],
      [
        'file',
        () =>
          network.file(
            town,
            { Event: { info: `a${bad}`, Attribute: [{ type: 'text', value: `b${bad}`, comment: bad, Tag: [{ name: bad }] }], x: bad } },
            '?format=misp',
          ),
      ],
      ['search', () => town.get(`/api/v1/events?q=${encodeURIComponent(bad === nul ? bad : 'x')}`)],
      ['tag search', () => town.get(`/api/v1/events?tag=${encodeURIComponent(bad === nul ? bad : 'x')}`)],
      ['value search', () => town.get(`/api/v1/values?type=text&value=${encodeURIComponent(bad === nul ? `a${bad}` : 'x')}`)],
      ['decision search', () => town.get(`/api/v1/decisions?q=${encodeURIComponent(bad === nul ? bad : 'x')}`)],
      ['verdict', () => network.hub.admin.post(`/api/v1/events/${sent.event}/retraction`, { reason: `a${bad}` })],
    ] as const) {
      const answer = await call();
      assert.ok(answer.status < 500, `${name} with ${JSON.stringify(bad)}: ${answer.status} ${answer.text}`);
    }
  await network.settle();
});
