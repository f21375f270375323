import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from './config.ts';

test('an empty configuration writes a list into the state folder', () => {
  assert.deepEqual(parseConfig({}, '/state/blocklist.txt').target, {
    type: 'file',
    path: '/state/blocklist.txt',
    format: 'plain',
    kinds: ['ip', 'net', 'domain'],
    capacity: 2_000_000,
    reloadTimeoutMs: 30_000,
  });
});

test('what is wrong is named by its field', () => {
  const cases: [unknown, string][] = [
    [{ neverblock: [] }, 'neverblock'],
    [{ target: { type: 'file', path: '/x', formatt: 'csv' } }, 'target.formatt'],
    [{ target: { type: 'iptables' } }, 'target.type'],
    [{ target: {} }, 'target.type'],
    [{ target: { type: 'file' } }, 'target.path'],
    [{ target: { type: 'file', path: '/x', kinds: ['mutex'] } }, 'target.kinds[0]'],
    [{ target: { type: 'nftables', netns: '../x' } }, 'target.netns'],
    [{ target: { type: 'nftables', table: 'a; flush' } }, 'target.table'],
    [{ target: { type: 'command', argv: 'rm' } }, 'target.argv'],
    [{ neverBlock: ['10.0.0.1', '10.0.0.1/8'] }, 'neverBlock[1]'],
    [{ widestV4: 8 }, 'widestV4'],
    [{ timing: { tickMs: 0 } }, 'timing.tickMs'],
    [{ timing: { tick: 5 } }, 'timing.tick'],
    [{ log: 'loud' }, 'log'],
    [[], 'configuration'],
  ];
  for (const [json, field] of cases) assert.throws(() => parseConfig(json, 'x'), { field }, JSON.stringify(json));
});
