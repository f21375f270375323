import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { personActor } from '#test/members/actors';
import { type Bed, openBed } from '#test/members/bed';
import { refusal } from './assets.ts';
import { listAssets } from './store/entities.ts';
import { voiceOf, voicesOf } from './store/socs.ts';

let bed: Bed;
before(async () => {
  bed = await openBed();
});
after(() => bed[Symbol.asyncDispose]());

const staffed = async (name: string, kind: string) => {
  const entity = await bed.entity(name, kind);
  await bed.members.declareAsset(bed.administrator, {
    entityId: entity.id,
    kind: 'mail_domain',
    value: `${name.toLowerCase().replaceAll(' ', '-')}.example`,
  });
  return entity;
};
const soc = (operator: { id: string; name: string }, serves: string[], more: Record<string, unknown> = {}) =>
  bed.members.createSoc(bed.administrator, {
    name: operator.name,
    operatorEntityId: operator.id,
    staff: 'own',
    managerName: 'Manager',
    managerMail: `boss@${operator.name.toLowerCase().replaceAll(' ', '-')}.example`,
    serves,
    ...more,
  });

test('naming rule: a company runs a SOC under its own name, with a manager of its own and its own staff', async () => {
  const [company, town] = [await staffed('Acme', 'provider'), await staffed('Town', 'public')];
  for (const [more, code] of [
    [{ name: 'Town' }, 'members.soc_name'],
    [{ name: 'Acmex SOC' }, 'members.soc_name'],
    [{ managerMail: 'boss@town.example' }, 'members.soc_manager'],
    [{ managerMail: 'boss@acme.example.evil.example' }, 'members.soc_manager'],
    [{ managerMail: 'nonsense' }, 'members.mail_invalid'],
    [{ staff: 'contracted' }, 'members.soc_operator'],
  ] as const) {
    await assert.rejects(soc(company, [town.id], more), { code }, JSON.stringify(more));
  }
  assert.equal((await soc(company, [town.id], { name: 'ACME - Night shift' })).name, 'ACME - Night shift');
});

test('naming rule: an administration gives name and manager also when contracted staff does the work', async () => {
  const [ministry, contractor] = [await staffed('Ministry', 'public'), await staffed('Contractor', 'provider')];
  await assert.rejects(soc(ministry, [], { staff: 'contracted', name: 'Contractor' }), { code: 'members.soc_name' });
  await assert.rejects(soc(ministry, [], { staff: 'contracted', managerMail: 'boss@contractor.example' }), { code: 'members.soc_manager' });
  const { person } = await bed.members.createPerson(bed.administrator, {
    entityId: contractor.id,
    name: 'C',
    mail: 'c@ministry.example',
    roles: ['reader'],
  });
  await assert.rejects(
    soc(ministry, [], { managerMail: person.mail }),
    { code: 'members.soc_manager' },
    "the contractor's person, though with the ministry's mail",
  );
  await soc(ministry, [], { staff: 'contracted' });
});

test("naming rule: guests, sources and liaisons run no SOC, and only the network's people register one", async () => {
  for (const kind of ['guest', 'source', 'liaison'])
    await assert.rejects(soc(await staffed(`A ${kind}`, kind), []), { code: 'members.soc_operator' });
  const company = await staffed('Umbrella', 'provider');
  await assert.rejects(
    bed.members.createSoc(personActor(company.id, ['manager']), {
      name: 'Umbrella',
      operatorEntityId: company.id,
      staff: 'own',
      managerName: 'M',
      managerMail: 'm@umbrella.example',
      serves: [],
    }),
    { code: 'members.forbidden' },
  );
});

test('voices: two entities of one provider are one voice, with the provider; one that is not served speaks for itself', async () => {
  const provider = await staffed('Voice Provider', 'provider');
  const [x, y, z] = [await bed.entity('Voice X'), await bed.entity('Voice Y'), await bed.entity('Voice Z')];
  const created = await soc(provider, [x.id, y.id]);
  assert.equal(await voiceOf(bed.db, x.id), provider.id);
  const voices = await voicesOf(bed.db, [x.id, y.id, z.id, provider.id]);
  assert.deepEqual([...new Set([x.id, y.id, provider.id].map((id) => voices.get(id)))], [provider.id]);
  assert.equal(voices.get(z.id), z.id);
  await bed.members.changeSoc(bed.administrator, created.id, { serves: [y.id] });
  assert.equal(await voiceOf(bed.db, x.id), x.id);
  assert.deepEqual(await voicesOf(bed.db, []), new Map());
});

test('voices: a chain of SOCs speaks with the last one; an administration that serves itself is itself', async () => {
  const [top, middle, own] = [
    await staffed('Chain Top', 'provider'),
    await staffed('Chain Middle', 'provider'),
    await staffed('Own Ministry', 'public'),
  ];
  const leaf = await bed.entity('Chain Leaf');
  await soc(middle, [leaf.id]);
  await soc(top, [middle.id]);
  await soc(own, [own.id]);
  const voices = await voicesOf(bed.db, [leaf.id, middle.id, top.id, own.id]);
  assert.deepEqual([voices.get(leaf.id), voices.get(middle.id), voices.get(top.id), voices.get(own.id)], [top.id, top.id, top.id, own.id]);
});

test('serving: one SOC per entity, no circle, no unknown entity, and a refusal leaves nothing behind', async () => {
  const [a, b] = [await staffed('Circle A', 'provider'), await staffed('Circle B', 'provider')];
  const served = await bed.entity('Circle Served');
  const first = await soc(a, [b.id, served.id]);
  await assert.rejects(soc(b, [served.id]), { code: 'members.soc_serves' });
  await assert.rejects(soc(b, [a.id]), { code: 'members.soc_serves' });
  await assert.rejects(soc(b, [bed.setup.ids.uuid()]), { code: 'members.entity_not_found' });
  const second = await soc(b, []);
  await assert.rejects(bed.members.changeSoc(bed.administrator, second.id, { serves: [a.id] }), { code: 'members.soc_serves' });
  assert.equal(await voiceOf(bed.db, a.id), a.id);
  await bed.members.removeSoc(bed.administrator, first.id);
  await bed.members.changeSoc(bed.administrator, second.id, { serves: [a.id] });
  assert.equal(await voiceOf(bed.db, a.id), b.id);
});

test('two SOCs that take over each other at the same moment do not make a circle', async () => {
  const [a, b] = [await staffed('Race A', 'provider'), await staffed('Race B', 'provider')];
  const [one, two] = [await soc(a, []), await soc(b, [])];
  const tries = await Promise.allSettled([
    bed.members.changeSoc(bed.administrator, one.id, { serves: [b.id] }),
    bed.members.changeSoc(bed.administrator, two.id, { serves: [a.id] }),
  ]);
  assert.equal(tries.filter((result) => result.status === 'fulfilled').length, 1);
});

test('assets: refusal bounds what can be claimed', () => {
  const nets = (...values: string[]) => values.map((value) => ({ kind: 'net' as const, value }));
  assert.equal(refusal('net', '198.51.0.0/16', [], false), undefined);
  assert.equal(refusal('net', '198.0.0.0/15', [], false), 'wide');
  assert.equal(refusal('net', '198.0.0.0/15', [], true), undefined);
  assert.equal(refusal('net', '0.0.0.0/0', [], false), 'wide');
  assert.equal(refusal('net', '2001:db8::/32', [], false), undefined);
  assert.equal(refusal('net', '2001:db8::/31', [], false), 'wide');
  const full = nets('10.0.0.0/16', '10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16');
  assert.equal(refusal('net', '192.0.2.0/24', full, false), 'wide', 'many narrow claims are one wide claim');
  assert.equal(refusal('net', '192.0.2.0/24', full, true), undefined);
  assert.equal(refusal('net', '2001:db8::/32', full, false), undefined, 'families are counted apart');
  for (const suffix of ['es', 'com', 'gob.es', 'co.uk', 'github.io', 'localhost'])
    assert.equal(refusal('domain', suffix, [], true), 'suffix', suffix);
  assert.equal(refusal('mail_domain', 'gob.es', [], true), 'suffix');
  assert.equal(refusal('domain', 'madrid.es', [], false), undefined);
});

test('assets: a manager declares at home, twice is once, and the guard reads those of members that are in', async () => {
  const [home, away] = [await bed.entity('Asset Home'), await bed.entity('Asset Away')];
  const manager = personActor(home.id, ['manager']);
  const first = await bed.members.declareAsset(manager, { entityId: home.id, kind: 'domain', value: 'Home.Example' });
  assert.equal(first.value, 'home.example');
  assert.equal((await bed.members.declareAsset(manager, { entityId: home.id, kind: 'domain', value: 'home.example' })).id, first.id);
  await assert.rejects(bed.members.declareAsset(manager, { entityId: away.id, kind: 'domain', value: 'x.example' }), {
    code: 'members.forbidden',
  });
  await assert.rejects(bed.members.declareAsset(manager, { entityId: home.id, kind: 'domain', value: '' }), {
    code: 'members.asset_invalid',
  });
  await assert.rejects(bed.members.declareAsset(manager, { entityId: home.id, kind: 'net', value: '10.0.0.0/8' }), {
    code: 'members.asset_too_wide',
  });
  await assert.rejects(bed.members.withdrawAsset(personActor(away.id, ['manager']), first.id), { code: 'members.asset_not_found' });
  await assert.rejects(bed.members.readAssets(personActor(away.id, ['manager']), home.id), { code: 'members.entity_not_found' });
  const values = async () => (await listAssets(bed.db, null, 1_000)).map((asset) => asset.value);
  assert.ok((await values()).includes('home.example'));
  await bed.members.changeEntity(bed.administrator, home.id, { suspended: true });
  assert.ok(!(await values()).includes('home.example'));
});

test('groups: unknown to those outside, changed by their owner, and a name that is taken tells nothing more', async () => {
  const [owner, inside, outside] = [await bed.entity('Owner'), await bed.entity('Inside'), await bed.entity('Outside')];
  const group = await bed.members.createGroup(personActor(owner.id, ['manager']), {
    name: 'Water',
    ownerEntityId: owner.id,
    members: [inside.id],
  });
  assert.deepEqual(group.members, [owner.id, inside.id].sort());
  assert.equal((await bed.members.readGroups(personActor(outside.id, ['manager']), {})).length, 0);
  for (const act of [
    () => bed.members.readGroup(personActor(outside.id, ['manager']), group.id),
    () => bed.members.changeGroup(personActor(outside.id, ['manager']), group.id, { members: [outside.id] }),
    () => bed.members.removeGroup(personActor(outside.id, ['manager']), group.id),
  ]) {
    await assert.rejects(act(), { code: 'members.group_not_found' });
  }
  await assert.rejects(bed.members.changeGroup(personActor(inside.id, ['manager']), group.id, { members: [] }), {
    code: 'members.forbidden',
  });
  await assert.rejects(bed.members.createGroup(personActor(inside.id, ['manager']), { name: 'X', ownerEntityId: owner.id, members: [] }), {
    code: 'members.forbidden',
  });
  await assert.rejects(bed.members.createGroup(bed.administrator, { name: 'WATER', ownerEntityId: owner.id, members: [] }), {
    code: 'members.group_name_taken',
  });
  await assert.rejects(
    bed.members.createGroup(bed.administrator, { name: 'Y', ownerEntityId: owner.id, members: [bed.setup.ids.uuid()] }),
    { code: 'members.entity_not_found' },
  );
  const emptied = await bed.members.changeGroup(personActor(owner.id, ['manager']), group.id, { members: [] });
  assert.deepEqual(emptied.members, [owner.id], 'the owner stays in');
});

test('entities: coordinators admit and change, managers do not; a suspended one is unknown to others', async () => {
  const entity = await bed.entity('Changing');
  const manager = personActor(entity.id, ['manager']);
  await assert.rejects(bed.members.createEntity(manager, { name: 'N', kind: 'public' }), { code: 'members.forbidden' });
  await assert.rejects(bed.members.changeEntity(manager, entity.id, { critical: true }), { code: 'members.forbidden' });
  const coordinator = personActor(bed.hubEntityId, ['coordinator']);
  await assert.rejects(bed.members.changeEntity(coordinator, bed.hubEntityId, { suspended: true }), { code: 'members.forbidden' });
  await bed.members.changeEntity(coordinator, entity.id, { suspended: true });
  const other = personActor((await bed.entity('Onlooker')).id, ['analyst']);
  await assert.rejects(bed.members.readEntity(other, entity.id), { code: 'members.entity_not_found' });
  assert.ok(!(await bed.members.readEntities(other, { limit: 500 })).some((row) => row.id === entity.id));
  assert.ok((await bed.members.readEntities(coordinator, { limit: 500 })).some((row) => row.id === entity.id));
});

test('lists are paged by key, each row once', async () => {
  const seen: string[] = [];
  let after: string | undefined;
  for (let page = 0; page < 100; page += 1) {
    const rows = await bed.members.readEntities(bed.administrator, { after, limit: 3 });
    if (rows.length === 0) break;
    seen.push(...rows.map((row) => row.id));
    after = rows.at(-1)?.id;
  }
  assert.equal(new Set(seen).size, seen.length);
  assert.equal(seen.length, (await bed.members.readEntities(bed.administrator, { limit: 500 })).length);
});

test('serving: a chain is refused when one new link makes it too long far below', async () => {
  const links: { id: string; name: string }[] = [];
  for (let n = 0; n < 9; n += 1) links.push(await staffed(`Link ${n}`, 'provider'));
  for (let n = 0; n + 1 < links.length; n += 1) {
    const [lower, upper] = [links[n], links[n + 1]];
    assert.ok(lower && upper);
    if (n < 7) await soc(upper, [lower.id]);
    else await assert.rejects(soc(upper, [lower.id]), { code: 'members.soc_serves' });
  }
});
