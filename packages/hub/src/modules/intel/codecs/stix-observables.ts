import type { DraftAttribute } from '../draft.ts';
import { isObject, type JsonObject } from './json.ts';
import { valueMaxChars } from './limits.ts';
import { type TypedValue, typeOfPath } from './stix-values.ts';

/** Hashes of one file are a handful; more is somebody's trick. */
const hashesMax = 20;
/** Objects inside a STIX 2.0 `observed-data`. */
const embeddedMax = 1_000;

const valued = new Set(['ipv4-addr', 'ipv6-addr', 'domain-name', 'url', 'email-addr', 'mac-addr']);

/** Values of an observable (2.1: an object of its own; 2.0: inside `observed-data`). Nothing for types without one. */
export function observedValues(object: JsonObject): Pick<DraftAttribute, 'type' | 'value'>[] {
  if (object.type === 'observed-data' && isObject(object.objects)) {
    return Object.values(object.objects)
      .slice(0, embeddedMax)
      .flatMap((inner) => (isObject(inner) && inner.type !== 'observed-data' ? observedValues(inner) : []));
  }
  return valuesOf(object).filter((one) => one.value !== '' && one.value.length <= valueMaxChars);
}

function valuesOf(object: JsonObject): TypedValue[] {
  const type = String(object.type);
  if (valued.has(type)) return one(`${type}:value`, object.value);
  switch (type) {
    case 'file':
    case 'x509-certificate': {
      const hashes = isObject(object.hashes) ? Object.entries(object.hashes).slice(0, hashesMax) : [];
      const found = hashes.flatMap(([name, value]) => one(`${type}:hashes.${name}`, value));
      return type === 'file' ? [...found, ...one('file:name', object.name)] : found;
    }
    case 'mutex':
      return one('mutex:name', object.name);
    case 'windows-registry-key':
      return one('windows-registry-key:key', object.key);
    case 'autonomous-system':
      return one('autonomous-system:number', object.number);
    default:
      return [];
  }
}

function one(path: string, value: unknown): TypedValue[] {
  const type = typeOfPath(path);
  return type !== undefined && (typeof value === 'string' || typeof value === 'number') ? [{ type, value: String(value) }] : [];
}
