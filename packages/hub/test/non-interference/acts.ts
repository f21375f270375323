/** Who is in the worlds, the values that they speak of, and what they do. */
import assert from 'node:assert/strict';
import type { Scope } from '#platform/actor';
import type { TestMember } from '../hub.ts';
import { hand, type World } from './world.ts';

export const hourMs = 3_600_000;

/** Values of the history. `known` was released long ago; `hidden` is what only the quick know; `own` a provider reports as well. */
export const values = {
  known: ['185.220.101.7', 'login-bank.known-evil.xyz', 'http://known-evil.xyz/kit/a.php'],
  hidden: ['45.155.205.11', 'hidden-evil.xyz', 'http://hidden-evil.xyz/drop/b.php'],
  shared: '45.155.205.99',
  ruled: '45.155.205.77',
  banned: '45.155.205.78',
  group: 'group-evil.xyz',
  entity: 'entity-evil.xyz',
  red: 'red-evil.xyz',
  pending: 'pending-evil.xyz',
  retracted: 'retracted-evil.xyz',
  heldByGuard: '8.8.8.8',
  unknown: ['45.155.205.201', 'never-reported.xyz'],
} as const;

const providerScopes: readonly Scope[] = ['read', 'report', 'control', 'members', 'self'];

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** Who is in the network. The same in both worlds. */
export async function cast(world: World): Promise<void> {
  const { hub } = world;
  const join = async (name: string, kind: string, level?: string): Promise<TestMember> => {
    const member = await hub.member(name, kind, level, providerScopes);
    world.members.set(name, member);
    world.refs.set(`entity:${name}`, member.entityId);
    return member;
  };
  await world.step('cast', false, async () => {
    await join('Alba', 'public');
    await join('Boira', 'public');
    await join('Goldsmith', 'provider', 'gold');
    const provider = await join('Paloma', 'provider');
    const other = await join('Quercus', 'provider');
    const demoted = await join('Demeter', 'provider', 'gold');
    const guest = await join('Gavina', 'guest');
    const add = (name: string, member: TestMember): void => {
      world.readers.push({ name, headers: bearer(member.key), scopes: providerScopes });
    };
    add('provider', provider);
    add('demoted', demoted);
    add('guest', guest);
    const secret = await hub.members.createGroup(hand, {
      name: 'Valley watch',
      ownerEntityId: world.ref('entity:Alba'),
      members: [world.ref('entity:Boira')],
    });
    const open = await hub.members.createGroup(hand, {
      name: 'Open ring',
      ownerEntityId: world.ref('entity:Alba'),
      members: [provider.entityId, guest.entityId],
    });
    world.refs.set('group:secret', secret.id);
    world.refs.set('group:open', open.id);
    const control = await provider.post<{ control: { id: string }; token: string }>('/api/v1/controls', {
      name: 'edge',
      target: 'nftables',
      feed: 'agent',
    });
    const enrolled = await hub.as('').post<{ key: string }>('/api/v1/agent/enrol', {
      token: control.body.token,
      agent: 'test/1',
      target: 'nftables',
    });
    assert.equal(enrolled.status, 200, enrolled.text);
    world.refs.set('control:own', control.body.control.id);
    world.readers.push({ name: 'agent', headers: bearer(enrolled.body.key), scopes: ['agent', 'read'] });
    const lists = await provider.post<{ control: { id: string } }>('/api/v1/controls', { name: 'proxy', target: 'list', feed: 'list' });
    world.refs.set('control:list', lists.body.control.id);
    const foreign = await other.post<{ control: { id: string } }>('/api/v1/controls', { name: 'theirs', target: 'list', feed: 'list' });
    world.refs.set('control:foreign', foreign.body.control.id);
    world.readers.push({ name: 'anonymous', headers: {}, scopes: [] });
  });
}

type Body = Readonly<Record<string, unknown>>;

/** Reports and remembers the event's id under `event:<name>`. */
export async function report(world: World, by: string, name: string, body: Body): Promise<string> {
  const answer = await world.member(by).post<{ id: string; events: string[] }>('/api/v1/reports', { title: name, ...body });
  assert.equal(answer.status, 202, answer.text);
  const id = answer.body.events[0] ?? '';
  world.refs.set(`event:${name}`, id);
  world.refs.set(`report:${name}`, answer.body.id);
  return id;
}

/** Values that nobody else has: an event of which most is known to two is confirmed by that, and then it is released to all. */
export const alone = (name: string): string[] => [...Array(6).keys()].map((n) => `${name}-${n}-evil.xyz`);

export const indicators = (list: readonly string[]) => list.map((value) => ({ value }));

export async function must(answer: Promise<{ status: number; text: string }>): Promise<void> {
  const { status, text } = await answer;
  assert.ok(status < 300, `${status} ${text}`);
}

export async function accept(world: World, name: string): Promise<void> {
  await must(world.hub.admin.post(`/api/v1/queue/${world.ref(`event:${name}`)}/verdict`, { outcome: 'accept' }));
}

/** The decision that the write side has for a value. */
export async function decisionOf(world: World, value: string): Promise<string> {
  const row = await world.hub.db.one<{ id: string }>`select vkey as id from intel.attribute where blockable and value = ${value} limit 1`;
  assert.ok(row !== undefined, `no decision for ${value}`);
  return row.id;
}

export async function rule(world: World, value: string, ruling: 'consolidated' | 'retracted'): Promise<void> {
  const id = await decisionOf(world, value);
  world.refs.set(`decision:${value}`, id);
  await must(world.hub.admin.post(`/api/v1/decisions/${id}/ruling`, { ruling, reason: 'checked by hand' }));
}

export const sight = (world: World, by: string, value: string, sighting = 'seen') =>
  must(world.member(by).post('/api/v1/sightings', { sightings: [{ value, sighting }] }));

export const misp = (uuid: string, info: string, value: string, file?: string) => ({
  Event: {
    uuid,
    info,
    date: '2026-03-02',
    distribution: '1',
    threat_level_id: '2',
    analysis: '1',
    Tag: [{ name: 'tlp:green' }, { name: 'campaign:wolf' }],
    Attribute: [
      { type: 'domain', category: 'Network activity', value, to_ids: true, comment: 'seen at the proxy' },
      ...(file === undefined
        ? []
        : [{ type: 'attachment', category: 'External analysis', value: 'notes.txt', data: Buffer.from(file).toString('base64') }]),
    ],
  },
});

export const revise = (world: World, by: string, name: string, body: Body) =>
  must(world.member(by).call('PUT', `/api/v1/events/${world.ref(`event:${name}`)}`, body));

export async function file(world: World, by: string, name: string, body: object): Promise<void> {
  const answer = await world
    .member(by)
    .post<{ events: string[] }>('/api/v1/reports/file?format=misp', JSON.stringify(body), { 'content-type': 'application/json' });
  assert.equal(answer.status, 202, answer.text);
  world.refs.set(`event:${name}`, answer.body.events[0] ?? '');
  const parts = await world.hub.db.rows<{ id: string }>`select id from intel.attachment where event_id = ${answer.body.events[0] ?? ''}`;
  for (const { id } of parts) world.refs.set(`attachment:${name}`, id);
}
