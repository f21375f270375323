import { Logger, type Runner, run } from 'graphile-worker';
import type { Log } from './ports.ts';

/** Background work by the calendar. Of several hub processes one does it. */
export type Job = {
  readonly name: string;
  /** Five fields, UTC. */
  readonly cron: string;
  run(): Promise<void>;
};

/** A job that failed is tried again with growing pauses, this often; the next run by the calendar comes anyway. */
const attemptsMax = 5;
/** Polling is the fallback of the database's notifications. */
const pollMs = 5_000;

/** Starts carrying out jobs; `stop` lets running ones finish. */
export async function startJobs(databaseUrl: string, jobs: readonly Job[], log: Log): Promise<{ stop(): Promise<void> }> {
  const quiet = { error: log.error, warning: log.warn, info: () => {}, debug: () => {} };
  const runner: Runner = await run({
    connectionString: databaseUrl,
    concurrency: 1,
    maxPoolSize: 2,
    pollInterval: pollMs,
    noHandleSignals: true,
    logger: new Logger(() => (level, message) => {
      if (level === 'error') quiet.error({ source: 'jobs' }, message);
      if (level === 'warning') quiet.warning({ source: 'jobs' }, message);
    }),
    taskList: Object.fromEntries(jobs.map((job) => [job.name, () => job.run()])),
    crontab: jobs.map((job) => `${job.cron} ${job.name} ?max=${attemptsMax}`).join('\n'),
  });
  return { stop: () => runner.stop() };
}
