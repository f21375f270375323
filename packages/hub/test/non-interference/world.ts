/** One hub with a history that is played step by step, either with everything or without what its readers may not see. */
import assert from 'node:assert/strict';
import type { Role } from '@rebato/contract';
import { systemActor } from '#members';
import { type Actor, type Scope, scopes } from '#platform/actor';
import { manualClock } from '#platform/clock';
import { openSession } from '../../src/modules/members/sessions.ts';
import { startTestHub, type TestHub, type TestMember } from '../hub.ts';
import { follow, type Transcript } from './live.ts';
import { seededIds } from './seeded-ids.ts';

/** Who reads in the script. `headers` are the credential. */
export type Reader = {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly scopes: readonly Scope[];
};

export type World = {
  readonly hub: TestHub;
  readonly withHidden: boolean;
  /** Ids by the names that the history gives them. */
  readonly refs: Map<string, string>;
  readonly readers: Reader[];
  readonly streams: Transcript[];
  readonly members: Map<string, TestMember>;
  /** Time passes in both worlds; the work is done where it belongs. */
  step(name: string, hidden: boolean, work: () => Promise<void>): Promise<void>;
  /** From now on ids belong to this action. */
  begin(action: string): void;
  /** Time passes, and everything that falls due is carried out. */
  pass(ms: number): Promise<void>;
  settle(): Promise<void>;
  member(name: string): TestMember;
  ref(name: string): string;
  /** A cookie of a person with these roles. */
  person(name: string, member: string, roles: readonly Role[]): Promise<string>;
  follow(reader: Reader, path: string): Promise<Transcript>;
  stop(): Promise<void>;
};

/** Fixed, so that nothing hangs on the day of the test. */
const dawn = new Date('2026-03-02T08:00:00.000Z');
export const publicUrl = 'http://hub.example';

/** The hub's own hand, for what the test prepares. */
export const hand: Actor = { ...systemActor('test'), roles: ['admin'], scopes: [...scopes] };

export async function startWorld(seed: number, withHidden: boolean): Promise<World> {
  const clock = manualClock(dawn);
  const ids = seededIds(seed);
  const hub = await startTestHub({ clock, ids, publicUrl, connections: 4 });
  const shelves = [...hub.pools.keys()];
  const refs = new Map<string, string>();
  const members = new Map<string, TestMember>();
  const streams: Transcript[] = [];

  /** Everything announced is carried out, and every entry whose time is over has left. */
  async function settle(): Promise<void> {
    for (let round = 0; ; round += 1) {
      assert.ok(round < 2_000, 'the hub does not come to rest');
      await hub.settled();
      let overdue = 0;
      for (const shelf of shelves) {
        const row = await hub.db.one<{ n: number }>`
          select count(*) as n from ${hub.db.name(`shelf_${shelf}`)}.decision where gone is null and until <= ${clock.now()}`;
        overdue += row?.n ?? 0;
      }
      if (overdue === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const failed = await hub.db.rows<{ topic: string; error: string }>`select topic, error from bus.failed`;
    assert.deepEqual(failed, []);
  }

  const known = <T>(from: ReadonlyMap<string, T>, name: string): T => {
    const found = from.get(name);
    assert.ok(found !== undefined, `the history knows no ${name}`);
    return found;
  };

  return {
    hub,
    withHidden,
    refs,
    readers: [],
    streams,
    members,
    async step(name, hidden, work) {
      ids.begin(name);
      clock.advance(1_000);
      if (!hidden || withHidden) await work();
      await settle();
    },
    async pass(ms) {
      ids.begin(`pass ${clock.monotonicMs()}`);
      clock.advance(ms);
      await settle();
    },
    settle,
    begin: (action) => ids.begin(action),
    member: (name) => known(members, name),
    ref: (name) => known(refs, name),
    async person(name, member, roles) {
      const { person } = await hub.members.createPerson(hand, {
        entityId: known(members, member).entityId,
        name,
        mail: `${name.toLowerCase().replaceAll(' ', '.')}@people.example`,
        roles,
      });
      refs.set(`person:${name}`, person.id);
      // Signing in is tested elsewhere; here somebody is signed in.
      const deps = { clock, ids } as unknown as Parameters<typeof openSession>[0];
      const from = { ip: '127.0.0.1', agent: 'test', requestId: 'test' };
      const session = await hub.db.transaction((tx) => openSession(deps, tx, person.id, 'passkey', from));
      return `rebato=${session.token}`;
    },
    async follow(reader, path) {
      const stream = await follow(`${reader.name} ${path}`, `${hub.url}${path}`, reader.headers);
      streams.push(stream);
      return stream;
    },
    async stop() {
      for (const stream of streams) stream.close();
      await hub.stop();
    },
  };
}
