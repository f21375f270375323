import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHttp } from '#platform/http/harness';
import { type Guard, guardRoutes } from './index.ts';
import { parseWarningList } from './list-format.ts';
import type { ListRow, ReleaseRow } from './store.ts';

const id = '3f0d7a0e-6d0c-4d52-9a2e-0f7f3a3c1b11';
const now = new Date('2026-11-23T10:00:00.000Z');
const list: ListRow = {
  ...{ id, name: 'Popular', description: '', version: 1, type: 'hostname', kinds: ['domain'], category: 'false_positive', beneath: true },
  ...{
    enabled: true,
    source: null,
    entryCount: 1,
    unreadable: 0,
    sha256: 'ff',
    importedBy: 'admin',
    importedAt: now,
    problem: null,
    problemAt: null,
  },
};
const release: ReleaseRow = {
  ...{
    id,
    kind: 'ip',
    value: '8.8.8.8',
    rule: 'well_known',
    reason: 'x',
    requestedBy: id,
    requestedPerson: id,
    requestedAt: now,
    answerBy: now,
  },
  ...{ until: now, state: 'open', approvedPerson: null, approvedAt: null, endedPerson: null, endedAt: null },
};

/** Writes down what the routes ask of the module. */
function fakeGuard(calls: unknown[][]): Guard {
  const note =
    <T>(result: T) =>
    (...args: unknown[]) => {
      calls.push(args.slice(1));
      return Promise.resolve(result);
    };
  return {
    tables: () => assert.fail('not needed'),
    reload: async () => {},
    start: async () => {},
    stop: async () => {},
    readLists: async () => [list],
    importList: note(list),
    importListFrom: note(list),
    enableList: note(list),
    check: (inputs) =>
      inputs.map((input) => ({ ...input, verdict: { verdict: 'hold', rule: 'warning_list', message: 'm', action: 'a', list: 'Popular' } })),
    readReleases: async () => [release],
    requestRelease: note(release),
    approveRelease: note(release),
    endRelease: async (_actor, of) => void calls.push([of]),
    endOver: async () => false,
    afterRelease: async () => undefined,
    findRelease: async () => undefined,
    pace: { judge: () => undefined, count: () => {} },
  };
}

const admin = { authorization: 'Bearer key:a:admin,assess,rule,report', 'content-type': 'application/json' };
const reporter = { authorization: 'Bearer key:r:read,report', 'content-type': 'application/json' };

test('routes: lists are imported as a body or from an address, whichever is sent', async () => {
  const calls: unknown[][] = [];
  await using http = await startHttp((server) => guardRoutes(server, fakeGuard(calls)));
  const text = JSON.stringify({ name: 'Popular', type: 'hostname', list: ['a.com'], url: 'https://x.es' });
  assert.ok(!('problem' in parseWarningList(text)));
  const sent = await http.ask('/api/v1/guard/lists?force=true', { method: 'POST', headers: admin, body: text });
  assert.equal(sent.status, 201);
  assert.equal(sent.json().entries, 1);
  assert.equal('sha256' in sent.json(), false);
  await http.ask('/api/v1/guard/lists', { method: 'POST', headers: admin, body: '{"url":"https://lists.es/a.json"}' });
  assert.deepEqual(calls, [
    [text, { force: true }],
    ['https://lists.es/a.json', {}],
  ]);
  assert.equal((await http.ask('/api/v1/guard/lists', { method: 'POST', headers: admin })).status, 400);
  const switched = await http.ask(`/api/v1/guard/lists/${id}`, { method: 'PATCH', headers: admin, body: '{"enabled":false}' });
  assert.equal(switched.status, 200);
  assert.deepEqual(calls.at(-1), [id, false]);
});

test('routes: a reporter may check values, and may neither import nor release', async () => {
  const calls: unknown[][] = [];
  await using http = await startHttp((server) => guardRoutes(server, fakeGuard(calls)));
  const body = JSON.stringify({ values: [{ kind: 'ip', value: '8.8.8.8' }] });
  const checked = await http.ask('/api/v1/guard/check', { method: 'POST', headers: reporter, body });
  assert.deepEqual(checked.json(), {
    values: [{ kind: 'ip', value: '8.8.8.8', verdict: 'hold', rule: 'warning_list', message: 'm', action: 'a', list: 'Popular' }],
  });
  const tooMany = JSON.stringify({ values: new Array(1001).fill({ kind: 'ip', value: '8.8.8.8' }) });
  assert.equal((await http.ask('/api/v1/guard/check', { method: 'POST', headers: reporter, body: tooMany })).status, 400);
  const forbidden: [string, string, string][] = [
    ['POST', '/api/v1/guard/lists', '{}'],
    ['PATCH', `/api/v1/guard/lists/${id}`, '{"enabled":true}'],
    ['GET', '/api/v1/guard/lists', ''],
    ['GET', '/api/v1/guard/releases', ''],
    ['POST', '/api/v1/guard/releases', '{"kind":"ip","value":"8.8.8.8","reason":"x"}'],
    ['POST', `/api/v1/guard/releases/${id}/approval`, '{"kind":"ip","value":"8.8.8.8"}'],
    ['DELETE', `/api/v1/guard/releases/${id}`, ''],
  ];
  for (const [method, path, sent] of forbidden) {
    const answer = await http.ask(path, { method, headers: reporter, ...(sent === '' ? {} : { body: sent }) });
    assert.equal(answer.status, 403, `${method} ${path}`);
  }
  assert.deepEqual(calls, []);
});

test('routes: a release is asked for, approved with the value repeated, and taken back', async () => {
  const calls: unknown[][] = [];
  await using http = await startHttp((server) => guardRoutes(server, fakeGuard(calls)));
  const asked = await http.ask('/api/v1/guard/releases', {
    method: 'POST',
    headers: admin,
    body: '{"kind":"ip","value":"8.8.8.8","reason":"x","hours":2}',
  });
  assert.equal(asked.status, 201);
  assert.equal(asked.json().state, 'open');
  await http.ask(`/api/v1/guard/releases/${id}/approval`, { method: 'POST', headers: admin, body: '{"kind":"ip","value":"8.8.8.8"}' });
  assert.equal((await http.ask(`/api/v1/guard/releases/${id}/approval`, { method: 'POST', headers: admin, body: '{}' })).status, 400);
  assert.equal((await http.ask(`/api/v1/guard/releases/${id}`, { method: 'DELETE', headers: admin })).status, 204);
  assert.equal((await http.ask('/api/v1/guard/releases', { headers: admin })).status, 200);
  assert.deepEqual(calls, [
    [{ kind: 'ip', value: '8.8.8.8', reason: 'x', forMs: 7_200_000 }],
    [id, { kind: 'ip', value: '8.8.8.8' }],
    [id],
  ]);
});
