import type { Tlp } from '@rebato/contract';
import type { Draft, DraftAttribute, DraftTag, Parsed } from '../draft.ts';
import { printMachineTag, tagMaxChars } from '../taxonomies/machine-tag.ts';
import { narrowerTlp } from '../taxonomies/markings.ts';
import { isObject, type JsonObject, locateIn, readJson } from './json.ts';
import { attributesMax, infoMaxChars, stixObjectsMax, valueMaxChars } from './limits.ts';
import { isMoment, isUuid } from './misp-fields.ts';
import { type Notes, type Path, pathTo, quote, takeNotes } from './notes.ts';
import { strings, tlpDefinitions, tlpOfObject } from './stix-markings.ts';
import { observedValues } from './stix-observables.ts';
import { valuesOfPattern } from './stix-values.ts';

/** Reads a STIX 2.0 or 2.1 bundle (or a list of objects, as TAXII serves them) into one draft. All or nothing. */
export function parseStix(bytes: Uint8Array): Parsed {
  const json = readJson(bytes);
  if (!json.ok) return json;
  const notes = takeNotes();
  const draft = readStix(json.value, notes);
  if (notes.failed || !draft) return { ok: false, problems: notes.problems(locateIn(json.text)) };
  return { ok: true, drafts: [draft], warnings: [...json.warnings, ...notes.warnings()] };
}

/**
 * A bundle that was already read. Objects that become attributes are kept verbatim in the attribute's `extra.stix.object`, all others in the
 * event's `extra.stix.objects`: so what is shown to fewer people takes its original along.
 */
export function readStix(value: unknown, notes: Notes): Draft | undefined {
  const found = objectsOf(value, notes);
  if (!found) return undefined;
  const { bundle, objects } = found;
  const definitions = tlpDefinitions(objects.map((one) => one.object));
  const attributes: DraftAttribute[] = [];
  const rest: JsonObject[] = [];
  const tags = new Map<string, DraftTag>();
  for (const { object, path } of newestOnly(objects)) {
    const tlp = tlpOfObject(object, definitions);
    const made = attributesOf(object, path, notes).map((attribute) => ({ ...attribute, ...(tlp && { tlp }) }));
    for (const tag of tagsOf(object)) tags.set(tag.name, tag);
    const [first, ...others] = made;
    if (!first) rest.push(object);
    else {
      attributes.push(withExtra(first, { object }));
      for (const other of others) attributes.push(withExtra(other, { ref: object.id }));
    }
  }
  if (attributes.length > attributesMax)
    notes.problem(undefined, `the bundle amounts to ${attributes.length} values; ${attributesMax} are the most`);
  return notes.failed
    ? undefined
    : { ...eventOf(bundle, rest, objects, definitions), tags: [...tags.values()], attributes, objects: [], attachments: [], sightings: [] };
}

type Placed = { readonly object: JsonObject; readonly path: Path | undefined };
const objectShape = /^[a-z0-9][a-z0-9-]{0,249}$/;

function objectsOf(value: unknown, notes: Notes): { bundle: JsonObject; objects: Placed[] } | undefined {
  const list = Array.isArray(value) ? value : isObject(value) && Array.isArray(value.objects) ? value.objects : undefined;
  const root = Array.isArray(value) ? undefined : pathTo(undefined, 'objects');
  const bundle = isObject(value) ? Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'objects')) : {};
  if (!list) {
    notes.problem(undefined, isObject(value) && value.type === 'bundle' ? 'this bundle has no objects' : 'this is no STIX bundle');
    return undefined;
  }
  if (list.length > stixObjectsMax) {
    notes.problem(root, `the bundle has ${list.length} objects; ${stixObjectsMax} are the most`);
    return undefined;
  }
  const objects: Placed[] = [];
  for (const [index, object] of list.entries()) {
    const path = pathTo(root, index);
    if (!isObject(object)) notes.problem(path, 'this should be an object');
    else if (typeof object.type !== 'string' || !objectShape.test(object.type))
      notes.problem(pathTo(path, 'type'), 'an object has no type');
    else if (
      typeof object.id !== 'string' ||
      !isUuid(object.id.slice(object.id.length - 36)) ||
      object.id !== `${object.type}--${object.id.slice(-36)}`
    )
      notes.problem(pathTo(path, 'id'), `${quote(object.id ?? '')} is no identifier of the form ${object.type}--UUID`);
    else objects.push({ object, path });
  }
  if (objects.length === 0 && !notes.failed) notes.problem(root, 'this bundle is empty');
  return { bundle, objects };
}

/** Of several versions of an object the one modified last counts. */
function newestOnly(objects: readonly Placed[]): Placed[] {
  const newest = new Map<unknown, Placed>();
  for (const placed of objects) {
    const other = newest.get(placed.object.id);
    if (!other || String(placed.object.modified ?? '') >= String(other.object.modified ?? '')) newest.set(placed.object.id, placed);
  }
  return [...newest.values()];
}

function withExtra(attribute: DraftAttribute, stix: JsonObject): DraftAttribute {
  return { ...attribute, extra: { stix: { ...(isObject(attribute.extra?.stix) ? attribute.extra.stix : {}), ...stix } } };
}

function eventOf(
  bundle: JsonObject,
  rest: readonly JsonObject[],
  all: readonly Placed[],
  definitions: ReadonlyMap<string, Tlp>,
): Pick<Draft, 'info' | 'uuid' | 'date' | 'timestamp' | 'tlp' | 'author' | 'extra'> {
  const reports = rest.filter((object) => object.type === 'report' || object.type === 'grouping');
  const report = reports.length === 1 ? reports[0] : undefined;
  const named = report ?? reports[0] ?? all.find(({ object }) => text(object.name))?.object;
  const info = text(named?.name) ?? `STIX bundle with ${all.length} objects`;
  const id = text(report?.id) ?? text(bundle.id);
  const uuid = id?.slice(-36).toLowerCase();
  const published = text(report?.published) ?? text(report?.created);
  const modified = text(report?.modified);
  const { author } = authorOf(report, all);
  return {
    info: info.slice(0, infoMaxChars),
    ...(uuid && isUuid(uuid) && { uuid }),
    ...(published && isMoment(published) && { date: published.slice(0, 10) }),
    ...(modified && isMoment(modified) && { timestamp: Math.floor(Date.parse(modified) / 1000) }),
    ...narrowestOf(rest.length > 0 ? rest : [], all, definitions),
    ...(author && { author }),
    extra: { stix: { bundle, objects: rest } },
  };
}

/** What stays with the event counts for the event; when none of it is marked, everything in the bundle does. */
function narrowestOf(rest: readonly JsonObject[], all: readonly Placed[], definitions: ReadonlyMap<string, Tlp>): { tlp?: Tlp } {
  const narrowest = (objects: readonly JsonObject[]) => {
    let tlp: Tlp | undefined;
    for (const object of objects) {
      const own = tlpOfObject(object, definitions);
      if (own) tlp = narrowerTlp(tlp, own);
    }
    return tlp;
  };
  const tlp = narrowest(rest) ?? narrowest(all.map((one) => one.object));
  return tlp ? { tlp } : {};
}

function authorOf(report: JsonObject | undefined, all: readonly Placed[]): Pick<Draft, 'author'> {
  const creators = new Set(
    report ? [report.created_by_ref] : all.map(({ object }) => object.created_by_ref).filter((ref) => ref !== undefined),
  );
  if (creators.size !== 1) return {};
  const [ref] = creators;
  const identity = all.find(({ object }) => object.type === 'identity' && object.id === ref)?.object;
  const name = text(identity?.name);
  return identity && name ? { author: { name, uuid: String(identity.id).slice(-36).toLowerCase() } } : {};
}

/** Pattern languages other than STIX's own that MISP has a type for. */
const ruleTypes = new Map([
  ['snort', 'snort'],
  ['suricata', 'snort'],
  ['yara', 'yara'],
  ['sigma', 'sigma'],
]);

function attributesOf(object: JsonObject, path: Path | undefined, notes: Notes): DraftAttribute[] {
  switch (object.type) {
    case 'indicator':
      return indicatorValues(object, path, notes);
    case 'vulnerability': {
      const name = text(object.name);
      return name ? [{ type: 'vulnerability', value: name, toIds: false, ...commonOf(object), tags: [] }] : [];
    }
    case 'campaign': {
      const name = text(object.name);
      return name ? [{ type: 'campaign-name', value: name, toIds: false, ...commonOf(object), tags: [] }] : [];
    }
    case 'note': {
      const content = text(object.content);
      return content ? [{ type: 'comment', value: content.slice(0, valueMaxChars), toIds: false, ...commonOf(object), tags: [] }] : [];
    }
    default:
      // An observable says that something was seen, not that it is bad.
      return observedValues(object).map((one) => ({ ...one, toIds: false, tags: [] }));
  }
}

function indicatorValues(object: JsonObject, path: Path | undefined, notes: Notes): DraftAttribute[] {
  const pattern = text(object.pattern);
  if (pattern === undefined || pattern.length > valueMaxChars) {
    notes.problem(pathTo(path, 'pattern'), 'an indicator has no pattern, or one that is too long');
    return [];
  }
  const language = text(object.pattern_type) ?? 'stix';
  const values = language === 'stix' ? valuesOfPattern(pattern) : undefined;
  if (language === 'stix' && !values)
    notes.warn(pathTo(path, 'pattern'), 'the pattern is more than single values; it is kept whole and matched by tools that read STIX');
  const rule = language === 'stix' ? 'stix2-pattern' : ruleTypes.get(language);
  if (rule === undefined)
    notes.warn(pathTo(path, 'pattern_type'), `${quote(language)} is no known pattern language; the pattern is kept as text`);
  const kinds = [...strings(object.indicator_types), ...strings(object.labels)].map((one) => one.toLowerCase());
  const harmless = kinds.includes('benign') || kinds.includes('anonymization');
  const made = values ?? [{ type: rule ?? 'text', value: pattern }];
  const tags = strings(object.labels).flatMap((label) => (label !== '' && label.length <= tagMaxChars ? [{ name: label }] : []));
  const uuid = String(object.id).slice(-36).toLowerCase();
  return made.map((one) => ({
    ...(made.length === 1 && { uuid }),
    ...one,
    toIds: !harmless && object.revoked !== true && rule !== undefined,
    ...commonOf(object),
    ...(text(object.valid_from) && isMoment(String(object.valid_from)) && { firstSeen: String(object.valid_from) }),
    tags,
  }));
}

/** Name, revocation, confidence and end of validity. A revoked object is a deleted attribute: kept, and never acted upon. */
function commonOf(object: JsonObject): Pick<DraftAttribute, 'comment' | 'deleted' | 'extra' | 'timestamp'> {
  const comment = object.type === 'indicator' ? (text(object.name) ?? text(object.description)) : text(object.description);
  const confidence =
    typeof object.confidence === 'number' && object.confidence >= 0 && object.confidence <= 100 ? object.confidence : undefined;
  const validUntil = text(object.valid_until);
  const modified = text(object.modified);
  return {
    ...(comment && { comment: comment.slice(0, valueMaxChars) }),
    ...(modified && isMoment(modified) && { timestamp: Math.floor(Date.parse(modified) / 1000) }),
    ...(object.revoked === true && { deleted: true }),
    extra: { stix: { ...(confidence !== undefined && { confidence }), ...(validUntil && isMoment(validUntil) && { validUntil }) } },
  };
}

const galaxies = new Map([
  ['malware', 'malware'],
  ['threat-actor', 'threat-actor'],
  ['intrusion-set', 'mitre-intrusion-set'],
  ['tool', 'tool'],
  ['attack-pattern', 'mitre-attack-pattern'],
]);

function tagsOf(object: JsonObject): DraftTag[] {
  const galaxy = galaxies.get(String(object.type));
  const name = text(object.name);
  const own = galaxy && name ? [printMachineTag({ namespace: 'misp-galaxy', predicate: galaxy, value: name })] : [];
  const labels = object.type === 'report' || object.type === 'grouping' ? strings(object.labels) : [];
  return [...own, ...labels].filter((one) => one !== '' && one.length <= tagMaxChars).map((one) => ({ name: one }));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}
