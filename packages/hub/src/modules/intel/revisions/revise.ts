import { hash } from 'node:crypto';
import { paps } from '@rebato/contract';
import type { GuardTables } from '#guard';
import type { Actor } from '#platform/actor';
import type { Tx } from '#platform/db';
import { attributesOfFiles } from '../attached.ts';
import type { Draft } from '../draft.ts';
import { fail } from '../errors.ts';
import { limits } from '../limits.ts';
import { type JudgedAttribute, type JudgedObject, tagsOf } from '../normalise.ts';
import { pacedOf } from '../paced.ts';
import { spreads, widens } from '../release.ts';
import { type EventRow, insertAttachment, insertAttributes, insertObjects, lockEvent, packExtra, type Travels } from '../store.ts';
import type { Reporter, SubmitDeps, Trust } from '../submission.ts';
import { type AttributeChanges, type DiffOptions, diffAttributes, diffObjects, type ObjectChanges, sameJson, sameObjects } from './diff.ts';
import {
  announceRevision,
  deleteAttributes,
  deleteObjects,
  followAttributes,
  insertRevision,
  listStored,
  listStoredFiles,
  listStoredObjects,
  retractAttributes,
  updateHead,
} from './store.ts';

/** A newer version of an event, judged. `head`: what stands of the event itself afterwards. */
export type Revision = {
  readonly eventId: string;
  readonly draft: Draft;
  readonly head: Pick<
    EventRow,
    'info' | 'date' | 'threatLevel' | 'analysis' | 'tlp' | 'pap' | 'distribution' | 'groupId' | 'timestamp' | 'extra' | 'told'
  >;
  readonly attributes: readonly JudgedAttribute[];
  readonly objects: readonly JudgedObject[];
  /** The owner, what of his passes, and what the guard goes by. */
  readonly source: { readonly reporter: Reporter; readonly trust: Trust; readonly tables: GuardTables };
  readonly reportId: string | null;
  readonly receivedAt: Date;
  /** What the owner has said himself, so that the event may go further than before; a marking in a file is not that. */
  readonly said: { readonly tlp: boolean; readonly pap: boolean; readonly distribution: boolean };
  readonly diff: Omit<DiffOptions, 'timestamp'>;
};
export type Revised = { readonly added: number; readonly changed: number; readonly removed: number; readonly waiting: number };

/**
 * Makes a newer version the one that counts, in the caller's transaction. Each audience has what it has had; what narrows leaves at once, what is
 * added waits like anything new. Answers what changed; nothing at all when only the time did.
 */
export async function reviseEvent(deps: SubmitDeps, tx: Tx, actor: Actor, revision: Revision): Promise<Revised> {
  const event = await lockEvent(tx, revision.eventId);
  if (event === undefined) throw fail('intel.event_not_found', 'There is no such event of yours.');
  requireNewer(event, revision.head.timestamp);
  refuseWidening(event, revision);

  const stored = await listStored(tx, event.id);
  const judged = withDeletedObjects(revision);
  const objectIds = sameObjects(stored, judged, revision.objects);
  const compared = diffAttributes(stored, judged, objectIds, { ...revision.diff, timestamp: revision.head.timestamp });
  if (compared.widened !== undefined && !revision.said.tlp && !revision.said.distribution)
    throw fail('intel.tlp_widened', `The attribute ${compared.widened.id} was for its owner alone, and would be shared by this version.`);
  const kept = stored.filter((row) => row.state !== 'retracted').length + compared.added.length;
  if (kept > limits.attributesPerReport) throw fail('intel.too_many', `The event would have ${kept} indicators.`);
  const { parts, held } = pacedParts(deps, event.ownerId, revision, compared);
  const objects = diffObjects(await listStoredObjects(tx, event.id), revision.objects, objectIds);
  const tags = revision.diff.keepObjects && revision.draft.tags.length === 0 ? event.tags : tagsOf(revision.draft.tags);
  const head = headChanges(event, { ...revision.head, tags });

  const round = event.rounds;
  const touched = parts.added.length + parts.changed.length + parts.removed.length;
  const rounds = Math.max(1, Math.ceil(touched / limits.chunkAttributes));
  const files = await storeParts(deps, tx, event, revision, { parts, objects, round, judged });
  const isChanged = touched + objects.added.length + objects.changed.length + objects.removed.length + files + Object.keys(head).length > 0;
  const waiting = [...parts.added, ...parts.changed.map((each) => each.row)].filter((row) => row.state === 'pending').length;
  await updateHead(tx, {
    ...event,
    ...revision.head,
    tags,
    rounds: isChanged ? round + rounds : round,
    revision: isShared(parts, objects, files) || Object.keys(head).length > 0 ? round : event.revision,
    review: event.review || (event.state === 'published' && waiting > 0),
  });
  const revised: Revised = { added: parts.added.length, changed: parts.changed.length, removed: parts.removed.length, waiting };
  if (!isChanged) return revised;
  await insertRevision(tx, actor, {
    eventId: event.id,
    round,
    rounds,
    arrivedAt: revision.receivedAt,
    at: revision.receivedAt,
    reportId: revision.reportId,
    before: event,
    changes: changesOf(head, parts, objects, files),
  });
  await deps.trail.record(tx, actor, 'intel.revise', event.id, {
    ...revised,
    report: revision.reportId,
    ...(held === undefined ? {} : { heldTogether: held }),
  });
  if (event.state === 'published') await announceRevision(deps.bus, tx, event.id, round, rounds, Math.max(event.attributeCount, touched));
  return revised;
}

/** The blocks that the version brings anew come in like those of a new event: too many or too fast, they wait together. */
function pacedParts(
  deps: SubmitDeps,
  ownerId: string,
  { source, head }: Revision,
  parts: AttributeChanges,
): { readonly parts: AttributeChanges; readonly held: string | undefined } {
  const fresh = [...parts.added, ...parts.changed.flatMap((each) => (each.born ? [each.row] : []))];
  const { attributes, held } = pacedOf(deps, ownerId, source.reporter, source.trust, fresh, source.tables, head.distribution);
  if (held === undefined) return { parts, held };
  const judged = attributes.values();
  const next = (row: JudgedAttribute): JudgedAttribute => judged.next().value ?? row;
  const added = parts.added.map(next);
  const changed = parts.changed.map((each) => (each.born ? { ...each, row: next(each.row) } : each));
  return { parts: { ...parts, added, changed }, held: held.why };
}

/** Same or older: the caller has it from us already. */
export function requireNewer(event: Pick<EventRow, 'state' | 'timestamp' | 'uuid'>, timestamp: number | undefined): void {
  const refuse = (message: string) =>
    fail('intel.event_exists', message, [{ field: 'uuid', message: 'You have an event with this UUID.' }]);
  if (event.state !== 'published' && event.state !== 'assessing') throw refuse(`The event ${event.uuid} has been ${event.state}.`);
  if (timestamp === undefined) throw refuse(`The event ${event.uuid} was sent before, and this version does not say when it was changed.`);
  if (timestamp <= event.timestamp) throw refuse(`This version of the event ${event.uuid}, or a newer one, was sent before.`);
}

function refuseWidening(event: EventRow, { head, said }: Revision): void {
  if (!said.tlp && widens(event.tlp, head.tlp))
    throw fail('intel.tlp_widened', `The event is TLP:${event.tlp}; this version is TLP:${head.tlp}.`);
  if (!said.pap && paps.indexOf(head.pap) < paps.indexOf(event.pap))
    throw fail('intel.tlp_widened', `The event is PAP:${event.pap}; this version is PAP:${head.pap}.`);
  if (!said.distribution && spreads(event, head))
    throw fail('intel.tlp_widened', `The event is for: ${event.distribution}; this version is for: ${head.distribution}.`);
}

/** What is in a deleted object is deleted with it. */
function withDeletedObjects({ attributes, objects }: Revision): readonly JudgedAttribute[] {
  const deleted = new Set(objects.filter((object) => object.draft.deleted === true).map((object) => object.id));
  if (deleted.size === 0) return attributes;
  return attributes.map((each) =>
    each.objectId !== null && deleted.has(each.objectId) ? { ...each, draft: { ...each.draft, deleted: true } } : each,
  );
}

type Parts = {
  readonly parts: AttributeChanges;
  readonly objects: ObjectChanges;
  readonly round: number;
  readonly judged: readonly JudgedAttribute[];
};

/** Writes attributes, objects and files; returns how many files are new. */
async function storeParts(
  deps: SubmitDeps,
  tx: Tx,
  event: EventRow,
  revision: Revision,
  { parts, objects, round, judged }: Parts,
): Promise<number> {
  const { timestamp } = revision.head;
  const roundOf = (index: number): number => round + Math.floor(index / limits.chunkAttributes);
  const rows = [...parts.added, ...parts.changed.map((each) => each.row)];
  const travels = (index: number): Travels => {
    const change = parts.changed[index - parts.added.length];
    return change === undefined || change.born
      ? { chunk: roundOf(index), revision: null }
      : { chunk: change.before.chunk, revision: roundOf(index) };
  };
  if (parts.changed.length > 0)
    await deleteAttributes(
      tx,
      event.id,
      parts.changed.map((each) => each.before.id),
    );
  if (rows.length > 0) await insertAttributes(tx, event.id, timestamp, rows, travels);
  if (parts.removed.length > 0)
    await retractAttributes(
      tx,
      event.id,
      parts.removed.map(({ id }, index) => ({ id, revision: roundOf(rows.length + index) })),
    );
  const gone = [...objects.removed.map((row) => row.id), ...objects.changed.map((each) => each.before.id)];
  if (gone.length > 0) await deleteObjects(tx, event.id, gone);
  await insertObjects(tx, event.id, timestamp, objects.added, { chunk: round, revision: null });
  for (const { object, before } of objects.changed)
    await insertObjects(tx, event.id, timestamp, [object], { chunk: before.chunk, revision: round });
  await followAttributes(tx, event.id);
  return storeFiles(deps, tx, event, revision, judged, [...parts.added, ...parts.changed.map((each) => each.row)], round);
}

/** Files of the newer version that the event does not have yet. */
async function storeFiles(
  deps: SubmitDeps,
  tx: Tx,
  event: EventRow,
  { draft, source }: Revision,
  judged: readonly JudgedAttribute[],
  rows: readonly { readonly id: string; readonly draft: JudgedAttribute['draft'] }[],
  round: number,
): Promise<number> {
  if (draft.attachments.length === 0) return 0;
  const owners = attributesOfFiles(draft.attachments, judged);
  // An attribute without a UUID was found by its value, and has the id that is stored.
  const storedIds = new Map(rows.map((row) => [row.draft, row.id]));
  const there = new Set((await listStoredFiles(tx, event.id)).map((file) => `${file.attributeId} ${file.sha256}`));
  const unowned = new Set([...there].map((key) => key.slice(key.indexOf(' ') + 1)));
  let added = 0;
  for (const [index, attachment] of draft.attachments.entries()) {
    const owner = owners[index];
    if (owner?.draft.deleted === true) continue;
    const attributeId =
      owner === undefined ? null : (storedIds.get(owner.draft) ?? (owner.draft.uuid === undefined ? undefined : owner.id));
    const sha256 = hash('sha256', attachment.bytes, 'hex');
    // Of an unchanged attribute whose id we were not told, the same bytes are the same file.
    if (attributeId === undefined ? unowned.has(sha256) : there.has(`${attributeId} ${sha256}`)) continue;
    if (attributeId === undefined) continue;
    const { name, bytes, malware } = attachment;
    await insertAttachment(tx, {
      id: deps.ids.uuid(),
      eventId: event.id,
      attributeId,
      ownOnly: owner?.ownOnly ?? source.reporter.own.inText(name).length > 0,
      chunk: round,
      name,
      bytes,
      sha256,
      malware,
    });
    added += 1;
  }
  return added;
}

/** Whether somebody else than the owner may see any of it: else his change of his own parts would show in the event's time. */
function isShared(parts: AttributeChanges, objects: ObjectChanges, files: number): boolean {
  return (
    files > 0 ||
    parts.added.some((row) => !row.ownOnly) ||
    parts.changed.some(({ row, before }) => !row.ownOnly || !before.ownOnly) ||
    parts.removed.some((row) => !row.ownOnly) ||
    [...objects.added, ...objects.removed].some((object) => !object.ownOnly) ||
    objects.changed.some(({ object, before }) => !object.ownOnly || !before.ownOnly)
  );
}

type Head = Revision['head'] & Pick<EventRow, 'tags'>;

/** The fields of the head that are others now, each with what it was and is. */
function headChanges(event: EventRow, head: Head): Record<string, readonly [unknown, unknown]> {
  const names = ['info', 'date', 'threatLevel', 'analysis', 'tlp', 'pap', 'distribution', 'groupId', 'tags'] as const;
  const changes: Record<string, readonly [unknown, unknown]> = Object.fromEntries(
    names.flatMap((name) => (sameJson(event[name], head[name]) ? [] : [[name, [event[name], head[name]]]])),
  );
  if (!sameJson(sourceFields(event.extra), sourceFields(head.extra))) changes.extra = ['…', '…'];
  return changes;
}

/** The source's own fields. What is kept of the known ones for its export says nothing new. */
function sourceFields(extra: EventRow['extra']): unknown {
  const { draft: _draft, ...rest } = extra ?? {};
  return rest;
}

/** Named in a history, each with what it was: beyond this only the numbers. */
const namedMax = 200;

function changesOf(
  head: Readonly<Record<string, unknown>>,
  parts: AttributeChanges,
  objects: ObjectChanges,
  files: number,
): Readonly<Record<string, unknown>> {
  const items = [
    ...parts.added.map((row) => ({ op: 'add', id: row.id, type: row.draft.type, value: row.draft.value })),
    ...parts.changed.map(({ row, before }) => ({
      op: row.state === 'retracted' ? 'remove' : 'change',
      id: before.id,
      type: row.draft.type,
      value: row.draft.value,
      before: { type: before.type, value: before.value, comment: before.comment, toIds: before.toIds },
    })),
    ...parts.removed.map((row) => ({ op: 'remove', id: row.id, type: row.type, value: row.value })),
  ];
  return {
    head,
    attributes: { added: parts.added.length, changed: parts.changed.length, removed: parts.removed.length },
    objects: { added: objects.added.length, changed: objects.changed.length, removed: objects.removed.length },
    files,
    items: items.slice(0, namedMax),
  };
}

/** What is kept of a draft's head for its own format's export. */
export function headExtra(
  draft: Draft,
  said: { readonly tlp?: EventRow['tlp'] | undefined; readonly pap?: EventRow['pap'] | undefined },
  foreign: boolean,
) {
  return packExtra(draft.extra, {
    // What the source said where our own marking may differ.
    tlp: said.tlp ?? draft.tlp,
    pap: said.pap ?? draft.pap,
    // A foreign event without a marking or an author is given back without one; what was written here always says both.
    foreign: foreign ? true : undefined,
    distribution: draft.distribution,
    date: draft.date,
    threatLevel: draft.threatLevel,
    analysis: draft.analysis,
    timestamp: draft.timestamp,
    sightings: draft.sightings.length === 0 ? undefined : draft.sightings,
  });
}
