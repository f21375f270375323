/** One line of the table. `figure` and `goal` are words; the numbers behind them are in `numbers`. */
export type Row = {
  readonly bench: string;
  readonly what: string;
  readonly figure: string;
  readonly goal: string;
  readonly method: string;
  readonly numbers: Readonly<Record<string, number>>;
};
export type Bench = (options: { readonly quick: boolean; readonly say: (line: string) => void }) => Promise<Row[]>;

/** Indicators of a full run; smaller where a machine has little time. */
export const fullTotal = Number(process.env.REBATO_TEST_BENCH_TOTAL ?? 1_000_000);

/** The value below which a share of the sorted samples lies. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : Math.round(value)} ms`;
export const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** Runs at most `width` of the tasks at a time. */
export async function inFlight<T>(width: number, count: number, work: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(width, count) }, async () => {
      while (next < count) {
        const n = next;
        next += 1;
        results[n] = await work(n);
      }
    }),
  );
  return results;
}
