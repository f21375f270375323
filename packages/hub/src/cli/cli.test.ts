import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { cliMarkdown, cliNouns } from './cli.ts';
import { commands } from './commands.ts';
import { exits } from './exits.ts';
import { fakeHub, problem } from './testing/fake-hub.ts';
import { run } from './testing/run.ts';

const id = '2f0a1b9c-6f0e-4f43-9a57-0d6f8a1f2b3c';
const nowhere = 'http://127.0.0.1:9';

test('every command has help, and the reference names it', async () => {
  const markdown = cliMarkdown();
  for (const { noun, verb, options } of commands) {
    const words = verb === undefined ? [noun] : [noun, verb];
    const { code, out } = await run(nowhere, [...words, '--help']);
    assert.equal(code, 0);
    assert.match(out, new RegExp(`rebato ${words.join(' ')}`));
    assert.ok(markdown.includes(`### ${words.join(' ')}\n`), words.join(' '));
    for (const name of Object.keys(options ?? {})) assert.ok(out.includes(`--${name}`), `${words.join(' ')} --${name}`);
  }
  for (const { meaning } of Object.values(exits)) assert.ok(markdown.includes(meaning));
});

test('no two commands share a name, and no option hides a common one', () => {
  const names = commands.map(({ noun, verb }) => `${noun} ${verb ?? ''}`);
  assert.equal(new Set(names).size, names.length);
  for (const { options } of commands)
    for (const common of ['url', 'key', 'json', 'help', 'key-file']) assert.ok(!(common in (options ?? {})));
  assert.ok(cliNouns.includes('entity'));
});

test('a wrong command line is told with what is wrong, exit code 2, and nothing is sent', async () => {
  await using hub = await fakeHub({});
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['nonsense'], /There is no "nonsense"/],
    [['event', 'lst'], /event has no "lst"/],
    [['event', 'list', '--nope'], /--nope/],
    [['event', 'list', 'extra'], /"extra" is one word too many/],
    [['event', 'show'], /ID is missing/],
    [['event', 'list', '--limit', '0'], /--limit is a whole number from 1 to 500, not "0"/],
    [['event', 'list', '--limit', '5', '--limit', '6'], /--limit is given more than once/],
    [['entity', 'add', 'X'], /--kind KIND is missing/],
    [['report', 'submit', '--text', 'x', '--tlp', 'white'], /--tlp is one of clear, green/],
    [['report', 'submit'], /Give files/],
    [['report', 'submit', '/no/such/file'], /\/no\/such\/file: there is no such file/],
    [['queue', 'reject', id], /--reason TEXT is missing/],
    [['queue', 'accept', id, id, '--only', id], /--only names values of one event/],
    [['control', 'add', 'x', '--target', 'file', '--allow', '192.0.2.1'], /--allow is a kind and a value/],
    [['decision', 'lift', id, '--reason', 'x', '--until', 'soon'], /--until is a time/],
    [['trail', 'verify', '--witness', 'x', '--keys', '/dev/null'], /--witness is a position and a hash/],
    [['event', 'list', '--url', 'ftp://hub'], /not the address of a hub/],
  ];
  for (const [argv, message] of wrong) {
    const { code, out, err } = await run(hub.url, argv);
    assert.equal(code, 2, argv.join(' '));
    assert.equal(out, '');
    assert.match(err, message);
  }
  assert.deepEqual(hub.asked, []);
});

test('each outcome has its exit code; the problem document is a sentence with its fields, and whole with --json', async () => {
  const refused = problem(400, 'http.invalid_body', 'The body is wrong.', [{ field: 'tlp', message: 'is no TLP' }]);
  await using hub = await fakeHub({
    'GET /api/v1/halt': { status: 400, json: refused },
    'GET /api/v1/lifts': { status: 503, json: problem(503, 'http.not_ready', 'not ready') },
    'GET /api/v1/levels': { status: 502, text: '<html>Bad gateway</html>' },
    'GET /api/v1/entity-kinds': { text: 'hello' },
    'GET /api/v1/controls/silent': { status: 301, headers: { location: 'http://127.0.0.1:9/' } },
    'GET /api/v1/decisions/declared': { text: '{"declared":', cut: true },
  });
  const human = await run(hub.url, ['halt', 'status']);
  assert.deepEqual(human, { code: 1, out: '', err: 'rebato: The body is wrong. (http.invalid_body)\n  tlp: is no TLP\n' });
  const json = await run(hub.url, ['halt', 'status', '--json']);
  assert.equal(json.code, 1);
  assert.deepEqual(JSON.parse(json.out), refused);
  const failed = await run(hub.url, ['decision', 'lifts']);
  assert.equal(failed.code, 4);
  assert.match(failed.err, /request-1/);
  assert.equal((await run(hub.url, ['level', 'list'])).code, 4);
  assert.equal((await run(hub.url, ['entity', 'kinds'])).code, 4);
  // A redirect would take the key elsewhere.
  assert.equal((await run(hub.url, ['control', 'silent'])).code, 4);
  assert.equal((await run(hub.url, ['decision', 'declared'])).code, 3);
  const away = await run(nowhere, ['halt', 'status']);
  assert.equal(away.code, 3);
  assert.match(away.err, /does not answer/);
});

test('common options may stand before the noun; those of a command may not', async () => {
  await using hub = await fakeHub({ 'GET /api/v1/halt': { json: { on: false } } });
  const ran = await run(nowhere, ['--url', hub.url, '--json', '--key=first', 'halt', 'status']);
  assert.deepEqual(ran, { code: 0, out: '{"on":false}\n', err: '' });
  assert.equal(hub.asked.at(-1)?.headers.authorization, 'Bearer first');
  assert.equal((await run(hub.url, ['--reason', 'x', 'halt', 'on'])).code, 2);
  assert.match((await run(hub.url, ['--json', 'halt', '--help'])).out, /rebato halt on/);
});

test('too many requests: waited for as the hub says, and sent again', async () => {
  let calls = 0;
  await using hub = await fakeHub({
    'GET /api/v1/halt': () => {
      calls += 1;
      if (calls < 3) return { status: 429, headers: { 'retry-after': '0' }, json: problem(429, 'http.rate_limited', 'too many') };
      return { json: { on: false, at: '2026-11-23T20:00:00Z', reason: '' } };
    },
    'GET /api/v1/lifts': { status: 429, headers: { 'retry-after': '86400' }, json: problem(429, 'http.rate_limited', 'too many') },
  });
  assert.deepEqual(await run(hub.url, ['halt', 'status']), { code: 0, out: 'Not halted.\n', err: '' });
  assert.equal(calls, 3);
  // Nobody waits a day.
  assert.equal((await run(hub.url, ['decision', 'lifts'])).code, 1);
});

test('the key: option before file before environment before the data folder, and the latter never for another machine', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rebato-key-'));
  await using hub = await fakeHub({ 'GET /api/v1/halt': { json: { on: false } } });
  try {
    await writeFile(join(folder, 'admin.key'), 'from-folder\n');
    await writeFile(join(folder, 'other.key'), 'from-file\n');
    await writeFile(join(folder, 'bad.key'), 'two words\n');
    const env = { REBATO_DATA_DIR: folder };
    const sentWith = async (argv: readonly string[], key?: string) => {
      const ran = await run(hub.url, ['halt', 'status', ...argv], { env: { ...env, REBATO_KEY: key ?? '' } });
      return ran.code === 0 ? hub.asked.at(-1)?.headers.authorization : ran.err;
    };
    assert.equal(await sentWith([]), 'Bearer from-folder');
    assert.equal(await sentWith([], 'from-env'), 'Bearer from-env');
    assert.equal(await sentWith(['--key-file', join(folder, 'other.key')], 'from-env'), 'Bearer from-file');
    assert.equal(await sentWith(['--key', 'from-option'], 'from-env'), 'Bearer from-option');
    assert.match(String(await sentWith(['--key-file', join(folder, 'bad.key')])), /holds no API key/);
    assert.match(String(await sentWith(['--key-file', join(folder, 'none.key')])), /ENOENT/);
    const elsewhere = await run('https://hub.example', ['halt', 'status'], { env: { ...env, REBATO_KEY: '' } });
    assert.equal(elsewhere.code, 2);
    assert.match(elsewhere.err, /A key is needed for https:\/\/hub\.example/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('lists: aligned columns, the way to the next page, and --all as one document', async () => {
  const page = (after: string | null) =>
    after === null
      ? {
          decisions: [{ id, action: 'block', kind: 'ip', value: '192.0.2.1', strength: 'lease', confidence: 60, voices: 1, until: null }],
          next: 'p2',
        }
      : {
          decisions: [
            {
              id,
              action: 'block',
              kind: 'domain',
              value: 'evil.example',
              strength: 'consolidated',
              confidence: 90,
              voices: 12,
              until: null,
            },
          ],
          next: null,
        };
  await using hub = await fakeHub({ 'GET /api/v1/decisions': ({ query }) => ({ json: page(query.get('after')) }) });
  const first = await run(hub.url, ['decision', 'list']);
  assert.equal(
    first.out,
    `ACTION  KIND  VALUE      STRENGTH  SURE  VOICES  UNTIL  ID\nblock   ip    192.0.2.1  lease       60       1  -      ${id}\n\nThere is more: --after p2\n`,
  );
  const all = JSON.parse((await run(hub.url, ['decision', 'list', '--all', '--json'])).out) as { decisions: unknown[]; next: null };
  assert.equal(all.decisions.length, 2);
  assert.equal(all.next, null);
  const one = JSON.parse((await run(hub.url, ['decision', 'list', '--json', '--limit', '7'])).out) as object;
  assert.deepEqual(one, page(null));
  assert.equal(hub.asked.at(-1)?.query.get('limit'), '7');
});

test('reported text cannot write to the terminal', async () => {
  const title = 'a\u001b]0;owned\u0007\nb\u202egnp.exe\u2028c\u009b31m';
  await using hub = await fakeHub({ 'GET /api/v1/events': { json: { events: [{ id, title, tlp: 'green', indicators: 1 }], next: null } } });
  const { out } = await run(hub.url, ['event', 'list']);
  // Only the two lines of the table are left.
  assert.equal(out.split('\n').length, 3);
  assert.doesNotMatch(out.replaceAll('\n', ''), /[\p{Cc}\u202e\u2028]/u);
  assert.match(out, /a\\u001b\]0;owned\\u0007⏎b\\u202egnp\.exe/);
});

test('key create: the key alone on standard output, all else beside it', async () => {
  await using hub = await fakeHub({
    'GET /api/v1/me': { json: { entity: { id } } },
    'POST /api/v1/keys': { status: 201, json: { key: 'rbt_secret', row: { id: 'k', label: 'SIEM', expiresAt: '2027-11-23T20:00:00Z' } } },
  });
  const { code, out, err } = await run(hub.url, ['key', 'create', '--label', 'SIEM', '--scope', 'read', '--scope', 'report,control']);
  assert.equal(code, 0);
  assert.equal(out, 'rbt_secret\n');
  assert.match(err, /SIEM.*2027-11-23/);
  assert.deepEqual(JSON.parse(hub.asked.at(-1)?.body ?? ''), { label: 'SIEM', scopes: ['read', 'report', 'control'], entityId: id });
});

test('report submit: a folder is one report per file; a refused one is named and the rest goes on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rebato-reports-'));
  await using hub = await fakeHub({
    'POST /api/v1/reports/file': ({ query }) =>
      query.get('name') === 'b.txt'
        ? { status: 400, json: problem(400, 'intel.nothing_found', 'Nothing was found.') }
        : { status: 202, json: { id, receivedAt: '2026-11-23T20:00:00Z', events: [id], repeated: false } },
  });
  try {
    for (const name of ['a.eml', 'b.txt', 'c.csv', '.hidden']) await writeFile(join(folder, name), name);
    const { code, out, err } = await run(hub.url, ['report', 'submit', folder, '--tlp', 'amber', '--idempotency-key', 'run-1']);
    assert.equal(code, 6);
    assert.match(out, /2 sent, 1 refused/);
    assert.match(err, /b\.txt: Nothing was found/);
    assert.deepEqual(
      hub.asked.map((asked) => [asked.query.get('name'), asked.query.get('tlp'), asked.body]),
      [
        ['a.eml', 'amber', 'a.eml'],
        ['b.txt', 'amber', 'b.txt'],
        ['c.csv', 'amber', 'c.csv'],
      ],
    );
    assert.equal(new Set(hub.asked.map((asked) => asked.headers['idempotency-key'])).size, 3);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a batch ends at once when the key is refused', async () => {
  await using hub = await fakeHub({
    [`POST /api/v1/events/${id}/retraction`]: { status: 401, json: problem(401, 'http.unauthenticated', 'No valid credential.') },
  });
  const { code, err } = await run(hub.url, ['event', 'retract', id, id, id, '--reason', 'x']);
  assert.equal(code, 1);
  assert.match(err, /0 of 3 were done/);
  assert.equal(hub.asked.length, 1);
});

test('a batch goes on when one item alone is unavailable, and ends when the hub is', async () => {
  const other = id.replace('2f', '3f');
  let code = 'guard.list_fetch';
  await using hub = await fakeHub({
    [`POST /api/v1/events/${id}/retraction`]: () => ({ status: 503, json: problem(503, code, 'Not now.') }),
    [`POST /api/v1/events/${other}/retraction`]: { json: { ok: true } },
  });
  assert.equal((await run(hub.url, ['event', 'retract', id, other, '--reason', 'x'])).code, 6);
  code = 'http.not_ready';
  assert.equal((await run(hub.url, ['event', 'retract', id, other, '--reason', 'x'])).code, 4);
  assert.equal(hub.asked.length, 3);
});

test('whatever is typed ends with one of the exit codes', async () => {
  const words = commands
    .filter(({ noun }) => noun !== 'stream')
    .flatMap(({ noun, verb, options }) => [noun, verb ?? '-', ...Object.keys(options ?? {}).map((name) => `--${name}`)]);
  const word = fc.oneof(
    fc.constantFrom(...new Set(words)),
    fc.constantFrom('--', '-', '--json', '--help', '--key', '--url', '__proto__', '--constructor', 'no-such-thing'),
    fc.string({ maxLength: 4 }).map((text) => `no-such-${text.replaceAll('\0', '')}`),
  );
  const codes = Object.values(exits).map(({ code }): number => code);
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (argv) => codes.includes((await run(nowhere, argv)).code)),
    { numRuns: 500 },
  );
});

test('decision by value: found in its canonical form; an ambiguous one is asked back', async () => {
  const row = (kind: string, of: string) => ({ id: of, kind, value: 'evil.example' });
  const other = id.replace('2f', '3f');
  let found = [row('domain', id), { id: other, kind: 'domain', value: 'sub.evil.example' }];
  await using hub = await fakeHub({
    'GET /api/v1/values': { json: { values: [{ value: 'evil[.]example', canonical: 'evil.example' }] } },
    'GET /api/v1/decisions': () => ({ json: { decisions: found, next: null } }),
    [`POST /api/v1/decisions/${id}/ruling`]: { json: { id, value: 'evil.example', ruling: 'retracted' } },
  });
  const done = await run(hub.url, ['decision', 'retract', 'evil[.]example', '--reason', 'ours']);
  assert.deepEqual(done, { code: 0, out: 'Retracted: evil.example\n', err: '' });
  assert.deepEqual(JSON.parse(hub.asked.at(-1)?.body ?? ''), { ruling: 'retracted', reason: 'ours' });
  found = [row('domain', id), row('other', other)];
  assert.match((await run(hub.url, ['decision', 'retract', 'evil[.]example', '--reason', 'ours'])).err, /Several decisions/);
  found = [];
  assert.match((await run(hub.url, ['decision', 'retract', 'evil[.]example', '--reason', 'ours'])).err, /No decision on "evil\.example"/);
});

test('queue accept: several ids in one request; some refused is another exit code than all', async () => {
  const answer = (...oks: boolean[]) => ({ json: { results: oks.map((ok) => ({ id, ok, code: ok ? null : 'intel.not_waiting' })) } });
  await using hub = await fakeHub({
    'POST /api/v1/queue/verdicts': ({ body }) => answer(...(body.includes('"hold"') ? [false, false] : [true, false])),
  });
  const some = await run(hub.url, ['queue', 'accept', id, id]);
  assert.equal(some.code, 6);
  assert.equal(some.out, `${id}: accepted\n${id}: intel.not_waiting\n`);
  assert.equal((await run(hub.url, ['queue', 'hold', id, id])).code, 1);
});

test('stream: taken up again where it ended, each entry once', async () => {
  const bodies = [
    'event: hello\ndata: {}\nid: c1\n\nevent: events\ndata: {"at":"t1","object":"o1","body":{"title":"One"}}\nid: c2\n\n',
    'event: events\ndata: {"at":"t2","object":"o2","body":{"title":"Two"}}\nid: c3\n\n',
  ];
  let calls = 0;
  await using hub = await fakeHub({
    'GET /api/v1/stream': () => {
      calls += 1;
      return { text: bodies[calls - 1] ?? '', headers: { 'content-type': 'text/event-stream' } };
    },
  });
  const { code, out, err } = await run(hub.url, ['stream', '--count', '2', '--topics', 'events']);
  assert.equal(code, 0, err);
  assert.equal(out, 't1  events  o1  One\nt2  events  o2  Two\n');
  assert.equal(hub.asked[1]?.headers['last-event-id'], 'c2');
  assert.match(err, /--after c3/);
});

test('doctor: says what to do, and ends with 5 only when something has to be repaired', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rebato-doctor-'));
  const system = { waiting: 0, planned: 0, failed: 0, position: 5, databaseBytes: 1 };
  let failed = 0;
  await using hub = await fakeHub({
    'GET /healthz': { text: 'ok\n' },
    'GET /readyz': { text: 'ready\n' },
    'GET /api/v1/me': { json: { label: 'admin.key', entity: { name: 'Rebato' } } },
    'GET /api/v1/system': () => ({ json: { ...system, failed } }),
    'GET /api/v1/halt': { json: { on: true, at: '2026-11-23T19:00:00Z', reason: 'wrong list' } },
    'GET /api/v1/controls/silent': { json: { controls: [{ id, name: 'edge', silentMs: 180_000 }] } },
    'GET /api/v1/guard/lists': { status: 403, json: problem(403, 'http.scope_missing', 'no right') },
  });
  try {
    await writeFile(join(folder, 'admin.key'), 'k', { mode: 0o600 });
    const options = { env: { REBATO_DATA_DIR: folder }, now: new Date() };
    const warned = await run(hub.url, ['doctor'], options);
    assert.equal(warned.code, 0, warned.out);
    assert.match(warned.out, /warn {2}halt: new blocks are halted/);
    assert.match(warned.out, /warn {2}controls: 1 agent not heard: edge \(3 min\)/);
    assert.match(warned.out, /warn {2}guard: is not checked: the key has no right to it/);
    failed = 3;
    await chmod(join(folder, 'admin.key'), 0o644);
    const bad = await run(hub.url, ['doctor', '--json'], options);
    assert.equal(bad.code, 5);
    const { findings } = JSON.parse(bad.out) as { findings: { check: string; state: string; todo?: string }[] };
    assert.deepEqual(
      findings.filter((finding) => finding.state === 'fail').map((finding) => finding.check),
      ['admin.key', 'releases'],
    );
    assert.ok(findings.every((finding) => finding.state === 'ok' || (finding.todo ?? '') !== ''));
    assert.equal((await run(nowhere, ['doctor'], options)).code, 5);
    assert.match((await run(hub.url, ['doctor'], { ...options, now: new Date(Date.now() + 120_000) })).out, /fail {2}clock/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
