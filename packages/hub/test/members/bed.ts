/** A database of its own with the module on it, for the tests beside. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { MembersSetup } from '#members';
import { createMembers } from '#members';
import { append } from '#platform/bus';
import { manualClock } from '#platform/clock';
import { openPool } from '#platform/db';
import { systemIds } from '#platform/ids';
import { readMigrations } from '#platform/migrate';
import type { Bus, Trail } from '#platform/ports';
import { sharedTestPostgres } from '#platform/postgres/scratch';
import { record } from '#platform/trail/record';
import { createLevels } from '#scoring';

const ours = /^\d{12}_(platform|trail|members|scoring)/;

/** A file beside the ports, on a database that has the tables of the platform, the trail, members and scoring. */
export async function openBed(changes: Partial<MembersSetup> = {}) {
  const server = await sharedTestPostgres();
  const name = `members_${systemIds.token(12)}`;
  const admin = openPool(server.url, { max: 1, application: 'test' });
  await admin.script(`create database ${name}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const db = openPool(url.href, { max: 6, application: 'test' });
  await db.script('create schema platform');
  for (const file of await readMigrations(join(import.meta.dirname, '../../migrations')))
    if (ours.test(file.name)) await db.script(file.text);

  const clock = manualClock(new Date('2026-11-23T12:00:00Z'));
  const bus: Bus = { append, nudge: () => {} };
  const trail: Trail = { record: (tx, actor, action, target, detail) => record(tx, clock.now(), actor, action, target, detail) };
  const levels = createLevels({ db, clock });
  const sealKey = randomBytes(32);
  const setup: MembersSetup = {
    db,
    bus,
    trail,
    clock,
    ids: systemIds,
    log: { info: () => {}, warn: () => {}, error: () => {} },
    publicUrl: () => 'https://hub.example.org',
    levelAccess: levels.access,
    assetCanonical: (_kind, raw) => (raw === '' ? { ok: false, message: 'Empty.' } : { ok: true, value: raw.toLowerCase() }),
    sealKey: () => sealKey,
    passwordRounds: 1_000,
    ...changes,
  };
  const members = createMembers(setup);
  const first = await members.firstStart('National Centre');
  if (!first) throw new Error('the database was not empty');
  const shown = { ip: '192.0.2.10', requestId: 'test' };
  const administrator = await members.authenticate({ authorization: `Bearer ${first.adminKey}`, ...shown });

  return {
    db,
    clock,
    levels,
    members,
    setup,
    shown,
    administrator,
    adminKey: first.adminKey,
    hubEntityId: first.entityId,
    /** What was announced so far, oldest first. */
    async announced(): Promise<{ topic: string; payload: Record<string, string> }[]> {
      return db.rows`select topic, payload from bus.outbox order by id`;
    },
    async recorded(): Promise<string[]> {
      return (await db.rows<{ action: string }>`select action from trail.inbox order by id`).map((row) => row.action);
    },
    entity: (entityName: string, kind = 'public') => members.createEntity(administrator, { name: entityName, kind }),
    async [Symbol.asyncDispose]() {
      await db.close();
      await admin.script(`drop database if exists ${name} with (force)`);
      await admin.close();
    },
  };
}
export type Bed = Awaited<ReturnType<typeof openBed>>;
