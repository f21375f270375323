import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configHelp, configMarkdown, options, readConfig } from './config.ts';

const refused = (env: Record<string, string>): string[] => {
  let lines: string[] = [];
  assert.throws(
    () => readConfig(env),
    (error) => {
      assert.ok(error instanceof Error && error.name === 'StartRefused');
      lines = error.message.split('\n');
      return true;
    },
  );
  return lines;
};

test('everything has a default: an empty environment is a working configuration', () => {
  const config = readConfig({ PATH: '/bin' });
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.port, 7373);
  assert.equal(config.dataDir, './data');
  assert.equal(config.databaseUrl, undefined);
  assert.deepEqual(config.allowPrivateOutbound, []);
});

test('values are read, trimmed and typed; an empty variable means the default', () => {
  const config = readConfig({
    REBATO_PORT: ' 0 ',
    REBATO_HOST: '',
    REBATO_PUBLIC_URL: 'https://rebato.example/',
    REBATO_DATABASE_URL: 'postgres://a:b@db/rebato?sslmode=require',
    REBATO_ALLOW_PRIVATE_OUTBOUND: '10.0.0.0/8, fd00::/8,::1,MISP.intern , 192.0.2.1',
    REBATO_LOG: 'debug',
  });
  assert.equal(config.port, 0);
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.publicUrl, 'https://rebato.example');
  assert.equal(config.databaseUrl, 'postgres://a:b@db/rebato?sslmode=require');
  assert.deepEqual(config.allowPrivateOutbound, ['10.0.0.0/8', 'fd00::/8', '::1', 'misp.intern', '192.0.2.1']);
  assert.equal(config.log, 'debug');
});

test('every problem is listed at once, each with its variable', () => {
  const lines = refused({ REBATO_PORT: '70000', REBATO_LOG: 'loud', REBATO_PUBLIC_URL: 'rebato.example', REBATO_DNS_PORT: '53' });
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    ['REBATO_PORT', 'REBATO_PUBLIC_URL', 'REBATO_LOG', 'REBATO_DNS_PORT'],
  );
});

for (const [name, value] of [
  ['REBATO_PORT', '7373.5'],
  ['REBATO_PORT', '-1'],
  ['REBATO_PORT', '0x10'],
  ['REBATO_RATE_LIMIT', '0'],
  ['REBATO_DATABASE_URL', 'mysql://db'],
  ['REBATO_PUBLIC_URL', 'javascript:alert(1)'],
  ['REBATO_PUBLIC_URL', 'https://user:pw@rebato.example'],
  ['REBATO_ALLOW_PRIVATE_OUTBOUND', '10.0.0.0/33'],
  ['REBATO_ALLOW_PRIVATE_OUTBOUND', '10.0.0'],
  ['REBATO_ALLOW_PRIVATE_OUTBOUND', 'a b'],
  ['REBATO_ALLOW_PRIVATE_OUTBOUND', Array.from({ length: 101 }, (_, i) => `h${i}`).join(',')],
] as const) {
  test(`${name} may not be ${value.slice(0, 40)}`, () => {
    const [line, ...more] = refused({ [name]: value });
    assert.ok(line?.startsWith(`${name} `));
    assert.deepEqual(more, []);
  });
}

test('a name that is no setting stops the start and gets a hint; names of the command line and of tests do not', () => {
  assert.deepEqual(refused({ REBATO_DATADIR: '/srv' }), ['REBATO_DATADIR is not a setting of Rebato; the nearest one is REBATO_DATA_DIR.']);
  assert.deepEqual(refused({ REBATO_XYZ: '' }), ['REBATO_XYZ is not a setting of Rebato.']);
  readConfig({ REBATO_KEY: 'k', REBATO_URL: 'u', REBATO_SHARED: '/s', REBATO_TEST_PG_URL: 'p' });
});

test('settings that contradict each other are refused, and together they are fine', () => {
  assert.equal(refused({ REBATO_OIDC_ISSUER: 'https://id.example' }).length, 2);
  assert.match(refused({ REBATO_OIDC_CLIENT_ID: 'x' })[0] ?? '', /^REBATO_OIDC_CLIENT_ID is set without REBATO_OIDC_ISSUER/);
  readConfig({ REBATO_OIDC_ISSUER: 'https://id.example', REBATO_OIDC_CLIENT_ID: 'x', REBATO_PUBLIC_URL: 'https://rebato.example' });
});

test('a secret is never quoted in a refusal, and other values are', () => {
  assert.ok(!refused({ REBATO_DATABASE_URL: 'hunter2' }).join().includes('hunter2'));
  assert.ok(!refused({ REBATO_SMTP_URL: 'smtp://u:hunter2@mail' }).join().includes('hunter2'));
  assert.ok(refused({ REBATO_PORT: 'x1' }).join().includes('"x1"'));
});

test('help and reference name every setting, and say which ones do nothing yet', () => {
  for (const { env, reserved } of Object.values(options)) {
    const row = configMarkdown()
      .split('\n')
      .find((line) => line.includes(`\`${env}\``));
    assert.ok(row !== undefined && configHelp().includes(env));
    assert.equal(row.includes('Reserved'), reserved);
  }
});
