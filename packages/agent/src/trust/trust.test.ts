import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { add, FakeHub, remove } from '../../test/fake-hub.ts';
import { common, newSigner } from '../../test/signer.ts';
import { DecisionSet, digestText, keyOf } from '../state/decisions.ts';
import { accept } from '../verdict.ts';
import { importKey } from './envelope.ts';
import { judgeBatchEnvelope, judgeCertificate, judgeHeartbeat, judgeNext, judgeOrder, judgeSnapshotHeader, type KeyRing } from './ring.ts';
import { readBatch, readEntry } from './shape.ts';
import { readSnapshot } from './snapshot.ts';

const root = newSigner();
const online = newSigner();
const hub = 'hub-1';
const now = Date.now();

function ringOf(): KeyRing {
  const key = importKey(root.spki);
  assert.ok(key.ok);
  const bare: KeyRing = { hub, root: key.value, certified: undefined };
  const certified = judgeCertificate(bare, root.sign({ ...common('key', hub, 3), keyId: online.keyId, publicKey: online.spki }), now);
  assert.ok(certified.ok);
  return { ...bare, certified: certified.value };
}
const ring = ringOf();
const judges = [judgeCertificate, judgeHeartbeat, judgeBatchEnvelope, judgeSnapshotHeader, judgeOrder];
const batch = {
  ...common('batch', hub, 3),
  channel: 'immediate/c',
  version: 1,
  prev: '0'.repeat(64),
  mode: 'normal',
  changes: [],
  count: 0,
  digest: '0'.repeat(64),
};
const code = (verdict: { ok: boolean; code?: string }): string => (verdict.ok ? 'ok' : (verdict.code ?? ''));

test('no verifier ever throws or accepts, whatever it is given', () => {
  fc.assert(
    fc.property(fc.anything(), (garbage) => {
      for (const judge of judges) assert.equal(judge(ring, garbage, now).ok, false);
    }),
  );
  fc.assert(
    fc.property(
      fc.record({
        body: fc.oneof(fc.string(), fc.json()),
        keyId: fc.constant(online.keyId),
        sig: fc.base64String({ minLength: 88, maxLength: 88 }),
      }),
      (garbage) => {
        for (const judge of judges) assert.equal(judge(ring, garbage, now).ok, false);
      },
    ),
  );
});

test('whatever JSON the good key signs, the result is a verdict, and only a batch is a batch', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      for (const judge of judges) assert.equal(judge(ring, online.sign(value as object), now).ok, false);
    }),
    { numRuns: 50 },
  );
  assert.ok(judgeBatchEnvelope(ring, online.sign(batch), now).ok);
  for (const judge of [judgeHeartbeat, judgeSnapshotHeader, judgeOrder])
    assert.equal(code(judge(ring, online.sign(batch), now)), 'wrong_type');
});

test('one changed bit anywhere in an envelope is refused', () => {
  const good = online.sign(batch);
  fc.assert(
    fc.property(fc.constantFrom('body', 'sig', 'keyId' as const), fc.nat(), fc.integer({ min: 0, max: 6 }), (field, at, bit) => {
      const bytes = Buffer.from(good[field as 'body']);
      const position = at % bytes.length;
      bytes[position] = (bytes[position] ?? 0) ^ (1 << bit);
      assert.equal(judgeBatchEnvelope(ring, { ...good, [field]: bytes.toString('utf8') }, now).ok, false);
    }),
  );
});

test('a certificate counts only from the root, for this hub, unexpired, for another key, and never for an earlier epoch', () => {
  const body = { ...common('key', hub, 3, { createdMs: now + 1_000 }), keyId: online.keyId, publicKey: online.spki };
  assert.ok(judgeCertificate(ring, root.sign(body), now).ok);
  assert.ok(judgeCertificate(ring, root.sign({ ...body, epoch: 4 }), now).ok);
  assert.equal(code(judgeCertificate(ring, online.sign(body), now)), 'unknown_signer');
  assert.equal(code(judgeCertificate(ring, root.sign({ ...body, hub: 'hub-2' }), now)), 'wrong_hub');
  assert.equal(code(judgeCertificate(ring, root.sign({ ...body, epoch: 2 }), now)), 'wrong_epoch');
  assert.equal(code(judgeCertificate(ring, root.sign({ ...body, created: new Date(now - 60_000).toISOString() }), now)), 'older');
  assert.equal(code(judgeCertificate(ring, root.sign(body), now + 7_200_000)), 'certificate_expired');
  assert.equal(code(judgeCertificate(ring, root.sign({ ...body, keyId: root.keyId, publicKey: root.spki }), now)), 'unknown_signer');
  assert.equal(code(judgeCertificate(ring, root.sign({ ...body, keyId: 'a'.repeat(16) }), now)), 'malformed');
});

test('under an expired certificate nothing is taken any more', () => {
  const late = online.sign({ ...batch, ...common('batch', hub, 3, { createdMs: now + 7_000_000 }) });
  assert.equal(code(judgeBatchEnvelope(ring, late, now + 7_200_000)), 'certificate_expired');
});

test('keys of another curve, with a tail, or cut off are no keys', () => {
  assert.equal(importKey(newSigner('P-384').spki).ok, false);
  assert.equal(importKey(newSigner('secp256k1').spki).ok, false);
  assert.equal(importKey(Buffer.concat([Buffer.from(root.spki, 'base64'), Buffer.from([0])]).toString('base64')).ok, false);
  for (const odd of ['', 'AAAA', root.spki.slice(0, 80), undefined, 7, {}]) assert.equal(importKey(odd).ok, false);
});

test('a batch follows only if it is exactly the next one', () => {
  const head = { channel: 'immediate/c', epoch: 3, version: 5, hash: 'a'.repeat(64) };
  const next = readBatch({ ...batch, version: 6, prev: head.hash });
  assert.ok(next);
  const seen = new Map([[4, 'd'.repeat(64)]]);
  const judge = (change: object, hash = 'b'.repeat(64)): string => {
    const verdict = judgeNext(head, { ...next, ...change }, hash, seen);
    return verdict.ok ? verdict.value : verdict.code;
  };
  assert.equal(judge({}), 'next');
  assert.equal(judge({ version: 5 }, head.hash), 'repeated');
  assert.equal(judge({ version: 5 }), 'forked');
  assert.equal(judge({ version: 4 }, 'd'.repeat(64)), 'repeated');
  assert.equal(judge({ version: 4 }), 'forked');
  assert.equal(judge({ version: 3 }), 'older');
  assert.equal(judge({ version: 7 }), 'gap');
  assert.equal(judge({ prev: 'c'.repeat(64) }), 'broken_chain');
  assert.equal(judge({ epoch: 4 }), 'wrong_epoch');
  assert.equal(judge({ channel: 'informed/c' }), 'wrong_channel');
  assert.equal(code(judgeNext(undefined, next, 'b'.repeat(64), seen)), 'no_state');
});

test('values with line ends, control characters or lone surrogates are no values', () => {
  for (const value of ['', 'a\nb', 'a\r', 'a\u0000', '\u007f', 'a\u2028b', '\ud800', 'x'.repeat(5_000)]) {
    assert.equal(readEntry(['id', 'domain', value, 'block', 'lease', 50, null]), undefined);
  }
  assert.ok(readEntry(['id', 'domain', 'ü', 'block', 'lease', 50, null]));
});

test('count and digest follow the set through any changes, in any order, planned or made', () => {
  const step = fc.record({
    n: fc.integer({ min: 1, max: 6 }),
    drop: fc.boolean(),
    until: fc.constantFrom(null, '2027-01-01T00:00:00.000Z', '2027-01-01T00:00:00Z'),
    odd: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 8 }), (batches) => {
      const set = new DecisionSet();
      const plain = new Map<string, string>();
      for (const steps of batches) {
        const changes = steps.map(({ n, drop, until, odd }) => {
          const one = add(n, odd ? { until, id: `odd.${n}` } : { until });
          return drop ? remove(one) : one;
        });
        const planned = set.plan(changes);
        for (const change of changes) {
          if (change.op === 'remove') {
            set.delete(keyOf(change.kind, change.value));
            plain.delete(change.value);
          } else {
            set.put(keyOf(change.kind, change.value), change, { sinceMs: 0, held: false });
            plain.set(change.value, `${change.kind}\n${change.value}\n${change.id}\n${change.until ?? ''}`);
          }
        }
        let sum = 0n;
        for (const text of plain.values()) sum += BigInt(`0x${createHash('sha256').update(text).digest('hex')}`);
        const expected = (sum % (1n << 256n)).toString(16).padStart(64, '0');
        assert.deepEqual(planned, { count: plain.size, digest: expected });
        assert.equal(set.size, plain.size);
        assert.equal(digestText(set.digest), expected);
      }
    }),
  );
});

test('a snapshot is the same in any pieces, and none if a byte is missing', async () => {
  const fake = new FakeHub();
  fake.next([add(1), add(2), add('x-y.net', { kind: 'domain', until: '2030-01-01T00:00:00Z' })]);
  const key = importKey(fake.root.spki);
  assert.ok(key.ok);
  const bare: KeyRing = { hub: fake.hub, root: key.value, certified: undefined };
  const certified = judgeCertificate(bare, fake.certificate, now);
  assert.ok(certified.ok);
  const fakeRing = { ...bare, certified: certified.value };
  const content = Buffer.from(fake.snapshot());
  const read = (bytes: Buffer, size: number) =>
    readSnapshot(
      fakeRing,
      (async function* () {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      })(),
      now,
      () => accept(() => ({ sinceMs: 0, held: false })),
    );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: content.length }), async (size) => {
      const verdict = await read(content, size);
      assert.ok(verdict.ok && verdict.value.set.size === 3);
    }),
    { numRuns: 40 },
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: content.length - 1 }), fc.integer({ min: 1, max: 400 }), async (length, size) => {
      assert.equal((await read(content.subarray(0, length), size)).ok, false);
    }),
    { numRuns: 60 },
  );
});
