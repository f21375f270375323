import { defaultsFor } from '#values';
import { isObject } from '../json.ts';
import {
  attributeModel,
  eventModel,
  type Model,
  objectModel,
  referenceModel,
  saysNothing,
  sightingModel,
  tagModel,
} from '../misp-shape.ts';

const models: Readonly<Record<string, Model>> = {
  Event: eventModel,
  Attribute: attributeModel,
  Object: objectModel,
  ObjectReference: referenceModel,
  Tag: tagModel,
  Sighting: sightingModel,
};

/**
 * A MISP document as its content: what misp-shape.ts calls the same is made equal, lists are sorted, scalars become text. Independent of the codec
 * but for that table. Exactly: per model, server-local ids and the fields whose value is the default are left out; null and '' are left out;
 * true, 1 and "1" are "1", false, 0 and "0" are "0"; UUIDs are lower case; order of lists does not count; a reference's `object_uuid` (its
 * object's) is left out; `distribution` 5 of parts, `deleted` 0, empty comments, and category and to_ids equal to the type's defaults are left out.
 */
export function normalMisp(value: unknown, key = ''): unknown {
  if (Array.isArray(value))
    return value.map((item) => normalMisp(item, key)).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (!isObject(value)) return scalar(value);
  const model = models[key];
  const entries = Object.entries(value).filter(([name, field]) => {
    if (field === null || field === '') return false;
    if (!model) return true;
    if (saysNothing(model, name, field)) return false;
    if (Array.isArray(field) && field.length === 0 && model.read.has(name)) return false;
    if (name === 'timestamp' && String(field) === '0') return false;
    if (name === 'deleted' && scalar(field) === '0') return false;
    if (name === 'local' && scalar(field) === '0') return false;
    if (key !== 'Event' && name === 'distribution' && String(field) === '5') return false;
    if (key === 'Attribute' && typeof value.type === 'string') {
      const defaults = defaultsFor(value.type);
      if (name === 'category' && defaults?.category === field) return false;
      if (name === 'to_ids' && scalar(field) === ((defaults?.toIds ?? false) ? '1' : '0')) return false;
    }
    return true;
  });
  const normal = entries.map(([name, field]) => [name, name === 'Orgc' ? orgOf(field) : normalMisp(field, name)] as const);
  return Object.fromEntries(normal.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The organisation's row number is local; the rest counts. */
function orgOf(value: unknown): unknown {
  return isObject(value)
    ? Object.fromEntries(
        Object.entries(value)
          .filter(([key, field]) => key !== 'id' && field !== null)
          .map(([key, field]) => [key, scalar(field)])
          .sort(),
      )
    : value;
}

function scalar(value: unknown): unknown {
  if (value === true) return '1';
  if (value === false) return '0';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string' && /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(value)) return value.toLowerCase();
  return value;
}
