import { defaultsFor, isCategory, typesOf } from '#values';
import type { DraftAttachment, DraftAttribute, DraftObject, DraftSighting, DraftTag } from '../draft.ts';
import { markingsOf } from '../taxonomies/markings.ts';
import { decodeBase64 } from './base64.ts';
import { notEncryptedZip } from './encrypted-zip.ts';
import { isObject } from './json.ts';
import {
  attachmentMaxBytes,
  attachmentNameMaxChars,
  attachmentsMax,
  attachmentsMaxBytes,
  attributesMax,
  tagsMax,
  valueMaxChars,
} from './limits.ts';
import { choice, distribution, type Fields, flag, list, moment, seconds, text, uuid } from './misp-fields.ts';
import { attributeModel, extraOf, objectModel, referenceModel, sightingModel, tagModel } from './misp-shape.ts';
import { type Notes, type Path, pathTo, quote } from './notes.ts';

/** What hangs on attributes but belongs to the event of a draft. */
export type Gathered = { readonly attachments: DraftAttachment[]; readonly sightings: DraftSighting[]; attachedBytes: number };
export const gather = (): Gathered => ({ attachments: [], sightings: [], attachedBytes: 0 });

const given = <K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [key in K]: V });

export function readTags(fields: Fields): DraftTag[] {
  const tags: DraftTag[] = [];
  for (const member of tagMembers(fields)) {
    const name = text(member, 'name', 1_000);
    if (name === undefined) {
      member.notes.problem(pathTo(member.path, 'name'), 'a tag has no name');
      continue;
    }
    const colour = text(member, 'colour', 100);
    tags.push({ name, ...given('colour', colour), ...(flag(member, 'local') && { local: true }), ...extraOf(tagModel, member.source) });
  }
  return tags;
}

/** `Tag: [{name}]`, `Tag: ["name"]`, or the join rows `EventTag: [{Tag: {name}}]` that some listings carry. */
function tagMembers(fields: Fields): Fields[] {
  const tag = fields.source.Tag;
  const named = Array.isArray(tag) ? tag.map((one) => (typeof one === 'string' ? { name: one } : one)) : tag;
  const members = list({ ...fields, source: { Tag: named } }, 'Tag', tagsMax);
  const joins = fields.source.EventTag === undefined ? 'AttributeTag' : 'EventTag';
  if (members.length > 0 || fields.source[joins] === undefined) return members;
  return list(fields, joins, tagsMax).map((join) => {
    const inner = join.source.Tag;
    return isObject(inner)
      ? { ...join, path: pathTo(join.path, 'Tag'), source: { ...inner, local: join.source.local ?? inner.local } }
      : join;
  });
}

/** Marking warnings are said where the tag stands. */
export function readMarkings(notes: Notes, path: Path | undefined, tags: readonly DraftTag[]): Pick<DraftAttribute, 'tlp' | 'pap'> {
  const { unclear, ...markings } = markingsOf(tags);
  for (const name of unclear) notes.warn(pathTo(path, 'Tag'), `the marking ${quote(name)} is not a known one; it counts as red`);
  return markings;
}

const sightingTypes = ['seen', 'false_positive', 'expired'] as const;

export function readSightings(fields: Fields, attributeUuid?: string): DraftSighting[] {
  return list(fields, 'Sighting', attributesMax).flatMap((member) => {
    const at = seconds(member, 'date_sighting');
    const type = sightingTypes[choice(member, 'type', [0, 1, 2]) ?? 0];
    if (at === undefined || type === undefined) {
      if (at === undefined) member.notes.problem(pathTo(member.path, 'date_sighting'), 'a sighting has no time');
      return [];
    }
    const own =
      attributeUuid ?? (typeof member.source.attribute_uuid === 'string' ? member.source.attribute_uuid.toLowerCase() : undefined);
    return {
      ...given('uuid', uuid(member, 'uuid')),
      ...given('value', text(member, 'value', valueMaxChars)),
      ...given('attributeUuid', own),
      type,
      at: new Date(at * 1000),
      ...given('source', text(member, 'source', 1_000)),
      ...extraOf(sightingModel, member.source),
    };
  });
}

export function readAttribute(fields: Fields, gathered: Gathered): DraftAttribute | undefined {
  const { notes, path, source } = fields;
  const type = text(fields, 'type', 100);
  const value = text(fields, 'value', valueMaxChars);
  const deleted = flag(fields, 'deleted');
  if (type === undefined) notes.problem(pathTo(path, 'type'), 'an attribute has no type');
  if (value === undefined && !notes.failed) notes.problem(pathTo(path, 'value'), 'an attribute has no value');
  if (type === undefined || value === undefined) return undefined;
  const defaults = defaultsFor(type);
  const category = text(fields, 'category', 100);
  if (!defaults) notes.warn(pathTo(path, 'type'), `${quote(type)} is no known attribute type; it is kept as it is and never acted upon`);
  else if (category !== undefined && !isCategory(category)) notes.warn(pathTo(path, 'category'), `${quote(category)} is no known category`);
  else if (category !== undefined && !typesOf(category).includes(type))
    notes.warn(pathTo(path, 'category'), `${type} does not belong into ${quote(category)}`);
  const tags = readTags(fields);
  const own = uuid(fields, 'uuid');
  const attribute: DraftAttribute = {
    ...given('uuid', own),
    type,
    ...given('category', category),
    value,
    // Nothing unknown is made actionable by default.
    toIds: flag(fields, 'to_ids') ?? defaults?.toIds ?? false,
    ...given('comment', text(fields, 'comment', valueMaxChars)),
    ...given('firstSeen', moment(fields, 'first_seen')),
    ...given('lastSeen', moment(fields, 'last_seen')),
    ...given('timestamp', seconds(fields, 'timestamp')),
    ...(deleted && { deleted }),
    ...given('objectRelation', text(fields, 'object_relation', 255)),
    ...given('distribution', distribution(fields)),
    ...(tags.length > 0 ? readMarkings(notes, path, tags) : {}),
    tags,
    ...extraOf(attributeModel, source),
  };
  if (source.data !== undefined && source.data !== null && source.data !== '') readAttachment(fields, attribute, gathered);
  if (source.Sighting !== undefined) gathered.sightings.push(...readSightings(fields, own));
  return attribute;
}

/**
 * Samples of malware enter only inside password-protected archives, so that no scanner, preview or careless hand runs one. The name of a sample
 * stands before the `|` of its value.
 */
function readAttachment(fields: Fields, attribute: DraftAttribute, gathered: Gathered): void {
  const malware = attribute.type === 'malware-sample';
  const refuse = (message: string) => fields.notes.problem(pathTo(fields.path, 'data'), message);
  const bytes = decodeBase64(fields.source.data, attachmentMaxBytes);
  if (typeof bytes === 'string') {
    refuse(bytes);
    return;
  }
  const plain = malware ? notEncryptedZip(bytes) : undefined;
  gathered.attachedBytes += bytes.length;
  if (plain) refuse(`a malware sample must come inside a password-protected ZIP archive: ${plain}`);
  else if (gathered.attachments.length >= attachmentsMax) refuse(`there are more than ${attachmentsMax} attached files`);
  else if (gathered.attachedBytes > attachmentsMaxBytes) refuse(`the attached files have more than ${attachmentsMaxBytes} bytes together`);
  else {
    const name = malware ? (attribute.value.split('|', 1)[0] ?? '') : attribute.value;
    gathered.attachments.push({ name: attachmentName(name), bytes, malware, ...given('attributeUuid', attribute.uuid) });
  }
}

/** A name without path and control characters, so that it can be shown and offered for saving. */
export function attachmentName(raw: string): string {
  const base = raw.slice(raw.search(/[^/\\]*$/)).replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
  const name = base.trim().slice(0, attachmentNameMaxChars);
  return name === '' || /^\.+$/.test(name) ? 'unnamed' : name;
}

export function readObject(fields: Fields, gathered: Gathered): DraftObject | undefined {
  const { notes, path, source } = fields;
  const name = text(fields, 'name', 255);
  if (name === undefined) {
    notes.problem(pathTo(path, 'name'), 'an object has no name');
    return undefined;
  }
  const deleted = flag(fields, 'deleted');
  const attributes = list(fields, 'Attribute', attributesMax).map((member) => readAttribute(member, gathered));
  const references = list(fields, 'ObjectReference', attributesMax).flatMap((member) => {
    const target = uuid(member, 'referenced_uuid');
    if (target === undefined && !notes.failed) notes.problem(pathTo(member.path, 'referenced_uuid'), 'a reference has no target');
    if (target === undefined) return [];
    return {
      ...given('uuid', uuid(member, 'uuid')),
      target,
      relation: text(member, 'relationship_type', 255) ?? '',
      ...given('comment', text(member, 'comment', valueMaxChars)),
      ...extraOf(referenceModel, member.source),
    };
  });
  return {
    ...given('uuid', uuid(fields, 'uuid')),
    name,
    ...given('metaCategory', text(fields, 'meta-category', 255)),
    ...given('templateUuid', uuid(fields, 'template_uuid')),
    ...given('templateVersion', text(fields, 'template_version', 100)),
    ...given('description', text(fields, 'description', valueMaxChars)),
    ...given('comment', text(fields, 'comment', valueMaxChars)),
    ...given('timestamp', seconds(fields, 'timestamp')),
    ...(deleted && { deleted }),
    ...given('distribution', distribution(fields)),
    ...given('firstSeen', moment(fields, 'first_seen')),
    ...given('lastSeen', moment(fields, 'last_seen')),
    attributes: attributes.filter((attribute) => attribute !== undefined),
    references,
    ...extraOf(objectModel, source),
  };
}
