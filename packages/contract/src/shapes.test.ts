import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { roles, strengths, valueKinds } from './markings.ts';
import { protocolVersion, signaturePrefix } from './wire.ts';

/**
 * The shapes that hubs and agents exchange, one fingerprint per protocol version. Agents in the field are older than their hub, so a
 * shape never changes under a version that a released program speaks: raise `protocolVersion` and add a line. Only while a version has
 * never been released may its line be replaced.
 */
const fingerprints: Readonly<Record<number, string>> = {
  1: '90f018848a55d89a',
};

/** The text without what carries no meaning: comments, imports, and how lines are broken. Strings stay as they are. */
function meaningOf(text: string): string {
  const withoutComments = text.replaceAll(/('(?:[^'\\\n]|\\.)*')|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/|\/\/[^\n]*/g, '$1');
  return withoutComments
    .replaceAll(/^import [^;]*;$/gm, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?([{}()[\]<>=:;,|&?]) ?/g, '$1')
    .replaceAll('=|', '=')
    .trim();
}

function fingerprintOf(wire: string, vocabulary: unknown): string {
  return createHash('sha256')
    .update(`${meaningOf(wire)}\n${JSON.stringify(vocabulary)}`)
    .digest('hex')
    .slice(0, 16);
}

const wire = readFileSync(join(import.meta.dirname, 'wire.ts'), 'utf8');
// Closed vocabularies that travel inside the shapes; they are declared elsewhere.
const vocabulary = { valueKinds, strengths };

test('the shapes on the wire have not changed without the protocol version', () => {
  assert.equal(
    fingerprintOf(wire, vocabulary),
    fingerprints[protocolVersion],
    `wire.ts or a vocabulary in it changed under protocol version ${protocolVersion}: read the comment above fingerprints`,
  );
});

test('versions are counted without gaps, and the newest one is the one in use', () => {
  assert.deepEqual(
    Object.keys(fingerprints).map(Number),
    Array.from({ length: protocolVersion }, (_, index) => index + 1),
  );
  assert.equal(new Set(Object.values(fingerprints)).size, protocolVersion, 'two versions with the same shapes');
});

test('the signature prefix names the protocol version, so that no version accepts signatures of another', () => {
  assert.equal(signaturePrefix, `rebato-wire-${protocolVersion}\n`);
});

test('the fingerprint sees every change of meaning', () => {
  const before = fingerprintOf(wire, vocabulary);
  for (const [from, to] of [
    ['readonly count: number', 'readonly count: string'],
    ['readonly driftRepaired: number', 'readonly driftRepaired?: number'],
    ["'rebato-wire-1\\n'", "'rebato-wire-2\\n'"],
    ["| 'expired'", ''],
    ['[a-z0-9]{16}', '[a-z0-9]{15}'],
  ] as const) {
    assert.ok(wire.includes(from), `wire.ts holds ${from}`);
    assert.notEqual(fingerprintOf(wire.replace(from, to), vocabulary), before, `${from} → ${to}`);
  }
  assert.notEqual(fingerprintOf(wire, { ...vocabulary, valueKinds: [...valueKinds, 'iban'] }), before);
  assert.notEqual(fingerprintOf(wire, { ...vocabulary, strengths: roles }), before);
});

test('the fingerprint does not see comments and line breaks', () => {
  const before = fingerprintOf(wire, vocabulary);
  assert.equal(fingerprintOf(`/** Another\n * word. */\n${wire.replaceAll('// ', '//  and ')}`, vocabulary), before);
  assert.equal(fingerprintOf(wire.replaceAll('; readonly', ';\n  readonly'), vocabulary), before);
});
