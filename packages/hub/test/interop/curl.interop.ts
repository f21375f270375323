import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startTestHub, type TestHub, type TestMember } from '#test/hub';
import { programOf, without } from './peers.ts';

const skip = without('curl', 'gzip');
const run = promisify(execFile);

/** Runs curl; a transfer that hangs ends by curl's own clock. Answers the status and the headers, in lower case. */
async function curl(...args: readonly string[]): Promise<{ status: number; headers: Map<string, string> }> {
  const options = ['--silent', '--show-error', '--max-time', '20', '--noproxy', '*', '--write-out', '%{http_code}\n%{header_json}'];
  const { stdout } = await run(programOf('curl'), [...options, ...args]);
  const [status = '', ...json] = stdout.split('\n');
  const headers = Object.entries(JSON.parse(json.join('\n')) as Record<string, string[]>);
  return { status: Number(status), headers: new Map(headers.map(([name, values]) => [name.toLowerCase(), values.join(', ')])) };
}

async function withFolder(work: (at: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rebato-curl-'));
  try {
    await work((name) => join(folder, name));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function report(hub: TestHub, member: TestMember, values: readonly string[]): Promise<void> {
  const sent = await member.post('/api/v1/reports', { title: 'List', indicators: values.map((value) => ({ value })) });
  assert.equal(sent.status, 202, sent.text);
  await hub.settled();
}

test('curl fetches a list with basic authentication, and nothing without', { skip }, async () => {
  await using hub = await startTestHub();
  const alice = await hub.member('Ayuntamiento de Alba');
  const bob = await hub.member('Hospital de Boira');
  await report(hub, alice, ['185.220.101.7', '185.220.101.8', 'login.example-bank.xyz']);
  await withFolder(async (at) => {
    const list = `${hub.url}/feeds/ip.txt`;
    const body = at('ip.txt');
    const bare = await curl('--output', body, list);
    assert.deepEqual([bare.status, bare.headers.get('www-authenticate')?.toLowerCase().startsWith('basic ')], [401, true]);
    assert.doesNotMatch(await readFile(body, 'utf8'), /185\.220/);
    assert.equal((await curl('--user', `reader:${bob.key.slice(0, -1)}x`, '--output', body, list)).status, 401);

    // Key as password with any name, key as name alone, after a challenge, and from a netrc file: what devices can be set to.
    for (const login of [`reader:${bob.key}`, `${bob.key}:`]) {
      assert.equal((await curl('--user', login, '--output', body, list)).status, 200);
      assert.deepEqual((await readFile(body, 'utf8')).trimEnd().split('\n').toSorted(), ['185.220.101.7', '185.220.101.8']);
    }
    assert.equal((await curl('--anyauth', '--user', `reader:${bob.key}`, '--output', body, list)).status, 200);
    assert.equal((await curl('--oauth2-bearer', bob.key, '--output', body, `${hub.url}/feeds/domain.txt`)).status, 200);
    assert.equal(await readFile(body, 'utf8'), 'login.example-bank.xyz\n');
  });
});

test('curl revalidates with the tag it kept, in either coding, and has the new list after a change', { skip }, async () => {
  await using hub = await startTestHub();
  const alice = await hub.member('Ayuntamiento de Alba');
  const bob = await hub.member('Hospital de Boira');
  await report(hub, alice, ['185.220.101.7']);
  await withFolder(async (at) => {
    const list = `${hub.url}/feeds/ip.csv`;
    for (const coding of [[], ['--compressed']]) {
      const file = at(`list${coding.length}`);
      const fetchList = () =>
        curl(
          '--user',
          `reader:${bob.key}`,
          ...coding,
          '--etag-compare',
          `${file}.etag`,
          '--etag-save',
          `${file}.etag`,
          '--output',
          file,
          list,
        );
      const before = await fetchList();
      assert.equal(before.status, 200);
      const text = await readFile(file, 'utf8');
      assert.match(text, /^value,kind,/);
      const unchanged = await fetchList();
      assert.equal(unchanged.status, 304);
      assert.equal(unchanged.headers.get('etag'), before.headers.get('etag'));
      assert.equal(await readFile(file, 'utf8'), text, 'an unchanged list leaves the file alone');
      await report(hub, alice, [`185.220.102.${coding.length + 1}`]);
      const changed = await fetchList();
      assert.equal(changed.status, 200);
      assert.notEqual(changed.headers.get('etag'), before.headers.get('etag'));
      assert.match(await readFile(file, 'utf8'), new RegExp(`185\\.220\\.102\\.${coding.length + 1},`));
    }
  });
});

test('what is sent as gzip passes gzip -t and holds the same bytes as the plain list', { skip }, async () => {
  await using hub = await startTestHub();
  const alice = await hub.member('Ayuntamiento de Alba');
  const bob = await hub.member('Hospital de Boira');
  await report(
    hub,
    alice,
    Array.from({ length: 5_000 }, (_, n) => `host-${n}.evil-${n % 97}.xyz`),
  );
  await withFolder(async (at) => {
    for (const name of ['domain.txt', 'domain.csv', 'domain.json', 'all.json']) {
      const url = `${hub.url}/feeds/${name}`;
      const user = ['--user', `reader:${bob.key}`];
      const plain = await curl(...user, '--output', at(name), url);
      const packed = await curl(...user, '--header', 'accept-encoding: gzip', '--output', at(`${name}.gz`), url);
      assert.deepEqual([plain.headers.get('content-encoding'), packed.headers.get('content-encoding')], [undefined, 'gzip']);
      assert.equal(Number(packed.headers.get('content-length')), (await stat(at(`${name}.gz`))).size);
      assert.equal(Number(plain.headers.get('content-length')), (await stat(at(name))).size);
      await run(programOf('gzip'), ['--test', at(`${name}.gz`)]);
      await run(programOf('gzip'), ['--decompress', '--stdout', '--keep', at(`${name}.gz`)], {
        encoding: 'buffer',
        maxBuffer: 64 << 20,
      }).then(async ({ stdout }) => assert.ok(stdout.equals(await readFile(at(name))), `${name} differs`));
      assert.equal(Number(plain.headers.get('x-rebato-entries')), 5_000, name);
      if (name.endsWith('.json')) assert.equal((JSON.parse(await readFile(at(name), 'utf8')) as unknown[]).length, 5_000);
    }
    // A list is asked about without being fetched, too.
    const head = await curl('--head', '--user', `reader:${bob.key}`, '--output', at('head'), `${hub.url}/feeds/domain.txt`);
    assert.equal(head.status, 200);
  });
});
