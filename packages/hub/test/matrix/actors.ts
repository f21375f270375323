/** Everybody who may stand at the door, with what the policy gives them. Restated here, so that a slip in the code is no slip in the test. */
import type { Role } from '@rebato/contract';
import { systemActor } from '#members';
import { type Actor, type Scope, scopes } from '#platform/actor';
import type { manualClock } from '#platform/clock';
import { systemIds } from '#platform/ids';
import { openSession } from '../../src/modules/members/sessions.ts';
import type { TestHub } from '../hub.ts';

export type Who = {
  readonly name: string;
  /** `nobody`: no credential that opens anything. */
  readonly kind: 'nobody' | 'person' | 'key' | 'agent';
  readonly roles: readonly Role[];
  readonly scopes: readonly Scope[];
  headers(): Promise<Record<string, string>>;
};

/** What people of each role do, by the issue: administrators everything but being a machine; readers only read. */
export const rolePolicy: Readonly<Record<Role, readonly Scope[]>> = {
  admin: ['read', 'report', 'assess', 'rule', 'control', 'members', 'admin', 'self'],
  coordinator: ['read', 'assess', 'rule', 'members', 'self'],
  assessor: ['read', 'report', 'assess', 'rule', 'self'],
  manager: ['read', 'report', 'control', 'members', 'self'],
  analyst: ['read', 'report', 'control', 'self'],
  reader: ['read', 'self'],
};

export const hand: Actor = { ...systemActor('test'), roles: ['admin'], scopes: [...scopes] };

export async function everybody(hub: TestHub, clock: ReturnType<typeof manualClock>): Promise<Who[]> {
  const origin = new URL(hub.members.publicUrl()).origin;
  const all: Who[] = [];
  const bearer = (key: string) => async (): Promise<Record<string, string>> => ({ authorization: `Bearer ${key}` });
  const nobody = (name: string, headers: Who['headers']): void => void all.push({ name, kind: 'nobody', roles: [], scopes: [], headers });
  const entity = await hub.members.createEntity(hand, { name: 'Alba', kind: 'public' });
  const gone = await hub.members.createEntity(hand, { name: 'Gone', kind: 'public' });
  const every: Scope[] = scopes.filter((scope) => scope !== 'agent');
  const expired = await hub.members.createKey(hand, { label: 'expired', scopes: every, entityId: entity.id, validDays: 1 });
  clock.advance(2 * 86_400_000);
  const revoked = await hub.members.createKey(hand, { label: 'revoked', scopes: every, entityId: entity.id });
  await hub.members.revokeKey(hand, revoked.row.id);
  const suspended = await hub.members.createKey(hand, { label: 'suspended', scopes: every, entityId: gone.id });
  const elsewhere = await hub.members.createKey(hand, { label: 'elsewhere', scopes: every, entityId: entity.id, cidrs: ['192.0.2.0/24'] });

  nobody('without a credential', async () => ({}));
  nobody('with a wrong key', bearer(`rbt_${'a'.repeat(16)}_${'0'.repeat(64)}`));
  nobody('with a right key and one letter changed', bearer(revoked.key.replace(/.$/, (last) => (last === '0' ? '1' : '0'))));
  nobody('with nonsense', bearer('nonsense'));
  nobody('with a wrong cookie', async () => ({ cookie: `rebato=rbs_${'a'.repeat(16)}_${'0'.repeat(64)}`, origin }));
  nobody('with an agent’s key of no control', bearer(`rba_${systemIds.uuid()}_${'0'.repeat(64)}`));
  nobody('with an expired key', bearer(expired.key));
  nobody('with a revoked key', bearer(revoked.key));
  nobody('of a suspended entity', bearer(suspended.key));
  nobody('from another network than the key is for', bearer(elsewhere.key));

  for (const role of Object.keys(rolePolicy) as Role[]) {
    const { person } = await hub.members.createPerson(hand, {
      entityId: entity.id,
      name: role,
      mail: `${role}@alba.example`,
      roles: [role],
    });
    all.push({
      name: `a person, ${role}`,
      kind: 'person',
      roles: [role],
      scopes: rolePolicy[role],
      // A session of its own each time: some routes end it.
      async headers() {
        // The newest of a person's sessions are kept, so each has to be newer than the last.
        clock.advance(1_000);
        const deps = { clock, ids: systemIds } as unknown as Parameters<typeof openSession>[0];
        const from = { ip: '127.0.0.1', agent: 'test', requestId: 'test' };
        const session = await hub.db.transaction((tx) => openSession(deps, tx, person.id, 'passkey', from));
        return { cookie: `rebato=${session.token}`, origin };
      },
    });
  }
  for (const scope of every) {
    const { key } = await hub.members.createKey(hand, { label: scope, scopes: [scope], entityId: entity.id });
    all.push({ name: `a key for ${scope}`, kind: 'key', roles: [], scopes: [scope], headers: bearer(key) });
  }
  const owner = await hub.members.createKey(hand, { label: 'owner', scopes: ['control'], entityId: entity.id });
  const added = await hub.as(owner.key).post<{ token: string }>('/api/v1/controls', { name: 'edge', target: 'nftables', feed: 'agent' });
  const enrol = { token: added.body.token, agent: 'test/1', target: 'nftables' };
  const enrolled = await hub.as('').post<{ key: string }>('/api/v1/agent/enrol', enrol);
  all.push({ name: 'an agent', kind: 'agent', roles: [], scopes: ['agent', 'read'], headers: bearer(enrolled.body.key) });

  // Last: its key worked until here.
  await hub.members.changeEntity(hand, gone.id, { suspended: true });
  return all;
}
