/**
 * What a reader gets from any endpoint at a time follows from what has been released to that reader by then, and from nothing else. Two hubs live
 * through the same history, one of them with things in between that the readers may not see; then every route is asked in both.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accept, cast, hourMs, values } from './acts.ts';
import { type Ask, ask, difference, plain, type Said } from './exchange.ts';
import { historyOf, past } from './history.ts';
import { leaks } from './leaks.ts';
import { reads, readsAgain, writes } from './script.ts';
import { startWorld, type World } from './world.ts';

/** More worlds have other histories: parts of the hidden steps, in another order. */
const worlds = Number(process.env.REBATO_TEST_WORLDS ?? '1');

async function play(world: World, seed: number): Promise<void> {
  await cast(world);
  await past(world);
  for (const reader of world.readers) {
    if (reader.scopes.includes('read')) await world.follow(reader, '/api/v1/stream');
    if (reader.scopes.includes('agent')) await world.follow(reader, '/api/v1/agent/stream');
  }
  for (const step of historyOf(seed)) await world.step(step.name, step.hidden, () => step.run(world));
}

const shown = (found: readonly string[]): string => `${found.length} differences:\n${found.slice(0, 8).join('\n=====\n')}`;

async function perform(world: World, asks: readonly Ask[], stepwise: boolean): Promise<Said[]> {
  const said: Said[] = [];
  for (const [at, each] of asks.entries()) {
    const one = async () => void said.push(await ask(world, each));
    if (stepwise) await world.step(`script ${each.reader} ${at} ${each.method} ${each.path}`, false, one);
    else {
      world.begin(`script ${each.reader} ${at}`);
      await one();
    }
  }
  return said;
}

const own: Readonly<Record<string, string>> = {
  provider: 'Paloma',
  person: 'Paloma',
  agent: 'Paloma',
  demoted: 'Demeter',
  guest: 'Gavina',
};

/** Something of each reader's own, so that it is known when all before it has arrived. */
async function mark(world: World, by: string): Promise<void> {
  const body = { title: `mark of ${by}`, indicators: [{ value: `${by.toLowerCase()}-mark.xyz` }] };
  let id = '';
  await world.step(`mark ${by}`, false, async () => {
    const sent = await world.member(by).post<{ events: string[] }>('/api/v1/reports', body);
    id = sent.body.events[0] ?? '';
    world.refs.set(`event:mark ${by}`, id);
    await accept(world, `mark ${by}`);
  });
}

for (let seed = 1; seed <= worlds; seed += 1) {
  test(`nobody can tell a hub from one without what is not released to him (history ${seed})`, { timeout: 300_000 }, async (t) => {
    const full = await startWorld(seed, true);
    t.after(() => full.stop());
    const bare = await startWorld(seed, false);
    t.after(() => bare.stop());
    await Promise.all([play(full, seed), play(bare, seed)]);
    for (const [name, id] of bare.refs) assert.equal(full.refs.get(name), id, `the id of ${name} is the same in both worlds`);
    // Hidden ids are asked for in both worlds; in one of them nothing has them.
    const known = new Map(full.refs);
    const { routes } = full.hub;
    const same = async (what: string, make: (world: World) => Ask[], stepwise: boolean): Promise<readonly Said[]> => {
      const [left, right] = await Promise.all([perform(full, make(full), stepwise), perform(bare, make(bare), stepwise)]);
      const found = difference(left, right);
      assert.equal(found.length, 0, `${what}: ${shown(found)}`);
      t.diagnostic(`${what}: ${left.length} requests`);
      return left;
    };

    await t.test('whatever he asks', async () => {
      const said = await same('reads', (world) => world.readers.flatMap((reader) => reads(reader, routes, known)), false);
      assert.ok(said.filter(({ status }) => status === 200).length > said.length / 8, 'most of the script is refused: it asks nothing');
    });

    await t.test('and each planted leak is found', async () => {
      const steps = new Set(historyOf(seed).map((step) => step.name));
      for (const leak of leaks) {
        const told = leak.needs.length === 0 || leak.needs.some((name) => steps.has(name));
        // The first history has every step, so there each leak counts.
        assert.ok(told || seed > 1);
        if (!told) continue;
        const [left, right] = await Promise.all([leak.play(full, known), leak.play(bare, known)]);
        assert.notEqual(difference(left, right).length, 0, `the leak "${leak.name}" was not found`);
        assert.ok(left.every((said) => said.status < 500));
      }
    });

    await t.test('nor from live streams', async () => {
      for (const world of [full, bare]) {
        for (const by of ['Paloma', 'Demeter', 'Gavina']) await mark(world, by);
        for (const stream of world.streams) {
          const [reader = '', path = ''] = stream.name.split(' ');
          const by = own[reader] ?? '';
          await stream.heard(path.includes('agent') ? `${by.toLowerCase()}-mark.xyz` : world.ref(`event:mark ${by}`));
        }
      }
      for (const [at, stream] of full.streams.entries()) {
        const frames = (from: typeof stream | undefined, world: World) => (from?.frames() ?? []).map((frame) => plain(world, frame));
        const [left, right] = [frames(stream, full), frames(bare.streams[at], bare)];
        for (const [place, frame] of left.entries()) assert.equal(frame, right[place], `${stream.name}, frame ${place}`);
        assert.equal(left.length, right.length, stream.name);
      }
    });

    await t.test('whatever he sends', async () => {
      const said = await same('writes', (world) => world.readers.flatMap((reader) => writes(reader, routes, known)), true);
      // Each way of handing values in was really taken, or its sameness means nothing.
      for (const way of ['reports', 'reports/file?format=misp', 'reports/preview', 'sightings', 'values/lookup', 'guard/check', 'groups'])
        assert.ok(
          said.some(({ asked, status }) => status < 300 && asked.startsWith(`provider: POST /api/v1/${way} `)),
          way,
        );
    });

    await t.test('nor from what becomes of what he sent', async () => {
      for (const world of [full, bare]) {
        const waiting = await world.hub.db.rows<{ id: string }>`
          select e.id from intel.event e join members.entity m on m.id = e.owner_id
           where e.state = 'assessing' and m.name in ('Paloma', 'Demeter', 'Gavina') order by e.arrived_at, e.id`;
        for (const { id } of waiting) {
          world.refs.set(`event:sent ${id}`, id);
          await world.step(`accept ${id}`, false, () => accept(world, `sent ${id}`));
        }
      }
      await same('reads again', (world) => world.readers.flatMap((reader) => readsAgain(reader, routes, known)), false);
    });

    await t.test('until it is released to him', async () => {
      const titles = async (world: World, name: string): Promise<string[]> => {
        const { body } = await world.member(name).get<{ events: { title: string }[] }>('/api/v1/events?limit=1000');
        return body.events
          .map((event) => event.title)
          .filter((title) => title.startsWith('hidden'))
          .sort();
      };
      const inTime = [
        'hidden file',
        'hidden gold',
        'hidden held',
        'hidden in ring',
        'hidden public',
        'hidden revised',
        'hidden ruled',
        'hidden title of known',
      ];
      const due = inTime.filter((name) => full.refs.has(`event:${name}`));
      assert.deepEqual(await titles(full, 'Paloma'), []);
      await Promise.all([full.pass(25 * hourMs), bare.pass(25 * hourMs)]);
      assert.deepEqual(await titles(full, 'Paloma'), due);
      const outside = (name: string): boolean => name !== 'hidden in ring';
      assert.deepEqual(await titles(full, 'Demeter'), due.filter(outside));
      const amber = (name: string): boolean => name !== 'hidden public';
      assert.deepEqual(await titles(full, 'Gavina'), due.filter(amber));
      assert.deepEqual(await titles(bare, 'Paloma'), []);
      // What the guard holds may be read with the rest of its event, but nobody blocks it.
      const path = `/api/v1/decisions?q=${values.heldByGuard}&limit=1000`;
      const blocked = await full.member('Paloma').get<{ decisions: { value: string }[] }>(path);
      assert.deepEqual(blocked.body.decisions, []);
    });
  });
}
