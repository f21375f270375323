import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { WireDecision } from '@rebato/contract';
import { add, FakeHub, remove } from './fake-hub.ts';
import { enrolAt, scratchFolder } from './running.ts';

const script = fileURLToPath(new URL('agent-process.ts', import.meta.url));

/** Numbers that are the same in every run of the test, so that a failure can be looked at again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

type Outcome = { readonly violations: string[]; readonly inFile: Set<string>; readonly decided: Set<string>; readonly receipts: number };

/**
 * Lets a hub decide and take back without a pause while the agent is killed `rounds` times. After every kill, what the hub has a receipt for
 * is compared with the control: a block that was receipted and still stands must be there, one that was withdrawn must be gone.
 */
async function killRounds(rounds: number, env: Record<string, string>, stopAtViolation: boolean): Promise<Outcome> {
  using folder = scratchFolder();
  await using hub = await new FakeHub().start();
  const random = randomFrom(7);
  const identityFile = join(folder.path, 'identity-test.json');
  const list = join(folder.path, 'list.txt');
  writeFileSync(identityFile, JSON.stringify(await enrolAt(hub)));
  const standing: WireDecision[] = [];
  let number = 0;
  const decide = (): void => {
    const changes = [];
    for (let n = 0; n < 1 + random() * 4; n++) {
      const one = add(++number);
      changes.push(one);
      standing.push(one);
    }
    if (standing.length > 30) for (const gone of standing.splice(Math.floor(random() * 10), 3)) changes.push(remove(gone));
    hub.publish(changes);
  };
  const busy = setInterval(decide, 5);
  const start = (): ChildProcess =>
    spawn(process.execPath, [script, join(folder.path, 'state'), identityFile, list], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const inFile = (): Set<string> =>
    new Set(
      existsSync(list)
        ? readFileSync(list, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
        : [],
    );
  const values = new Map<string, string>();
  const violations: string[] = [];
  let child: ChildProcess | undefined;
  try {
    for (let round = 0; round < rounds; round++) {
      child = start();
      const before = hub.receipts.length;
      // Every third kill may hit the start; the others come while receipts flow.
      if (round % 3 !== 0) await hub.until(() => hub.receipts.length > before);
      await new Promise((resolve) => setTimeout(resolve, random() * 300));
      child.kill('SIGKILL');
      await once(child, 'exit');
      const decided = new Set(
        [...hub.channel().entries.values()].map(({ id, value }) => {
          values.set(id, value);
          return value;
        }),
      );
      const file = inFile();
      const last = new Map(hub.receipts.map((receipt) => [receipt.decision, receipt.state]));
      for (const [id, state] of last) {
        const value = values.get(id);
        if (value === undefined) continue;
        if (state === 'applied' && decided.has(value) && !file.has(value))
          violations.push(`round ${round}: ${value} was receipted and is not there`);
        if (state === 'withdrawn' && !decided.has(value) && file.has(value))
          violations.push(`round ${round}: ${value} was withdrawn and is still there`);
      }
      if (stopAtViolation && violations.length > 0) break;
    }
    clearInterval(busy);
    child = start();
    const wanted = () => [...hub.channel().entries.values()].map(({ value }) => value);
    if (!stopAtViolation)
      await hub.until(() => wanted().every((value) => inFile().has(value)) && inFile().size === wanted().length, 20_000);
    return { violations, inFile: inFile(), decided: new Set(wanted()), receipts: hub.receipts.length };
  } finally {
    clearInterval(busy);
    child?.kill('SIGKILL');
  }
}

test('an agent that is killed at twenty random moments never leaves a receipt without its block, and converges', {
  timeout: 120_000,
}, async () => {
  const outcome = await killRounds(20, {}, false);
  assert.deepEqual(outcome.violations, []);
  assert.deepEqual(outcome.inFile, outcome.decided);
  assert.ok(outcome.receipts > 100);
});

test('control: the same rounds catch an agent that acknowledges before it works', { timeout: 120_000 }, async () => {
  const outcome = await killRounds(20, { REBATO_TEST_ACK_FIRST: '1' }, true);
  assert.notDeepEqual(outcome.violations, []);
});
