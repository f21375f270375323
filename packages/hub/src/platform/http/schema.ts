import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import type { Detail } from '#platform/errors';
import { fail } from './problems.ts';

/** A JSON Schema as plain data: what a TypeBox schema is beneath its type. */
export type Schema = Readonly<Record<string, unknown>>;

/** Sees a typed schema as its data. */
export const plainOf = (schema: TSchema): Schema => schema as object as Schema;

export const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields named in one reply. Who gets this many wrong reads the documentation next. */
const detailsMax = 20;

/** Names of unknown members are the caller's own text; longer ones are cut. */
const fieldMaxChars = 200;

type Openness = 'closed' | 'open';

/** Copies with the hidden marks of TypeBox (`~kind`, `~optional`), which are not enumerable. */
function copy(schema: Schema, changes: Record<string, unknown>): Schema {
  const out: Record<string, unknown> = {};
  Object.defineProperties(out, Object.getOwnPropertyDescriptors(schema));
  return Object.assign(out, changes);
}

function mapValues(value: unknown, each: (schema: Schema) => Schema): unknown {
  if (!isSchema(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, isSchema(inner) ? each(inner) : inner]));
}

/**
 * The same schema with every object closed (members it does not name are refused, unless it says `additionalProperties` itself) or opened.
 * Parts of an intersection stay open, and the whole is closed: each part alone does not know the others' members.
 */
export function withObjects(schema: Schema, openness: Openness, inIntersection = false): Schema {
  const inner = (part: Schema): Schema => withObjects(part, openness);
  const changes: Record<string, unknown> = {};
  for (const key of ['properties', 'patternProperties', '$defs']) if (key in schema) changes[key] = mapValues(schema[key], inner);
  for (const key of ['items', 'additionalProperties', 'additionalItems']) if (isSchema(schema[key])) changes[key] = inner(schema[key]);
  for (const key of ['items', 'prefixItems']) {
    const list = schema[key];
    if (Array.isArray(list)) changes[key] = list.map((part) => (isSchema(part) ? inner(part) : part));
  }
  if (Array.isArray(schema['anyOf']))
    changes['anyOf'] = schema['anyOf'].map((part) => (isSchema(part) ? withObjects(part, openness, inIntersection) : part));
  if (Array.isArray(schema['allOf'])) {
    changes['allOf'] = schema['allOf'].map((part) => (isSchema(part) ? withObjects(part, openness, true) : part));
    if (openness === 'closed' && !inIntersection && !('unevaluatedProperties' in schema)) changes['unevaluatedProperties'] = false;
  }
  if (openness === 'open') {
    if (schema['additionalProperties'] === false) changes['additionalProperties'] = true;
    if (schema['unevaluatedProperties'] === false) changes['unevaluatedProperties'] = true;
  } else if (schema['type'] === 'object' && !inIntersection && !('additionalProperties' in schema)) changes['additionalProperties'] = false;
  return copy(schema, changes);
}

/** `/indicators/3/value` as people write it: `indicators[3].value`. */
export function fieldOf(pointer: string, last?: string): string {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (last !== undefined) steps.push(last);
  let out = '';
  for (const step of steps) out += /^\d+$/.test(step) ? `[${step}]` : out === '' ? step : `.${step}`;
  return out.slice(0, fieldMaxChars);
}

/** Constants of a union's failed branches, to say what would have been right. */
function allowedBelow(errors: readonly TLocalizedValidationError[], pointer: string): string[] {
  return errors.flatMap((error) =>
    error.keyword === 'const' && error.instancePath === pointer ? [JSON.stringify(error.params.allowedValue)] : [],
  );
}

function detailsOf(errors: readonly TLocalizedValidationError[]): Detail[] {
  const out: Detail[] = [];
  for (const error of errors) {
    const at = error.instancePath;
    if (error.keyword === 'additionalProperties')
      for (const name of error.params.additionalProperties) out.push({ field: fieldOf(at, name), message: 'is not known here' });
    else if (error.keyword === 'unevaluatedProperties')
      for (const name of error.params.unevaluatedProperties) out.push({ field: fieldOf(at, String(name)), message: 'is not known here' });
    else if (error.keyword === 'required')
      for (const name of error.params.requiredProperties) out.push({ field: fieldOf(at, name), message: 'is required' });
    else if (error.keyword === 'enum')
      out.push({
        field: fieldOf(at),
        message: `must be one of ${error.params.allowedValues.map((value) => JSON.stringify(value)).join(', ')}`,
      });
    else if (error.keyword === 'anyOf') {
      const allowed = allowedBelow(errors, at);
      out.push({
        field: fieldOf(at),
        message: allowed.length > 0 ? `must be one of ${allowed.join(', ')}` : 'has none of the accepted shapes',
      });
    } else if (error.keyword === 'const' && error.schemaPath.includes('/anyOf/')) continue;
    else if (error.keyword !== 'boolean') out.push({ field: fieldOf(at), message: error.message });
  }
  return out.slice(0, detailsMax);
}

/** Whether a default is written anywhere, because filling them in costs a walk. */
function hasDefault(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.some(hasDefault);
  return isSchema(schema) && ('default' in schema || Object.values(schema).some(hasDefault));
}

export type InputCheck = (value: unknown) => unknown;

/** Compiled once per route. Returns the value, defaults filled in, or throws the coded error with the fields that are wrong. */
export function compileInput(
  schema: TSchema,
  code: 'http.invalid_body' | 'http.invalid_query' | 'http.invalid_path',
  unknown: 'refuse' | 'ignore' = 'refuse',
): InputCheck {
  const plain = plainOf(schema);
  const validator = Compile(withObjects(plain, unknown === 'refuse' ? 'closed' : 'open') as TSchema);
  // Dropping unknown members goes by the declared shape, not by the opened one, which allows them.
  const cleaner = unknown === 'ignore' ? Compile(withObjects(plain, 'closed') as TSchema) : undefined;
  const defaults = hasDefault(plain);
  return (value) => {
    const full = defaults ? validator.Default(value) : value;
    if (validator.Check(full)) return cleaner === undefined ? full : cleaner.Clean(full);
    const details = detailsOf(validator.Errors(full));
    const [first] = details;
    throw fail(
      code,
      first === undefined ? 'has not the declared shape' : `${first.field === '' ? 'the whole' : first.field} ${first.message}`,
      details,
    );
  };
}

type Coerce = (texts: readonly string[]) => unknown;

function alternatives(schema: Schema): readonly Schema[] {
  return Array.isArray(schema['anyOf']) ? schema['anyOf'].filter(isSchema).flatMap(alternatives) : [schema];
}

/** One parameter's text to its declared type. What does not fit stays text, and the check refuses it by name. */
function coerceOne(schema: Schema): (text: string) => unknown {
  const types = alternatives(schema).map((part) => (typeof part['const'] === 'number' ? 'number' : part['type']));
  const numeric = types.includes('integer') || types.includes('number');
  const boolean = types.includes('boolean');
  return (text) => {
    // At most 17 digits: enough for every safe integer, and no exponent, sign games or white space.
    if (numeric && /^-?\d{1,17}(?:\.\d{1,17})?$/.test(text)) return Number(text);
    if (boolean && (text === 'true' || text === 'false')) return text === 'true';
    return text;
  };
}

/** Turns the strings of a query or path into the declared types. A parameter given twice is a list, or refused by the check. */
export function compileCoercion(schema: TSchema): (name: string, texts: readonly string[]) => unknown {
  const plain = plainOf(schema);
  const coerce = new Map<string, Coerce>();
  const parts = [plain, ...(Array.isArray(plain['allOf']) ? plain['allOf'].filter(isSchema) : [])];
  for (const part of parts) {
    for (const [name, property] of Object.entries(isSchema(part['properties']) ? part['properties'] : {})) {
      if (!isSchema(property)) continue;
      if (property['type'] === 'array') {
        const one = coerceOne(isSchema(property['items']) ? property['items'] : {});
        coerce.set(name, (texts) => texts.map(one));
      } else {
        const one = coerceOne(property);
        coerce.set(name, ([first = '', ...more]) => (more.length === 0 ? one(first) : [first, ...more]));
      }
    }
  }
  return (name, texts) => coerce.get(name)?.(texts) ?? (texts.length === 1 ? texts[0] : texts);
}
