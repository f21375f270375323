import { valueKinds } from '@rebato/contract';
import { defaultsFor } from '#values';
import type { JudgedRow, StateCount } from './own.ts';
import type { Found, ShelfAttachment, ShelfComment, ShelfEvent, ShelfIndicator, ShelfObject, ShelfSighting } from './queries.ts';
import type { EventRow } from './store.ts';

/** Rows to wire shapes: the only place where fields are chosen. Internal numbers, voices and keys stay here. */

const kindAt = (index: number) => valueKinds[index] ?? 'other';
const iso = (at: Date): string => at.toISOString();
const isoOrNull = (at: Date | null): string | null => at?.toISOString() ?? null;
const names = (tags: readonly { name: string }[] | null): string[] => (tags ?? []).map((tag) => tag.name);

export const presentHead = (event: ShelfEvent) => ({
  id: event.id,
  uuid: event.uuid,
  title: event.info,
  date: event.date,
  owner: { id: event.ownerId, name: event.ownerName },
  author: event.authorName === null ? null : { name: event.authorName, uuid: event.authorUuid },
  tlp: event.tlp,
  pap: event.pap,
  distribution: event.distribution,
  threatLevel: event.threatLevel,
  analysis: event.analysis,
  publishedAt: iso(event.publishedAt),
  releasedAt: iso(event.releasedAt),
  consolidated: event.consolidated,
  indicators: event.attributeCount,
  tags: names(event.tags),
});

export const presentIndicator = (row: ShelfIndicator) => ({
  id: row.id,
  type: row.type,
  category: row.category ?? defaultsFor(row.type)?.category ?? '',
  value: row.value,
  canonical: row.canonical ?? row.value,
  kind: kindAt(row.kind),
  toIds: row.toIds,
  blockable: row.blockable,
  comment: row.comment ?? '',
  objectId: row.objectId,
  relation: row.relation,
  firstSeen: isoOrNull(row.firstSeen),
  lastSeen: isoOrNull(row.lastSeen),
  tags: names(row.tags),
});

export const presentParts = (
  objects: readonly ShelfObject[],
  comments: readonly ShelfComment[],
  attachments: readonly ShelfAttachment[],
) => ({
  objects: objects.map((object) => ({ id: object.id, name: object.name, comment: object.comment })),
  comments: comments.map((comment) => ({ id: comment.id, by: comment.entityName, at: iso(comment.at), text: comment.text })),
  attachments: attachments.map(({ id, name, bytes, sha256, malware }) => ({ id, name, bytes, sha256, malware })),
});

export const presentOwn = (event: EventRow, counts: readonly StateCount[]) => ({
  id: event.id,
  uuid: event.uuid,
  title: event.info,
  state: event.state,
  tlp: event.tlp,
  pap: event.pap,
  distribution: event.distribution,
  arrivedAt: iso(event.arrivedAt),
  publishedAt: isoOrNull(event.publishedAt),
  consolidatedAt: isoOrNull(event.consolidatedAt),
  reason: event.retractReason,
  indicators: event.attributeCount,
  states: counts.filter((count) => count.eventId === event.id).map((count) => ({ state: count.state, rule: count.rule, count: count.n })),
});

export const presentJudged = (row: JudgedRow) => ({
  id: row.id,
  type: row.type,
  value: row.value,
  canonical: row.canonical ?? row.value,
  kind: kindAt(row.kind),
  state: row.state,
  blockable: row.blockable,
  rule: row.rule,
  reason: row.reason,
  comment: row.comment ?? '',
});

export const presentFound = (found: Found) => ({
  id: found.eventId,
  title: found.info,
  owner: found.ownerName,
  tlp: found.tlp,
  type: found.type,
  comment: found.comment ?? '',
  releasedAt: iso(found.releasedAt),
});

export const presentSighting = (row: ShelfSighting) => ({ id: row.id, type: row.type, at: iso(row.at), by: row.entityName });
