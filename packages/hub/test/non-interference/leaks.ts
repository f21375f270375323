/**
 * Leaks as they are made in practice, planted between the hub and the reader: each answers with something that follows from the write side. The
 * comparison has to find every one of them, or it proves nothing.
 */

import { values } from './acts.ts';
import { type Ask, ask, type Said } from './exchange.ts';
import type { Known } from './script.ts';
import type { World } from './world.ts';

export type Leak = {
  readonly name: string;
  /** Steps of which a history must have one for this leak to tell anything. None: every history will do. */
  readonly needs: readonly string[];
  play(world: World, known: Known): Promise<Said[]>;
};

type Spoil = (world: World, said: Said, known: Known) => Promise<Said>;

function planted(name: string, method: string, path: (known: Known) => string, spoil: Spoil, needs: readonly string[] = []): Leak {
  return {
    name,
    needs,
    async play(world, known) {
      const headers = world.readers.find((reader) => reader.name === 'provider')?.headers ?? {};
      const one: Ask = { reader: 'provider', method, path: path(known), headers };
      // What both worlds draw at random for the request itself must not be what tells them apart.
      world.begin(`leak ${name}`);
      const said = await ask(world, one);
      return [await spoil(world, said, known)];
    },
  };
}

const withHeader = (said: Said, line: string): Said => ({ ...said, headers: [...said.headers, line] });
const withBody = (said: Said, more: unknown): Said => ({ ...said, body: `${said.body}${JSON.stringify(more)}` });

async function one<T extends object>(row: Promise<T | undefined>): Promise<T> {
  const found = await row;
  if (found === undefined) throw new Error('the planted leak found nothing to tell');
  return found;
}

/** A value that this history hides, of those that a history may have: further ones leave chains out. */
function hiddenValue(known: Known): string {
  const of = {
    gold: values.hidden[0],
    public: values.hidden[0],
    pending: values.pending,
    red: values.red,
    retracted: values.retracted,
    ruled: values.ruled,
  };
  const found = Object.entries(of).find(([name]) => known.has(`event:hidden ${name}`));
  return found?.[1] ?? '';
}

const hiddenEvent = (known: Known): string | undefined => [...known].find(([name]) => name.startsWith('event:hidden '))?.[1];

export const leaks: readonly Leak[] = [
  planted(
    'a total over all events',
    'GET',
    () => '/api/v1/events?limit=1',
    async ({ hub }, said) => {
      const { n } = await one(hub.db.one<{ n: number }>`select count(*) as n from intel.event`);
      return withHeader(said, `x-total-count: ${n}`);
    },
  ),
  planted(
    'a number that counts every report',
    'GET',
    () => '/api/v1/reports?limit=1',
    async ({ hub }, said) => {
      const { n } = await one(hub.db.one<{ n: number }>`select count(*) as n from intel.report`);
      return withBody(said, { number: n + 1 });
    },
  ),
  planted(
    'a tag for caches that follows the write side',
    'GET',
    () => '/feeds/ip.txt',
    async ({ hub }, said) => {
      const { tag } = await one(
        hub.db.one<{ tag: string }>`select md5(string_agg(vkey::text, '' order by vkey)) as tag from intel.attribute`,
      );
      return withHeader(said, `etag: "${tag}"`);
    },
  ),
  planted(
    'a position in the log of the whole hub',
    'GET',
    () => '/api/v1/events?limit=1',
    async ({ hub }, said) => {
      const { position } = await one(hub.db.one<{ position: number }>`select position from bus.head`);
      return withBody(said, `id: ${position}`);
    },
  ),
  planted(
    'an error that knows what others reported',
    'GET',
    (known) => `/api/v1/values?value=${hiddenValue(known)}`,
    async ({ hub }, said, known) => {
      const found = await hub.db.one`select 1 from intel.attribute where value = ${hiddenValue(known)} limit 1`;
      return found === undefined ? said : { ...said, status: 409, body: '{"code":"intel.value_exists"}' };
    },
  ),
  planted(
    'another refusal for what exists',
    'GET',
    (known) => `/api/v1/events/${hiddenEvent(known) ?? known.get('event:known')}`,
    async ({ hub }, said) => {
      const id = /events\/([0-9a-f-]{36})/.exec(said.asked)?.[1] ?? '';
      const found = await hub.db.one`select 1 from intel.event where id = ${id}`;
      return found !== undefined && said.status === 404 ? { ...said, status: 403 } : said;
    },
  ),
  planted(
    'a score that settles at once',
    'GET',
    () => '/api/v1/me',
    async ({ hub }, said) => {
      const { n } = await one(
        hub.db.one<{ n: number }>`
          select count(*) as n from intel.attribute a join intel.attribute b using (vkey) where a.event_id <> b.event_id`,
      );
      return withBody(said, { corroborated: n });
    },
  ),
  planted(
    'sightings counted before their release',
    'GET',
    () => `/api/v1/values?value=${values.known[0]}`,
    async ({ hub }, said) => {
      const { n } = await one(hub.db.one<{ n: number }>`select count(*) as n from intel.sighting`);
      return withBody(said, { sightings: n });
    },
    ['sightings of hidden values', 'late sighting of a known value'],
  ),
  planted(
    'what waits for release, as a number',
    'GET',
    () => '/readyz',
    async ({ hub }, said) => {
      const { n } = await one(hub.db.one<{ n: number }>`select count(*) as n from bus.plan`);
      return withHeader(said, `x-pending: ${n}`);
    },
  ),
];
