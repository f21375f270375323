import type { Draft, DraftAttachment, DraftAttribute, DraftObject, DraftSighting, DraftTag, Extra } from './draft.ts';
import type { ShelfEvent, ShelfIndicator, ShelfObject } from './queries.ts';
import { unpackExtra } from './store.ts';

/** An event as it lies on the shelf, as a draft again: what exports are written from. The inverse of storing one, for the parts the reader has. */
export function toDraft(
  event: ShelfEvent,
  indicators: readonly ShelfIndicator[],
  objects: readonly ShelfObject[],
  attachments: readonly DraftAttachment[],
): Draft {
  const { extra, draft } = unpackExtra(event.extra);
  const source = draft as Pick<Draft, 'date' | 'threatLevel' | 'analysis' | 'timestamp' | 'distribution' | 'tlp' | 'pap'> & {
    sightings?: readonly (Omit<DraftSighting, 'at'> & { at: string })[];
  };
  const own = new Map<string | null, ShelfIndicator[]>();
  for (const row of indicators) own.set(row.objectId, [...(own.get(row.objectId) ?? []), row]);
  const attributesOf = (objectId: string | null): DraftAttribute[] => (own.get(objectId) ?? []).map((row) => attributeOf(row));
  return defined({
    uuid: event.uuid,
    info: event.info,
    date: event.date,
    threatLevel: event.threatLevel as Draft['threatLevel'],
    analysis: event.analysis as Draft['analysis'],
    timestamp: event.timestamp,
    // The stored marking is what holds. One that the source did not give is said only where it limits more than the default.
    tlp: source.tlp === undefined && event.tlp === 'amber' ? undefined : event.tlp,
    pap: source.pap === undefined && event.pap === 'green' ? undefined : event.pap,
    distribution: source.distribution ?? event.distribution,
    author: event.authorName === null ? undefined : { name: event.authorName, uuid: event.authorUuid ?? '' },
    tags: event.tags ?? [],
    attributes: attributesOf(null),
    objects: objects.map((object) => objectOf(object, attributesOf(object.id))),
    attachments,
    sightings: (source.sightings ?? []).map((sighting) => ({ ...sighting, at: new Date(sighting.at) })),
    extra,
  }) as Draft;
}

function attributeOf(row: ShelfIndicator): DraftAttribute {
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
    extra: extra as Extra | undefined,
    ...rest,
  }) as DraftAttribute;
}

function objectOf(row: ShelfObject, attributes: readonly DraftAttribute[]): DraftObject {
  const { extra, draft } = unpackExtra(row.extra);
  return defined({
    uuid: row.id,
    name: row.name,
    metaCategory: row.metaCategory ?? undefined,
    comment: row.comment ?? undefined,
    timestamp: row.timestamp,
    attributes,
    references: (row.refs ?? []) as DraftObject['references'],
    extra: extra as Extra | undefined,
    ...draft,
  }) as DraftObject;
}

const defined = (fields: Readonly<Record<string, unknown>>): unknown =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
