import { defaultsFor } from '#values';
import type { Draft, DraftAttachment, DraftAttribute, DraftObject, DraftSighting, DraftTag, Extra } from '../draft.ts';
import { markingsOf, papOfTag, papTag, tlpOfTag, tlpTag } from '../taxonomies/markings.ts';
import { isObject, type JsonObject } from './json.ts';
import { distributionNumber } from './misp-fields.ts';

/**
 * `local`: with what is only for its own server, which are local tags and the creator's mail address. By default they stay behind, because
 * what is exported usually leaves.
 */
export type MispExportOptions = { readonly local?: boolean };

/** An event as MISP writes it: numbers as text, booleans as such, UUIDs and times as they came. Tags follow the markings of the draft. */
export function toMisp(draft: Draft, options: MispExportOptions = {}): { readonly Event: JsonObject } {
  const local = options.local ?? false;
  const extra = { ...extraFields(draft.extra) };
  const authorRest = isObject(extra.OrgcRest) ? extra.OrgcRest : undefined;
  delete extra.OrgcRest;
  if (!local) delete extra.event_creator_email;
  const parts = partsByAttribute(draft);
  const author = draft.author || authorRest ? { Orgc: { ...authorRest, ...draft.author } } : {};
  const attributes = draft.attributes.map((attribute) => exportAttribute(attribute, parts, local));
  const objects = draft.objects.map((object) => exportObject(object, parts, local));
  const count = attributes.length + draft.objects.reduce((sum, object) => sum + object.attributes.length, 0);
  const sightings = parts.sightings.get('') ?? [];
  return {
    Event: {
      published: false,
      ...extra,
      ...defined({
        uuid: draft.uuid,
        info: draft.info,
        date: draft.date,
        threat_level_id: number(draft.threatLevel),
        analysis: number(draft.analysis),
        timestamp: number(draft.timestamp),
        distribution: draft.distribution && String(distributionNumber(draft.distribution)),
        attribute_count: String(count),
      }),
      ...author,
      Tag: exportTags(markedTags(draft), local),
      Attribute: attributes,
      Object: objects,
      ...(sightings.length > 0 && { Sighting: sightings }),
    },
  };
}

const number = (value: number | undefined): string | undefined => (value === undefined ? undefined : String(value));
const defined = (fields: JsonObject): JsonObject => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
const extraFields = (extra: Extra | undefined): JsonObject & Record<string, unknown> => (isObject(extra?.misp) ? extra.misp : {});

/**
 * The tags with the draft's own markings among them: a stored marking may be narrower than the tag that it came with, or have come without a
 * tag. Then the tags of that family give way to one that says it.
 */
function markedTags(marked: {
  readonly tags: readonly DraftTag[];
  readonly tlp?: Draft['tlp'];
  readonly pap?: Draft['pap'];
}): readonly DraftTag[] {
  const said = markingsOf(marked.tags);
  let tags = marked.tags;
  if (marked.tlp !== undefined && marked.tlp !== said.tlp)
    tags = [...tags.filter((tag) => tlpOfTag(tag.name) === undefined), { name: tlpTag(marked.tlp) }];
  if (marked.pap !== undefined && marked.pap !== said.pap)
    tags = [...tags.filter((tag) => papOfTag(tag.name) === undefined), { name: papTag(marked.pap) }];
  return tags;
}

/** A local marking tag is exported all the same when it limits: leaving it out would widen. */
function exportTags(tags: readonly DraftTag[], local: boolean): JsonObject[] {
  return tags
    .filter((tag) => local || !tag.local || tlpOfTag(tag.name) !== undefined || papOfTag(tag.name) !== undefined)
    .map((tag) => ({
      ...extraFields(tag.extra),
      ...defined({ name: tag.name, colour: tag.colour }),
      ...(tag.local && local && { local: true }),
    }));
}

type Parts = { readonly files: Map<string, DraftAttachment>; readonly sightings: Map<string, JsonObject[]> };

/** What belongs to attributes, by the attribute's UUID; files of attributes without one, by their names; sightings of the event itself under ''. */
function partsByAttribute(draft: Draft): Parts {
  const files = new Map<string, DraftAttachment>();
  for (const file of draft.attachments) files.set(file.attributeUuid ?? fileKey(file.name), file);
  const sightings = new Map<string, JsonObject[]>();
  for (const sighting of draft.sightings) {
    // One that carries its attribute's UUID in the source stood beside the attributes, not inside one.
    const key = 'attribute_uuid' in extraFields(sighting.extra) ? '' : (sighting.attributeUuid ?? '');
    const already = sightings.get(key);
    if (already) already.push(exportSighting(sighting));
    else sightings.set(key, [exportSighting(sighting)]);
  }
  return { files, sightings };
}

const fileKey = (name: string): string => `name:${name}`;
const sightingNumbers = { seen: '0', false_positive: '1', expired: '2' } as const;

function exportSighting(sighting: DraftSighting): JsonObject {
  return {
    ...extraFields(sighting.extra),
    ...defined({
      uuid: sighting.uuid,
      type: sightingNumbers[sighting.type],
      date_sighting: String(Math.floor(sighting.at.getTime() / 1000)),
      source: sighting.source,
      value: sighting.value,
    }),
  };
}

/** One attribute alone, as the attribute calls of the API answer it. */
export function toMispAttribute(attribute: DraftAttribute, options: MispExportOptions = {}): JsonObject {
  return exportAttribute(attribute, { files: new Map(), sightings: new Map() }, options.local ?? false);
}

/** One object alone, likewise. */
export function toMispObject(object: DraftObject, options: MispExportOptions = {}): JsonObject {
  return exportObject(object, { files: new Map(), sightings: new Map() }, options.local ?? false);
}

function exportAttribute(attribute: DraftAttribute, parts: Parts, local: boolean): JsonObject {
  const defaults = defaultsFor(attribute.type);
  const name = attribute.type === 'malware-sample' ? attribute.value.split('|', 1)[0] : attribute.value;
  const file = parts.files.get(attribute.uuid ?? fileKey(name ?? ''));
  const sightings = attribute.uuid === undefined ? undefined : parts.sightings.get(attribute.uuid);
  const tags = exportTags(markedTags(attribute), local);
  return {
    ...extraFields(attribute.extra),
    ...defined({
      uuid: attribute.uuid,
      type: attribute.type,
      category: attribute.category ?? defaults?.category,
      to_ids: attribute.toIds ?? defaults?.toIds ?? false,
      value: attribute.value,
      comment: attribute.comment ?? '',
      first_seen: attribute.firstSeen ?? null,
      last_seen: attribute.lastSeen ?? null,
      timestamp: number(attribute.timestamp),
      deleted: attribute.deleted ?? false,
      object_relation: attribute.objectRelation ?? null,
      distribution: attribute.distribution ? String(distributionNumber(attribute.distribution)) : '5',
    }),
    ...(file && { data: file.bytes.toString('base64') }),
    ...(tags.length > 0 && { Tag: tags }),
    ...(sightings && { Sighting: sightings }),
  };
}

function exportObject(object: DraftObject, parts: Parts, local: boolean): JsonObject {
  return {
    ...extraFields(object.extra),
    ...defined({
      uuid: object.uuid,
      name: object.name,
      'meta-category': object.metaCategory,
      template_uuid: object.templateUuid,
      template_version: object.templateVersion,
      description: object.description,
      comment: object.comment ?? '',
      timestamp: number(object.timestamp),
      deleted: object.deleted ?? false,
      distribution: object.distribution ? String(distributionNumber(object.distribution)) : '5',
      first_seen: object.firstSeen ?? null,
      last_seen: object.lastSeen ?? null,
    }),
    Attribute: object.attributes.map((attribute) => exportAttribute(attribute, parts, local)),
    ObjectReference: object.references.map((reference) => ({
      ...extraFields(reference.extra),
      ...defined({
        uuid: reference.uuid,
        object_uuid: object.uuid,
        referenced_uuid: reference.target,
        relationship_type: reference.relation,
        comment: reference.comment ?? '',
      }),
    })),
  };
}
