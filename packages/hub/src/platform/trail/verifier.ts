import { entryHash, genesisHash, type TrailEntry } from './chain.ts';
import { bodyHash, type Checkpoint, openCheckpoint, type TrailKeys } from './checkpoint.ts';

export type TrailReport = {
  readonly ok: boolean;
  readonly entries: number;
  readonly checkpoints: number;
  /** Entries after the last checkpoint: chained, but not yet vouched for by a signature. */
  readonly unsigned: number;
  readonly firstBad?: { readonly seq: number; readonly why: string };
};

/** A position that somebody outside remembers: a printed checkpoint, or one that a peer keeps. The chain must pass through it. */
export type Witness = { readonly seq: number; readonly hash: string };

export type VerifierOptions = {
  readonly keys: TrailKeys;
  readonly hub?: string;
  readonly witnesses?: readonly Witness[];
  readonly start?: Witness & { readonly lastCheckpoint: string };
};

/**
 * Checks a chain that is fed to it in order: each entry, and each checkpoint after the entry that it speaks of. Stops at the first fault, because
 * nothing after it means anything. Holds one entry at a time, whatever the length.
 */
export function createVerifier(options: VerifierOptions) {
  let seq = options.start?.seq ?? 0;
  let hash = options.start?.hash ?? genesisHash;
  let lastCheckpoint = options.start?.lastCheckpoint ?? genesisHash;
  let entries = 0;
  let checkpoints = 0;
  let signedTo = seq;
  let firstBad: { seq: number; why: string } | undefined;
  const witnesses = new Map((options.witnesses ?? []).map((witness) => [witness.seq, witness.hash]));

  const bad = (at: number, why: string): false => {
    firstBad ??= { seq: at, why };
    return false;
  };

  return {
    /** False from the first fault on: the caller may stop reading. */
    entry(entry: TrailEntry): boolean {
      if (firstBad) return false;
      if (entry.seq !== seq + 1) return bad(seq + 1, `entry ${seq + 1} is missing or out of place`);
      if (entry.prevHash !== hash) return bad(entry.seq, 'the entry does not follow the one before it');
      if (entryHash(entry) !== entry.hash) return bad(entry.seq, 'the entry was changed');
      seq = entry.seq;
      hash = entry.hash;
      entries += 1;
      const witness = witnesses.get(seq);
      return witness === undefined || witness === hash || bad(seq, 'the chain differs from what a witness remembers');
    },
    checkpoint(checkpoint: Checkpoint): boolean {
      if (firstBad) return false;
      if (checkpoint.seq !== seq)
        return bad(Math.min(checkpoint.seq, seq + 1), `the chain ends or breaks before the checkpoint at ${checkpoint.seq}`);
      const opened = openCheckpoint(checkpoint, options.keys);
      if ('why' in opened) return bad(seq, opened.why);
      if (opened.body.hash !== hash) return bad(seq, 'the chain differs from what was signed');
      if (opened.body.prev !== lastCheckpoint) return bad(seq, 'a checkpoint is missing before this one');
      if (options.hub !== undefined && opened.body.hub !== options.hub) return bad(seq, 'the checkpoint is of another hub');
      lastCheckpoint = bodyHash(checkpoint);
      signedTo = seq;
      checkpoints += 1;
      return true;
    },
    /** An input that cannot even be read as entries and checkpoints. */
    broken(why: string): false {
      return bad(seq + 1, why);
    },
    head: () => ({ seq, hash, lastCheckpoint }),
    end(): TrailReport {
      const beyond = [...witnesses.keys()].filter((at) => at > seq).sort((a, b) => a - b)[0];
      if (beyond !== undefined) bad(seq + 1, `the chain ends before position ${beyond}, which a witness remembers`);
      const counted = { entries, checkpoints, unsigned: seq - signedTo };
      return firstBad === undefined ? { ok: true, ...counted } : { ok: false, ...counted, firstBad };
    },
  };
}
