import type { TrailEntry } from './chain.ts';
import type { Checkpoint, TrailKeys } from './checkpoint.ts';
import { createVerifier, type TrailReport, type Witness } from './verifier.ts';

/** An entry holds at most 8 KiB of detail and some short texts; JSON may escape each byte into six. */
const lineMaxChars = 128 * 1024;

const entryTexts = ['at', 'actorKind', 'actorId', 'actorLabel', 'entityId', 'action', 'target', 'detail', 'prevHash', 'hash'] as const;
const entryNullables = ['personId', 'origin', 'requestId'] as const;
const frameFields = ['type', 'v', 'hub', 'entries', 'checkpoints', 'entry', 'checkpoint', 'seq', 'body', 'keyId', 'sig'] as const;

type Loose = { readonly [key in (typeof entryTexts)[number] | (typeof entryNullables)[number] | (typeof frameFields)[number]]?: unknown };
const isLoose = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Exactly the known fields with their types: an extra one would be outside the hash and could tell a reader anything. */
function isEntry(value: unknown): value is TrailEntry {
  if (!isLoose(value) || Object.keys(value).length !== 1 + entryTexts.length + entryNullables.length) return false;
  return (
    Number.isSafeInteger(value.seq) &&
    entryTexts.every((key) => typeof value[key] === 'string') &&
    entryNullables.every((key) => value[key] === null || typeof value[key] === 'string')
  );
}

function isCheckpoint(value: unknown): value is Checkpoint {
  return (
    isLoose(value) &&
    Object.keys(value).length === 4 &&
    Number.isSafeInteger(value.seq) &&
    (['body', 'keyId', 'sig'] as const).every((key) => typeof value[key] === 'string')
  );
}

async function* linesOf(chunks: AsyncIterable<string | Uint8Array>): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of chunks) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    let at = rest.indexOf('\n');
    while (at !== -1) {
      yield rest.slice(0, at);
      rest = rest.slice(at + 1);
      at = rest.indexOf('\n');
    }
    if (rest.length > lineMaxChars) return yield undefined;
  }
  if (rest !== '') yield undefined;
}

/**
 * Checks an export with nothing but the hub's public keys: no database, no hub. A `witness` (a position and hash that one wrote down or got
 * from a peer) shows what signatures alone cannot: that the whole end, checkpoints included, was cut off.
 */
export async function verifyExport(
  chunks: AsyncIterable<string | Uint8Array>,
  keys: TrailKeys,
  witnesses: readonly Witness[] = [],
): Promise<TrailReport> {
  let verifier = createVerifier({ keys, witnesses });
  let state: 'start' | 'body' | 'end' = 'start';
  let entries = 0;
  let checkpoints = 0;
  try {
    for await (const line of linesOf(chunks)) {
      const value: unknown = line === undefined ? undefined : JSON.parse(line);
      let fine = false;
      if (!isLoose(value) || state === 'end') fine = verifier.broken('the file has a line that does not belong there');
      else if (state === 'start') {
        if (value.type !== 'trail-export' || value.v !== 1 || typeof value.hub !== 'string')
          fine = verifier.broken('the file is not an export of a trail');
        else {
          verifier = createVerifier({ keys, witnesses, hub: value.hub });
          state = 'body';
          fine = true;
        }
      } else if (value.type === 'trail-end') {
        state = 'end';
        fine =
          (value.entries === entries && value.checkpoints === checkpoints) || verifier.broken('the file does not hold as much as it says');
      } else if (isEntry(value.entry) && Object.keys(value).length === 1) {
        entries += 1;
        fine = verifier.entry(value.entry);
      } else if (isCheckpoint(value.checkpoint) && Object.keys(value).length === 1) {
        checkpoints += 1;
        fine = verifier.checkpoint(value.checkpoint);
      } else fine = verifier.broken('the file has a line that is neither entry nor checkpoint');
      if (!fine) break;
    }
    if (state !== 'end') verifier.broken('the file ends too early');
  } catch {
    verifier.broken('the file is not UTF-8 JSON lines');
  }
  return verifier.end();
}
