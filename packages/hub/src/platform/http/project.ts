import assert from 'node:assert/strict';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { isSchema, plainOf, type Schema, withObjects } from './schema.ts';

/** Copies what the schema declares and nothing else. Throws when a value cannot be what is declared: that is our bug, and leaves as 500. */
export type Project = (value: unknown) => unknown;

type Scope = { readonly defs: Schema; readonly known: Map<string, Project> };

const annotations = new Set([
  'title',
  'description',
  'examples',
  'default',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$id',
  '$comment',
  '$schema',
]);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Scalars pass; an object in the place of one would carry fields that nobody declared. Dates are written as JSON writes them. */
const scalar: Project = (value) => {
  assert(
    typeof value !== 'object' || value === null || value instanceof Date,
    'the reply has an object where its schema declares a scalar',
  );
  return value;
};

function objectProjection(schema: Schema, scope: Scope): Project {
  const properties = Object.entries(isSchema(schema['properties']) ? schema['properties'] : {}).map(
    ([name, part]) => [name, projectionIn(part, scope)] as const,
  );
  const declared = new Set(properties.map(([name]) => name));
  const patterns = Object.entries(isSchema(schema['patternProperties']) ? schema['patternProperties'] : {}).map(
    ([pattern, part]) => [new RegExp(pattern, 'u'), projectionIn(part, scope)] as const,
  );
  const rest = schema['additionalProperties'];
  const restProjection = rest === true ? (value: unknown) => value : isSchema(rest) ? projectionIn(rest, scope) : undefined;
  const onlyNamed = patterns.length === 0 && restProjection === undefined;
  return (value) => {
    assert(isRecord(value), 'the reply has no object where its schema declares one');
    const out: Record<string, unknown> = {};
    for (const [name, project] of properties) {
      const inner = value[name];
      if (inner !== undefined) out[name] = project(inner);
    }
    if (onlyNamed) return out;
    for (const [name, inner] of Object.entries(value)) {
      if (declared.has(name) || name === '__proto__') continue;
      const project = patterns.find(([pattern]) => pattern.test(name))?.[1] ?? restProjection;
      if (project !== undefined && inner !== undefined) out[name] = project(inner);
    }
    return out;
  };
}

function arrayProjection(schema: Schema, scope: Scope): Project {
  const items = schema['items'] ?? schema['prefixItems'];
  if (Array.isArray(items)) {
    const each = items.map((part) => projectionIn(part, scope));
    return (value) => {
      assert(Array.isArray(value), 'the reply has no list where its schema declares one');
      return each.map((project, index) => project(value[index]));
    };
  }
  const one = items === undefined ? scalar : projectionIn(items, scope);
  return (value) => {
    assert(Array.isArray(value), 'the reply has no list where its schema declares one');
    return value.map(one);
  };
}

/** How much a branch says: of two that fit, the one naming more members is meant. */
function weight(schema: Schema): number {
  return Object.keys(isSchema(schema['properties']) ? schema['properties'] : {}).length;
}

function unionProjection(branches: readonly Schema[], scope: Scope): Project {
  const ordered = branches
    .toSorted((a, b) => weight(b) - weight(a))
    .map((branch) => {
      const open = withObjects({ ...branch, $defs: scope.defs }, 'open');
      const validator = Compile(open as TSchema);
      return { fits: (value: unknown) => validator.Check(value), project: projectionIn(branch, scope) };
    });
  return (value) => {
    // Checked as it will be written: a Date fits a branch that declares a string.
    const seen = value instanceof Date ? value.toJSON() : value;
    const branch = ordered.find(({ fits }) => fits(seen));
    assert(branch !== undefined, 'the reply fits no branch of its schema');
    return branch.project(value);
  };
}

function projectionIn(schema: unknown, scope: Scope): Project {
  if (schema === true) return (value) => value;
  assert(isSchema(schema), 'a reply schema must be an object');
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const name = reference.replace('#/$defs/', '');
    const made = scope.known.get(name);
    if (made !== undefined) return made;
    let target: Project | undefined;
    // Entered before it is made, because a definition may name itself.
    scope.known.set(name, (value) => {
      assert(target !== undefined, `the reply schema has no definition ${name}`);
      return target(value);
    });
    target = projectionIn(scope.defs[name], scope);
    return target;
  }
  if (Array.isArray(schema['anyOf'])) {
    const branches = schema['anyOf'].filter(isSchema);
    const scalars = branches.every(
      (branch) =>
        'const' in branch || 'enum' in branch || ['string', 'number', 'integer', 'boolean', 'null'].includes(String(branch['type'])),
    );
    return scalars ? scalar : unionProjection(branches, scope);
  }
  if (Array.isArray(schema['allOf'])) {
    const parts = schema['allOf'].map((part) => projectionIn(part, scope));
    return (value) => Object.assign({}, ...parts.map((project) => project(value)));
  }
  if (schema['type'] === 'object') return objectProjection(schema, scope);
  if (schema['type'] === 'array') return arrayProjection(schema, scope);
  if ('const' in schema || 'enum' in schema || typeof schema['type'] === 'string') return scalar;
  const strange = Object.keys(schema).filter((key) => !annotations.has(key));
  assert(strange.length === 0, `a reply schema may not use ${strange.join(', ')}`);
  return (value) => value;
}

/** Compiled once per route. `Type.Unknown()` lets everything below it through: that is a declaration too. */
export function compileProjection(schema: TSchema): Project {
  const plain = plainOf(schema);
  const defs = plain['$defs'];
  return projectionIn(plain, { defs: isSchema(defs) ? defs : {}, known: new Map() });
}
