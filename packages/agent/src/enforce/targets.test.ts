import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { scratchFolder } from '../../test/running.ts';
import { commandTarget } from './command.ts';
import { fileTarget } from './file.ts';
import { hostsTarget, splitHosts } from './hosts.ts';
import { ElementReader, elementValue } from './nft-json.ts';
import type { LoadedEntry, Target, TargetChanges, TargetEntry } from './target.ts';

const entry = (kind: TargetEntry['kind'], value: string, seconds?: number): TargetEntry => ({ kind, value, seconds });
function changes(add: TargetEntry[], remove: LoadedEntry[] = [], all = add): TargetChanges {
  return { add, remove, all: () => all, count: all.length, emptyIsIntended: true };
}
async function loaded(target: Target): Promise<LoadedEntry[]> {
  const found: LoadedEntry[] = [];
  for await (const entries of target.readBack()) found.push(...entries);
  return found;
}

test('file: every format gives back what was written, odd values included', async () => {
  using folder = scratchFolder();
  const entries = [
    entry('ip', '45.0.0.1'),
    entry('net', '45.1.0.0/24'),
    entry('domain', 'evil.com'),
    entry('url', 'http://evil.com/a,"b" c'),
    entry('other', ' "x",'),
    entry('filename', 'ünï.exe'),
  ];
  for (const format of ['csv', 'json', 'plain'] as const) {
    const kept = format === 'plain' ? entries.slice(0, 4) : entries;
    const target = fileTarget({ path: join(folder.path, format), kinds: ['ip'], format, capacity: 10, reloadTimeoutMs: 1_000 });
    await target.open();
    await target.apply(changes(kept));
    assert.equal(await target.confirm?.(changes(kept)), true);
    assert.deepEqual(
      await loaded(target),
      kept.map(({ kind, value }) => ({ kind, value })),
    );
    writeFileSync(join(folder.path, format), 'other\n');
    assert.equal(await target.confirm?.(changes(kept)), false);
  }
});

test('file: a reload program that fails or hangs is an error, and no shell reads its arguments', async () => {
  using folder = scratchFolder();
  const path = join(folder.path, 'list');
  const run = (reload: string[]) =>
    fileTarget({ path, kinds: ['ip'], format: 'plain', capacity: 10, reload, reloadTimeoutMs: 300 }).apply(
      changes([entry('ip', '45.0.0.1')]),
    );
  await run([
    process.execPath,
    '-e',
    `require('fs').writeFileSync(process.argv[1], process.argv[2])`,
    join(folder.path, 'said'),
    '$(id); rm -rf /',
  ]);
  assert.equal(readFileSync(join(folder.path, 'said'), 'utf8'), '$(id); rm -rf /');
  await assert.rejects(run([process.execPath, '-e', 'process.exit(3)']), { code: 'program_failed' });
  await assert.rejects(run([process.execPath, '-e', 'setInterval(() => {}, 1000)']), { code: 'program_failed' });
  await assert.rejects(run(['/no/such/program']), { code: 'program_missing' });
});

test('hosts: only the block between the markers is ever touched', async () => {
  using folder = scratchFolder();
  const path = join(folder.path, 'hosts');
  writeFileSync(path, '127.0.0.1 localhost\n45.9.9.9 mine');
  const target = hostsTarget({ path, capacity: 10 });
  await target.apply(changes([entry('domain', 'evil.com')]));
  writeFileSync(path, `${readFileSync(path, 'utf8')}# added later\n`);
  await target.apply(changes([entry('domain', 'worse.com')]));
  assert.deepEqual(await loaded(target), [{ kind: 'domain', value: 'worse.com' }]);
  const text = readFileSync(path, 'utf8');
  assert.ok(text.startsWith('127.0.0.1 localhost\n45.9.9.9 mine\n# rebato begin'));
  assert.ok(text.endsWith('0.0.0.0 worse.com\n# rebato end\n# added later\n'));
  await target.apply(changes([]));
  assert.deepEqual(await loaded(target), []);
});

test('hosts: damaged markers are an error and not a guess', async () => {
  for (const text of ['# rebato end\n', '# rebato begin: written by rebato-agent, changes in here are lost\n0.0.0.0 x.com\n'])
    assert.equal(splitHosts(text), undefined);
  using folder = scratchFolder();
  const path = join(folder.path, 'hosts');
  writeFileSync(path, '# rebato end\n');
  await assert.rejects(hostsTarget({ path, capacity: 10 }).apply(changes([entry('domain', 'evil.com')])), { code: 'markers_broken' });
  assert.equal(readFileSync(path, 'utf8'), '# rebato end\n');
});

test('command: a program of the owner gets JSON lines and is asked what it has loaded', async () => {
  using folder = scratchFolder();
  const store = join(folder.path, 'store.json');
  const program = join(folder.path, 'program.mjs');
  writeFileSync(
    program,
    `import { existsSync, readFileSync, writeFileSync } from 'node:fs';
     const store = process.argv[2];
     const all = existsSync(store) ? JSON.parse(readFileSync(store, 'utf8')) : {};
     for (const line of readFileSync(0, 'utf8').trim().split('\\n').map((text) => JSON.parse(text))) {
       if (line.op === 'readback') for (const one of Object.values(all)) console.log(JSON.stringify({ kind: one.kind, value: one.value }));
       else if (line.op === 'add') all[line.value] = line;
       else delete all[line.value];
     }
     writeFileSync(store, JSON.stringify(all));`,
  );
  const target = commandTarget({ argv: [process.execPath, program, store], kinds: ['ip'], capacity: 10, timeoutMs: 5_000 }, () => 0);
  await target.apply(changes([entry('ip', '45.0.0.1', 60), entry('ip', '45.0.0.2')]));
  assert.equal(JSON.parse(readFileSync(store, 'utf8'))['45.0.0.1'].until, '1970-01-01T00:01:00.000Z');
  await target.apply(changes([], [{ kind: 'ip', value: '45.0.0.1' }]));
  assert.deepEqual(await loaded(target), [{ kind: 'ip', value: '45.0.0.2' }]);
  const liar = commandTarget(
    { argv: [process.execPath, '-e', 'console.log("ok")'], kinds: ['ip'], capacity: 10, timeoutMs: 5_000 },
    () => 0,
  );
  await assert.rejects(loaded(liar));
});

test('nft: elements are read out of its JSON in any pieces', () => {
  const text = JSON.stringify({
    nftables: [
      { metainfo: {} },
      {
        set: {
          name: 'host4',
          elem: [
            '1.2.3.4',
            { elem: { val: '5.6.7.8', timeout: 30 } },
            { prefix: { addr: '45.0.0.0', len: 24 } },
            { elem: { val: { prefix: { addr: '2a00::', len: 48 } } } },
          ],
        },
      },
    ],
  }).replace('"elem":[', '"elem": [');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: text.length }), (size) => {
      const reader = new ElementReader();
      const found: unknown[] = [];
      for (let at = 0; at < text.length; at += size) found.push(...reader.push(text.slice(at, at + size)).map(elementValue));
      assert.deepEqual(found, ['1.2.3.4', '5.6.7.8', '45.0.0.0/24', '2a00::/48']);
    }),
  );
});
