import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from './metrics.ts';

test('figures are written in Prometheus text, with those of the process', async () => {
  const metrics = createMetrics();
  metrics.counter('seen_total', 'Seen', ['kind']).add({ kind: 'ip' }, 3);
  metrics.histogram('wait_seconds', 'Wait').observe(0.02);
  metrics.gauge('open', 'Open').set(7);
  const text = await metrics.text();
  assert.match(text, /^seen_total\{kind="ip"\} 3$/m);
  assert.match(text, /^wait_seconds_count 1$/m);
  assert.match(text, /^open 7$/m);
  assert.match(text, /^process_resident_memory_bytes \d+$/m);
  assert.match(text, /^# TYPE process_cpu_seconds_total counter$/m);
});

test('two hubs in one process do not share figures', async () => {
  const [first, second] = [createMetrics(), createMetrics()];
  first.counter('seen_total', 'Seen').add();
  second.counter('seen_total', 'Seen');
  assert.match(await second.text(), /^seen_total 0$/m);
});

test('the same metric asked for twice is one metric; another shape under its name is refused', async () => {
  const metrics = createMetrics();
  metrics.counter('seen_total', 'Seen', ['kind']).add({ kind: 'ip' });
  metrics.counter('seen_total', 'Seen', ['kind']).add({ kind: 'ip' });
  assert.match(await metrics.text(), /^seen_total\{kind="ip"\} 2$/m);
  assert.throws(() => metrics.gauge('seen_total', 'Seen'), /already declared/);
});

test('label values from outside are bounded in number and length; the rest is counted as other', async () => {
  const metrics = createMetrics({ labelValuesMax: 3 });
  const counter = metrics.counter('seen_total', 'Seen', ['name']);
  for (let i = 0; i < 1000; i++) counter.add({ name: `v${i}`, undeclared: `u${i}` });
  counter.add({ name: 'x'.repeat(5000) });
  const series = (await metrics.text()).split('\n').filter((line) => line.startsWith('seen_total{'));
  assert.equal(series.length, 4);
  assert.ok(series.includes('seen_total{name="other"} 998'));
});

test('a label value cannot write lines of its own', async () => {
  const metrics = createMetrics();
  metrics.counter('seen_total', 'Seen', ['name']).add({ name: 'a"} 1\nfake_total 9' });
  assert.doesNotMatch(await metrics.text(), /^fake_total/m);
});
