/** What happens in the worlds: a past that everybody has, and then steps of which some are hidden from the script's readers. */
import assert from 'node:assert/strict';
import { accept, alone, decisionOf, file, hourMs, indicators, misp, must, report, revise, rule, sight, values } from './acts.ts';
import { hand, type Reader, type World } from './world.ts';

/** The past: released to all readers that may have it. Ends a day and an hour later. */
export async function past(world: World): Promise<void> {
  const visible = (name: string, work: () => Promise<void>) => world.step(name, false, work);
  await visible('known', async () => {
    await report(world, 'Alba', 'known', { tlp: 'green', indicators: indicators(values.known) });
  });
  await visible('known clear', async () => {
    await report(world, 'Boira', 'known clear', { tlp: 'clear', distribution: 'all', text: 'clear-evil[.]xyz and 185.220.101[.]8' });
  });
  await visible('known amber', async () => {
    await report(world, 'Goldsmith', 'known amber', { tlp: 'amber', indicators: indicators(['amber-evil.xyz', values.known[0]]) });
  });
  await visible('known file', () =>
    file(world, 'Alba', 'known file', misp('6f1c2b6e-0000-4000-8000-000000000001', 'known file', 'file-evil.xyz', 'notes of Alba')),
  );
  await visible('known group', async () => {
    const groupId = world.ref('group:open');
    await report(world, 'Alba', 'known group', { tlp: 'amber', distribution: 'group', groupId, indicators: indicators(['ring-evil.xyz']) });
  });
  await visible('demoted reports', async () => {
    await report(world, 'Demeter', 'demoted reports', { tlp: 'green', indicators: indicators(['demeter-evil.xyz']) });
  });
  await visible('own report', async () => {
    await report(world, 'Paloma', 'own report', { tlp: 'green', indicators: indicators(['paloma-evil.xyz', '185.220.101.9']) });
    await accept(world, 'own report');
  });
  await visible('sighting', () => sight(world, 'Boira', values.known[1]));
  await visible('comment', () =>
    must(world.member('Boira').post(`/api/v1/events/${world.ref('event:known')}/comments`, { text: 'seen here too' })),
  );
  await world.pass(25 * hourMs);
  await visible('demotion', async () => {
    await world.hub.scoring.setLevel(hand, world.ref('entity:Demeter'), 'informed', 'missed two audits');
  });
  await visible('own lift', async () => {
    const id = await decisionOf(world, '185.220.101.8');
    world.refs.set('decision:known', id);
    const answer = await world.member('Paloma').post<{ id: string }>(`/api/v1/decisions/${id}/lift`, { reason: 'our printer' });
    assert.equal(answer.status, 201, answer.text);
    world.refs.set('lift:own', answer.body.id);
  });
  await visible('people', async () => {
    const cookie = await world.person('Ana of Paloma', 'Paloma', ['manager']);
    const scopes: Reader['scopes'] = ['read', 'report', 'control', 'members', 'self'];
    world.readers.push({ name: 'person', headers: { cookie }, scopes });
  });
}

export type Step = { readonly name: string; readonly hidden: boolean; readonly run: (world: World) => Promise<void> };

const hidden = (name: string, run: Step['run']): Step => ({ name, hidden: true, run });
const visible = (name: string, run: Step['run']): Step => ({ name, hidden: false, run });

/** What the readers of the script may not see before its release, or ever; some of it needs what stands before it. */
export const hiddenSteps: readonly (readonly Step[])[] = [
  [
    hidden('gold report', async (world) => {
      await report(world, 'Goldsmith', 'hidden gold', { tlp: 'green', indicators: indicators([...values.hidden, ...alone('gold')]) });
    }),
    hidden('public report of the same', async (world) => {
      await report(world, 'Boira', 'hidden public', {
        tlp: 'amber',
        indicators: indicators([values.hidden[0], values.shared, ...alone('public')]),
      });
    }),
    hidden('sightings of hidden values', async (world) => {
      await sight(world, 'Alba', values.hidden[0]);
      await sight(world, 'Alba', values.hidden[1], 'false_positive');
    }),
    hidden('comment on a hidden event', (world) =>
      must(world.member('Alba').post(`/api/v1/events/${world.ref('event:hidden gold')}/comments`, { text: 'same actor as last year' })),
    ),
    hidden('lift of a hidden value', async (world) => {
      const id = await decisionOf(world, values.hidden[0]);
      world.refs.set(`decision:${values.hidden[0]}`, id);
      await must(world.member('Alba').post(`/api/v1/decisions/${id}/lift`, { reason: 'ours', falsePositive: true }));
    }),
  ],
  [
    hidden('group event', async (world) => {
      const groupId = world.ref('group:secret');
      const body = {
        tlp: 'amber',
        distribution: 'group',
        groupId,
        indicators: indicators([values.group, values.known[1], ...alone('group')]),
      };
      await report(world, 'Alba', 'hidden group', body);
    }),
  ],
  [
    hidden('event in the readers’ own group', async (world) => {
      const groupId = world.ref('group:open');
      await report(world, 'Alba', 'hidden in ring', {
        tlp: 'green',
        distribution: 'group',
        groupId,
        indicators: indicators(['ring2-evil.xyz']),
      });
    }),
  ],
  [
    hidden('entity event', async (world) => {
      await report(world, 'Boira', 'hidden entity', {
        distribution: 'entity',
        indicators: indicators([values.entity, values.known[2], ...alone('entity')]),
      });
    }),
  ],
  [
    hidden('red event', async (world) => {
      await report(world, 'Boira', 'hidden red', { tlp: 'red', indicators: indicators([values.red]) });
    }),
  ],
  [
    hidden('held value', async (world) => {
      await report(world, 'Boira', 'hidden held', { tlp: 'green', indicators: indicators([values.heldByGuard]) });
    }),
  ],
  [
    hidden('pending report of another provider', async (world) => {
      await report(world, 'Quercus', 'hidden pending', { tlp: 'green', indicators: indicators([values.pending, values.known[0]]) });
    }),
    hidden('claim', (world) => must(world.hub.admin.post(`/api/v1/queue/${world.ref('event:hidden pending')}/claim`))),
    hidden('held by an assessor', (world) =>
      must(
        world.hub.admin.post(`/api/v1/queue/${world.ref('event:hidden pending')}/verdict`, { outcome: 'hold', reason: 'ask the source' }),
      ),
    ),
  ],
  [
    hidden('rejected report', async (world) => {
      await report(world, 'Quercus', 'hidden rejected', { tlp: 'green', indicators: indicators(['rejected-evil.xyz']) });
      const outcome = { outcome: 'reject', reason: 'no evidence' };
      await must(world.hub.admin.post(`/api/v1/queue/${world.ref('event:hidden rejected')}/verdict`, outcome));
    }),
  ],
  [
    hidden('retracted before its release', async (world) => {
      await report(world, 'Alba', 'hidden retracted', { tlp: 'green', indicators: indicators([values.retracted, ...alone('retracted')]) });
    }),
    hidden('the retraction', (world) =>
      must(world.member('Alba').post(`/api/v1/events/${world.ref('event:hidden retracted')}/retraction`, { reason: 'our own test' })),
    ),
  ],
  [
    hidden('ruling on a hidden value', async (world) => {
      await report(world, 'Boira', 'hidden ruled', { tlp: 'green', indicators: indicators([values.ruled, values.banned]) });
    }),
    hidden('consolidated', (world) => rule(world, values.ruled, 'consolidated')),
    hidden('retracted', (world) => rule(world, values.banned, 'retracted')),
  ],
  [
    hidden('late sighting of a known value', (world) => sight(world, 'Alba', values.known[0])),
    hidden('late false positive of a known value', (world) => sight(world, 'Goldsmith', values.known[1], 'false_positive')),
  ],
  [
    hidden('late comment on a known event', (world) =>
      must(world.member('Goldsmith').post(`/api/v1/events/${world.ref('event:known')}/comments`, { text: 'a new lead, not for all yet' })),
    ),
  ],
  [
    hidden('lift of a known value by another', async (world) => {
      const id = await decisionOf(world, values.known[0]);
      await must(world.member('Boira').post(`/api/v1/decisions/${id}/lift`, { reason: 'our mail', falsePositive: true }));
    }),
  ],
  [
    hidden('control and receipts of another', async (world) => {
      const control = await world.member('Boira').post<{ control: { id: string }; token: string }>('/api/v1/controls', {
        name: 'core',
        target: 'nftables',
        feed: 'agent',
      });
      world.refs.set('control:hidden', control.body.control.id);
      const enrol = { token: control.body.token, agent: 'test/1', target: 'nftables' };
      const { body } = await world.hub.as('').post<{ key: string }>('/api/v1/agent/enrol', enrol);
      const decision = await decisionOf(world, values.known[0]);
      const receipt = { decision, channel: 'immediate/c', version: 1, state: 'applied', at: '2026-03-03T09:00:00.000Z' };
      await must(world.hub.as(body.key).post('/api/v1/agent/receipts', { receipts: [receipt] }));
    }),
  ],
  [
    hidden('file with an attachment', (world) =>
      file(world, 'Alba', 'hidden file', misp('6f1c2b6e-0000-4000-8000-0000000000aa', 'hidden file', 'hidden-file.xyz', 'secret notes')),
    ),
  ],
  [
    hidden('event that is revised', async (world) => {
      const sent = indicators(['revised-evil.xyz', 'revised-gone-evil.xyz', ...alone('revised')]);
      await report(world, 'Alba', 'hidden revised', { tlp: 'green', indicators: sent });
    }),
    hidden('revision before its release', (world) =>
      revise(world, 'Alba', 'hidden revised', {
        title: 'hidden revised',
        indicators: indicators(['revised-evil.xyz', 'revised-more-evil.xyz', ...alone('revised')]),
      }),
    ),
    hidden('and once more', (world) => revise(world, 'Alba', 'hidden revised', { tags: [{ name: 'campaign:lynx' }] })),
  ],
  [
    hidden('addition to a known event', (world) => {
      world.refs.set('event:hidden title of known', world.ref('event:known'));
      return revise(world, 'Alba', 'known', {
        title: 'hidden title of known',
        indicators: indicators([...values.known, 'known-added-evil.xyz', values.hidden[2]]),
      });
    }),
    hidden('which is withdrawn before it is released', (world) =>
      revise(world, 'Alba', 'known', { title: 'hidden title of known', indicators: indicators([...values.known, 'known-other-evil.xyz']) }),
    ),
  ],
  [
    hidden('group of others', async (world) => {
      const alba = world.ref('entity:Alba');
      const group = await world
        .member('Alba')
        .post<{ id: string }>('/api/v1/groups', { name: 'Operation Wolf', ownerEntityId: alba, members: [] });
      assert.equal(group.status, 201, group.text);
      world.refs.set('group:hidden', group.body.id);
    }),
    hidden('people and keys of others', async (world) => {
      const alba = world.ref('entity:Alba');
      await must(world.hub.admin.post('/api/v1/people', { entityId: alba, name: 'Bea', mail: 'bea@alba.example', roles: ['analyst'] }));
      await must(world.member('Alba').post('/api/v1/keys', { label: 'sensor', scopes: ['read'], entityId: alba }));
    }),
  ],
];

/** What the readers see at once, among the hidden. */
export const visibleSteps: readonly Step[] = [
  visible('own report now', async (world) => {
    await report(world, 'Paloma', 'own now', { tlp: 'green', indicators: indicators(['paloma2-evil.xyz', values.shared]) });
  }),
  visible('own report accepted', (world) => accept(world, 'own now')),
  visible('own sighting', (world) => sight(world, 'Paloma', values.known[2])),
  visible('own comment', (world) =>
    must(world.member('Paloma').post(`/api/v1/events/${world.ref('event:known')}/comments`, { text: 'thank you' })),
  ),
  visible('retraction of a known event', (world) =>
    must(world.member('Boira').post(`/api/v1/events/${world.ref('event:known clear')}/retraction`, { reason: 'shared host' })),
  ),
  visible('consolidation of a known event', (world) =>
    must(world.hub.admin.post(`/api/v1/events/${world.ref('event:known amber')}/consolidation`, { reason: 'confirmed' })),
  ),
  visible('narrowing of a known event', (world) =>
    revise(world, 'Goldsmith', 'known amber', { indicators: indicators(['amber-evil.xyz']) }),
  ),
  visible('halt and on', async (world) => {
    await must(world.hub.admin.call('PUT', '/api/v1/halt', { on: true, reason: 'drill' }));
    await world.settle();
    await must(world.hub.admin.call('PUT', '/api/v1/halt', { on: false, reason: 'drill is over' }));
  }),
];

/** A small generator with a seed (mulberry32): the same history for the same number. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Chains of steps, each in its own order, shuffled into one another. World 1 has every chain; further ones a part of them. */
export function historyOf(seed: number): Step[] {
  const next = random(seed);
  const chains = [...hiddenSteps, visibleSteps]
    .map((chain) => [...chain])
    .filter((_chain, at, all) => seed === 1 || at === all.length - 1 || next() < 0.7);
  const steps: Step[] = [];
  while (chains.length > 0) {
    const at = Math.floor(next() * chains.length);
    const step = chains[at]?.shift();
    if (step === undefined) chains.splice(at, 1);
    else steps.push(step);
  }
  return steps;
}
