import type { TrailReport } from '#platform/trail';
import type { TrailEntry } from '#platform/trail/chain';
import type { Checkpoint } from '#platform/trail/checkpoint';
import { createVerifier } from '#platform/trail/verifier';
import type { Lock, ReadTesting } from './container.ts';
import { createLines } from './copy-text.ts';
import { damaged } from './errors.ts';
import type { Head, Manifest } from './form.ts';
import { readBackup } from './read.ts';

export type BackupReport = { readonly head: Head; readonly manifest: Manifest; readonly trail: TrailReport };

/** Checkpoints are held until their entry comes. One every ten minutes for ten years. */
const checkpointsMax = 600_000;

/** Reads a whole backup: form, counts, hashes, and the chain of the trail. Throws BackupRefused when it is no use. */
export async function verifyBackup(
  source: AsyncIterable<Uint8Array>,
  lock: Lock | undefined,
  testing: ReadTesting = {},
): Promise<BackupReport> {
  let head: Head | undefined;
  let trail: ReturnType<typeof createTrailCheck> | undefined;
  let lines: ReturnType<typeof createLines> | undefined;
  let manifest: Manifest | undefined;
  for await (const step of readBackup(source, lock, testing)) {
    if (step.kind === 'head') {
      head = step.head;
      trail = createTrailCheck(head);
    } else if (step.kind === 'table') {
      const take = step.schema === 'trail' ? trail?.tables.get(step.table) : undefined;
      lines = take === undefined ? undefined : createLines(step.columns, take);
    } else if (step.kind === 'data') lines?.add(step.bytes);
    else if (step.kind === 'end') manifest = step.manifest;
  }
  if (head === undefined || trail === undefined || manifest === undefined) throw damaged('its end is missing');
  return { head, manifest, trail: trail.end() };
}

type Row = ReadonlyMap<string, string | null>;

function createTrailCheck(head: Head) {
  const verifier = createVerifier({ keys: new Map(head.trailKeys.map(({ keyId, publicKey }) => [keyId, publicKey])), hub: head.hub.id });
  const checkpoints: Checkpoint[] = [];
  let next = 0;
  const text = (row: Row, name: string): string => row.get(name) ?? '';

  const settle = (seq: number): void => {
    for (let due = checkpoints[next]; due !== undefined && due.seq <= seq; due = checkpoints[next]) {
      verifier.checkpoint(due);
      next += 1;
    }
  };
  return {
    // A backup holds checkpoints before entries, and both by their position.
    tables: new Map<string, (row: Row) => void>([
      [
        'checkpoint',
        (row) => {
          if (checkpoints.length >= checkpointsMax) throw damaged('its trail has more checkpoints than time');
          checkpoints.push({ seq: Number(text(row, 'seq')), body: text(row, 'body'), keyId: text(row, 'key_id'), sig: text(row, 'sig') });
        },
      ],
      [
        'entry',
        (row) => {
          verifier.entry(entryOf(row));
          settle(Number(text(row, 'seq')));
        },
      ],
    ]),
    end(): TrailReport {
      // One beyond the end proves that the end was cut off.
      settle(Number.POSITIVE_INFINITY);
      return verifier.end();
    },
  };
}

function entryOf(row: Row): TrailEntry {
  const text = (name: string): string => row.get(name) ?? '';
  const orNull = (name: string): string | null => row.get(name) ?? null;
  return {
    seq: Number(text('seq')),
    at: instantOf(text('at')),
    actorKind: text('actor_kind'),
    actorId: text('actor_id'),
    actorLabel: text('actor_label'),
    entityId: text('entity_id'),
    personId: orNull('person_id'),
    origin: orNull('origin'),
    requestId: orNull('request_id'),
    action: text('action'),
    target: text('target'),
    detail: text('detail'),
    prevHash: text('prev_hash'),
    hash: text('hash'),
  };
}

/** `2026-11-23 20:00:00.12+00` as RFC 3339. */
function instantOf(text: string): string {
  const date = new Date(`${text.replace(' ', 'T').replace(/\+00$/, '')}Z`);
  return Number.isNaN(date.getTime()) ? text : date.toISOString();
}
