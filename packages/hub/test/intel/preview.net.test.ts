import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMember } from '../hub.ts';
import { hand, hourMs, type Network, startNetwork } from './network.ts';

type Finding = {
  readonly value: string;
  readonly canonical: string;
  readonly outcome: string;
  readonly rule: string | null;
  readonly start?: number;
  readonly end?: number;
  readonly known: readonly { readonly eventId: string; readonly title: string }[];
};

async function preview(by: TestMember, text: string | object, query = ''): Promise<readonly Finding[]> {
  const answer = await by.post<{ findings: Finding[] }>(
    `/api/v1/reports/preview${query}`,
    typeof text === 'string' ? text : JSON.stringify(text),
    {
      'content-type': 'text/plain',
    },
  );
  assert.equal(answer.status, 200, answer.text);
  return answer.body.findings;
}
const outcomes = (findings: readonly Finding[]) => Object.fromEntries(findings.map((each) => [each.canonical, each.outcome]));

/** Everything that is stored on the write side and on the shelves, as numbers of rows. */
async function rows(network: Network): Promise<unknown> {
  await network.settle();
  const tables = await network.hub.db.rows<{ name: string }>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname in ('intel', 'decisions', 'bus') or schemaname like 'shelf\_%' order by 1`;
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const [schema = '', table = ''] = name.split('.');
    counts[name] =
      (await network.hub.db.one<{ n: number }>`select count(*) as n from ${network.hub.db.name(schema)}.${network.hub.db.name(table)}`)
        ?.n ?? -1;
  }
  return counts;
}

test('a preview says what would block, be held, refused or kept at home, where it stands in the text, and stores nothing', async () => {
  await using network = await startNetwork();
  const { hub } = network;
  const town = await hub.member('Ayuntamiento de Alba');
  await hub.members.declareAsset(hand, { entityId: town.entityId, kind: 'domain', value: 'alba-town.es' });
  await network.settle();
  const before = await rows(network);
  const text = 'Seen hxxp://kit-evil[.]xyz/a, 8.8.8.8, 10.1.2.3 and mail.alba-town.es; CVE-2026-1234 was used.';
  const findings = await preview(town, text);
  assert.deepEqual(outcomes(findings), {
    'http://kit-evil.xyz/a': 'block',
    ...(outcomes(findings)['kit-evil.xyz'] === undefined ? {} : { 'kit-evil.xyz': 'block' }),
    '8.8.8.8': 'hold',
    '10.1.2.3': 'refuse',
    'mail.alba-town.es': 'own',
    'CVE-2026-1234': 'detect',
  });
  const url = findings.find((each) => each.canonical === 'http://kit-evil.xyz/a');
  assert.equal(text.slice(url?.start, url?.end), 'hxxp://kit-evil[.]xyz/a');
  for (const each of findings) if (each.outcome === 'hold' || each.outcome === 'refuse') assert.ok(each.rule, each.canonical);
  assert.deepEqual(await rows(network), before);
  assert.equal((await town.post('/api/v1/reports/preview?format=misp', '{"Event":', { 'content-type': 'text/plain' })).status, 400);
  assert.deepEqual(await rows(network), before);
});

test("what is known is what lies on the reader's own shelf, and nothing that he has yet to wait for", async () => {
  await using network = await startNetwork();
  const { hub } = network;
  const town = await hub.member('Ayuntamiento de Alba');
  const hospital = await hub.member('Hospital de Boira');
  const company = await hub.member('Paloma Security', 'provider');
  await network.tell(town, ['known-evil.xyz'], { title: 'Known' });
  await network.tell(town, ['entity-evil.xyz'], { title: 'At home', distribution: 'entity' });
  const known = async (by: TestMember, text = 'known-evil[.]xyz'): Promise<unknown> =>
    (await preview(by, text))[0]?.known.map((each) => each.title);
  assert.deepEqual(await known(hospital), ['Known']);
  assert.deepEqual(await known(company), []);
  assert.deepEqual(await known(hospital, 'entity-evil[.]xyz'), []);
  assert.deepEqual(await known(town, 'entity-evil[.]xyz'), ['At home']);
  // To whoever may not know it, a known value looks to the letter like an unknown one.
  const strip = (found: readonly Finding[]) => JSON.stringify(found).replaceAll('known-evil', 'X').replaceAll('never-evil', 'X');
  assert.equal(strip(await preview(company, 'known-evil[.]xyz')), strip(await preview(company, 'never-evil[.]xyz')));
  await network.pass(24 * hourMs + 1);
  assert.deepEqual(await known(company), ['Known']);
});

test('values that the sender takes out after the preview are not in the report, nor on any shelf', async () => {
  await using network = await startNetwork();
  const town = await network.hub.member('Ayuntamiento de Alba');
  const hospital = await network.hub.member('Hospital de Boira');
  const text = 'hxxp://kit-evil[.]xyz/a and 185.220.101[.]7 and out-evil[.]xyz';
  const sent = await network.report(town, { title: 'Phishing', text, without: ['out-evil.xyz'] });
  const values = (await network.judged(town, sent.event)).map((row) => row.canonical);
  assert.ok(values.includes('185.220.101.7') && !values.includes('out-evil.xyz'), values.join());
  assert.equal(await network.decision(hospital, 'out-evil.xyz'), undefined);
  assert.ok(await network.decision(hospital, '185.220.101.7'));
  const lookup = await hospital.get<{ values: { events: unknown[] }[] }>('/api/v1/values?value=out-evil.xyz');
  assert.deepEqual(lookup.body.values[0]?.events, []);
});

test("a sender's own addresses, names and people stay with him, in whatever form they come", async () => {
  await using network = await startNetwork();
  const { hub } = network;
  const town = await hub.member('Ayuntamiento de Alba');
  const hospital = await hub.member('Hospital de Boira');
  const declare = (kind: 'net' | 'domain' | 'mail_domain', value: string) =>
    hub.members.declareAsset(hand, { entityId: town.entityId, kind, value });
  await declare('net', '45.90.12.0/24');
  await declare('domain', 'alba-town.es');
  await declare('mail_domain', 'alba-mail.es');
  await network.person(town.entityId, 'Lucía Ortega', ['analyst'], ['read']);
  await network.settle();
  const own: readonly (readonly [string, string])[] = [
    ['ip-src', '45.90.12.7'],
    ['ip-dst|port', '45.90.12.8|443'],
    ['domain', 'alba-town.es'],
    ['hostname', 'vpn.alba-town.es'],
    ['url', 'https://vpn.alba-town.es/login'],
    ['url', 'http://45.90.12.9/x'],
    ['domain|ip', 'drop-evil.xyz|45.90.12.10'],
    ['email-dst', 'anyone@alba-mail.es'],
    ['email-src', 'lucia.ortega@people.example'],
    ['target-email', 'lucia.ortega@people.example'],
    ['target-user', 'Lucía Ortega'],
    ['comment', 'opened by Ortega, Lucia on Monday'],
    ['text', 'victim: lucia.ortega@people.example'],
  ];
  const indicators = own.map(([type, value]) => ({ type, value }));
  const sent = await network.report(town, { title: 'Phishing', indicators: [...indicators, { value: 'plain-evil.xyz' }] });
  const judged = await network.judged(town, sent.event);
  assert.deepEqual(
    judged.filter((row) => row.rule !== 'victim_data').map((row) => row.value),
    ['plain-evil.xyz'],
  );
  // Everything of it that another member can get.
  for (const path of [
    `/api/v1/events/${sent.event}`,
    `/api/v1/events/${sent.event}/indicators`,
    `/api/v1/events/${sent.event}/export`,
    '/api/v1/decisions',
  ]) {
    const { text, status } = await hospital.get(path);
    assert.equal(status, 200, text);
    for (const [, value] of own) assert.ok(!text.includes(value.split('|')[0] ?? value), `${value} at ${path}`);
    assert.ok(!/ortega/i.test(text), path);
  }
  assert.ok(await network.decision(hospital, 'plain-evil.xyz'));
  // Sent by somebody else, the same are not his own; as blocks the guard holds them.
  const others = await network.report(hospital, { title: 'Other', indicators: [{ type: 'domain', value: 'vpn.alba-town.es' }] });
  assert.equal((await network.judged(hospital, others.event))[0]?.rule, 'member_asset');
});

/** Everything of an event that another member can get. */
const readingPaths = (event: string, value: string): readonly string[] => [
  '/api/v1/events',
  `/api/v1/events/${event}`,
  `/api/v1/events/${event}/indicators`,
  `/api/v1/events/${event}/export`,
  `/api/v1/events/${event}/export?format=stix`,
  `/api/v1/values?value=${value}`,
  '/api/v1/decisions',
];
const telling = /ortega|45\.90\.12|alba-town/i;

async function startTown() {
  const network = await startNetwork();
  const { hub } = network;
  const town = await hub.member('Ayuntamiento de Alba');
  const hospital = await hub.member('Hospital de Boira');
  await hub.members.declareAsset(hand, { entityId: town.entityId, kind: 'net', value: '45.90.12.0/24' });
  await hub.members.declareAsset(hand, { entityId: town.entityId, kind: 'domain', value: 'alba-town.es' });
  await network.person(town.entityId, 'Lucía Ortega', ['analyst'], ['read']);
  await network.settle();
  return { ...network, network, hub, town, hospital };
}

test("names of the sender's people, his addresses and names do not leave in titles, comments, tags or pasted text", async () => {
  await using world = await startTown();
  const { network, town, hospital } = world;
  const sent = await network.report(town, {
    events: [
      {
        title: 'Phishing against Lucía Ortega',
        tags: [{ name: 'victim:lucia-ortega' }],
        indicators: [
          {
            value: 'plain-evil.xyz',
            comment: 'clicked by ORTEGA, Lucia (lucia.ortega@people.example) at 45[.]90[.]12[.]7, then on intranet.alba-town.es/x',
            tags: [{ name: 'seen-by:lucia.ortega' }],
          },
        ],
      },
    ],
  });
  for (const path of readingPaths(sent.event, 'plain-evil.xyz')) {
    const { text, status } = await hospital.get(path);
    assert.equal(status, 200, text);
    assert.ok(text.includes('[withheld]') || path.endsWith('/decisions'), `the rest is there: ${path}`);
    assert.ok(!telling.test(text), `${path}: ${text}`);
  }
  assert.ok(await network.decision(hospital, 'plain-evil.xyz'), 'the warning itself does not wait');
  // The author has it as she wrote it.
  const mine = (await town.get(`/api/v1/events/${sent.event}/export`)).text;
  for (const word of ['Phishing against Lucía Ortega', 'victim:lucia-ortega', 'clicked by ORTEGA, Lucia', 'seen-by:lucia.ortega'])
    assert.ok(mine.includes(word), word);
  assert.ok((await town.get(`/api/v1/reports/${sent.id}`)).text.includes('Lucía Ortega'));
  // Somebody else's report of the same words is not about his own people.
  const others = await network.report(hospital, { title: 'Phishing against Lucía Ortega', indicators: [{ value: 'other-evil.xyz' }] });
  assert.ok((await town.get(`/api/v1/events/${others.event}`)).text.includes('Lucía Ortega'));
  // Pasted text: its first line is the title.
  const pasted = await network.report(town, { text: 'Lucia Ortega opened this mail\n\nhxxp://paste-evil[.]xyz/a\n' });
  assert.match((await hospital.get(`/api/v1/events/${pasted.event}`)).text, /"title":"\[withheld\] opened this mail"/);
  // What a member says of others' events is looked at as well, with his own people in mind.
  assert.equal((await town.post(`/api/v1/events/${others.event}/comments`, { text: 'also tried on Lucía Ortega here' })).status, 201);
  assert.equal(
    (await town.post('/api/v1/sightings', { sightings: [{ value: 'other-evil.xyz', source: 'mailbox of lucia.ortega' }] })).status,
    202,
  );
  await network.settle();
  const read = await hospital.get<{ comments: { text: string }[] }>(`/api/v1/events/${others.event}`);
  assert.equal(read.body.comments[0]?.text, 'also tried on [withheld] here');
});

test('what comes as a MISP event loses them in objects, references, notes and the mail address of who made it', async () => {
  await using world = await startTown();
  const { network, town, hospital } = world;
  const sent = await network.file(
    town,
    {
      Event: {
        info: 'Campaign seen by Lucía Ortega',
        distribution: '1',
        event_creator_email: 'lucia.ortega@people.example',
        Tag: [{ name: 'tlp:green' }],
        EventReport: [
          {
            uuid: '0d4d3cc2-7a2c-4a2c-9a5e-2f5f2ed1f001',
            name: 'notes',
            content: 'Lucía Ortega opened it on vpn.alba-town.es',
            distribution: '5',
          },
        ],
        Attribute: [{ type: 'domain', value: 'file-evil.xyz', comment: 'mail to Ortega, Lucía' }],
        Object: [
          {
            name: 'email',
            'meta-category': 'network',
            description: 'x',
            comment: 'read by lucia.ortega',
            uuid: '0d4d3cc2-7a2c-4a2c-9a5e-2f5f2ed1f002',
            ObjectReference: [
              { referenced_uuid: '0d4d3cc2-7a2c-4a2c-9a5e-2f5f2ed1f003', relationship_type: 'sent-to', comment: 'to Lucía Ortega' },
            ],
            Attribute: [{ type: 'email-subject', object_relation: 'subject', value: 'Invoice' }],
          },
        ],
      },
    },
    '?format=misp&tlp=green',
  );
  assert.equal(sent.status, 202, sent.text);
  await network.settle();
  const event = sent.body.events[0] ?? assert.fail();
  for (const path of readingPaths(event, 'file-evil.xyz')) {
    const { text, status } = await hospital.get(path);
    assert.equal(status, 200, text);
    assert.ok(!telling.test(text), `${path}: ${telling.exec(text)?.[0]} in ${text}`);
  }
  const mine = (await town.get(`/api/v1/events/${event}/export`)).text;
  for (const word of [
    'seen by Lucía Ortega',
    'read by lucia.ortega',
    'to Lucía Ortega',
    'opened it on vpn.alba-town.es',
    'mail to Ortega, Lucía',
  ])
    assert.ok(mine.includes(word), word);
});

test('an assessor reads what others will read, not what is held back', async () => {
  await using network = await startNetwork();
  const { hub } = network;
  const company = await hub.member('Paloma Security', 'provider');
  const centre = await hub.member('Centro');
  const ana = await network.person(centre.entityId, 'Ana Assessor', ['assessor']);
  await network.person(company.entityId, 'Lucía Ortega', ['analyst'], ['read']);
  await network.settle();
  const sent = await network.report(company, {
    title: 'Phishing against Lucía Ortega',
    indicators: [
      { value: 'plain-evil.xyz', comment: 'by Lucía Ortega' },
      { type: 'email-dst', value: 'lucia.ortega@people.example' },
    ],
  });
  for (const path of ['/api/v1/queue', `/api/v1/queue/${sent.event}`]) {
    const { text, status } = await ana.get(path);
    assert.equal(status, 200, text);
    assert.ok(text.includes('Phishing against [withheld]'), text);
    assert.ok(!/ortega/i.test(text), text);
  }
  assert.equal((await network.verdict(ana, sent.event, { outcome: 'accept' })).status, 200);
  assert.ok(!/ortega/i.test((await ana.get(`/api/v1/events/${sent.event}/export`)).text));
});

test('a preview shows what others will read instead, and the report can be sent at once', async () => {
  await using world = await startTown();
  const { town, network } = world;
  type Withheld = { field: string; of: string | null; found: string[]; becomes: string };
  const ask = async (text: string, query = '') => {
    const answer = await town.post<{ withheld: Withheld[]; title: string }>(`/api/v1/reports/preview${query}`, text, {
      'content-type': 'text/plain',
    });
    assert.equal(answer.status, 200, answer.text);
    return answer.body.withheld;
  };
  assert.deepEqual(await ask('Lucia Ortega opened hxxp://kit-evil[.]xyz/a'), [
    { field: 'title', of: null, found: ['Lucía Ortega'], becomes: '[withheld] opened hxxp://kit-evil[.]xyz/a' },
  ]);
  assert.deepEqual(await ask('hxxp://kit-evil[.]xyz/a', `?title=${encodeURIComponent('Mail to L. Ortega and Ortega, Lucía')}`), [
    { field: 'title', of: null, found: ['Lucía Ortega'], becomes: 'Mail to L. Ortega and [withheld]' },
  ]);
  // One word of a name is nobody, and other people's names are not his own.
  assert.deepEqual(await ask('Lucía and the Ortega company: hxxp://kit-evil[.]xyz/a'), []);
  assert.deepEqual(await ask('Ana García opened hxxp://kit-evil[.]xyz/a'), []);
  const misp = { Event: { info: 'x', Attribute: [{ type: 'domain', value: 'kit-evil.xyz', comment: 'seen by Lucía Ortega' }] } };
  assert.deepEqual(await ask(JSON.stringify(misp), '?format=misp'), [
    { field: 'comment', of: 'kit-evil.xyz', found: ['Lucía Ortega'], becomes: 'seen by [withheld]' },
  ]);
  await network.settle();
});

test('a file whose attribute is taken out, or is for its own organisation, does not reach others', async () => {
  await using network = await startNetwork();
  const town = await network.hub.member('Ayuntamiento de Alba');
  const hospital = await network.hub.member('Hospital de Boira');
  const attachment = (value: string, more: object = {}) => ({
    type: 'attachment',
    value,
    data: Buffer.from(`bytes of ${value}`).toString('base64'),
    ...more,
  });
  const sent = await network.file(
    town,
    {
      Event: {
        info: 'files',
        distribution: '1',
        Attribute: [
          { type: 'domain', value: 'file-evil.xyz' },
          attachment('public.txt'),
          attachment('internal.txt', { distribution: '0' }),
          attachment('secret.txt', { Tag: [{ name: 'tlp:red' }] }),
        ],
      },
    },
    '?format=misp&tlp=green',
  );
  await network.settle();
  const event = sent.body.events[0] ?? assert.fail(sent.text);
  const read = await hospital.get<{ attachments: { name: string }[] }>(`/api/v1/events/${event}`);
  assert.deepEqual(
    read.body.attachments.map((file) => file.name),
    ['public.txt'],
  );
  const theirs = (await hospital.get(`/api/v1/events/${event}/export`)).text;
  assert.ok(theirs.includes(Buffer.from('bytes of public.txt').toString('base64')), 'what is for all keeps its bytes');
  assert.ok(!/internal|secret/.test(theirs));
  const mine = (await town.get(`/api/v1/events/${event}/export`)).text;
  for (const name of ['public.txt', 'internal.txt', 'secret.txt'])
    assert.ok(mine.includes(Buffer.from(`bytes of ${name}`).toString('base64')), name);
});
