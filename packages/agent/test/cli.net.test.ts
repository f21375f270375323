import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { add, FakeHub } from './fake-hub.ts';
import { scratchFolder } from './running.ts';
import { newSigner } from './signer.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    out += chunk;
  });
  const ended = new Promise<{ code: number | null; out: string }>((resolve) => child.once('close', (code) => resolve({ code, out })));
  return { child, ended };
}
const run = (...args: string[]) => start(args).ended;

test('from the token to the list, off and on, verify, and every exit code on the way', async () => {
  using folder = scratchFolder();
  await using hub = await new FakeHub().start();
  const state = join(folder.path, 'state');
  const at = ['--state', state];
  const one = add(1);
  hub.next([one]);

  assert.equal((await run()).code, 2);
  assert.equal((await run('run', '--nonsense')).code, 2);
  assert.equal((await run('run', ...at)).code, 4);
  assert.equal((await run('enrol', '--hub', hub.url, '--token', 'x', ...at)).code, 5);
  assert.equal((await run('enrol', '--hub', hub.url, '--token', hub.token, '--root', newSigner().fingerprint, ...at)).code, 5);
  assert.equal(
    (await run('enrol', '--hub', hub.url, '--token', hub.token.replace(hub.root.fingerprint, newSigner().fingerprint), ...at)).code,
    5,
  );
  assert.equal((await run('enrol', '--hub', 'http://192.0.2.1', '--token', hub.token, ...at)).code, 2);
  assert.equal(existsSync(join(state, 'identity.json')), false);
  assert.equal((await run('enrol', '--hub', hub.url, '--token', hub.token, ...at)).code, 0);
  assert.equal((await run('enrol', '--hub', hub.url, '--token', hub.token, ...at)).code, 5);
  assert.equal(statSync(state).mode & 0o777, 0o700);
  assert.equal(statSync(join(state, 'identity.json')).mode & 0o777, 0o600);

  const bad = join(folder.path, 'bad.json');
  writeFileSync(bad, '{"neverblock": []}');
  const refused = await run('run', ...at, '--config', bad);
  assert.equal(refused.code, 3);
  assert.match(refused.out, /neverblock/);
  assert.equal((await run('status', ...at)).code, 7);

  const agent = start(['run', ...at]);
  try {
    await hub.until(() => hub.last(one.id)?.state === 'applied');
    const list = join(state, 'blocklist.txt');
    assert.equal(readFileSync(list, 'utf8'), `${one.value}\n`);
    assert.equal((await run('run', ...at)).code, 6);
    const off = await run('off', ...at);
    assert.deepEqual([off.code, readFileSync(list, 'utf8')], [0, ''], off.out);
    assert.equal((await run('on', ...at)).code, 0);
    await hub.until(
      () => (JSON.parse(readFileSync(join(state, 'status.json'), 'utf8')) as { loaded: { count: number } }).loaded.count === 1,
    );
    const status = await run('status', '--json', ...at);
    assert.equal(status.code, 0);
    assert.equal((JSON.parse(status.out) as { loaded: { count: number } }).loaded.count, 1);

    const snapshot = join(folder.path, 'snapshot');
    writeFileSync(snapshot, hub.snapshot());
    assert.equal((await run('verify', snapshot, ...at)).code, 0);
    writeFileSync(snapshot, hub.snapshot().replace(one.value, '45.99.99.99'));
    assert.equal((await run('verify', snapshot, ...at)).code, 5);
    writeFileSync(snapshot, JSON.stringify(hub.next([add(2)])));
    assert.equal((await run('verify', snapshot, ...at)).code, 0);

    agent.child.kill('SIGTERM');
    assert.equal((await agent.ended).code, 0);
    assert.notEqual(readFileSync(list, 'utf8'), '');
    const dead = await run('off', ...at);
    assert.deepEqual([dead.code, readFileSync(list, 'utf8')], [0, ''], dead.out);
  } finally {
    agent.child.kill('SIGKILL');
  }
});
