import type { Draft, DraftAttachment, DraftAttribute, DraftObject, DraftSighting, Parsed } from '../draft.ts';
import { isObject, type JsonObject, locateIn, readJson } from './json.ts';
import { attributesMax, eventsMax, infoMaxChars, objectsMax } from './limits.ts';
import { choice, day, distribution, type Fields, isUuid, list, seconds, text, uuid } from './misp-fields.ts';
import { type Gathered, gather, readAttribute, readMarkings, readObject, readSightings, readTags } from './misp-parts.ts';
import { eventModel, extraOf } from './misp-shape.ts';
import { type Notes, type Path, pathTo, quote, takeNotes } from './notes.ts';

/** Reads MISP event JSON in every shape that MISP, its feeds and its client libraries write. All or nothing: one problem refuses the file. */
export function parseMisp(bytes: Uint8Array): Parsed {
  const json = readJson(bytes);
  if (!json.ok) return json;
  const notes = takeNotes();
  const drafts = readMispEvents(json.value, notes);
  if (notes.failed) return { ok: false, problems: notes.problems(locateIn(json.text)) };
  return { ok: true, drafts, warnings: [...json.warnings, ...notes.warnings()] };
}

/** Events of a JSON value that was already read, as an API body is. What is wrong goes to `notes`. */
export function readMispEvents(value: unknown, notes: Notes): Draft[] {
  const found = findEvents(value, notes);
  if (found.length === 0 && !notes.failed) notes.problem(undefined, 'there is no MISP event in this file');
  if (found.length > eventsMax) {
    notes.problem(undefined, `the file has ${found.length} events; ${eventsMax} are the most`);
    return [];
  }
  return found.flatMap((fields) => readEvent(fields) ?? []);
}

/** One part alone, as the attribute and object calls of the API take it: bare, or wrapped in its model's name. */
export type MispPart<T> = {
  readonly part: T;
  readonly attachments: readonly DraftAttachment[];
  readonly sightings: readonly DraftSighting[];
};

export function readMispAttribute(value: unknown, notes: Notes): MispPart<DraftAttribute> | undefined {
  return readPart(value, 'Attribute', notes, readAttribute);
}

export function readMispObject(value: unknown, notes: Notes): MispPart<DraftObject> | undefined {
  return readPart(value, 'Object', notes, readObject);
}

function readPart<T>(
  value: unknown,
  model: string,
  notes: Notes,
  read: (fields: Fields, gathered: Gathered) => T | undefined,
): MispPart<T> | undefined {
  const wrapped = isObject(value) && isObject(value[model]);
  const source = wrapped ? value[model] : value;
  const path = wrapped ? pathTo(undefined, model) : undefined;
  if (!isObject(source)) {
    notes.problem(path, 'this should be an object');
    return undefined;
  }
  const { attachments, sightings, ...gathered } = gather();
  const part = read({ path, source, notes }, { ...gathered, attachments, sightings });
  return notes.failed || part === undefined ? undefined : { part, attachments, sightings };
}

/** `{Event}`, `{response: [{Event}]}`, `{response: {Event}}`, a list of events, or a bare event. */
function findEvents(value: unknown, notes: Notes): Fields[] {
  const found: Fields[] = [];
  // Three wrappers at most: a reply around a list around `Event`.
  const visit = (node: unknown, path: Path | undefined, depth: number): void => {
    if (depth > 4) notes.problem(path, 'this is wrapped too often to be a MISP event');
    else if (Array.isArray(node)) {
      for (const [index, item] of node.entries()) visit(item, pathTo(path, index), depth + 1);
    } else if (!isObject(node)) notes.problem(path, 'this should be a MISP event');
    else if (node.response !== undefined) visit(node.response, pathTo(path, 'response'), depth + 1);
    else if (node.Event !== undefined && node.info === undefined) visit(node.Event, pathTo(path, 'Event'), depth + 1);
    else if (looksLikeEvent(node)) found.push({ path, source: node, notes });
    else notes.problem(path, notAnEvent(node));
  };
  visit(value, undefined, 0);
  return found;
}

export function looksLikeEvent(node: JsonObject): boolean {
  return 'info' in node || (('Attribute' in node || 'Object' in node) && !('template_uuid' in node));
}

function notAnEvent(node: JsonObject): string {
  const keys = Object.keys(node);
  if (keys.length > 0 && keys.every(isUuid)) return 'this is the manifest of a MISP feed, not an event: import the files that it names';
  if (node.type === 'bundle') return 'this is a STIX bundle, not a MISP event';
  return keys.length === 0 ? 'this object is empty' : `this is no MISP event: it has no info, only ${quote(keys.slice(0, 5).join(', '))}`;
}

function readEvent(fields: Fields): Draft | undefined {
  const { notes, path, source } = fields;
  const info = text(fields, 'info', infoMaxChars);
  if (info === undefined && !notes.failed) notes.problem(pathTo(path, 'info'), 'an event has no info, which is its title');
  const gathered = gather();
  const tags = readTags(fields);
  const attributes = list(fields, 'Attribute', attributesMax).flatMap((member) => readAttribute(member, gathered) ?? []);
  const objects = list(fields, 'Object', objectsMax).flatMap((member) => readObject(member, gathered) ?? []);
  const all = attributes.length + objects.reduce((sum, object) => sum + object.attributes.length, 0);
  if (all > attributesMax) notes.problem(path, `the event has ${all} attributes; ${attributesMax} are the most`);
  const sightings = [...gathered.sightings, ...readSightings(fields)];
  const draft = {
    ...optional({
      uuid: uuid(fields, 'uuid'),
      date: day(fields, 'date'),
      threatLevel: choice(fields, 'threat_level_id', [1, 2, 3, 4]),
      analysis: choice(fields, 'analysis', [0, 1, 2]),
      timestamp: seconds(fields, 'timestamp'),
      distribution: distribution(fields),
    }),
    ...readMarkings(notes, path, tags),
    ...readAuthor(source),
    info: info ?? '',
    tags,
    attributes,
    objects,
    attachments: gathered.attachments,
    sightings,
  };
  sayRepeatedUuids(draft, fields);
  const rest = extraOf(eventModel, withoutAuthor(source));
  return notes.failed ? undefined : { ...draft, ...rest };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
function optional<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function readAuthor(source: JsonObject): Pick<Draft, 'author'> {
  const org = source.Orgc;
  if (!isObject(org) || typeof org.name !== 'string' || org.name === '' || !isUuid(org.uuid)) return {};
  return { author: { name: org.name, uuid: org.uuid.toLowerCase() } };
}

/** The organisation is read into `author`; what else is said about it, or one without a UUID, stays in `extra` under a name that is not read. */
function withoutAuthor(source: JsonObject): JsonObject {
  const org = source.Orgc;
  if (!isObject(org)) return source;
  const known = readAuthor(source).author !== undefined;
  const rest = Object.entries(org).filter(
    ([key, value]) => key !== 'id' && !(known && (key === 'name' || key === 'uuid')) && value !== null,
  );
  return rest.length > 0 ? { ...source, OrgcRest: Object.fromEntries(rest) } : source;
}

/** Parts are merged by their UUIDs, so the same one twice in a file would make one part overwrite another. */
function sayRepeatedUuids(draft: Pick<Draft, 'attributes' | 'objects'>, { notes, path }: Fields): void {
  const seen = new Set<string>();
  const check = (id: string | undefined, at: Path | undefined) => {
    if (id === undefined) return;
    if (seen.has(id)) notes.problem(at, `the UUID ${id} occurs twice in this event`);
    seen.add(id);
  };
  for (const [index, attribute] of draft.attributes.entries()) check(attribute.uuid, pathTo(pathTo(path, 'Attribute'), index));
  for (const [index, object] of draft.objects.entries()) {
    const at = pathTo(pathTo(path, 'Object'), index);
    check(object.uuid, at);
    for (const [inner, attribute] of object.attributes.entries()) check(attribute.uuid, pathTo(pathTo(at, 'Attribute'), inner));
  }
}
