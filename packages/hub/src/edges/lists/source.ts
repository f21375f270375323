import { type Batch, type ValueKind, valueKinds } from '@rebato/contract';
import type { Pool, Tx } from '#platform/db';
import type { Log } from '#platform/ports';
import { apply, type Chunk, sizeOf, split } from './chunks.ts';
import { compare, type Entry, keyOf } from './entry.ts';
import { fail } from './errors.ts';
import { limits } from './limits.ts';
import {
  countInForce,
  type DecisionRow,
  holdStill,
  type LaneState,
  readBatchTexts,
  readByIds,
  readLaneStates,
  readSelection,
  type Selection,
} from './store.ts';

const kindsOf = (...kinds: ValueKind[]): number[] => kinds.map((kind) => valueKinds.indexOf(kind));
export const lists: Readonly<Record<string, Selection>> = {
  ip: { kinds: kindsOf('ip'), prefix: '' },
  net: { kinds: kindsOf('net'), prefix: '' },
  domain: { kinds: kindsOf('domain'), prefix: '' },
  url: { kinds: kindsOf('url'), prefix: '' },
  'hash-sha256': { kinds: kindsOf('hash'), prefix: 'sha256:' },
  'hash-sha1': { kinds: kindsOf('hash'), prefix: 'sha1:' },
  'hash-md5': { kinds: kindsOf('hash'), prefix: 'md5:' },
  all: { kinds: kindsOf('ip', 'net', 'domain', 'url', 'hash'), prefix: '' },
};

/** One lane's part of a list at one version. */
export type LaneList = {
  readonly version: number;
  readonly hash: string;
  readonly blocks: readonly Chunk[];
  /** What the lane's owner does without: key to value. */
  readonly allows: ReadonlyMap<string, string>;
};

export const emptyHash = '0'.repeat(64);
export const emptyLane: LaneList = { version: 0, hash: emptyHash, blocks: [], allows: new Map() };

/** Keeps lanes' lists in memory and brings them up to date: by the batches that came since, or from the table. */
export type Source = {
  /** The lane's list at `state` or later. */
  load(shelf: string, lane: string, list: string, state: LaneState): Promise<LaneList>;
  /** As last loaded. */
  held(shelf: string, lane: string, list: string): LaneList | undefined;
};

export function createSource(deps: { readonly pools: ReadonlyMap<string, Pool>; readonly log: Log }): Source {
  // In order of last use.
  const held = new Map<string, LaneList>();
  const loading = new Map<string, Promise<LaneList>>();
  let entries = 0;

  function keep(name: string, made: LaneList): void {
    drop(name);
    held.set(name, made);
    entries += sizeOf(made.blocks);
    for (const [oldest] of held) {
      if ((entries <= limits.entriesHeld && held.size <= limits.listsHeld) || oldest === name) break;
      drop(oldest);
    }
  }
  function drop(name: string): void {
    entries -= sizeOf(held.get(name)?.blocks ?? []);
    held.delete(name);
  }

  async function refresh(name: string, shelf: string, lane: string, list: string): Promise<LaneList> {
    const pool = deps.pools.get(shelf);
    const selection = lists[list];
    if (pool === undefined || selection === undefined) throw fail('lists.not_found', 'There is no such list.');
    const made = await pool.transaction(async (tx) => {
      await holdStill(tx);
      const [state] = await readLaneStates(tx, [lane]);
      if (state === undefined) return emptyLane;
      const before = held.get(name);
      const followed = before && (await follow(tx, lane, selection, before, state));
      // A list that becomes empty is read again, and held against what was signed.
      const suspicious = followed !== undefined && before !== undefined && before.blocks.length > 0 && followed.blocks.length === 0;
      return followed === undefined || suspicious ? readAll(tx, deps.log, shelf, lane, selection, state) : followed;
    });
    keep(name, made);
    return made;
  }

  return {
    async load(shelf, lane, list, state) {
      const name = `${shelf} ${lane} ${list}`;
      const known = held.get(name);
      if (known !== undefined && known.version === state.version && known.hash === state.hash) {
        held.delete(name);
        held.set(name, known);
        return known;
      }
      const underWay = await loading.get(name)?.catch(() => undefined);
      if (underWay !== undefined && underWay.version >= state.version) return underWay;
      const started = loading.get(name) ?? refresh(name, shelf, lane, list).finally(() => loading.delete(name));
      loading.set(name, started);
      return started;
    },
    held: (shelf, lane, list) => held.get(`${shelf} ${lane} ${list}`),
  };
}

/** Carries the batches since `before` over. Undefined: cannot be followed, read everything. */
async function follow(tx: Tx, lane: string, selection: Selection, before: LaneList, state: LaneState): Promise<LaneList | undefined> {
  if (state.version === before.version) return state.hash === before.hash ? before : undefined;
  if (state.version < before.version || state.version - before.version > limits.deltaBatches) return undefined;
  const batches = await readBatchTexts(tx, lane, before.version);
  if (batches.length !== state.version - before.version) return undefined;
  const touched = new Map<string, string>();
  const added: string[] = [];
  let prev = before.hash;
  for (const { body } of batches) {
    const batch = JSON.parse(body) as Batch;
    if (prev !== '' && batch.prev !== prev) return undefined;
    // Only the first link is checked: the others are one history by the lane's own numbering.
    prev = '';
    for (const change of batch.changes) {
      if (!selection.kinds.includes(valueKinds.indexOf(change.kind)) || !change.value.startsWith(selection.prefix)) continue;
      touched.set(keyOf(change.kind, change.value), change.value);
      if (change.op === 'add') added.push(change.id);
      if (touched.size > limits.deltaChanges) return undefined;
    }
  }
  const rows = added.length === 0 ? [] : await readByIds(tx, lane, added, selection);
  const { blocks, allows } = sortOut(rows);
  const kept = new Map([...before.allows].filter(([key]) => !touched.has(key)));
  return {
    version: state.version,
    hash: state.hash,
    blocks: touched.size === 0 ? before.blocks : apply(before.blocks, touched, blocks),
    allows: new Map([...kept, ...allows]),
  };
}

async function readAll(tx: Tx, log: Log, shelf: string, lane: string, selection: Selection, state: LaneState): Promise<LaneList> {
  const inForce = await countInForce(tx, lane);
  if (inForce !== state.count) {
    log.error(
      { shelf, lane, version: state.version, signed: state.count, found: inForce },
      'A lane does not hold what was signed for it; no list is made from it.',
    );
    throw fail('lists.unavailable', 'The list cannot be made.');
  }
  const allows = new Map<string, string>();
  const chunks: Chunk[] = [];
  let rest: Entry[] = [];
  for await (const rows of readSelection(tx, lane, selection)) {
    const page = sortOut(rows);
    for (const [key, value] of page.allows) allows.set(key, value);
    // The database's microseconds and ours may order the last places differently.
    rest = [...rest, ...page.blocks].sort(compare);
    while (rest.length >= limits.chunkMaxEntries) chunks.push(...split(rest.splice(0, limits.chunkEntries)));
  }
  chunks.push(...split(rest));
  return { version: state.version, hash: state.hash, blocks: chunks, allows };
}

/** Line ends and other control characters never belong to a value; in a list they would make two of one. */
function unprintable(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return value.length === 0;
}

function sortOut(rows: readonly DecisionRow[]): { blocks: Entry[]; allows: Map<string, string> } {
  const blocks: Entry[] = [];
  const allows = new Map<string, string>();
  for (const row of rows) {
    const kind = valueKinds[row.kind];
    if (kind === undefined || unprintable(row.value)) continue;
    if (row.action === 'allow') allows.set(keyOf(kind, row.value), row.value);
    else
      blocks.push({
        kind,
        value: row.value,
        strength: row.strength,
        confidence: row.confidence,
        at: row.at.getTime(),
        until: row.until?.getTime() ?? Number.POSITIVE_INFINITY,
      });
  }
  return { blocks, allows };
}
