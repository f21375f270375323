import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMember } from '../hub.ts';
import { hourMs, startNetwork } from './network.ts';

type View = {
  readonly title: string;
  readonly indicators: number;
  readonly items: readonly { value: string; comment: string }[];
  readonly objects: readonly { name: string }[];
  readonly attachments: readonly { id: string; name: string }[];
};
type Page = { readonly indicators: readonly { value: string }[]; readonly next: string | null; readonly code: string };

const uuid = (n: number): string => `5d1c2b6e-0000-4000-8000-0000000000${n}`;
const domain = (n: number, value: string, more: object = {}) => ({
  ...{ uuid: uuid(n), type: 'domain', category: 'Network activity', value, to_ids: true },
  ...more,
});
const file = {
  uuid: uuid(33),
  type: 'attachment',
  category: 'External analysis',
  value: 'notes.txt',
  data: Buffer.from('for us alone').toString('base64'),
  distribution: '0',
};

test('an author reads his own event whole, also what is marked for him alone; others read what is for them', async () => {
  await using network = await startNetwork();
  const town = await network.hub.member('Ayuntamiento de Alba');
  const other = await network.hub.member('Hospital de Boira');
  const late = await network.hub.member('Paloma', 'provider');
  await network.person(town.entityId, 'Lucía Ortega', ['analyst'], ['read']);
  await network.settle();
  const sent = await network.file(town, {
    Event: {
      ...{ uuid: uuid(10), info: 'Phishing against Lucía Ortega', distribution: '1', timestamp: '1000' },
      Attribute: [
        domain(30, 'shared-evil.xyz', { comment: 'opened by Lucía Ortega' }),
        domain(31, 'alone-evil.xyz', { distribution: '0' }),
        file,
      ],
      Object: [
        {
          ...{
            uuid: uuid(20),
            name: 'ours',
            'meta-category': 'network',
            template_uuid: uuid(90),
            template_version: '1',
            distribution: '0',
          },
          Attribute: [domain(32, 'object-evil.xyz', { object_relation: 'domain' })],
        },
      ],
    },
  });
  assert.equal(sent.status, 202, sent.text);
  await network.settle();
  const id = sent.body.events[0] ?? assert.fail();
  const read = async (by: TestMember): Promise<View> => {
    const answer = await by.get<View>(`/api/v1/events/${id}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  };
  /** One at a time: every page begins where the one before ended. */
  const pages = async (by: TestMember): Promise<readonly string[]> => {
    const values: string[] = [];
    for (let next = ''; ; ) {
      const { status, text, body } = await by.get<Page>(`/api/v1/events/${id}/indicators?limit=1${next}`);
      assert.equal(status, 200, text);
      values.push(...body.indicators.map((each) => each.value));
      if (body.next === null) return values.sort();
      next = `&after=${body.next}`;
    }
  };
  const whole = ['alone-evil.xyz', 'notes.txt', 'object-evil.xyz', 'shared-evil.xyz'];

  const mine = await read(town);
  assert.equal(mine.title, 'Phishing against Lucía Ortega');
  assert.deepEqual(mine.items.map((each) => each.value).sort(), whole);
  assert.equal(mine.indicators, 4);
  assert.ok(mine.items.some((each) => each.comment === 'opened by Lucía Ortega'));
  assert.deepEqual(
    [...mine.objects, ...mine.attachments].map((each) => each.name),
    ['ours', 'notes.txt'],
  );
  assert.deepEqual(await pages(town), whole);
  const attachment = mine.attachments[0]?.id ?? assert.fail();
  assert.equal((await town.get(`/api/v1/attachments/${attachment}`)).text, 'for us alone');

  await network.pass(25 * hourMs);
  for (const by of [other, late]) {
    const theirs = await read(by);
    assert.equal(theirs.title, 'Phishing against [withheld]');
    assert.deepEqual(
      theirs.items.map((each) => each.value),
      ['shared-evil.xyz'],
    );
    assert.deepEqual([theirs.indicators, theirs.objects, theirs.attachments], [1, [], []]);
    assert.deepEqual(await pages(by), ['shared-evil.xyz']);
    assert.equal((await by.get(`/api/v1/attachments/${attachment}`)).status, 404);
  }

  // A value that is taken out again is in nobody's view, and a page of one reader is no page of another.
  const less = await town.call('PUT', `/api/v1/events/${id}`, { indicators: [{ value: 'shared-evil.xyz' }] });
  assert.equal(less.status, 200, less.text);
  await network.settle();
  for (const by of [town, other, late]) assert.deepEqual(await pages(by), ['shared-evil.xyz']);
  assert.equal((await town.get(`/api/v1/attachments/${attachment}`)).status, 404);
  const foreign = await other.get<Page>(
    `/api/v1/events/${id}/indicators?after=${Buffer.from(JSON.stringify([uuid(30), '0'])).toString('base64url')}`,
  );
  assert.deepEqual([foreign.status, foreign.body.code], [400, 'intel.bad_input']);
});
