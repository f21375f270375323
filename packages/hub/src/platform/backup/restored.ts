import type { Db, Pool } from '#platform/db';

/** What a start of the hub has to know after a restore. */
export type Restored = {
  readonly at: string;
  readonly madeAt: string;
  /** End of the log in the backup. */
  readonly position: number;
  /** Agents may be ahead of this hub, and no new epoch tells them so yet. */
  readonly epochDue: boolean;
  /** Nobody may have a key any more. */
  readonly adminKeyDue: boolean;
  /** Id of the original, for a copy. */
  readonly copyOf: string | null;
};

const setting = 'backup.restored';

export async function readRestored(db: Db): Promise<Restored | undefined> {
  return (await db.one<{ value: Restored }>`select value from platform.setting where name = ${setting}`)?.value;
}

export async function markRestored(tx: Db, restored: Restored): Promise<void> {
  await tx.run`
    insert into platform.setting (name, value, changed_by) values (${setting}, ${tx.json(restored)}, 'restore')
    on conflict (name) do update set value = excluded.value, changed_at = now(), changed_by = excluded.changed_by`;
}

/** Something that was due is done. */
export async function settleRestored(db: Pool, done: Partial<Pick<Restored, 'epochDue' | 'adminKeyDue'>>): Promise<void> {
  await db.transaction(async (tx) => {
    const restored = await readRestored(tx);
    if (restored !== undefined) await markRestored(tx, { ...restored, ...done });
  });
}

/** A log that was put back to an earlier time goes on as another one: cursors that were given out since then mean nothing in it. */
export async function renewIncarnation(db: Db, incarnation: string): Promise<void> {
  await db.run`update platform.hub set incarnation = ${incarnation}`;
}
