import { renewIncarnation, settleRestored } from '#platform/backup';
import { systemClock } from '#platform/clock';
import { openPool } from '#platform/db';
import { systemIds } from '#platform/ids';
import { raiseEpochAfterRestore } from '#platform/keys';
import { readRootAt, rootFile } from '#platform/keys/root-file';
import { leaderLock } from '#platform/leader';
import type { Log } from '#platform/ports';
import type { Command, Context } from '../command.ts';
import { type Exit, Stop, wrongUsage } from '../exits.ts';
import { withDatabase } from '../offline.ts';
import { shown } from '../output.ts';

const silent: Log = { info() {}, warn() {}, error() {} };

async function raise(context: Context): Promise<Exit> {
  const path = context.given.text('root-key') ?? rootFile(context.dataDir);
  const root = await readRootAt(path);
  if (root === undefined) throw wrongUsage(`The root key is needed: there is none in ${shown(path)}. Give --root-key FILE.`);
  const epoch = await withDatabase(context, async ({ databaseUrl }) => {
    const db = openPool(databaseUrl, { max: 4, application: 'rebato epoch' });
    try {
      const session = await db.reserve();
      try {
        // Held to the end, so that no hub begins to lead meanwhile.
        const lock = await session.one<{ got: boolean }>`select pg_try_advisory_lock(${leaderLock}) as got`;
        if (lock?.got !== true) throw new Stop('refused', 'A hub runs on this database. Stop it first: it would go on with the old log.');
        const made = await session.one<{ there: boolean }>`select to_regclass('platform.hub') is not null as there`;
        if (made?.there !== true) throw new Stop('refused', 'There is no hub in this database.');
        const raised = await raiseEpochAfterRestore({ db, clock: systemClock, log: silent }, root);
        await renewIncarnation(db, systemIds.token(12));
        await settleRestored(db, { epochDue: false });
        return raised;
      } finally {
        session.release();
      }
    } finally {
      await db.close();
    }
  });
  context.answer({ epoch });
  context.say(`The epoch is ${epoch} now. Start the hub, and take the root key away again.\n`);
  return 'ok';
}

export const epochCommands: readonly Command[] = [
  {
    noun: 'epoch',
    verb: 'raise',
    summary: 'After the database was put back to an earlier time: make agents and followers begin anew with it',
    more: 'For a hub that does not run. Needed after a restore with the tools of PostgreSQL, and after `backup restore` without the root key.',
    options: { 'root-key': { value: 'FILE', help: 'The root key. Default: root.key in the data folder' } },
    run: raise,
  },
];
