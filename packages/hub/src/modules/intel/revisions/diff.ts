import { isDeepStrictEqual } from 'node:util';
import type { JudgedAttribute, JudgedObject } from '../normalise.ts';
import { categoryOf, tagsOf } from '../normalise.ts';
import { type AttributeRow, type AttributeState, attributeExtra, wordsOf } from '../store.ts';

/** An attribute of the version before, as it is stored. */
export type StoredAttribute = {
  readonly id: string;
  readonly chunk: number;
  readonly revision: number | null;
  readonly vkey: string;
  readonly vkey2: string | null;
  readonly objectId: string | null;
  readonly timestamp: number;
  readonly state: AttributeState;
  readonly toIds: boolean;
  readonly blockable: boolean;
  readonly ownOnly: boolean;
  readonly type: string;
  readonly value: string;
  readonly category: string | null;
  readonly relation: string | null;
  readonly comment: string | null;
  readonly rule: string | null;
  readonly reason: string | null;
  readonly tags: unknown;
  readonly extra: unknown;
};
export type StoredObject = {
  readonly id: string;
  readonly ownOnly: boolean;
  readonly chunk: number;
  readonly name: string;
  readonly metaCategory: string | null;
  readonly comment: string | null;
  readonly timestamp: number;
  readonly refs: unknown;
  readonly extra: unknown;
};

/**
 * What a newer version changes in the attributes of an event. `born`: the value comes to its readers as a new one does, judged anew; otherwise
 * the word of the guard and of the assessors on it stands, and can only become narrower.
 */
export type Changed = Merged & { readonly before: StoredAttribute };
type Merged = { readonly row: JudgedAttribute; readonly born: true } | { readonly row: AttributeRow; readonly born: false };
export type AttributeChanges = {
  readonly added: readonly JudgedAttribute[];
  readonly changed: readonly Changed[];
  readonly removed: readonly StoredAttribute[];
  /** A part that was the owner's alone and would be shared now. */
  readonly widened: StoredAttribute | undefined;
};

/**
 * `absent`: what the version does not name stays (as in MISP, where peers send parts) or leaves. `keepObjects`: the version says nothing of
 * objects, so attributes stay in theirs.
 */
export type DiffOptions = { readonly absent: 'stays' | 'leaves'; readonly keepObjects: boolean; readonly timestamp: number };

/** Compares a judged newer version with what is stored. Attributes are the same by their UUID, or without one by type and value. */
export function diffAttributes(
  stored: readonly StoredAttribute[],
  judged: readonly JudgedAttribute[],
  objectIds: ReadonlyMap<string, string>,
  options: DiffOptions,
): AttributeChanges {
  const find = matching(stored, judged);
  const met = new Set<string>();
  const added: JudgedAttribute[] = [];
  const changed: Changed[] = [];
  const removed: StoredAttribute[] = [];
  let widened: StoredAttribute | undefined;
  for (const each of judged) {
    const before = find(each);
    const objectId = each.objectId === null ? null : (objectIds.get(each.objectId) ?? each.objectId);
    if (before === undefined) {
      if (each.draft.deleted !== true) added.push({ ...each, objectId });
      continue;
    }
    met.add(before.id);
    const deleted = each.draft.deleted === true;
    const row = { ...each, id: before.id, objectId: options.keepObjects ? before.objectId : objectId };
    if (deleted) {
      if (before.state !== 'retracted' && before.state !== 'rejected')
        changed.push({ row: { ...row, state: 'retracted', blockable: false }, before, born: false });
      continue;
    }
    const merged = merge(before, row);
    if (before.ownOnly && !row.ownOnly && before.state !== 'retracted') widened ??= before;
    if (merged.born || differs(before, merged.row, options.timestamp)) changed.push({ ...merged, before });
  }
  if (options.absent === 'leaves')
    removed.push(...stored.filter((row) => !met.has(row.id) && row.state !== 'retracted' && row.state !== 'rejected'));
  return { added, changed, removed, widened };
}

/** Each stored attribute is found once: first by UUID, then the rest by type and value. */
function matching(stored: readonly StoredAttribute[], judged: readonly JudgedAttribute[]) {
  const byId = new Map(stored.map((row) => [row.id, row]));
  const named = new Set(judged.filter((each) => each.draft.uuid !== undefined).map((each) => each.id));
  const byValue = new Map<string, StoredAttribute[]>();
  for (const row of stored) {
    if (named.has(row.id)) continue;
    const key = `${row.type}\n${row.value}`;
    const same = byValue.get(key);
    if (same === undefined) byValue.set(key, [row]);
    else same.push(row);
  }
  return (each: JudgedAttribute): StoredAttribute | undefined =>
    each.draft.uuid === undefined ? byValue.get(`${each.draft.type}\n${each.draft.value}`)?.shift() : byId.get(each.id);
}

/** Rules by which a value that passed may be blocked no more, because its sender has said less of it. */
const narrowingRules: readonly (string | null)[] = ['pap', 'tlp', 'kind'];

function merge(before: StoredAttribute, row: JudgedAttribute): Merged {
  const sameValue = before.vkey === row.vkey && before.vkey2 === row.vkey2;
  const wanted = before.state === 'accepted' && !before.blockable && row.blockable;
  if (before.state === 'retracted' || !sameValue || (before.ownOnly && !row.ownOnly) || wanted) return { row, born: true };
  if (row.rule === 'victim_data') return { row, born: false };
  const less = before.blockable && (!row.toIds || narrowingRules.includes(row.rule));
  const { state, blockable, rule, reason } = before;
  return {
    row: { ...row, state, ...(less ? { blockable: false, rule: row.rule, reason: row.reason } : { blockable, rule, reason }) },
    born: false,
  };
}

/** A time that the version does not give is not another time. */
function differs(before: StoredAttribute, row: AttributeRow, timestamp: number): boolean {
  const { draft } = row;
  return (
    before.toIds !== row.toIds ||
    before.blockable !== row.blockable ||
    before.state !== row.state ||
    before.ownOnly !== row.ownOnly ||
    before.objectId !== row.objectId ||
    before.type !== draft.type ||
    before.value !== draft.value ||
    before.category !== categoryOf(draft) ||
    before.relation !== (draft.objectRelation ?? null) ||
    (before.comment ?? '') !== (draft.comment ?? '') ||
    (draft.timestamp !== undefined && before.timestamp !== draft.timestamp) ||
    !sameJson(before.tags, tagsOf(draft.tags)) ||
    !sameJson(withoutTimed(before.extra), withoutTimed(attributeExtra(draft, timestamp)))
  );
}

/** Whether the source gave a time of its own is no content. */
function withoutTimed(extra: unknown): unknown {
  const { draft, ...rest } = (extra ?? {}) as { draft?: Record<string, unknown> };
  const { timed: _timed, ...kept } = draft ?? {};
  return { ...rest, draft: kept };
}

/** The database gives keys back in an order of its own, and knows no `undefined`. */
export function sameJson(a: unknown, b: unknown): boolean {
  const plain = (value: unknown): unknown => (value === undefined || value === null ? null : JSON.parse(JSON.stringify(value)));
  return isDeepStrictEqual(plain(a), plain(b));
}

export type ObjectChanges = {
  readonly added: readonly JudgedObject[];
  readonly changed: readonly { readonly object: JudgedObject; readonly before: StoredObject }[];
  readonly removed: readonly StoredObject[];
};

/** What a newer version changes in the objects. Objects are the same by their UUID, or by the attributes that they hold. */
export function diffObjects(
  stored: readonly StoredObject[],
  judged: readonly JudgedObject[],
  objectIds: ReadonlyMap<string, string>,
): ObjectChanges {
  const byId = new Map(stored.map((row) => [row.id, row]));
  const added: JudgedObject[] = [];
  const changed: { object: JudgedObject; before: StoredObject }[] = [];
  const removed: StoredObject[] = [];
  for (const each of judged) {
    const object = { ...each, id: objectIds.get(each.id) ?? each.id };
    const before = byId.get(object.id);
    const { draft } = object;
    if (draft.deleted === true) {
      if (before !== undefined) removed.push(before);
    } else if (before === undefined) added.push(object);
    else if (
      before.ownOnly !== object.ownOnly ||
      before.name !== draft.name ||
      before.metaCategory !== (draft.metaCategory ?? null) ||
      (before.comment ?? '') !== (draft.comment ?? '') ||
      (draft.timestamp !== undefined && before.timestamp !== draft.timestamp) ||
      !sameJson(before.refs, wordsOf(draft).refs) ||
      !sameJson(before.extra, wordsOf(draft).extra)
    )
      changed.push({ object, before });
  }
  return { added, changed, removed };
}

/** Which stored object each object of the newer version is, where it has no UUID of its own: the one that holds the same attribute. */
export function sameObjects(
  stored: readonly StoredAttribute[],
  judged: readonly JudgedAttribute[],
  objects: readonly JudgedObject[],
): Map<string, string> {
  const byValue = new Map(stored.flatMap((row) => (row.objectId === null ? [] : [[`${row.type}\n${row.value}`, row.objectId]])));
  const nameless = new Set(objects.filter((object) => object.draft.uuid === undefined).map((object) => object.id));
  const same = new Map<string, string>();
  const taken = new Set<string>();
  for (const { objectId, draft } of judged) {
    const before = byValue.get(`${draft.type}\n${draft.value}`);
    if (objectId === null || before === undefined || !nameless.has(objectId) || same.has(objectId) || taken.has(before)) continue;
    same.set(objectId, before);
    taken.add(before);
  }
  return same;
}
