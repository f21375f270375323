import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { type Client, expectJson, openClient } from './client.ts';
import { type Bench, inFlight, ms, percentile, type Row, whole } from './row.ts';
import { benchValue } from './values.ts';
import { startWorld, type World } from './world.ts';

const controlsPerMember = 250;
/** Between two reports: what the last one left to do is done. */
const restMs = 250;
const answerMaxMs = 60_000;
const startMaxMs = 180_000;

const monotonicMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

/** From the moment a report is sent to the durable receipt of every control, and the same for taking it back. */
export const block: Bench = async ({ quick, say }) => {
  const rows: Row[] = [];
  const asked = process.env.REBATO_TEST_BENCH_AGENTS?.split(',').map(Number);
  for (const controls of asked ?? (quick ? [50] : [100, 1_000, 5_000])) {
    await using world = await startWorld();
    const agents = await startAgents(world, controls);
    const reporter = openClient(world.url, (await world.member('Reporter')).key, 1);
    const idle = await world.usage();
    await world.peak();
    const rounds = quick ? 5 : controls >= 5_000 ? 12 : 25;
    const blocked: number[] = [];
    const lifted: number[] = [];
    for (let round = -2; round < rounds; round += 1) {
      const { event, times } = await agents.report(reporter, benchValue(`block ${controls}`, (round + 2) * 4 + 1).value);
      await rest();
      const back = await agents.retract(reporter, event);
      await rest();
      // The first two warm up what every later one uses.
      if (round < 0) continue;
      blocked.push(...times);
      lifted.push(...back);
    }
    const peak = await world.peak();
    agents.stop();
    reporter.close();
    say(
      `block ${controls}: p50 ${ms(percentile(blocked, 0.5))}, p99 ${ms(percentile(blocked, 0.99))}; back p99 ${ms(percentile(lifted, 0.99))}; hub ${whole(peak)} MB`,
    );
    rows.push({
      bench: 'block',
      what: `time to block, ${whole(controls)} agents on one hub`,
      figure: `p50 ${ms(percentile(blocked, 0.5))}, p99 ${ms(percentile(blocked, 0.99))}, worst ${ms(percentile(blocked, 1))}; retraction p50 ${ms(percentile(lifted, 0.5))}, p99 ${ms(percentile(lifted, 0.99))}; hub ${whole(peak)} MB`,
      goal:
        controls >= 5_000 ? 'p99 < 1 s, hub < 500 MB, retraction no slower' : controls >= 1_000 ? 'p99 < 300 ms, retraction no slower' : '',
      method: `${rounds} reports of one value; from sending the report to the acknowledged receipt of every control; agents in one process on the same cores`,
      numbers: {
        p50: percentile(blocked, 0.5),
        p99: percentile(blocked, 0.99),
        max: percentile(blocked, 1),
        retractP50: percentile(lifted, 0.5),
        retractP99: percentile(lifted, 0.99),
        retractMax: percentile(lifted, 1),
        hubPeakMb: peak,
        hubIdleMb: idle.rssMb,
      },
    });
  }
  return rows;
};

const rest = (): Promise<void> => new Promise((done) => setTimeout(done, restMs));

export type Agents = {
  /** Reports one value. Answers, for each control, the milliseconds until its receipt was durable. */
  report(reporter: Client, value: string): Promise<{ readonly event: string; readonly value: string; readonly times: readonly number[] }>;
  retract(reporter: Client, event: string): Promise<readonly number[]>;
  stop(): void;
};

/** Members with controls, whose agents all follow their streams when this resolves. */
export async function startAgents(world: World, count: number): Promise<Agents> {
  const tokens: string[] = [];
  for (let member = 0; member * controlsPerMember < count; member += 1) {
    const { key } = await world.member(`Member ${member}`);
    const client = openClient(world.url, key, 8);
    const mine = Math.min(controlsPerMember, count - member * controlsPerMember);
    tokens.push(
      ...(await inFlight(8, mine, async (n) => {
        const reply = await client.post('/api/v1/controls', { name: `control ${n}`, target: 'bench', feed: 'agent' });
        return expectJson<{ token: string }>(reply, 201).token;
      })),
    );
    client.close();
  }
  const child = fork(join(import.meta.dirname, 'agents-process.ts'), { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const waiting = new Map<string, (times: number[]) => void>();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the agents did not start')), startMaxMs);
    child.on('message', (message: { following?: number; name?: string; times?: number[]; problem?: string }) => {
      if (message.problem !== undefined) {
        process.stderr.write(`agents: ${message.problem}\n`);
        reject(new Error(message.problem));
      }
      if (message.following !== undefined) {
        clearTimeout(timer);
        resolve();
      }
      if (message.name !== undefined) waiting.get(message.name)?.(message.times ?? []);
    });
    child.send({ url: world.url, tokens });
  });
  const values = new Map<string, string>();
  return {
    async report(reporter, value) {
      const begun = monotonicMs();
      const answered = all(child, waiting, `add ${value}`);
      const reply = await reporter.post('/api/v1/reports', { title: 'Alert', indicators: [{ type: 'domain', value }] });
      const [event = ''] = expectJson<{ events: string[] }>(reply, 202).events;
      values.set(event, value);
      return { event, value, times: (await answered).map((at) => at - begun) };
    },
    async retract(reporter, event) {
      const begun = monotonicMs();
      const answered = all(child, waiting, `remove ${values.get(event)}`);
      expectJson(await reporter.post(`/api/v1/events/${event}/retraction`, { reason: 'Taken back by the bench' }), 200);
      return (await answered).map((at) => at - begun);
    },
    stop: () => child.disconnect(),
  };
}

function all(child: ChildProcess, waiting: Map<string, (times: number[]) => void>, name: string): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`not every control answered ${name} (agents ${child.connected ? 'alive' : 'gone'})`)),
      answerMaxMs,
    );
    waiting.set(name, (times) => {
      clearTimeout(timer);
      waiting.delete(name);
      resolve(times);
    });
  });
}
