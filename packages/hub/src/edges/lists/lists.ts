import { createHash } from 'node:crypto';
import type { ValueKind } from '@rebato/contract';
import type { Viewer } from '#platform/actor';
import type { Pool } from '#platform/db';
import { type Piece, pieceOf } from '#platform/gzip';
import type { Clock, Log } from '#platform/ports';
import { allowTest } from './allow.ts';
import { apply, type Chunk, find, inForce } from './chunks.ts';
import { compare, type Entry, keyOf } from './entry.ts';
import { fail } from './errors.ts';
import { limits } from './limits.ts';
import { type Filter, type Format, frames, renderChunk } from './render.ts';
import { createSource, emptyHash, emptyLane, type LaneList } from './source.ts';
import { type LaneState, readLaneStates } from './store.ts';

/** A control that reads lists, as a filter. */
export type ListControl = {
  readonly id: string;
  readonly orderVersion: number;
  readonly policy: {
    readonly kinds: readonly ValueKind[];
    readonly minConfidence: number;
    readonly capacity: number;
    readonly allow: readonly { readonly kind: ValueKind; readonly value: string }[];
  };
};

export type ListText = {
  readonly pieces: readonly Piece[];
  /** Over the content, hex. */
  readonly tag: string;
  readonly count: number;
  /** Entries beyond the control's capacity. */
  readonly leftOut: number;
  readonly modifiedAt: Date | null;
  /** When the hub last knew that this is current. Undefined: it is. */
  readonly staleSince: Date | undefined;
};

export type ListsDeps = { readonly pools: ReadonlyMap<string, Pool>; readonly clock: Clock; readonly log: Log };

export type Lists = { text(viewer: Viewer, list: string, format: Format, control: ListControl | undefined): Promise<ListText> };

/** One reader's mixture of lanes at one moment. Readers with the same lanes share it. */
type View = {
  readonly states: string;
  readonly chunks: readonly Chunk[];
  readonly modifiedAt: Date | null;
  checkedAt: Date;
  readonly texts: Map<string, Promise<Omit<ListText, 'staleSince'>>>;
};

export function createLists(deps: ListsDeps): Lists {
  const source = createSource(deps);
  const views = new Map<string, View>();

  async function fresh(viewer: Viewer, list: string, name: string): Promise<View> {
    const pool = deps.pools.get(viewer.shelf);
    if (pool === undefined) throw fail('lists.not_found', 'There is no such list.');
    const states = new Map((await readLaneStates(pool, viewer.lanes)).map((state) => [state.lane, state]));
    const stand = viewer.lanes.map((lane) => `${lane} ${states.get(lane)?.version ?? 0} ${states.get(lane)?.hash ?? emptyHash}`).join('\n');
    const known = views.get(name);
    if (known?.states === stand) {
      known.checkedAt = deps.clock.now();
      return known;
    }
    const parts = await Promise.all(viewer.lanes.map((lane) => loadLane(viewer.shelf, lane, list, states.get(lane))));
    const chunks = mix(viewer.lanes, parts);
    return remember(name, {
      states: stand,
      chunks,
      modifiedAt: newest([...states.values()]),
      checkedAt: deps.clock.now(),
      texts: new Map(),
    });
  }

  function loadLane(shelf: string, lane: string, list: string, state: LaneState | undefined): Promise<LaneList> | LaneList {
    // Nothing was ever signed here, or a set of nothing.
    return state === undefined || state.count === 0 ? emptyLane : source.load(shelf, lane, list, state);
  }

  function remember(name: string, view: View): View {
    views.delete(name);
    views.set(name, view);
    if (views.size > limits.viewsHeld) {
      const oldest = views.keys().next();
      if (!oldest.done) views.delete(oldest.value);
    }
    return view;
  }

  return {
    async text(viewer, list, format, control) {
      const name = `${viewer.shelf} ${viewer.lanes.join(' ')} ${list}`;
      let view: View;
      let staleSince: Date | undefined;
      try {
        view = await fresh(viewer, list, name);
      } catch (error) {
        const last = views.get(name);
        if (last === undefined) {
          deps.log.error({ err: String(error), list }, 'A list cannot be made, and there is no earlier one.');
          throw fail('lists.unavailable', 'The list cannot be made now.');
        }
        deps.log.warn({ err: String(error), list }, 'A list cannot be brought up to date; the last good one is served.');
        view = last;
        staleSince = last.checkedAt;
      }
      const current = inForce(view.chunks, deps.clock.now().getTime());
      // What has run out changes the text without a new version.
      if (current !== view.chunks) view = remember(name, { ...view, chunks: current, texts: new Map() });
      const key = `${format} ${control === undefined ? '' : `${control.id} ${control.orderVersion}`}`;
      let made = view.texts.get(key);
      if (made === undefined) {
        const { texts } = view;
        made = compose(view, format, control);
        made.catch(() => texts.delete(key));
        if (texts.size >= limits.textsPerView) texts.clear();
        texts.set(key, made);
      }
      return { ...(await made), staleSince };
    },
  };
}

function newest(states: readonly LaneState[]): Date | null {
  return states.reduce<Date | null>((last, { at }) => (at !== null && (last === null || at > last) ? at : last), null);
}

/** The union of the lanes: of one value the strongest entry, and none that the reader lifted on its own lane. */
export function mix(lanes: readonly string[], parts: readonly LaneList[]): readonly Chunk[] {
  // The longest part is kept as it is, chunk by chunk; the others are small and patched in.
  const sizes = parts.map((part) => part.blocks.length);
  const base = parts[sizes.indexOf(Math.max(...sizes))];
  if (base === undefined) return [];
  const lifted = new Map<string, string>();
  const others = new Map<string, Entry>();
  for (const [index, part] of parts.entries()) {
    if (lanes[index]?.startsWith('e:') === true) for (const [key, value] of part.allows) lifted.set(key, value);
    if (part === base) continue;
    for (const chunk of part.blocks) {
      for (const entry of chunk.entries) {
        const key = keyOf(entry.kind, entry.value);
        const other = others.get(key);
        if (other === undefined || compare(entry, other) < 0) others.set(key, entry);
      }
    }
  }
  for (const key of lifted.keys()) others.delete(key);
  // Where the base has the stronger entry of a value, it stays.
  const values = new Map([...others].map(([key, entry]) => [key, entry.value]));
  for (const [number, places] of values.size > 0 ? find(base.blocks, values) : []) {
    for (const place of places) {
      const entry = base.blocks[number]?.entries[place];
      const other = entry && others.get(keyOf(entry.kind, entry.value));
      if (entry !== undefined && other !== undefined && compare(entry, other) <= 0) others.delete(keyOf(entry.kind, entry.value));
    }
  }
  return others.size + lifted.size === 0 ? base.blocks : apply(base.blocks, lifted, [...others.values()]);
}

function filterOf(control: ListControl | undefined): Filter | undefined {
  if (control === undefined) return undefined;
  const { kinds, minConfidence, allow } = control.policy;
  const taken = new Set<string>(kinds);
  const allowed = allowTest(allow);
  return {
    key: `${control.id} ${control.orderVersion}`,
    takes: (entry) => entry.confidence >= minConfidence && taken.has(entry.kind) && allowed?.(entry) !== true,
  };
}

/** The whole text out of its chunks' texts; those that are known cost nothing. */
async function compose(
  view: Pick<View, 'chunks' | 'modifiedAt'>,
  format: Format,
  control: ListControl | undefined,
): Promise<Omit<ListText, 'staleSince'>> {
  const filter = filterOf(control);
  const capacity = control?.policy.capacity ?? Number.POSITIVE_INFINITY;
  const [before, between, after] = frames[format].map((text) => pieceOf(Buffer.from(text)));
  const digest = createHash('sha256').update(format);
  const pieces: Piece[] = [];
  let count = 0;
  let all = 0;
  const put = (piece: Piece | undefined): void => {
    if (piece !== undefined && piece.bytes > 0) pieces.push(piece);
  };
  put(before);
  for (const chunk of view.chunks) {
    const whole = await renderChunk(chunk, format, filter);
    all += whole.count;
    const room = capacity - count;
    if (whole.count === 0 || room <= 0) continue;
    const part = whole.count <= room ? whole : await renderChunk(chunk, format, filter, room);
    if (count > 0) put(between);
    put(part);
    count += part.count;
    digest.update(part.digest);
  }
  put(after);
  return { pieces, tag: digest.digest('hex').slice(0, 40), count, leftOut: all - count, modifiedAt: view.modifiedAt };
}
