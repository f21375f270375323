import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPool } from '#platform/db';
import type { Child } from '../kill/child.ts';
import { createInstallation, type Installation, type Member } from '../kill/installation.ts';
import { gaps, idle, readReports, setAside } from '../kill/invariants.ts';
import { pending } from './pending.ts';

/** Room for a fresh cluster and its first log files, and little more. */
const sizeMegabytes = 220;

/** A small file system of its own, or why there is none. */
async function mountSmall(): Promise<{ readonly folder: string; unmount(): Promise<void> } | string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'mounting a small file system needs root on Linux';
  const folder = await mkdtemp(join(tmpdir(), 'rebato-full-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMegabytes}m`, 'tmpfs', folder]);
  if (mounted.status !== 0) {
    await rm(folder, { recursive: true });
    return `no small file system can be mounted here: ${mounted.stderr?.toString().trim() || mounted.error?.message}`;
  }
  await chmod(folder, 0o755);
  return {
    folder,
    async unmount() {
      spawnSync('umount', ['-l', folder]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const freeBytes = (folder: string): number => statfsSync(folder).bavail * statfsSync(folder).bsize;

/** Takes all room but `leave` bytes; freed by deleting the file. */
function fill(folder: string, leave: number): string {
  const ballast = join(folder, 'ballast');
  if (existsSync(ballast)) truncateSync(ballast, 0);
  const chunk = Buffer.alloc(1 << 20, 1);
  writeFileSync(ballast, '');
  while (freeBytes(folder) > leave + chunk.length) writeFileSync(ballast, chunk, { flag: 'a' });
  return ballast;
}

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
  todo: pending,
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
