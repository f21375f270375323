import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createReserve } from './reserve.ts';

const mb = 1 << 20;

function prepare(t: TestContext, freeMb: number, totalMb = 10_000) {
  const folder = mkdtempSync(join(tmpdir(), 'rebato-reserve-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const disk = { freeMb };
  const lines: string[] = [];
  const log = { warn: (_fields: object, line: string): void => void lines.push(line), info() {} };
  const file = join(folder, 'reserve');
  const space = () => ({ freeBytes: disk.freeMb * mb, totalBytes: totalMb * mb });
  return { disk, lines, file, reserve: createReserve({ file, folder, log, bytes: 2 * mb, space }) };
}

test('with plenty of room the reserve is made, and reports are taken', async (t) => {
  const { reserve, file, lines } = prepare(t, 5_000);
  await reserve.look();
  assert.equal(statSync(file).size, 2 * mb);
  assert.ok(statSync(file).blocks * 512 >= 2 * mb, 'it really takes its room');
  assert.equal(reserve.hasRoom(), true);
  assert.deepEqual(lines, []);
});

test('long before the disk is full reports are refused and the reserve stays; when it is nearly full the reserve goes; with room all is as before', async (t) => {
  const { reserve, file, disk, lines } = prepare(t, 5_000);
  await reserve.look();
  disk.freeMb = 499;
  assert.equal(reserve.hasRoom(), false);
  await reserve.look();
  assert.ok(existsSync(file));
  disk.freeMb = 31;
  await reserve.look();
  assert.ok(!existsSync(file));
  disk.freeMb = 501;
  await reserve.look();
  assert.equal(reserve.hasRoom(), true);
  assert.ok(!existsSync(file), 'the reserve must not itself bring the refusal back');
  disk.freeMb = 503;
  await reserve.look();
  assert.ok(existsSync(file));
  assert.equal(lines.length, 3);
});

test('what is nearly full follows the disk: at least 64 MB, at most 1 GB', (t) => {
  for (const [totalMb, needed] of [
    [100, 64],
    [4_000, 200],
    [1_000_000, 1_024],
  ] as const) {
    assert.equal(prepare(t, needed - 1, totalMb).reserve.hasRoom(), false);
    assert.equal(prepare(t, needed, totalMb).reserve.hasRoom(), true);
  }
});

test('a reserve that cannot be made is told once, and refuses nobody', async (t) => {
  const { reserve, file, lines } = prepare(t, 5_000);
  mkdirSync(file);
  await reserve.look();
  await reserve.look();
  assert.equal(lines.length, 1);
  assert.equal(reserve.hasRoom(), true);
});
