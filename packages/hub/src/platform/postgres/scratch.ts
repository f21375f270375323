import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from './embedded.ts';

export type ScratchPostgres = { readonly url: string; stop(): Promise<void> };

/** Nothing of a test outlives a power cut, so nothing waits for the disk; and two cores run several databases at once. */
const scratchSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '128MB',
  max_connections: '200',
  max_wal_size: '1GB',
};

/** A throw-away server in a temporary folder; `stop` removes both. A process that ends without it leaves at most the empty folder. */
export async function startScratchPostgres(log: (line: string) => void = () => {}): Promise<ScratchPostgres> {
  const dataDir = mkdtempSync(join(tmpdir(), 'rebato-scratch-'));
  const remove = (): void => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', remove);
  const server = await startEmbeddedPostgres({ dataDir, log, settings: scratchSettings, reserve: 0 });
  return {
    url: server.url,
    async stop() {
      await server.stop();
      process.off('exit', remove);
      remove();
    },
  };
}

/** The server that this process started for itself, because nobody started one for the whole run. */
let ownServer: Promise<ScratchPostgres> | undefined;

/**
 * The PostgreSQL server for tests, with a login that may create databases and roles. `npm test` starts one for all test files and names it in
 * REBATO_TEST_PG_URL; a file that is run by hand starts its own, which ends with the file. Each test makes a database of its own.
 */
export async function sharedTestPostgres(): Promise<{ readonly url: string }> {
  const url = process.env.REBATO_TEST_PG_URL;
  if (url !== undefined && url !== '') return { url };
  if (ownServer === undefined) {
    ownServer = startScratchPostgres();
    const server = await ownServer;
    process.once('beforeExit', () => server.stop());
  }
  return ownServer;
}
