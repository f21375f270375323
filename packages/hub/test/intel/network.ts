/** A small network on one hub, and what tests of reports and decisions keep asking of it. */
import assert from 'node:assert/strict';
import type { Role } from '@rebato/contract';
import { systemActor } from '#members';
import { type Actor, type Scope, scopes } from '#platform/actor';
import { manualClock } from '#platform/clock';
import { type Answer, startTestHub, type TestHub, type TestHubOptions, type TestMember } from '../hub.ts';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** The hub's own hand, for what a test prepares. */
export const hand: Actor = { ...systemActor('test'), roles: ['admin'], scopes: [...scopes] };

export type Decision = {
  readonly id: string;
  readonly kind: string;
  readonly value: string;
  readonly action: string;
  readonly strength: string;
  readonly confidence: number;
  readonly voices: number;
  readonly until: string;
  readonly own: boolean;
  readonly gone: string | null;
};
export type Judged = {
  readonly id: string;
  readonly type: string;
  readonly value: string;
  readonly canonical: string;
  readonly state: string;
  readonly rule: string | null;
  readonly reason: string | null;
  readonly blockable: boolean;
};
export type OwnEvent = { readonly id: string; readonly state: string; readonly reason: string | null; readonly states: unknown };

export type Network = Awaited<ReturnType<typeof startNetwork>>;

/** A hub whose clock stands still until it is moved. */
export async function startNetwork(options: TestHubOptions = {}) {
  const clock = manualClock(new Date('2026-11-02T08:00:00Z'));
  const hub: TestHub = await startTestHub({ connections: 4, clock, ...options });

  /** Waits until everything announced is carried out and everything overdue has left. */
  async function settle(): Promise<void> {
    for (let round = 0; ; round += 1) {
      assert.ok(round < 2_000, 'the hub does not come to rest');
      await hub.settled();
      let overdue = 0;
      for (const shelf of hub.pools.keys()) {
        const row = await hub.db.one<{ n: number }>`
          select count(*) as n from ${hub.db.name(`shelf_${shelf}`)}.decision where gone is null and until <= ${clock.now()}`;
        overdue += row?.n ?? 0;
      }
      if (overdue === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.deepEqual(await hub.db.rows`select topic, error from bus.failed`, []);
  }

  async function report(by: TestMember, body: object): Promise<{ id: string; event: string; events: string[] }> {
    const sent = await by.post<{ id: string; events: string[] }>('/api/v1/reports', body);
    assert.equal(sent.status, 202, sent.text);
    await settle();
    return { id: sent.body.id, event: sent.body.events[0] ?? assert.fail(), events: sent.body.events };
  }

  return {
    hub,
    clock,
    settle,
    async pass(ms: number): Promise<void> {
      clock.advance(ms);
      await settle();
    },
    report,
    /** Reports these values, typed by themselves. */
    tell: (by: TestMember, values: readonly string[], more: object = {}) =>
      report(by, { title: 'Told', indicators: values.map((value) => ({ value })), ...more }),
    file: (by: TestMember, bytes: Uint8Array | object, query = ''): Promise<Answer<{ id: string; events: string[] }>> =>
      by.post(`/api/v1/reports/file${query}`, bytes instanceof Uint8Array ? bytes : JSON.stringify(bytes), {
        'content-type': 'application/octet-stream',
      }),
    async judged(by: TestMember, event: string): Promise<readonly Judged[]> {
      const answer = await by.get<{ indicators: Judged[] }>(`/api/v1/reports/events/${event}/indicators`);
      assert.equal(answer.status, 200, answer.text);
      return answer.body.indicators;
    },
    async ownEvent(by: TestMember, reportId: string): Promise<OwnEvent> {
      const answer = await by.get<{ events: OwnEvent[] }>(`/api/v1/reports/${reportId}`);
      assert.equal(answer.status, 200, answer.text);
      return answer.body.events[0] ?? assert.fail();
    },
    async decisions(by: TestMember, query = ''): Promise<readonly Decision[]> {
      const answer = await by.get<{ decisions: Decision[] }>(`/api/v1/decisions${query}`);
      assert.equal(answer.status, 200, answer.text);
      return answer.body.decisions;
    },
    /** What is in force for a reader on one value. */
    async decision(by: TestMember, value: string): Promise<Decision | undefined> {
      const answer = await by.get<{ decisions: Decision[] }>('/api/v1/decisions?limit=1000');
      assert.equal(answer.status, 200, answer.text);
      return answer.body.decisions.find((each) => each.value === value && each.action === 'block');
    },
    async titles(by: TestMember): Promise<readonly string[]> {
      const answer = await by.get<{ events: { title: string }[] }>('/api/v1/events?limit=1000');
      assert.equal(answer.status, 200, answer.text);
      return answer.body.events.map((event) => event.title).sort();
    },
    async sight(by: TestMember, value: string, sighting = 'seen'): Promise<void> {
      const answer = await by.post('/api/v1/sightings', { sightings: [{ value, sighting }] });
      assert.equal(answer.status, 202, answer.text);
      await settle();
    },
    async verdict(by: TestMember, event: string, body: object): Promise<Answer> {
      const answer = await by.post(`/api/v1/queue/${event}/verdict`, body);
      await settle();
      return answer;
    },
    /** Somebody with a key of their own. */
    async person(entityId: string, name: string, roles: readonly Role[], wanted: readonly Scope[] = ['read', 'assess', 'rule']) {
      const { person } = await hub.members.createPerson(hand, {
        entityId,
        name,
        mail: `${name.toLowerCase().replaceAll(' ', '.')}@people.example`,
        roles,
      });
      const actor: Actor = { ...hand, kind: 'person', id: person.id, personId: person.id, entityId, roles };
      const { key } = await hub.members.createKey(actor, { label: name, scopes: [...wanted] });
      await hub.settled();
      return hub.as(key, entityId);
    },
    /** A provider that serves these entities: their voices are one. */
    async serve(operator: TestMember, served: readonly TestMember[]): Promise<void> {
      const { name } = await hub.members.readEntity(hand, operator.entityId);
      const managerMail = `manager-${operator.entityId}@people.example`;
      await hub.members.createPerson(hand, { entityId: operator.entityId, name: 'Mayor Manager', mail: managerMail, roles: ['manager'] });
      await hub.members.createSoc(hand, {
        name,
        operatorEntityId: operator.entityId,
        staff: 'own',
        managerName: 'Mayor Manager',
        managerMail,
        serves: served.map((member) => member.entityId),
      });
      await hub.settled();
    },
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
}

/** A network with two members and two assessors, as the guard's releases need them. */
export async function startGuarded() {
  const network = await startNetwork();
  const { hub } = network;
  const town = await hub.member('Ayuntamiento de Alba');
  const hospital = await hub.member('Hospital de Boira');
  const centre = await hub.member('Centro');
  const ana = await network.person(centre.entityId, 'Ana Assessor', ['assessor']);
  const berta = await network.person(centre.entityId, 'Berta Assessor', ['assessor']);
  return { ...network, network, town, hospital, centre, ana, berta };
}
