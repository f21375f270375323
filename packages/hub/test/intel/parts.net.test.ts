import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMember } from '../hub.ts';
import { hand, startNetwork } from './network.ts';

type Parts = {
  readonly items: readonly { value: string }[];
  readonly objects: readonly { id: string; name: string }[];
  readonly attachments: readonly { name: string }[];
};

const uuid = (n: number): string => `7a1c2b6e-0000-4000-8000-0000000000${n}`;
const part = (n: number, value: string) => ({
  uuid: uuid(n),
  type: 'domain',
  category: 'Network activity',
  value,
  to_ids: true,
  object_relation: 'domain',
});

async function read(by: TestMember, id: string): Promise<Parts> {
  const answer = await by.get<Parts>(`/api/v1/events/${id}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

test('an object of which nothing was accepted stays with its author, and nobody else is told that another refers to it', async () => {
  await using network = await startNetwork();
  const town = await network.hub.member('Ayuntamiento de Alba');
  const company = await network.hub.member('Paloma', 'provider', 'gold');
  await network.hub.db.run`delete from intel.auto_rule where level = 'gold'`;
  const ana = await network.person(town.entityId, 'Ana Assessor', ['assessor']);
  const object = (n: number, name: string, attributes: readonly object[], more: object = {}) => ({
    uuid: uuid(n),
    name,
    'meta-category': 'network',
    template_uuid: uuid(90),
    template_version: '1',
    Attribute: attributes,
    ...more,
  });
  const sent = await network.file(company, {
    Event: {
      info: 'two objects',
      distribution: '1',
      Object: [
        object(20, 'kept', [part(30, 'kept-evil.xyz')], {
          ObjectReference: [{ uuid: uuid(40), referenced_uuid: uuid(21), relationship_type: 'drops' }],
        }),
        object(21, 'dropped', [part(31, 'dropped-evil.xyz')]),
      ],
    },
  });
  assert.equal(sent.status, 202, sent.text);
  await network.settle();
  const id = sent.body.events[0] ?? '';
  assert.equal((await network.verdict(ana, id, { outcome: 'accept', only: [uuid(30)] })).status, 200);
  assert.deepEqual(
    (await read(town, id)).objects.map((each) => each.name),
    ['kept'],
  );
  const out = (by: TestMember) => by.get<object>(`/api/v1/events/${id}/export?format=misp`).then((answer) => JSON.stringify(answer.body));
  assert.ok(!(await out(town)).includes(uuid(21)), 'not even by a reference');
  const own = await out(company);
  assert.ok(own.includes(uuid(40)) && own.includes('dropped'), 'its author has all of it');
});

test('a file comes with its attribute, also when that is accepted after the event', async () => {
  await using network = await startNetwork();
  const town = await network.hub.member('Ayuntamiento de Alba');
  const company = await network.hub.member('Paloma', 'provider');
  const ana = await network.person(town.entityId, 'Ana Assessor', ['assessor']);
  const event = (timestamp: number, attributes: readonly object[]) => ({
    Event: { uuid: uuid(10), info: 'with a file', timestamp: String(timestamp), distribution: '1', Attribute: attributes },
  });
  const file = {
    uuid: uuid(32),
    type: 'attachment',
    category: 'External analysis',
    value: 'notes.txt',
    data: Buffer.from('seen').toString('base64'),
  };
  const sent = await network.file(company, event(1000, [part(30, 'first-evil.xyz')]));
  await network.settle();
  const id = sent.body.events[0] ?? '';
  assert.equal((await network.verdict(ana, id, { outcome: 'accept' })).status, 200);
  assert.equal((await network.file(company, event(2000, [file]))).status, 202);
  await network.settle();
  assert.deepEqual((await read(town, id)).attachments, [], 'it waits for an assessor');
  assert.equal((await network.verdict(ana, id, { outcome: 'accept' })).status, 200);
  assert.deepEqual(
    (await read(town, id)).attachments.map((each) => each.name),
    ['notes.txt'],
  );
});

test('an event without any indicator is taken, and waits where its source is not trusted; a text without findings is refused', async () => {
  await using network = await startNetwork();
  const town = await network.hub.member('Ayuntamiento de Alba');
  const company = await network.hub.member('Paloma', 'provider');
  const event = { Event: { info: 'a report of words alone', distribution: '1', Tag: [{ name: 'campaign:wolf' }] } };
  assert.equal((await network.file(town, event)).status, 202);
  assert.equal((await network.file(company, { Event: { ...event.Event, info: 'unchecked words' } })).status, 202);
  await network.settle();
  assert.deepEqual(await network.titles(town), ['a report of words alone']);
  const text = await network.file(town, Buffer.from('Nothing to report.'), '?format=text');
  assert.equal(text.status, 400, text.text);
});

test('a guest reads in a group what is configured for guests, and no more', async () => {
  await using network = await startNetwork();
  const town = await network.hub.member('Ayuntamiento de Alba');
  const other = await network.hub.member('Hospital de Boira');
  const guest = await network.hub.member('Gavina', 'guest');
  const members = [other.entityId, guest.entityId];
  const group = await network.hub.members.createGroup(hand, { name: 'Ring', ownerEntityId: town.entityId, members });
  for (const tlp of ['green', 'amber'])
    await network.tell(town, [`${tlp}-evil.xyz`], { title: tlp, tlp, distribution: 'group', groupId: group.id });
  await network.pass(25 * 3_600_000);
  assert.deepEqual(await network.titles(other), ['amber', 'green']);
  assert.deepEqual(await network.titles(guest), ['green']);
});
