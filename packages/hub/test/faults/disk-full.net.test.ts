import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPool } from '#platform/db';
import type { Child } from '../kill/child.ts';
import { createInstallation, type Installation, type Member } from '../kill/installation.ts';
import { gaps, idle, readReports, setAside } from '../kill/invariants.ts';
import { fill, mountSmall } from './small-disk.ts';

type Outcome = { readonly status: number; readonly code: string };

async function send(installation: Installation, member: Member, value: string, comment = ''): Promise<Outcome> {
  try {
    const reply = await fetch(`${installation.url}/api/v1/reports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${member.key}`, 'content-type': 'application/json', 'idempotency-key': value },
      body: JSON.stringify({ title: value, indicators: [{ value, type: 'domain', comment }] }),
      signal: AbortSignal.timeout(10_000),
    });
    const body = (await reply.json().catch(() => ({}))) as { code?: string };
    return { status: reply.status, code: body.code ?? '' };
  } catch {
    return { status: 0, code: '' };
  }
}

test('a full disk: reports are refused or unanswered, never falsely acknowledged, and with room again all that was acknowledged is there', {
  timeout: 180_000,
}, async (t) => {
  const small = await mountSmall();
  if (typeof small === 'string') return t.skip(small);
  const installation = await createInstallation({ dataDir: small.folder });
  const hubs: Child[] = [];
  try {
    hubs.push(await installation.startHub());
    const member = await installation.addMember('Alice');
    const acknowledged: string[] = [];
    const outcomes = new Map<string, number>();
    const report = async (n: number, comment: string): Promise<number> => {
      const value = `full${n}-and-over.com`;
      const { status, code } = await send(installation, member, value, comment);
      if (status === 202) acknowledged.push(value);
      const name = `${status} ${code}`;
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
      return status;
    };
    for (let n = 0; n < 20; n++) assert.equal(await report(n, ''), 202);
    const ballast = fill(small.folder, 3 << 20);
    // Random text does not compress, so every report takes its room in the table and in the log.
    const noise = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(12_000))).toString('base64');
    let refused = 0;
    for (let n = 20; n < 800 && refused < 10; n++) if ((await report(n, noise())) !== 202) refused += 1;
    t.diagnostic(`answers: ${JSON.stringify(Object.fromEntries(outcomes))}, hub ${hubs.at(-1)?.running() === true ? 'runs' : 'ended'}`);
    assert.ok(refused >= 10, 'the disk is full');
    for (const name of outcomes.keys()) assert.match(name, /^(?:202 |0 |5\d\d )/, 'nobody is told that a good report is a bad one');

    rmSync(ballast);
    // Whoever watches over the hub starts it again, should the database have given up.
    const deadline = performance.now() + 60_000;
    while ((await send(installation, member, 'room-again-at-last.com')).status !== 202) {
      assert.ok(performance.now() < deadline, `with room again, reports are taken again; the hub said: ${hubs.at(-1)?.said()}`);
      if (hubs.at(-1)?.running() === false) hubs.push(await installation.startHub());
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const db = openPool(installation.databaseUrl(), { max: 1, application: 'test' });
    try {
      while (!(await idle(db))) {
        assert.ok(performance.now() < deadline, 'what was announced is carried out');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const there = await readReports(db);
      assert.deepEqual(
        acknowledged.filter((value) => there.get(value) !== 1),
        [],
        'every acknowledged report is there once',
      );
      assert.deepEqual([...(await gaps(db)), ...(await setAside(db))], []);
    } finally {
      await db.close();
    }
    const unavailable = [...outcomes.keys()].filter((name) => name.startsWith('5'));
    assert.deepEqual(
      unavailable.filter((name) => !name.startsWith('503 ')),
      [],
      'the refusal says that the hub is not available',
    );
  } finally {
    for (const hub of hubs) {
      hub.kill('SIGTERM');
      setTimeout(() => hub.kill('SIGKILL'), 20_000).unref();
      await hub.exited;
    }
    for (const pid of installation.postgres()) process.kill(pid, 'SIGKILL');
    await small.unmount();
    await installation.remove();
  }
});

type Outcomes = { readonly retracted: number; readonly refused: readonly string[]; readonly onShelf: number; readonly said: string };

const retractions = 150;

/** Fills the disk to the last megabyte under a hub that has released reports, asks for a new one, and takes all the old ones back. */
async function retractOnFullDisk(folder: string, withReserve: boolean): Promise<Outcomes> {
  const installation = await createInstallation({ dataDir: folder });
  // A folder in its place: the hub cannot keep any room, and says so.
  if (!withReserve) mkdirSync(join(folder, 'postgres.reserve', 'in-the-way'), { recursive: true });
  const hub = await installation.startHub();
  try {
    const member = await installation.addMember('Alice');
    const headers = { authorization: `Bearer ${member.key}`, 'content-type': 'application/json' };
    const events: string[] = [];
    for (let n = 0; n < retractions; n++) {
      const value = `taken-back${n}.com`;
      const reply = await fetch(`${installation.url}/api/v1/reports`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ title: value, indicators: [{ value, type: 'domain' }] }),
      });
      assert.equal(reply.status, 202);
      events.push(...((await reply.json()) as { events: string[] }).events);
    }
    const db = openPool(installation.databaseUrl(), { max: 1, application: 'test' });
    await until(() => idle(db), 'the reports are released');
    await db.close();
    assert.equal(existsSync(join(folder, 'postgres.reserve', 'in-the-way')), !withReserve);
    fill(folder, 0);
    if (withReserve) await until(() => !existsSync(join(folder, 'postgres.reserve')), 'the reserve is given up');
    const refused = [await send(installation, member, 'new-on-a-full-disk.com')].map(({ status, code }) => `${status} ${code}`);
    // What goes on all the time, leases that end, receipts, the trail, fills the files of the database's log that are there already.
    const other = openPool(installation.databaseUrl(), { max: 1, application: 'test' });
    try {
      for (let n = 0; n < 20; n++) await other.run`select pg_logical_emit_message(false, 'test', repeat('x', 1000000))`;
    } catch {
      // The database has given up, as it may without a reserve.
    }
    await other.close();
    let retracted = 0;
    for (const id of events) {
      const status = await fetch(`${installation.url}/api/v1/events/${id}/retraction`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ reason: 'a mistake' }),
        signal: AbortSignal.timeout(5_000),
      }).then(
        (reply) => reply.text().then(() => reply.status),
        () => 0,
      );
      if (status === 200) retracted += 1;
      if (!hub.running()) break;
    }
    let onShelf = -1;
    if (withReserve) {
      const again = openPool(installation.databaseUrl(), { max: 1, application: 'test' });
      await until(() => idle(again), 'the retractions are carried out');
      onShelf = (await again.one<{ n: number }>`select count(*) as n from shelf_immediate.decision where gone is null`)?.n ?? -1;
      await again.close();
    }
    return { retracted, refused, onShelf, said: hub.said() };
  } finally {
    hub.kill('SIGTERM');
    setTimeout(() => hub.kill('SIGKILL'), 20_000).unref();
    await hub.exited;
    for (const pid of installation.postgres()) process.kill(pid, 'SIGKILL');
    await installation.remove();
  }
}

async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (const deadline = performance.now() + 30_000; !(await condition()); ) {
    assert.ok(performance.now() < deadline, `waited for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('on a full disk a report is refused, and every retraction is taken and carried out', { timeout: 180_000 }, async (t) => {
  const small = await mountSmall();
  if (typeof small === 'string') return t.skip(small);
  try {
    const outcome = await retractOnFullDisk(small.folder, true);
    assert.deepEqual(
      { retracted: outcome.retracted, refused: outcome.refused, onShelf: outcome.onShelf },
      { retracted: retractions, refused: ['503 http.no_room'], onShelf: 0 },
      outcome.said,
    );
  } finally {
    await small.unmount();
  }
});

test('control: without the reserve a full disk stops retractions', { timeout: 180_000 }, async (t) => {
  const small = await mountSmall();
  if (typeof small === 'string') return t.skip(small);
  try {
    const outcome = await retractOnFullDisk(small.folder, false);
    t.diagnostic(`${outcome.retracted} of ${retractions} retractions were taken`);
    assert.ok(outcome.retracted < retractions);
  } finally {
    await small.unmount();
  }
});
