import type { Draft, DraftAttachment, DraftAttribute, DraftObject, DraftSighting, DraftTag, Extra } from './draft.ts';
import type { ShelfEvent, ShelfIndicator, ShelfObject } from './queries.ts';
import { unpackExtra } from './store.ts';

/**
 * An event as it lies on the shelf, as a draft again: what exports are written from. The inverse of storing one, for the parts the reader has.
 * `whole` is for its author: also those of the source's own fields that are marked for nobody else.
 */
export function toDraft(
  event: ShelfEvent,
  indicators: readonly ShelfIndicator[],
  objects: readonly ShelfObject[],
  attachments: readonly DraftAttachment[],
  whole = false,
): Draft {
  const leaving = (extra: Extra | undefined): Extra | undefined => (whole ? extra : (withoutNarrow(extra) as Extra | undefined));
  const { extra, draft } = unpackExtra(event.extra);
  const foreign = draft.foreign === true;
  const source = draft as Pick<Draft, 'date' | 'threatLevel' | 'analysis' | 'timestamp' | 'distribution' | 'tlp' | 'pap'> & {
    sightings?: readonly (Omit<DraftSighting, 'at'> & { at: string })[];
  };
  const own = new Map<string | null, ShelfIndicator[]>();
  for (const row of indicators) {
    const siblings = own.get(row.objectId);
    if (siblings === undefined) own.set(row.objectId, [row]);
    else siblings.push(row);
  }
  const attributesOf = (objectId: string | null): DraftAttribute[] => (own.get(objectId) ?? []).map((row) => attributeOf(row, leaving));
  return defined({
    uuid: event.uuid,
    info: event.info,
    date: event.date,
    threatLevel: event.threatLevel as Draft['threatLevel'],
    analysis: event.analysis as Draft['analysis'],
    timestamp: event.timestamp,
    // The stored marking is what holds. One that the source did not give is said only where it limits more than the default.
    tlp: foreign && source.tlp === undefined && event.tlp === 'amber' ? undefined : event.tlp,
    pap: foreign && source.pap === undefined && event.pap === 'green' ? undefined : event.pap,
    // A group of the source's means nothing here, so it is stored as the owner's own; given back it is what the source said.
    distribution: source.distribution === 'group' && event.distribution === 'entity' ? 'group' : event.distribution,
    author:
      event.authorName !== null
        ? { name: event.authorName, uuid: event.authorUuid ?? '' }
        : foreign
          ? undefined
          : { name: event.ownerName, uuid: event.ownerId },
    tags: event.tags ?? [],
    attributes: attributesOf(null),
    objects: objects.map((object) => objectOf(object, attributesOf(object.id), leaving)),
    attachments,
    sightings: (source.sightings ?? []).map((sighting) => ({ ...sighting, at: new Date(sighting.at) })),
    extra: leaving(extra),
  }) as Draft;
}

type Leaving = (extra: Extra | undefined) => Extra | undefined;

/**
 * What the source said in fields of its own may be marked more narrowly than the event: a report, a proposal or a cluster for its own
 * organisation (MISP's distribution 0) or for a group of its own (4). Those are for the author only, like parts that have a place of their own.
 */
function withoutNarrow(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isNarrow(item)).map(withoutNarrow);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([name, field]) => (isNarrow(field) ? [] : [[name, withoutNarrow(field)]])));
}

function isNarrow(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // A related event stands in a wrapper of its own.
  if ('Event' in value) return isNarrow(value.Event);
  if (!('distribution' in value)) return false;
  return ['0', '4'].includes(String(value.distribution));
}

function attributeOf(row: ShelfIndicator, leaving: Leaving): DraftAttribute {
  const { extra, draft } = unpackExtra(row.extra);
  const { timed, ...rest } = draft;
  return defined({
    uuid: row.id,
    type: row.type,
    category: row.category ?? undefined,
    value: row.value,
    toIds: row.toIds,
    comment: row.comment ?? '',
    timestamp: timed === false ? undefined : row.timestamp,
    objectRelation: row.relation ?? undefined,
    tags: (row.tags ?? []) as readonly DraftTag[],
    extra: leaving(extra),
    ...rest,
  }) as DraftAttribute;
}

/** One attribute with everything that its owner said of it. */
export const draftAttributeOf = (row: ShelfIndicator): DraftAttribute => attributeOf(row, (extra) => extra);

function objectOf(row: ShelfObject, attributes: readonly DraftAttribute[], leaving: Leaving): DraftObject {
  const { extra, draft } = unpackExtra(row.extra);
  return defined({
    uuid: row.id,
    name: row.name,
    metaCategory: row.metaCategory ?? undefined,
    comment: row.comment ?? undefined,
    timestamp: row.timestamp,
    attributes,
    references: (row.refs ?? []) as DraftObject['references'],
    extra: leaving(extra),
    ...draft,
  }) as DraftObject;
}

const defined = (fields: Readonly<Record<string, unknown>>): unknown =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
