import { hash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Batch, type ChannelMode, type ValueKind, valueKinds, type WireChange } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import { append } from '#platform/bus';
import { manualClock } from '#platform/clock';
import { openPool } from '#platform/db';
import { systemIds } from '#platform/ids';
import { createKeys } from '#platform/keys';
import type { Leader } from '#platform/leader';
import { migrate } from '#platform/migrate';
import type { Bus, Log, Metrics, Trail } from '#platform/ports';
import { sharedTestPostgres } from '#platform/postgres/scratch';
import { type Audience, openShelfPools, prepareShelves, shelfSchema } from '#platform/shelf';
import { type ControlsDeps, createControls, type Owner } from '../src/modules/decisions/controls/index.ts';
import { createVkeys } from '../src/modules/intel/vkey.ts';

const migrations = new URL('../migrations', import.meta.url).pathname;
const shelfMigrations = new URL('../migrations/shelf', import.meta.url).pathname;
const audiences: readonly Audience[] = [
  { name: 'immediate', delayMs: 0, onConsolidation: true, maxTlp: 'red' },
  { name: 'informed', delayMs: 86_400_000, onConsolidation: true, maxTlp: 'green' },
];

export const quiet: Metrics = {
  counter: () => ({ add: () => {} }),
  histogram: () => ({ observe: () => {} }),
  gauge: () => ({ set: () => {} }),
};

export type Placed = {
  readonly kind: ValueKind;
  readonly value: string;
  readonly id?: string;
  readonly action?: 'block' | 'allow';
  readonly strength?: 0 | 1;
  readonly confidence?: number;
  readonly until?: Date | null;
};

const zeros = '0'.repeat(64);
const wrap = (sum: bigint): bigint => ((sum % (1n << 256n)) + (1n << 256n)) % (1n << 256n);
const share = (kind: string, value: string, id: string, until: Date | null): bigint =>
  BigInt(`0x${hash('sha256', `${kind}\n${value}\n${id}\n${until?.toISOString() ?? ''}`, 'hex')}`);
const vkeyOf = createVkeys('test');

/** A hub's database with keys, controls and shelves, and a hand that seals lanes in place of the leader. */
export async function startControlsWorld(at = new Date('2026-11-23T10:00:00.000Z')) {
  const base = (await sharedTestPostgres()).url;
  const name = `controls_${Math.random().toString(36).slice(2, 12)}`;
  const admin = openPool(base, { max: 1, application: 'test' });
  await admin.script(`create database ${name}`);
  const url = new URL(base);
  url.pathname = `/${name}`;
  const db = openPool(url.href, { max: 8, application: 'test' });
  await migrate(db, migrations, () => {});
  await prepareShelves(db, audiences, shelfMigrations, () => {});
  const hubId = randomUUID();
  await db.run`insert into platform.hub (id, name, incarnation) values (${hubId}, 'test', 'first')`;
  const pools = await openShelfPools(db, url.href, audiences, 4);
  const dataDir = await mkdtemp(join(tmpdir(), 'rebato-controls-'));
  const clock = manualClock(at);
  const problems: string[] = [];
  const log: Log = { info: () => {}, warn: (_, text) => void problems.push(text), error: (_, text) => void problems.push(text) };
  const keys = await createKeys({ db, dataDir, clock, log: { ...log, warn: () => {} } });
  const trailed: { action: string; target: string; detail: unknown }[] = [];
  const trail: Trail = { record: async (_tx, _actor, action, target, detail) => void trailed.push({ action, target, detail }) };
  const bus: Bus = { append: (tx, topic, payload, lane) => append(tx, topic, payload, lane), nudge: () => {} };
  const owners = new Map<string, Owner>();
  const firstArrivals = new Map<string, Date>();
  const deps: ControlsDeps = {
    db,
    pools,
    bus,
    trail,
    clock,
    ids: systemIds,
    log,
    metrics: quiet,
    keys,
    ownerOf: async (id) => owners.get(id),
    firstArrivals: async (vkeys) => new Map([...firstArrivals].filter(([vkey]) => vkeys.includes(vkey))),
  };
  const controls = createControls(deps);
  await controls.start();
  const heard: ((shelf: string) => void)[] = [];
  const closers: (() => Promise<void>)[] = [];

  function addOwner(input: { shelf?: string; critical?: boolean; groups?: readonly string[] } = {}): { id: string; actor: Actor } {
    const id = randomUUID();
    setOwner(id, input);
    return { id, actor: actorOf(id) };
  }
  function setOwner(id: string, input: { shelf?: string; critical?: boolean; groups?: readonly string[] }): void {
    const lanes = ['c', `e:${id}`, ...(input.groups ?? []).map((group) => `g:${group}`)];
    owners.set(id, {
      viewer: { entityId: id, shelf: input.shelf ?? 'immediate', lanes },
      critical: input.critical ?? false,
      maxTlp: 'amber',
    });
  }
  function actorOf(entityId: string, more: Partial<Actor> = {}): Actor {
    const owner = owners.get(entityId);
    if (owner === undefined) throw new Error('no such owner');
    return {
      kind: 'person',
      id: randomUUID(),
      label: 'Alicia',
      entityId,
      socId: null,
      roles: ['manager'],
      scopes: ['read', 'report', 'control', 'members', 'self'],
      viewer: owner.viewer,
      personId: randomUUID(),
      maxTlp: 'amber',
      from: null,
      requestId: null,
      ...more,
    };
  }

  /** Does to one lane what the leader does: rows, lane, signed batch, announcement. */
  async function seal(
    shelf: string,
    lane: string,
    input: { add?: readonly Placed[]; remove?: readonly { kind: ValueKind; value: string }[]; mode?: ChannelMode; lifeMs?: number },
  ): Promise<Batch> {
    const batch = await db.transaction(async (tx) => {
      await tx.run`select set_config('search_path', ${shelfSchema(shelf)}, true)`;
      await tx.run`insert into lane (lane) values (${lane}) on conflict do nothing`;
      const before = await tx.one<{ version: number; hash: string; count: number; digest: string }>`
        select version, hash, count, digest from lane where lane = ${lane} for update`;
      if (before === undefined) throw new Error('no lane');
      let sum = BigInt(`0x${before.digest}`);
      let count = before.count;
      const changes: WireChange[] = [];
      const now = clock.now();
      const drop = async (kind: ValueKind, value: string): Promise<string | undefined> => {
        const row = await tx.one<{ id: string; until: Date | null }>`
          select coalesce(lift_id, vkey) as id, until from decision where lane = ${lane} and vkey = ${vkeyOf(kind, value)} and gone is null`;
        if (row === undefined) return undefined;
        sum = wrap(sum - share(kind, value, row.id, row.until));
        count -= 1;
        return row.id;
      };
      for (const { kind, value } of input.remove ?? []) {
        const id = await drop(kind, value);
        if (id === undefined) throw new Error(`${value} is not there`);
        await tx.run`update decision set gone = 'retracted', changed_at = ${now} where lane = ${lane} and vkey = ${vkeyOf(kind, value)}`;
        changes.push({ op: 'remove', id, kind, value, reason: 'retracted' });
      }
      for (const each of input.add ?? []) {
        const { kind, value, action = 'block', strength = 1, confidence = 90, until = null } = each;
        const before = await drop(kind, value);
        const id = action === 'allow' ? (each.id ?? before ?? randomUUID()) : vkeyOf(kind, value);
        await tx.run`
          insert into decision (lane, vkey, kind, value, strength, confidence, voices, evidence, arrived_at, decided_at, changed_at, until, lift_id)
          values (${lane}, ${vkeyOf(kind, value)}, ${valueKinds.indexOf(kind)}, ${value}, ${strength}, ${confidence}, 1, 1, ${now}, ${now}, ${now}, ${until}, ${action === 'allow' ? id : null})
          on conflict (lane, vkey) do update set lift_id = excluded.lift_id, strength = excluded.strength, confidence = excluded.confidence,
             changed_at = excluded.changed_at, until = excluded.until, gone = null`;
        sum = wrap(sum + share(kind, value, id, until));
        count += 1;
        changes.push({
          op: 'add',
          id,
          kind,
          value,
          action,
          strength: strength === 1 ? 'consolidated' : 'lease',
          confidence,
          until: until?.toISOString() ?? null,
        });
      }
      const body: Batch = {
        ...keys.signer.head('batch', input.lifeMs ?? 30 * 86_400_000),
        channel: `${shelf}/${lane}`,
        version: before.version + 1,
        prev: before.version === 0 ? zeros : before.hash,
        mode: input.mode ?? 'normal',
        changes,
        count,
        digest: sum.toString(16).padStart(64, '0'),
      };
      const envelope = keys.signer.envelope(body);
      const bodyHash = hash('sha256', envelope.body, 'hex');
      await tx.run`insert into batch (lane, version, body, key_id, sig, hash, at) values (${lane}, ${body.version}, ${envelope.body}, ${envelope.keyId}, ${envelope.sig}, ${bodyHash}, ${now})`;
      await tx.run`update lane set version = ${body.version}, hash = ${bodyHash}, count = ${count}, digest = ${body.digest} where lane = ${lane}`;
      return body;
    });
    for (const listener of heard) listener(shelf);
    return batch;
  }

  const onShelves: Leader['onShelves'] = async (names, work) => {
    for (const shelf of names) {
      const audience = audiences.find((each) => each.name === shelf);
      if (audience === undefined) continue;
      await db.transaction(async (tx) => {
        await tx.run`select set_config('search_path', ${shelfSchema(shelf)}, true)`;
        await work(tx, audience, [], { entries: [], touched: new Map(), changes: new Map() }, clock.now());
      });
    }
  };

  /** Adds a control and enrols it: its key and its actor. */
  async function enrolled(owner: { id: string; actor: Actor }, name = 'edge firewall') {
    const { control, token } = await controls.addControl(owner.actor, { name, target: 'nftables', feed: 'agent' });
    if (token === null) throw new Error('no token');
    const from = { ip: '192.0.2.1', requestId: 'r' };
    const reply = await controls.enrol(from, { token, agent: '1.0.0', target: 'nftables' });
    const actor = await controls.authenticateAgent(reply.key, from);
    if (actor === undefined) throw new Error('the new key does not open');
    return { id: control.id, key: reply.key, actor, reply };
  }

  return {
    ...{ db, pools, clock, keys, controls, deps, problems, trailed, hubId, owners, url: url.href, dataDir },
    ...{ addOwner, setOwner, actorOf, seal, enrolled, vkeyOf, firstArrivals },
    leader: {
      onShelf: (listener: (shelf: string) => void) => void heard.push(listener),
      onShelves,
    },
    tell(shelf: string) {
      for (const listener of heard) listener(shelf);
    },
    onClose: (close: () => Promise<void>) => void closers.unshift(close),
    async [Symbol.asyncDispose]() {
      for (const close of closers) await close();
      await controls.stop();
      await keys.stop();
      for (const pool of pools.values()) await pool.close();
      await db.close();
      await admin.script(`drop database ${name} with (force)`);
      for (const audience of audiences) await admin.script(`drop role if exists rebato_shelf_${audience.name}_${name}`);
      await admin.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export type ControlsWorld = Awaited<ReturnType<typeof startControlsWorld>>;
