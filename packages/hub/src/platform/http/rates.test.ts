import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '#platform/clock';
import { createLimiter, defaultRates, principalOfAddress } from './rates.ts';

const rates = { ...defaultRates, write: { perSecond: 2, burst: 3 } };

test('a burst passes, the next waits, and time gives tokens back', () => {
  const clock = manualClock(new Date(0));
  const limiter = createLimiter(clock, rates);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limiter.take('write', 'a')),
    [0, 0, 0, 500],
  );
  assert.equal(limiter.take('write', 'b'), 0);
  assert.equal(limiter.take('read', 'a'), 0);
  clock.advance(500);
  assert.equal(limiter.take('write', 'a'), 0);
  assert.notEqual(limiter.take('write', 'a'), 0);
  clock.advance(3_600_000);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limiter.take('write', 'a') === 0),
    [true, true, true, false],
  );
});

test('memory is bounded: the longest idle is forgotten, the busy one is not', () => {
  const limiter = createLimiter(manualClock(new Date(0)), rates);
  for (let i = 0; i < 3; i++) limiter.take('write', 'busy');
  for (let i = 0; i < 60_000; i++) {
    limiter.take('write', `p${i}`);
    if (i % 1000 === 0) assert.notEqual(limiter.take('write', 'busy'), 0);
  }
  assert.equal(limiter.size, 50_000);
});

test('an IPv6 subscriber is one principal however the address rotates; neighbours and IPv4 hosts are not', () => {
  const one = principalOfAddress('2001:db8:1:2::1');
  for (const same of ['2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:0DB8:0001:0002::abcd']) assert.equal(principalOfAddress(same), one);
  assert.notEqual(principalOfAddress('2001:db8:1:3::1'), one);
  assert.equal(principalOfAddress('::ffff:192.0.2.1'), principalOfAddress('192.0.2.1'));
  assert.notEqual(principalOfAddress('192.0.2.1'), principalOfAddress('192.0.2.2'));
  assert.equal(principalOfAddress('fe80::1%eth0'), principalOfAddress('fe80::2%eth1'));
});
