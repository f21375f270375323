import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createInstallation } from '../kill/installation.ts';
import { rebato, scratchFolder } from './bed.ts';

test('with the embedded database, a backup goes into an empty data folder; a running hub and a folder in use refuse it', {
  timeout: 110_000,
}, async () => {
  await using folder = await scratchFolder();
  const installation = await createInstallation();
  const dataDir = await mkdtemp(join(tmpdir(), 'rebato-backup-data-'));
  const restored = await createInstallation({ dataDir });
  const bring = (to: string) =>
    rebato(['backup', 'restore', folder.file('one'), ...folder.lock, '--root-key', join(installation.dataDir, 'root.key')], {
      REBATO_DATA_DIR: to,
    });
  const hub = await installation.startHub();
  try {
    const alice = await installation.addMember('Alice');
    const sent = await fetch(`${installation.url}/api/v1/reports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ title: 'kept', indicators: [{ value: 'kept-and-kept.com', type: 'domain' }] }),
    });
    assert.equal(sent.status, 202);
    const env = { REBATO_URL: installation.url, REBATO_KEY: installation.adminKey() };
    assert.equal((await rebato(['backup', 'create', folder.file('one'), ...folder.lock], env)).code, 0);
    const running = await bring(installation.dataDir);
    assert.deepEqual([running.code, /in use by process/.test(running.err)], [1, true], running.err);
    hub.kill('SIGTERM');
    await hub.exited;
    const full = await bring(installation.dataDir);
    assert.deepEqual([full.code, /not empty/.test(full.err)], [1, true], full.err);
    const done = await bring(dataDir);
    assert.equal(done.code, 0, done.err);
    const again = await restored.startHub();
    try {
      const admin = (await readFile(join(dataDir, 'admin.key'), 'utf8')).trim();
      const read = async (path: string, key: string): Promise<string> => {
        const reply = await fetch(`${restored.url}${path}`, { headers: { authorization: `Bearer ${key}` } });
        assert.equal(reply.status, 200, path);
        return reply.text();
      };
      assert.match(await read('/api/v1/events', alice.key), /"kept"/);
      assert.match(await read('/api/v1/trail/verification', admin), /"ok":true/);
    } finally {
      again.kill('SIGTERM');
      await again.exited;
    }
  } finally {
    await hub.end();
    await installation.remove();
    await restored.remove();
    await rm(dataDir, { recursive: true, force: true });
  }
});
