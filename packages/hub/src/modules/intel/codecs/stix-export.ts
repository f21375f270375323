import { createHash } from 'node:crypto';
import { type Tlp, tlps } from '@rebato/contract';
import type { Draft, DraftAttribute } from '../draft.ts';
import { narrowerTlp } from '../taxonomies/markings.ts';
import { isObject, type JsonObject } from './json.ts';
import { takeNotes } from './notes.ts';
import { readStix } from './stix.ts';
import { strings, tlp2Definition, tlp2Id, tlpDefinitions, tlpOfObject } from './stix-markings.ts';
import { patternOfValue } from './stix-values.ts';

/** `now` dates what has no time of its own. `producer` signs what the draft names no author for. */
export type StixExportOptions = { readonly now: Date; readonly producer: { readonly name: string; readonly uuid: string } };

/** Namespace of identifiers that we derive, so that the same event exported twice has the same ones. */
const namespace = '6f0c5a2e-8d61-4f6e-9a53-0f6c1c1f2b7d';

/**
 * A STIX 2.1 bundle. Objects that came as STIX leave as they came, unless the attribute made of one was changed; where the hub holds them more
 * narrowly than they were marked, they get the narrower marking. All else is written anew: identity, one indicator per value to act on, one
 * report over all of them, and the marking definitions in use. Values that are not to be acted upon, and types without a pattern, stay out.
 */
export function toStix(draft: Draft, options: StixExportOptions): JsonObject {
  const stix = isObject(draft.extra?.stix) ? draft.extra.stix : {};
  const bundle = isObject(stix.bundle) ? stix.bundle : {};
  const kept = (Array.isArray(stix.objects) ? stix.objects : []).filter(isObject);
  const definitions = tlpDefinitions(kept);
  const originals = draft.attributes.map(originalOf).filter((one) => one !== undefined);
  const imported = kept.length + originals.length > 0 ? readStix({ ...bundle, objects: [...kept, ...originals] }, takeNotes()) : undefined;
  const limit = draft.tlp === imported?.tlp ? undefined : draft.tlp;
  const used = new Set<Tlp>();
  const narrow = (object: JsonObject, level: Tlp | undefined): JsonObject => {
    if (level === undefined || structural.has(String(object.type)) || !wider(tlpOfObject(object, definitions), level)) return object;
    used.add(level);
    return {
      ...object,
      object_marking_refs: [...strings(object.object_marking_refs).filter((ref) => !definitions.has(ref)), tlp2Id(level)],
    };
  };

  const returned = new Map<unknown, JsonObject>(kept.map((object) => [object.id, narrow(object, limit)]));
  for (const attribute of draft.attributes) {
    const original = originalOf(attribute);
    if (!original || !unchanged(attribute, original)) continue;
    const own = attribute.tlp === tlpOfObject(original, definitions) ? undefined : attribute.tlp;
    returned.set(original.id, narrow(original, own && limit ? narrowerTlp(own, limit) : (own ?? limit)));
  }
  const author = draft.author ?? options.producer;
  const identity = `identity--${author.uuid}`;
  const fresh = draft.attributes.flatMap((attribute) => {
    if (returned.has(sourceOf(attribute))) return [];
    const made = indicatorOf(attribute, draft, identity, options.now);
    if (made?.tlp) used.add(made.tlp);
    return made ? [made.object] : [];
  });
  const objects = [...returned.values(), ...fresh];
  if (fresh.length > 0 || imported === undefined) {
    const refs = objects.filter((object) => !structural.has(String(object.type))).map((object) => object.id);
    objects.push(reportOf(draft, identity, refs.length > 0 ? refs : [identity], options.now));
    if (draft.tlp) used.add(draft.tlp);
    if (!returned.has(identity)) objects.push(identityOf(author, identity, options.now));
  }
  for (const tlp of used) if (!returned.has(tlp2Id(tlp))) objects.push(tlp2Definition(tlp));
  const id = typeof bundle.id === 'string' ? bundle.id : `bundle--${derive('bundle', draft.uuid ?? draft.info)}`;
  return { ...bundle, type: 'bundle', id, objects };
}

/** Objects that describe the others and are marked by none. */
const structural = new Set(['marking-definition', 'identity', 'extension-definition', 'language-content']);

function stixOf(attribute: DraftAttribute): JsonObject {
  return isObject(attribute.extra?.stix) ? attribute.extra.stix : {};
}

function originalOf(attribute: DraftAttribute): JsonObject | undefined {
  const { object } = stixOf(attribute);
  return isObject(object) ? object : undefined;
}

/** The id of the object that an attribute was made of: its own, or the one that a sibling carries. */
const sourceOf = (attribute: DraftAttribute): unknown => originalOf(attribute)?.id ?? stixOf(attribute).ref;

/** Whether `marked` lets more people read than `limit`; what is not marked at all does. */
function wider(marked: Tlp | undefined, limit: Tlp): boolean {
  return marked === undefined || tlps.indexOf(marked) < tlps.indexOf(limit);
}

/** Whether the original still says what the attribute says now. */
function unchanged(attribute: DraftAttribute, original: JsonObject): boolean {
  const again = readStix([original], takeNotes())?.attributes ?? [];
  return again.some(
    (one) => one.type === attribute.type && one.value === attribute.value && (one.deleted ?? false) === (attribute.deleted ?? false),
  );
}

function indicatorOf(
  attribute: DraftAttribute,
  draft: Draft,
  identity: string,
  now: Date,
): { object: JsonObject; tlp: Tlp | undefined } | undefined {
  const pattern = patternOfValue(attribute.type, attribute.value);
  if (pattern === undefined || attribute.toIds === false) return undefined;
  const uuid = attribute.uuid ?? derive(draft.uuid ?? draft.info, attribute.type, attribute.value);
  const at = moment(attribute.timestamp, now);
  const tlp = attribute.tlp && draft.tlp ? narrowerTlp(attribute.tlp, draft.tlp) : (attribute.tlp ?? draft.tlp);
  return {
    tlp,
    object: {
      type: 'indicator',
      spec_version: '2.1',
      id: `indicator--${uuid}`,
      created_by_ref: identity,
      created: at,
      modified: at,
      ...(attribute.comment && { name: attribute.comment }),
      indicator_types: ['malicious-activity'],
      pattern,
      pattern_type: 'stix',
      valid_from: attribute.firstSeen ? threeDigits(attribute.firstSeen, at) : at,
      ...(attribute.deleted && { revoked: true }),
      ...(attribute.tags.length > 0 && { labels: attribute.tags.filter((tag) => !tag.local).map((tag) => tag.name) }),
      ...(tlp && { object_marking_refs: [tlp2Id(tlp)] }),
    },
  };
}

function reportOf(draft: Draft, identity: string, refs: readonly unknown[], now: Date): JsonObject {
  const at = moment(draft.timestamp, now);
  return {
    type: 'report',
    spec_version: '2.1',
    id: `report--${draft.uuid ?? derive('report', draft.info)}`,
    created_by_ref: identity,
    created: at,
    modified: at,
    name: draft.info,
    published: draft.date ? `${draft.date}T00:00:00.000Z` : at,
    object_refs: refs,
    ...(draft.tags.some((tag) => !tag.local) && { labels: draft.tags.filter((tag) => !tag.local).map((tag) => tag.name) }),
    ...(draft.tlp && { object_marking_refs: [tlp2Id(draft.tlp)] }),
  };
}

function identityOf(author: { name: string }, id: string, now: Date): JsonObject {
  const at = now.toISOString();
  return { type: 'identity', spec_version: '2.1', id, created: at, modified: at, name: author.name, identity_class: 'organization' };
}

const moment = (seconds: number | undefined, now: Date): string => (seconds === undefined ? now : new Date(seconds * 1000)).toISOString();

/** STIX wants at least milliseconds and UTC. */
function threeDigits(text: string, otherwise: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? otherwise : date.toISOString();
}

/** A name-based UUID (version 5, RFC 9562). */
function derive(...parts: readonly string[]): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(JSON.stringify(parts))
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
