import { hash } from 'node:crypto';

/** A value of a bench: unique, and the same in every run of the same name, so that a run can be repeated exactly. */
export type BenchValue = { readonly type: 'ip-dst' | 'domain' | 'sha256' | 'url'; readonly value: string };

const types = ['ip-dst', 'domain', 'sha256', 'url'] as const;
/** First octets without special-purpose ranges, so that the guard has its whole work to do and nothing is refused. */
const octets = [5, 23, 31, 37, 45, 46, 62, 77, 78, 79, 80, 81, 82, 84, 85, 86, 87, 88, 89, 90, 91, 93, 94, 95];

/** The value of a run's counter: addresses, names, digests and URLs in turn, as in the measurement of the peer. */
export function benchValue(run: string, n: number): BenchValue {
  const type = types[n % 4] ?? 'domain';
  const seed = hash('sha256', `${run} ${n}`, 'hex');
  switch (type) {
    case 'ip-dst': {
      // The counter itself is inside, so that no two are alike; the run moves the block.
      const base = (Number.parseInt(hash('sha256', run, 'hex').slice(0, 6), 16) + (n >> 2)) % (octets.length * 2 ** 24);
      return { type, value: `${octets[Math.floor(base / 2 ** 24)]}.${(base >> 16) & 255}.${(base >> 8) & 255}.${base & 255}` };
    }
    case 'domain':
      return { type, value: `${seed.slice(0, 14)}.com` };
    case 'sha256':
      return { type, value: seed };
    case 'url':
      return { type, value: `http://${seed.slice(0, 12)}.net/${seed.slice(12, 18)}` };
  }
}

/** One request's worth of the native bulk API. */
export function csvOf(run: string, from: number, count: number): Buffer {
  const lines = ['type,value'];
  for (let n = from; n < from + count; n += 1) {
    const { type, value } = benchValue(run, n);
    lines.push(`${type},${value}`);
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}

export function jsonOf(run: string, from: number, count: number): Buffer {
  const indicators = Array.from({ length: count }, (_, i) => benchValue(run, from + i));
  return Buffer.from(JSON.stringify({ title: `${run} ${from}`, indicators }));
}
