import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HubClock, type MachineClock } from './clock.ts';

function machine(): MachineClock & { mono: number; wall: number; name: string } {
  return {
    mono: 1_000,
    wall: 5_000_000,
    name: 'boot-1',
    monotonicMs() {
      return this.mono;
    },
    wallMs() {
      return this.wall;
    },
    boot() {
      return this.name;
    },
  };
}

test('the time of the hub runs with the monotonic clock, whatever the wall clock does', () => {
  const clock = machine();
  const hub = new HubClock(clock);
  hub.learn(10_000);
  clock.mono += 500;
  clock.wall += 86_400_000;
  assert.equal(hub.nowMs(), 10_500);
  clock.wall -= 10 * 86_400_000;
  assert.equal(hub.nowMs(), 10_500);
});

test('a late message does not turn the time back, so nothing lengthens a lease', () => {
  const clock = machine();
  const hub = new HubClock(clock);
  hub.learn(10_000);
  clock.mono += 5_000;
  hub.learn(11_000);
  assert.equal(hub.nowMs(), 15_000);
  hub.learn(16_000);
  assert.equal(hub.nowMs(), 16_000);
});

test('a restart goes on counting: the time between the two processes has passed', () => {
  const clock = machine();
  const hub = new HubClock(clock);
  hub.learn(10_000);
  const record = hub.record();
  clock.mono += 7_000;
  clock.wall -= 86_400_000;
  assert.equal(new HubClock(clock, record).nowMs(), 17_000);
});

test('after a reboot the wall clock tells what has passed; one that went back takes nothing off', () => {
  const clock = machine();
  const hub = new HubClock(clock);
  hub.learn(10_000);
  const record = hub.record();
  clock.name = 'boot-2';
  clock.mono = 3;
  clock.wall += 60_000;
  assert.equal(new HubClock(clock, record).nowMs(), 70_000);
  clock.wall -= 900_000;
  assert.equal(new HubClock(clock, record).nowMs(), 10_000);
});

test('a wall clock that jumped ahead over a reboot is corrected by the first signed time, but never below what was known', () => {
  const clock = machine();
  const hub = new HubClock(clock);
  hub.learn(10_000);
  const record = hub.record();
  clock.name = 'boot-2';
  clock.wall += 86_400_000;
  const again = new HubClock(clock, record);
  again.learn(9_000);
  assert.equal(again.nowMs(), 86_410_000);
  again.learn(12_000);
  assert.equal(again.nowMs(), 12_000);
  again.learn(11_000);
  assert.equal(again.nowMs(), 12_000);
});
