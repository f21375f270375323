import type { Pool } from '#platform/db';
import { raiseEpochAfterRestore } from '#platform/keys';
import { readRoot, rootFile } from '#platform/keys/root-file';
import type { Clock, Log } from '#platform/ports';
import { type Restored, readRestored, settleRestored } from './restored.ts';

/**
 * The first thing of a start: a restored hub raises its epoch when the root key is at hand, and says so when it is not. Answers what is known of the
 * restore; undefined for a hub that never was restored.
 */
export async function resumeRestored(deps: {
  readonly db: Pool;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<Restored | undefined> {
  const restored = await readRestored(deps.db);
  if (restored === undefined) return undefined;
  if (restored.copyOf !== null)
    deps.log.warn(
      { original: restored.copyOf },
      'This hub is a copy for tests: the agents of the original do not know it, and it has none yet.',
    );
  if (!restored.epochDue) return restored;
  const root = await readRoot(deps.dataDir);
  if (root === undefined) {
    deps.log.error(
      { madeAt: restored.madeAt, file: rootFile(deps.dataDir) },
      'This hub was restored from a backup, and no new epoch was begun. Agents that had read further refuse what it says now and keep what they have: blocks that were added since are not withdrawn, and new ones do not arrive. Put the root key back and restart the hub.',
    );
    return restored;
  }
  await raiseEpochAfterRestore(deps, root);
  await settleRestored(deps.db, { epochDue: false });
  return { ...restored, epochDue: false };
}
