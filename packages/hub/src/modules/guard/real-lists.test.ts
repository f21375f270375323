import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseIp, parseNet } from '#values';
import { judge } from './judge.ts';
import { type PreparedList, parseWarningList, prepareSteps } from './list-format.ts';
import { compileLists } from './lists.ts';
import { suffixesOf } from './names.ts';
import { drain } from './steps.ts';
import { assembleTables, builtinTables } from './tables.ts';
import type { GuardInput } from './verdict.ts';

const shared = process.env.REBATO_SHARED ?? new URL('../../../../../../shared', import.meta.url).pathname;
const folder = join(shared, 'data', 'warninglists');
const skip = existsSync(folder) ? false : 'the published warning lists are not on this machine (set REBATO_SHARED)';

function readLists(): { prepared: PreparedList; raw: readonly string[] }[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const list = parseWarningList(readFileSync(join(folder, file), 'utf8'));
      assert.ok(!('problem' in list), `${file}: ${'problem' in list ? list.problem : ''}`);
      const prepared = drain(prepareSteps(list, list.category !== 'known'));
      assert.ok(!('problem' in prepared), `${file}: ${'problem' in prepared ? prepared.problem : ''}`);
      return { prepared: { id: file, name: list.name, kinds: list.kinds, entries: prepared.entries }, raw: list.entries };
    });
}

const empty = assembleTables(builtinTables(), {});

test('C12: every published list imports, and every entry of it is stopped, alone and as the parent of another name', { skip }, () => {
  const lists = readLists();
  assert.ok(lists.length >= 20);
  const tables = assembleTables(builtinTables(), { lists: drain(compileLists(lists.map(({ prepared }) => prepared))) });
  let judged = 0;
  for (const { prepared } of lists) {
    for (const entry of prepared.entries) {
      const text = entry.slice(1);
      const inputs: GuardInput[] = [];
      const marking = { tlp: 'green', pap: 'green' } as const;
      if (entry[0] === 'd' || entry[0] === 'e') {
        const kind = prepared.kinds.includes('domain') ? 'domain' : 'url';
        inputs.push({ kind, value: kind === 'domain' ? text : `https://${text}/x`, ...marking });
        if (entry[0] === 'd' && kind === 'domain') inputs.push({ kind, value: `login.${text}`, ...marking });
      } else if (entry[0] === 'n') {
        const net = parseNet(text);
        assert.ok(net, text);
        inputs.push({
          kind: parseIp(text) || text.endsWith('/32') || text.endsWith('/128') ? 'ip' : 'net',
          value: text.replace(/\/(?:32|128)$/, ''),
          ...marking,
        });
      }
      for (const input of inputs) {
        if (input.kind === 'domain' && !suffixesOf(input.value)) continue;
        judged++;
        assert.notEqual(judge(input, tables).verdict, 'pass', `${prepared.name}: ${input.kind} ${input.value}`);
      }
    }
  }
  assert.ok(judged > 100_000, `${judged} judged`);
});

test('the same values without the lists mostly pass: the verdict comes from the lists', { skip }, () => {
  const list = readLists().find(({ prepared }) => prepared.id === 'vpn-ipv4.json');
  assert.ok(list);
  const passes = list.prepared.entries.filter((entry) => {
    const value = entry.slice(1);
    return judge({ kind: 'net', value, tlp: 'green', pap: 'green' }, empty).verdict === 'pass';
  });
  assert.ok(passes.length > 1000, `${passes.length} pass`);
});
