import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLog } from './log.ts';
import type { Log } from './ports.ts';

function recording(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  return { log: createLog({ destination: { write: (line: string) => void lines.push(line) } }), lines };
}

const canary = 'c4n4ry-0123456789';

test('fields that hold secrets never show them, at any depth and in any spelling', () => {
  const { log, lines } = recording();
  const names = [
    'authorization',
    'Cookie',
    'set-cookie',
    'password',
    'token',
    'accessToken',
    'key',
    'apiKey',
    'x-api-key',
    'api_key',
    'secret',
    'clientSecret',
    'totp',
    'totpSecret',
    'privateKey',
    'passphrase',
    'recoveryCodes',
  ];
  for (const name of names) log.info({ [name]: canary, deep: [{ headers: { [name]: [canary] } }] }, 'said');
  assert.equal(lines.length, names.length);
  for (const [index, line] of lines.entries()) assert.doesNotMatch(line, new RegExp(canary), names[index] ?? '');
});

test('fields that only sound like secrets stay readable', () => {
  const { log, lines } = recording();
  log.info({ keyId: 'k1', publicKey: 'p1', tokenCount: 3, hasPassword: true }, 'said');
  assert.match(lines[0] ?? '', /"keyId":"k1","publicKey":"p1","tokenCount":3,"hasPassword":true/);
});

test('our own credentials disappear from running text, errors and causes', () => {
  const { log, lines } = recording();
  const credential = `rbt_abcdefgh_${canary}`;
  log.error(
    { err: new Error(`bad ${credential}`, { cause: new Error(`rbe_${canary}`) }), note: `Authorization: Bearer ${canary}` },
    `for ${credential}`,
  );
  log.warn({ url: `https://user:${canary}@example.org/x`, [`rbs_${canary}`]: 1 }, 'fetch');
  assert.doesNotMatch(lines.join(''), new RegExp(canary));
  assert.match(lines[0] ?? '', /rbt_\[redacted\]/);
  assert.match(lines[1] ?? '', /example\.org/);
});

test('a line is one line, and holds nothing that a terminal obeys', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\r\nfake', '\u001b[2J', '\u009b2J', '\u2028', '\u202e', '\u0000'),
      (text, evil) => {
        const { log, lines } = recording();
        log.info({ [`a${text}`]: evil + text }, text + evil);
        const line = lines[0] ?? '';
        assert.equal(lines.length, 1);
        assert.ok(line.endsWith('\n'));
        assert.doesNotMatch(line.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
        JSON.parse(line);
      },
    ),
  );
});

test('huge, deep, circular and unreadable values are bounded, and never throw', () => {
  const { log, lines } = recording();
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const trap = {
    get bad(): string {
      throw new Error('trap');
    },
  };
  log.info(
    {
      circle,
      trap,
      long: 'x'.repeat(1e6),
      list: Array.from({ length: 1e5 }, () => 1),
      big: 5n,
      bytes: Buffer.from(canary),
      when: new Date(Number.NaN),
    },
    'said',
  );
  assert.equal(lines.length, 1);
  assert.ok((lines[0] ?? '').length < 20_000);
  assert.doesNotMatch(lines[0] ?? '', new RegExp(canary));
});

test('a sink that fails does not reach the caller', () => {
  const log = createLog({
    destination: {
      write() {
        throw new Error('disk full');
      },
    },
  });
  assert.doesNotThrow(() => log.error({}, 'said'));
});
