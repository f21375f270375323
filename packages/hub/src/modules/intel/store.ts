import type { Distribution, Pap, Tlp } from '@rebato/contract';
import type { CopyValue, Db, Tx } from '#platform/db';
import type { DraftAttribute, DraftObject, Extra } from './draft.ts';
import { categoryOf, type JudgedAttribute, type JudgedObject, kindIndex, tagsOf } from './normalise.ts';

/** All SQL of the write side. Tables of schema `intel`. */

export type EventState = 'assessing' | 'published' | 'rejected' | 'retracted';
export type AttributeState = 'pending' | 'accepted' | 'held' | 'refused' | 'rejected' | 'retracted';

export type ReportRow = {
  readonly id: string;
  readonly entityId: string;
  readonly socId: string | null;
  readonly actorKind: string;
  readonly actorId: string;
  readonly personId: string | null;
  readonly receivedAt: Date;
  readonly channel: string;
  readonly format: string;
  readonly idempotencyKey: string | null;
  readonly digest: string;
  readonly raw: Buffer | null;
  readonly events: readonly string[];
};

export type EventRow = {
  readonly id: string;
  readonly reportId: string;
  readonly uuid: string;
  readonly ownerId: string;
  readonly ownerName: string;
  readonly voice: string;
  readonly authorName: string | null;
  readonly authorUuid: string | null;
  readonly info: string;
  readonly date: string;
  readonly threatLevel: number;
  readonly analysis: number;
  readonly tlp: Tlp;
  readonly pap: Pap;
  readonly distribution: Distribution;
  readonly groupId: string | null;
  readonly timestamp: number;
  readonly confidence: number;
  readonly arrivedAt: Date;
  readonly state: EventState;
  readonly publishedAt: Date | null;
  readonly consolidatedAt: Date | null;
  readonly retractedAt: Date | null;
  readonly retractReason: string | null;
  readonly claimedBy: string | null;
  readonly claimedAt: Date | null;
  readonly chunks: number;
  readonly rounds: number;
  readonly revision: number | null;
  readonly review: boolean;
  readonly attributeCount: number;
  readonly danger: number;
  readonly tags: unknown;
  readonly extra: Extra | null;
  /** What others read, where that is not what its author wrote. */
  readonly told: { readonly info: string; readonly tags?: unknown; readonly extra?: Extra | null } | null;
};

export async function findIdempotent(
  db: Db,
  entityId: string,
  key: string,
): Promise<{ id: string; digest: string; events: string[]; receivedAt: Date } | undefined> {
  return db.one`select id, digest, events, received_at from intel.report where entity_id = ${entityId} and idempotency_key = ${key}`;
}

/** Returns false when another request with the same key was first. */
export async function insertReport(tx: Tx, row: ReportRow): Promise<boolean> {
  const rows = await tx.run`
    insert into intel.report (id, entity_id, soc_id, actor_kind, actor_id, person_id, received_at, channel, format, idempotency_key, digest, raw, events)
    values (${row.id}, ${row.entityId}, ${row.socId}, ${row.actorKind}, ${row.actorId}, ${row.personId}, ${row.receivedAt}, ${row.channel},
            ${row.format}, ${row.idempotencyKey}, ${row.digest}, ${row.raw}, ${row.events})
    on conflict (entity_id, idempotency_key) where idempotency_key is not null do nothing`;
  return rows === 1;
}

/** What is missing is as it was written: a JSON null would count as said. */
export const onlySaid = (fields: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== null));

/** Returns false when the owner has an event with this source UUID already. */
export async function insertEvent(tx: Tx, row: EventRow): Promise<boolean> {
  const rows = await tx.run`
    insert into intel.event (id, report_id, uuid, owner_id, owner_name, voice, author_name, author_uuid, info, date, threat_level, analysis, tlp, pap,
                             distribution, group_id, timestamp, confidence, arrived_at, state, published_at, chunks, rounds, attribute_count, danger, tags, extra, told)
    values (${row.id}, ${row.reportId}, ${row.uuid}, ${row.ownerId}, ${row.ownerName}, ${row.voice}, ${row.authorName}, ${row.authorUuid}, ${row.info},
            ${row.date}, ${row.threatLevel}, ${row.analysis}, ${row.tlp}, ${row.pap}, ${row.distribution}, ${row.groupId}, ${row.timestamp},
            ${row.confidence}, ${row.arrivedAt}, ${row.state}, ${row.publishedAt}, ${row.chunks}, ${row.rounds}, ${row.attributeCount}, ${row.danger},
            ${row.tags === null ? null : tx.json(row.tags)}, ${row.extra === null ? null : tx.json(row.extra)},
            ${row.told === null ? null : tx.json(onlySaid(row.told))})
    on conflict (owner_id, uuid) where state <> 'rejected' do nothing`;
  return rows === 1;
}

const attributeColumns = [
  'id',
  'event_id',
  'vkey',
  'vkey2',
  'object_id',
  'first_seen',
  'last_seen',
  'timestamp',
  'chunk',
  'revision',
  'kind',
  'state',
  'to_ids',
  'blockable',
  'own_only',
  'type',
  'value',
  'canonical',
  'category',
  'relation',
  'comment',
  'rule',
  'reason',
  'tags',
  'extra',
  'told',
] as const;

/** When an attribute travels: the chunk or round of its value, and the round of the last change to the rest. */
export type Travels = { readonly chunk: number; readonly revision: number | null };
export type AttributeRow = Omit<JudgedAttribute, 'state'> & { readonly state: AttributeState };

/** Attributes in the order given. */
export async function insertAttributes(
  tx: Tx,
  eventId: string,
  timestamp: number,
  rows: readonly AttributeRow[],
  travelsOf: (index: number) => Travels,
): Promise<void> {
  const json = (value: unknown): string | null => (value === null || value === undefined ? null : JSON.stringify(value));
  function* lines(): Generator<readonly CopyValue[]> {
    for (const [index, row] of rows.entries()) {
      const draft = row.draft;
      const { chunk, revision } = travelsOf(index);
      yield [
        row.id,
        eventId,
        row.vkey,
        row.vkey2,
        row.objectId,
        draft.firstSeen ?? null,
        draft.lastSeen ?? null,
        draft.timestamp ?? timestamp,
        chunk,
        revision,
        kindIndex[row.kind],
        row.state,
        row.toIds,
        row.blockable,
        row.ownOnly,
        draft.type,
        draft.value,
        row.canonical === draft.value ? null : row.canonical,
        categoryOf(draft),
        draft.objectRelation ?? null,
        draft.comment === undefined || draft.comment === '' ? null : draft.comment,
        row.rule,
        row.reason,
        json(tagsOf(draft.tags)),
        json(attributeExtra(draft, timestamp)),
        row.told === undefined
          ? null
          : json(onlySaid({ comment: row.told.comment ?? null, tags: tagsOf(row.told.tags), extra: attributeExtra(row.told, timestamp) })),
      ];
    }
  }
  await tx.copy('intel.attribute', attributeColumns, lines());
}

/**
 * What has no column goes into `extra`: the source's unknown fields as they came, and under `draft` the known ones that only an export needs.
 * `unpackExtra` takes them apart again.
 */
export function packExtra(extra: Extra | undefined, draft: Readonly<Record<string, unknown>>): Extra | null {
  const kept = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
  const whole = { ...extra, ...(Object.keys(kept).length === 0 ? {} : { draft: kept }) };
  return Object.keys(whole).length === 0 ? null : whole;
}

export function unpackExtra(extra: Extra | null): { readonly extra: Extra | undefined; readonly draft: Readonly<Record<string, unknown>> } {
  if (extra === null) return { extra: undefined, draft: {} };
  const { draft, ...rest } = extra;
  return { extra: Object.keys(rest).length === 0 ? undefined : rest, draft: (draft ?? {}) as Readonly<Record<string, unknown>> };
}

export const attributeExtra = (
  { deleted, distribution, tlp, pap, extra, firstSeen, lastSeen, timestamp }: DraftAttribute,
  eventTimestamp: number,
): Extra | null =>
  packExtra(extra, {
    deleted,
    distribution,
    tlp,
    pap,
    firstSeen,
    lastSeen,
    timed: timestamp === undefined && eventTimestamp > 0 ? false : undefined,
  });

export async function insertObjects(
  tx: Tx,
  eventId: string,
  timestamp: number,
  objects: readonly JudgedObject[],
  travels: Travels = { chunk: 0, revision: null },
): Promise<void> {
  for (const { id, ownOnly, draft, told } of objects) {
    const written = wordsOf(draft);
    await tx.run`
      insert into intel.object (id, event_id, own_only, chunk, revision, name, meta_category, comment, timestamp, refs, extra, told)
      values (${id}, ${eventId}, ${ownOnly}, ${travels.chunk}, ${travels.revision}, ${draft.name}, ${draft.metaCategory ?? null}, ${written.comment}, ${draft.timestamp ?? timestamp},
              ${written.refs === null ? null : tx.json(written.refs)}, ${written.extra === null ? null : tx.json(written.extra)},
              ${told === undefined ? null : tx.json(onlySaid(wordsOf(told)))})`;
  }
}

export const wordsOf = (draft: DraftObject) => {
  const { templateUuid, templateVersion, description, deleted, distribution, firstSeen, lastSeen } = draft;
  return {
    comment: draft.comment ?? null,
    refs: draft.references.length === 0 ? null : draft.references,
    extra: packExtra(draft.extra, { templateUuid, templateVersion, description, deleted, distribution, firstSeen, lastSeen }),
  };
};

export async function insertAttachment(
  tx: Tx,
  row: {
    readonly id: string;
    readonly eventId: string;
    readonly attributeId: string | null;
    readonly ownOnly: boolean;
    readonly chunk: number;
    readonly name: string;
    readonly bytes: Buffer;
    readonly sha256: string;
    readonly malware: boolean;
  },
): Promise<void> {
  await tx.run`insert into intel.blob (sha256, bytes) values (${row.sha256}, ${row.bytes}) on conflict (sha256) do nothing`;
  await tx.run`
    insert into intel.attachment (id, event_id, attribute_id, own_only, chunk, name, bytes, sha256, malware)
    values (${row.id}, ${row.eventId}, ${row.attributeId}, ${row.ownOnly}, ${row.chunk}, ${row.name}, ${row.bytes.length}, ${row.sha256}, ${row.malware})`;
}

/** Locks the row, so that two decisions at once end as two steps and not as a mixture. */
export async function lockEvent(tx: Tx, eventId: string): Promise<EventRow | undefined> {
  return tx.one<EventRow>`select ${eventColumns(tx)} from intel.event e where e.id = ${eventId} for update`;
}

export async function readEventRow(db: Db, eventId: string): Promise<EventRow | undefined> {
  return db.one<EventRow>`select ${eventColumns(db)} from intel.event e where e.id = ${eventId}`;
}

export const eventColumns = (db: Db) => db.sql`
  e.id, e.report_id, e.uuid, e.owner_id, e.owner_name, e.voice, e.author_name, e.author_uuid, e.info, e.date::text as date, e.threat_level, e.analysis,
  e.tlp, e.pap, e.distribution, e.group_id, e.timestamp, e.confidence, e.arrived_at, e.state, e.published_at, e.consolidated_at, e.retracted_at,
  e.retract_reason, e.claimed_by, e.claimed_at, e.chunks, e.rounds, e.revision, e.review, e.attribute_count, e.danger, e.tags, e.extra, e.told`;

export async function markPublished(tx: Tx, eventId: string, at: Date, chunks: number): Promise<void> {
  await tx.run`update intel.event set state = 'published', published_at = coalesce(published_at, ${at}), chunks = ${chunks}, rounds = ${chunks}, claimed_by = null, retract_reason = null where id = ${eventId}`;
}

export async function markState(tx: Tx, eventId: string, state: 'rejected' | 'retracted', at: Date, reason: string): Promise<void> {
  await tx.run`update intel.event set state = ${state}, retracted_at = ${at}, retract_reason = ${reason}, claimed_by = null where id = ${eventId}`;
}

export async function markConsolidated(tx: Tx, eventId: string, at: Date): Promise<void> {
  await tx.run`update intel.event set consolidated_at = coalesce(consolidated_at, ${at}) where id = ${eventId}`;
}

/** Attributes of one event in a state become another state. Returns how many. */
export async function moveAttributes(
  tx: Tx,
  eventId: string,
  change: {
    readonly ids: readonly string[] | 'all';
    readonly from: readonly AttributeState[];
    readonly to: AttributeState;
    readonly reason: string | null;
  },
): Promise<number> {
  return tx.run`
    update intel.attribute
       set state = ${change.to}, reason = coalesce(${change.reason}, reason)
     where event_id = ${eventId}
       and state = any (${change.from as string[]})
       and (${change.ids === 'all'} or id = any (${change.ids === 'all' ? [] : (change.ids as string[])}::uuid[]))`;
}
