import type { JsonObject } from './json.ts';

/**
 * What of each MISP model has a place of its own in a draft, what means something on its own server only, and what MISP assumes when a field is
 * missing. Everything else is kept verbatim in `extra.misp`. So two documents that differ in these ways alone are the same content for us:
 * server-local ids and derived counters left out; a default value, null or an empty text written out or left out; numbers and booleans written
 * as such or as text; UUIDs in either case.
 */
export type Model = {
  /** Fields that the codec reads into the draft. */
  readonly read: ReadonlySet<string>;
  /** Row numbers and counters of the server that wrote the file. */
  readonly local: ReadonlySet<string>;
  /** Values that are the same as nothing. */
  readonly defaults: Readonly<Record<string, readonly (string | readonly never[])[]>>;
};

const none: readonly never[] = [];
const off = ['0', 'false', ''];

export const eventModel: Model = {
  read: new Set([
    'uuid',
    'info',
    'date',
    'threat_level_id',
    'analysis',
    'timestamp',
    'distribution',
    'Orgc',
    'Tag',
    'EventTag',
    'Attribute',
    'Object',
    'Sighting',
  ]),
  local: new Set(['id', 'org_id', 'orgc_id', 'attribute_count', 'orgc_uuid_id', 'sighting_timestamp']),
  defaults: {
    sharing_group_id: off,
    published: off,
    publish_timestamp: off,
    proposal_email_lock: off,
    locked: off,
    disable_correlation: off,
    protected: off,
    extends_uuid: [''],
    event_creator_email: [''],
    ShadowAttribute: [none],
    RelatedEvent: [none],
    Galaxy: [none],
    EventReport: [none],
    CryptographicKey: [none],
    SharingGroup: [none],
    Note: [none],
    Opinion: [none],
    Relationship: [none],
  },
};

export const attributeModel: Model = {
  read: new Set([
    'uuid',
    'type',
    'category',
    'value',
    'to_ids',
    'comment',
    'first_seen',
    'last_seen',
    'timestamp',
    'deleted',
    'object_relation',
    'distribution',
    'Tag',
    'AttributeTag',
    'Sighting',
    'data',
  ]),
  local: new Set(['id', 'event_id', 'object_id', 'value1', 'value2']),
  defaults: { sharing_group_id: off, disable_correlation: off, Galaxy: [none], ShadowAttribute: [none], SharingGroup: [none] },
};

export const objectModel: Model = {
  read: new Set([
    'uuid',
    'name',
    'meta-category',
    'template_uuid',
    'template_version',
    'description',
    'comment',
    'timestamp',
    'deleted',
    'distribution',
    'first_seen',
    'last_seen',
    'Attribute',
    'ObjectReference',
  ]),
  local: new Set(['id', 'event_id']),
  defaults: { sharing_group_id: off, SharingGroup: [none] },
};

export const referenceModel: Model = {
  read: new Set(['uuid', 'referenced_uuid', 'relationship_type', 'comment']),
  local: new Set(['id', 'event_id', 'object_id', 'referenced_id', 'object_uuid']),
  defaults: { deleted: off },
};

export const tagModel: Model = {
  read: new Set(['name', 'colour', 'local']),
  local: new Set(['id', 'user_id', 'org_id', 'event_id', 'attribute_id', 'tag_id']),
  defaults: {
    exportable: ['1', 'true'],
    hide_tag: off,
    is_galaxy: off,
    is_custom_galaxy: off,
    local_only: off,
    inherited: off,
    relationship_type: [''],
  },
};

export const sightingModel: Model = {
  read: new Set(['uuid', 'type', 'date_sighting', 'source', 'value']),
  local: new Set(['id', 'event_id', 'attribute_id', 'org_id']),
  defaults: {},
};

/** Whether a field says the same as its absence. */
export function saysNothing(model: Model, key: string, value: unknown): boolean {
  if (model.local.has(key) || value === null || value === undefined) return true;
  const defaults = model.defaults[key];
  if (defaults === undefined) return false;
  if (Array.isArray(value)) return value.length === 0 && defaults.includes(none);
  return typeof value !== 'object' && defaults.includes(String(value));
}

/** The fields without a place of their own, as `extra`; nothing when there are none. */
export function extraOf(model: Model, source: JsonObject): { extra?: { misp: JsonObject } } {
  const rest = Object.entries(source).filter(([key, value]) => !model.read.has(key) && !saysNothing(model, key, value));
  return rest.length > 0 ? { extra: { misp: Object.fromEntries(rest) } } : {};
}
