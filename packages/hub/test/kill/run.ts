// npm run kill [-- ROUNDS [SEED]]: kills processes of an installation at random moments under load, and checks that nothing acknowledged is lost.
import { type CampaignResult, runCampaign } from './campaign.ts';
import { summarise } from './set-checker.ts';

const rounds = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write('usage: npm run kill [-- ROUNDS [SEED]]\n');
  process.exit(2);
}

process.stdout.write(`${rounds} rounds, seed ${seed}\n`);
const beganAt = performance.now();
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
const result = await runCampaign({
  ...{ rounds, seed, loadMs: 1_500, checkEvery: 10, writers: 8, agents: 3, everyMs: 10 },
  stop: stopping.signal,
  say: (line) => void process.stdout.write(`${line}\n`),
});
process.stdout.write(`\n${report(result)}\n`);
const mistakes =
  result.breaches.length +
  Object.values(result.sets).reduce(
    (sum, set) => sum + set.lost.length + set.neverRead.length + set.duplicated.length + set.unexpected.length,
    0,
  );
process.exitCode = mistakes === 0 ? 0 : 1;

function quantile(values: readonly number[], q: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  return at === undefined ? '–' : `${(at / 1000).toFixed(1)} s`;
}

/** As a table for docs/bench.md. */
function report(outcome: CampaignResult): string {
  const rows: [string, string][] = [
    ['rounds', String(outcome.rounds)],
    ['seed', String(seed)],
    [
      'kills',
      Object.entries(outcome.kills)
        .map(([victim, n]) => `${victim} ${n}`)
        .join(', '),
    ],
    ['reports acknowledged', String(outcome.acknowledged)],
    [
      'answers retried, by status (0: none)',
      Object.entries(outcome.retried)
        .map(([status, n]) => `${status}: ${n}`)
        .join(', '),
    ],
    ['from kill to the next acknowledgement', `p50 ${quantile(outcome.restarts, 0.5)}, max ${quantile(outcome.restarts, 1)}`],
    ['until everything has settled', `p50 ${quantile(outcome.settles, 0.5)}, max ${quantile(outcome.settles, 1)}`],
    ['entries of the log', String(outcome.entries)],
    ['batches verified', String(outcome.batches)],
    ['breaches', outcome.breaches.length === 0 ? '0' : outcome.breaches.join('; ')],
    ['duration', `${((performance.now() - beganAt) / 60_000).toFixed(1)} min`],
  ];
  const sets = Object.entries(outcome.sets).map(([name, verdict]) => {
    const s = summarise(verdict);
    const show = (value: unknown): string => (typeof value === 'number' ? String(value) : JSON.stringify(value));
    return `| ${name} | ${[s.acknowledged, s.stable, s.recovered, s.lost, s.neverRead, s.duplicated, s.unexpected].map(show).join(' | ')} |`;
  });
  return [
    '| | |',
    '| --- | --- |',
    ...rows.map(([name, value]) => `| ${name} | ${value} |`),
    '',
    '| place | acknowledged | stable | recovered | lost | never read | duplicated | unexpected |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...sets,
  ].join('\n');
}
