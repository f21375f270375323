import type { Db, Pool } from '#platform/db';
import type { Clock, Trail } from '#platform/ports';
import { chain, type TrailEntry } from './chain.ts';
import { bodyHash, type Checkpoint, openCheckpoint, signCheckpoint, type TrailKeys, type TrailSigner } from './checkpoint.ts';
import { record } from './record.ts';
import {
  insertCheckpoint,
  insertEntries,
  lockChain,
  readCheckpoints,
  readEntries,
  readHead,
  readLastCheckpoint,
  searchEntries,
  type TrailFilter,
  takeInbox,
} from './store.ts';
import { createVerifier, type TrailReport, type Witness } from './verifier.ts';

export type TrailDeps = {
  readonly db: Pool;
  readonly clock: Clock;
  readonly hub: string;
  readonly signer: TrailSigner;
  readonly keys: () => TrailKeys;
};

/** Moved in one transaction. Bounds its length and the memory: at most 8 KiB of detail each. */
const chainBatch = 1_000;

/** Entries that are read at once to be checked or exported. */
const readBatch = 1_000;

/** Entries in one answer to a reader. */
const searchMax = 200;

export type TrailLog = Trail & {
  /** Moves committed records into the chain. Answers how many; the leader calls it again at once when it was a full batch. */
  chainOnce(): Promise<number>;
  /** Signs the end of the chain, after the part since the last checkpoint was read back and checked. Undefined: nothing new. Throws on a fault. */
  checkpoint(): Promise<Checkpoint | undefined>;
  /** Checks everything in storage. `db` lets tests look inside a transaction. */
  verify(options?: { readonly witnesses?: readonly Witness[]; readonly db?: Db }): Promise<TrailReport>;
  /** Everything up to now, for checking elsewhere with `verifyExport`. */
  exportLines(): AsyncGenerator<string>;
  export(sink: (line: string) => void | Promise<void>): Promise<void>;
  search(filter: TrailFilter, limit: number): Promise<TrailEntry[]>;
};

export function createTrail(deps: TrailDeps): TrailLog {
  const { db, clock, hub, signer, keys } = deps;

  /** Entries and checkpoints in the order of the chain. The end is taken first: what is added meanwhile belongs to the next look. */
  async function* walk(from: Db, start: number): AsyncGenerator<{ entry: TrailEntry } | { checkpoint: Checkpoint }> {
    const end = (await readHead(from)).seq;
    // Checkpoints first, entries afterwards: one beyond the end of the chain must show, as it proves that the end was cut off.
    let checkpoints = await readCheckpoints(from, start, readBatch);
    let cursor = start;
    let more = true;
    while (more) {
      const entries = (await readEntries(from, cursor, readBatch)).filter((entry) => entry.seq <= end);
      for (const entry of entries) {
        yield { entry };
        while (checkpoints[0] !== undefined && checkpoints[0].seq <= entry.seq) {
          const [checkpoint] = checkpoints;
          yield { checkpoint };
          checkpoints = checkpoints.length > 1 ? checkpoints.slice(1) : await readCheckpoints(from, checkpoint.seq, readBatch);
        }
      }
      cursor = entries.at(-1)?.seq ?? cursor;
      more = entries.length === readBatch;
    }
    // Only those that were there when the walk began can be beyond its end by a fault.
    for (const checkpoint of checkpoints) if (checkpoint.seq > end && (await readHead(from)).seq < checkpoint.seq) yield { checkpoint };
  }

  return {
    record: (tx, actor, action, target, detail) => record(tx, clock.now(), actor, action, target, detail),

    chainOnce: () =>
      db.transaction(async (tx) => {
        await lockChain(tx);
        const records = await takeInbox(tx, chainBatch);
        if (records.length > 0) await insertEntries(tx, chain(records, await readHead(tx)));
        return records.length;
      }),

    checkpoint: () =>
      db.transaction(async (tx) => {
        await lockChain(tx);
        const last = await readLastCheckpoint(tx);
        const start = last && startAfter(last, keys());
        const verifier = createVerifier({ keys: keys(), hub, ...(start === undefined ? {} : { start }) });
        for await (const step of walk(tx, start?.seq ?? 0))
          if (!('entry' in step ? verifier.entry(step.entry) : verifier.checkpoint(step.checkpoint))) break;
        const report = verifier.end();
        if (!report.ok)
          throw new Error(
            `The trail is damaged at ${report.firstBad?.seq}: ${report.firstBad?.why}. It is not signed; keep the database as it is and restore a copy.`,
          );
        if (report.entries === 0) return undefined;
        const { seq, hash, lastCheckpoint } = verifier.head();
        const checkpoint = await signCheckpoint(signer, { hub, seq, hash, at: clock.now().toISOString(), prev: lastCheckpoint });
        await insertCheckpoint(tx, checkpoint);
        return checkpoint;
      }),

    async verify(options = {}) {
      const verifier = createVerifier({ keys: keys(), hub, witnesses: options.witnesses ?? [] });
      for await (const step of walk(options.db ?? db, 0))
        if (!('entry' in step ? verifier.entry(step.entry) : verifier.checkpoint(step.checkpoint))) break;
      return verifier.end();
    },

    exportLines: () => exportLines(hub, clock, walk(db, 0)),

    async export(sink) {
      for await (const line of exportLines(hub, clock, walk(db, 0))) await sink(line);
    },

    search: (filter, limit) => searchEntries(db, filter, Math.max(1, Math.min(limit, searchMax))),
  };
}

/** Where the part begins that no checkpoint covers. The last checkpoint is believed for its signature, not because it is in the table. */
function startAfter(last: Checkpoint, keys: TrailKeys) {
  const opened = openCheckpoint(last, keys);
  if ('why' in opened) throw new Error(`The trail is damaged at ${last.seq}: ${opened.why}.`);
  return { seq: opened.body.seq, hash: opened.body.hash, lastCheckpoint: bodyHash(last) };
}

/** A header, then one line per entry or checkpoint in the order of the chain, then an end that counts them: a cut file shows. */
async function* exportLines(
  hub: string,
  clock: Clock,
  steps: AsyncGenerator<{ entry: TrailEntry } | { checkpoint: Checkpoint }>,
): AsyncGenerator<string> {
  yield `${JSON.stringify({ type: 'trail-export', v: 1, hub, at: clock.now().toISOString() })}\n`;
  let entries = 0;
  let checkpoints = 0;
  for await (const step of steps) {
    if ('entry' in step) entries += 1;
    else checkpoints += 1;
    yield `${JSON.stringify(step)}\n`;
  }
  yield `${JSON.stringify({ type: 'trail-end', entries, checkpoints })}\n`;
}
