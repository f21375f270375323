/** The program: `serve` runs a hub, `help` tells the settings, everything else is a command to a running hub. */
import { mkdirSync } from 'node:fs';
import { systemClock } from '#platform/clock';
import { configHelp, readConfig } from '#platform/config';
import { systemIds } from '#platform/ids';
import { createLog } from '#platform/log';
import type { Log } from '#platform/ports';
import { startEmbeddedPostgres } from '#platform/postgres/embedded';
import { StartRefused } from '#platform/start-refused';

// A reader such as `head` may close the pipe: that ends the command, and is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const [command = 'serve', ...rest] = process.argv.slice(2);
if (command === 'serve') process.exitCode = await serve();
else if (command === 'settings') process.stdout.write(`${configHelp()}\n`);
else {
  // Loaded for commands only: the server starts without it.
  const { runCli } = await import('./cli/cli.ts');
  process.exitCode = await runCli([command, ...rest], {
    env: process.env,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    stdin: process.stdin,
    now: () => new Date(),
  });
}

async function serve(): Promise<number> {
  try {
    // Loaded for serving only: commands start in half the time without it.
    const { startHub } = await import('./app.ts');
    const config = readConfig(process.env);
    const log = createLog({ level: config.log === 'fatal' ? 'error' : config.log === 'trace' ? 'debug' : config.log });
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
    const embedded =
      config.databaseUrl === undefined
        ? await startEmbeddedPostgres({ dataDir: config.dataDir, log: (line) => sayOfPostgres(log, line) })
        : undefined;
    const stopped = Promise.withResolvers<number>();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve(0));
    let stopping = false;
    void embedded?.exited.then(() => {
      if (stopping) return;
      log.error({}, 'The embedded PostgreSQL ended. The hub stops; start it again, and it recovers what was committed.');
      stopped.resolve(1);
    });
    try {
      const hub = await startHub({
        databaseUrl: config.databaseUrl ?? embedded?.url ?? '',
        dataDir: config.dataDir,
        host: config.host,
        port: config.port,
        publicUrl: config.publicUrl,
        name: 'Rebato',
        clock: systemClock,
        ids: systemIds,
        log,
        ...(embedded === undefined ? {} : { hasRoom: embedded.hasRoom }),
        allowPrivateOutbound: config.allowPrivateOutbound,
        limits: { rates: ratesOf(config.rateLimit) },
        keepDays: {
          receipts: config.keepReceiptsDays,
          batches: config.keepBatchesDays,
          entries: config.keepEntriesDays,
          log: config.keepLogDays,
        },
        ...(config.oidcIssuer === undefined || config.oidcClientId === undefined
          ? {}
          : {
              oidc: {
                issuer: config.oidcIssuer,
                clientId: config.oidcClientId,
                label: new URL(config.oidcIssuer).hostname,
                ...(config.oidcClientSecret === undefined ? {} : { clientSecret: config.oidcClientSecret }),
              },
            }),
      });
      process.stdout.write(`Rebato serves at ${hub.url}\n`);
      if (hub.adminKey !== undefined) process.stdout.write(`The administrator's key is in ${config.dataDir}/admin.key.\n`);
      if (hub.firstLink !== undefined) process.stdout.write(`Enrol the first person here, once: ${hub.firstLink}\n`);
      const code = await stopped.promise;
      await hub.stop();
      return code;
    } finally {
      stopping = true;
      await embedded?.stop();
    }
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

/** One number for operators: requests a minute and principal. Reading has four times the allowance of writing. */
function ratesOf(perMinute: number) {
  const perSecond = perMinute / 60;
  return {
    read: { perSecond: perSecond * 4, burst: perMinute },
    write: { perSecond, burst: perMinute / 2 },
    heavy: { perSecond: perSecond / 4, burst: Math.max(10, perMinute / 20) },
  };
}

/** What PostgreSQL tells of its ordinary days is not for the hub's log; the rest is. */
function sayOfPostgres(log: Log, line: string): void {
  // The job runner asks for its own table before it makes it.
  if (/^(?:LOG|HINT|DETAIL|STATEMENT):|graphile_worker\.migrations/.test(line)) return;
  if (/^(?:FATAL|PANIC):/.test(line)) log.error({ source: 'postgres' }, line);
  else log.info({ source: 'postgres' }, line);
}
