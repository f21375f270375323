import * as prom from 'prom-client';
import type { Metrics } from './ports.ts';

export type MetricsRegistry = Metrics & {
  /** Everything in Prometheus text form. */
  text(): Promise<string>;
  readonly contentType: string;
};

export type MetricsOptions = {
  /** Distinct values kept per label of a metric; what comes later is counted as `other`. */
  readonly labelValuesMax?: number;
};

/** Enough for every route template, and small enough that a caller who can choose a value cannot fill the memory of two machines. */
const labelValuesMaxDefault = 300;

/** Longer values are somebody's input, not a name of ours. */
const labelValueMaxChars = 120;

/** From a cached look-up to a big import, in seconds. */
const defaultBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

type Labels = Readonly<Record<string, string>>;

/** Keeps a metric's labels to its declared names and to a bounded number of values each. */
function boundedLabels(names: readonly string[], valuesMax: number): (labels: Labels) => Record<string, string> {
  const seen = new Map(names.map((name) => [name, new Set<string>()]));
  return (labels) => {
    const out: Record<string, string> = {};
    for (const [name, values] of seen) {
      const value = labels[name] ?? '';
      if (values.has(value)) out[name] = value;
      else if (values.size < valuesMax && value.length <= labelValueMaxChars) {
        values.add(value);
        out[name] = value;
      } else out[name] = 'other';
    }
    return out;
  };
}

/** Figures of the process, read when asked for. The library's own set leaves observers behind with each registry, and a process may hold many hubs. */
function processMetrics(registry: prom.Registry): void {
  const own = (name: string, help: string, read: () => number): void => {
    const gauge: prom.Gauge = new prom.Gauge({ name, help, registers: [registry], collect: () => gauge.set(read()) });
  };
  const startedAt = Date.now() / 1000 - process.uptime();
  let before = performance.eventLoopUtilization();
  own('process_start_time_seconds', 'Start of the process, Unix time', () => startedAt);
  const cpu: prom.Counter = new prom.Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time used, user and system',
    registers: [registry],
    collect: () => {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / 1e6);
    },
  });
  own('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss());
  own('nodejs_heap_size_used_bytes', 'JavaScript heap in use', () => process.memoryUsage().heapUsed);
  own('nodejs_external_memory_bytes', 'Memory outside the JavaScript heap', () => process.memoryUsage().external);
  own('nodejs_active_resources', 'Handles and requests that keep the process alive', () => process.getActiveResourcesInfo().length);
  own('nodejs_eventloop_utilization', 'Share of time that the event loop was busy since the last reading, 0 to 1', () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  });
}

/** One registry per hub: two hubs in one process do not mix their figures. The same name asked for twice is the same metric. */
export function createMetrics(options: MetricsOptions = {}): MetricsRegistry {
  const registry = new prom.Registry();
  const valuesMax = options.labelValuesMax ?? labelValuesMaxDefault;
  const made = new Map<string, { readonly shape: string; readonly metric: unknown }>();
  const once = <M>(name: string, shape: string, make: () => M): M => {
    const known = made.get(name);
    if (known !== undefined) {
      if (known.shape !== shape) throw new Error(`metric ${name} is already declared as ${known.shape}`);
      return known.metric as M;
    }
    const metric = make();
    made.set(name, { shape, metric });
    return metric;
  };
  processMetrics(registry);
  return {
    counter: (name, help, labels = []) =>
      once(name, `counter ${labels.join(' ')}`, () => {
        const counter = new prom.Counter({ name, help, labelNames: [...labels], registers: [registry] });
        const bound = boundedLabels(labels, valuesMax);
        return { add: (values: Labels = {}, by = 1) => counter.inc(bound(values), by) };
      }),
    histogram: (name, help, labels = [], buckets = defaultBuckets) =>
      once(name, `histogram ${labels.join(' ')}`, () => {
        const histogram = new prom.Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] });
        const bound = boundedLabels(labels, valuesMax);
        return { observe: (seconds: number, values: Labels = {}) => histogram.observe(bound(values), seconds) };
      }),
    gauge: (name, help, labels = []) =>
      once(name, `gauge ${labels.join(' ')}`, () => {
        const gauge = new prom.Gauge({ name, help, labelNames: [...labels], registers: [registry] });
        const bound = boundedLabels(labels, valuesMax);
        return { set: (value: number, values: Labels = {}) => gauge.set(bound(values), value) };
      }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
