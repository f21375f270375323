import type { Context } from './command.ts';

export type Offline = { readonly databaseUrl: string; readonly dataDir: string };

/** Nothing that a command for people needs to hear of the embedded server's ordinary days. */
const quiet = (): void => undefined;

/**
 * Runs work on the database of a hub that does not run: the one of REBATO_DATABASE_URL, or the embedded one of the data folder, which is started for it
 * and created if there is none. Throws StartRefused when the settings are wrong or a hub has the data folder.
 */
export async function withDatabase<T>(context: Context, work: (at: Offline) => Promise<T>): Promise<T> {
  const { readConfig } = await import('#platform/config');
  let stop: (() => Promise<void>) | undefined;
  try {
    const config = readConfig(context.io.env);
    if (config.databaseUrl !== undefined) {
      const { reachDatabase } = await import('#platform/reach-database');
      await reachDatabase(config.databaseUrl, { info() {}, warn() {}, error() {} });
      return await work({ databaseUrl: config.databaseUrl, dataDir: config.dataDir });
    }
    const { startEmbeddedPostgres } = await import('#platform/postgres/embedded');
    const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, log: quiet });
    stop = () => embedded.stop();
    return await work({ databaseUrl: embedded.url, dataDir: config.dataDir });
  } finally {
    await stop?.();
  }
}
