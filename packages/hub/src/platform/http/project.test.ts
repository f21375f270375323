import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type TSchema, Type } from 'typebox';
import { Check } from 'typebox/value';
import { compileProjection } from './project.ts';

const through = (schema: TSchema, value: unknown): unknown => JSON.parse(JSON.stringify(compileProjection(schema)(value)));

test('members that the schema names leave, others do not, at every depth', () => {
  const schema = Type.Object({
    id: Type.String(),
    parts: Type.Array(Type.Object({ size: Type.Integer() })),
    more: Type.Optional(Type.Object({ a: Type.Number() })),
  });
  const value = { id: 'x', secret: 1, parts: [{ size: 1, secret: 2 }], more: { a: 1, secret: 3 } };
  assert.deepEqual(through(schema, value), { id: 'x', parts: [{ size: 1 }], more: { a: 1 } });
  assert.equal(value.secret, 1);
});

test('a union takes the branch that fits, and of two that fit the one that names more', () => {
  const schema = Type.Union([
    Type.Object({ kind: Type.Literal('a') }),
    Type.Object({ kind: Type.Literal('b'), b: Type.Number() }),
    Type.Null(),
  ]);
  assert.deepEqual(through(schema, { kind: 'a', b: 1 }), { kind: 'a' });
  assert.deepEqual(through(schema, { kind: 'b', b: 1, c: 2 }), { kind: 'b', b: 1 });
  assert.equal(through(schema, null), null);
  assert.throws(() => through(schema, { kind: 'c' }), /fits no branch/);
  const wider = Type.Union([Type.Object({ a: Type.Number() }), Type.Object({ a: Type.Number(), b: Type.Number() })]);
  assert.deepEqual(through(wider, { a: 1, b: 2, c: 3 }), { a: 1, b: 2 });
});

test('closed branches of a union still drop, rather than fail on, what they do not name', () => {
  const schema = Type.Union([Type.Object({ k: Type.Literal(1) }, { additionalProperties: false }), Type.Null()]);
  assert.deepEqual(through(schema, { k: 1, secret: 2 }), { k: 1 });
});

test('intersections, records, tuples and references are followed', () => {
  assert.deepEqual(through(Type.Intersect([Type.Object({ a: Type.Number() }), Type.Object({ b: Type.Number() })]), { a: 1, b: 2, c: 3 }), {
    a: 1,
    b: 2,
  });
  assert.deepEqual(through(Type.Record(Type.String(), Type.Object({ n: Type.Number() })), { x: { n: 1, s: 2 } }), { x: { n: 1 } });
  assert.deepEqual(through(Type.Tuple([Type.String(), Type.Number()]), ['a', 1, 'secret']), ['a', 1]);
  const tree = Type.Cyclic({ Node: Type.Object({ name: Type.String(), below: Type.Array(Type.Ref('Node')) }) }, 'Node');
  assert.deepEqual(through(tree, { name: 'a', s: 1, below: [{ name: 'b', s: 2, below: [] }] }), {
    name: 'a',
    below: [{ name: 'b', below: [] }],
  });
});

test('an object in the place of a scalar does not leave: it would carry what nobody declared', () => {
  for (const schema of [Type.String(), Type.Integer(), Type.Union([Type.Literal('a'), Type.Null()]), Type.Array(Type.String())]) {
    assert.throws(() => through(schema, [{ secret: 1 }]));
    assert.throws(() => through(schema, { secret: 1 }));
  }
});

test('a Date leaves as its text, declared unknown leaves whole', () => {
  assert.equal(through(Type.String({ format: 'date-time' }), new Date(0)), '1970-01-01T00:00:00.000Z');
  assert.equal(through(Type.Union([Type.String(), Type.Null()]), new Date(0)), '1970-01-01T00:00:00.000Z');
  assert.deepEqual(through(Type.Unknown(), { any: 1 }), { any: 1 });
});

test('a schema with words that the projection does not know does not start', () => {
  assert.throws(() => compileProjection({ not: { type: 'string' } } as TSchema), /may not use not/);
});

/** Schemas with values that fit them, to which undeclared members are then added everywhere. */
const scalars: fc.Arbitrary<readonly [TSchema, unknown]> = fc.oneof(
  fc.string().map((value) => [Type.String(), value] as const),
  fc.integer().map((value) => [Type.Integer(), value] as const),
  fc.constant([Type.Null(), null] as const),
);
const shapes = fc.letrec<{ any: readonly [TSchema, unknown] }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    scalars,
    tie('any').map(([schema, value]) => [Type.Array(schema), [value, value]] as const),
    tie('any').map(([schema, value]) => [Type.Record(Type.String(), schema), { one: value }] as const),
    tie('any').map(([schema, value]) => [Type.Union([schema, Type.Object({ never: Type.Literal('never') })]), value] as const),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), tie('any'), { maxKeys: 4 }).map((members) => {
      const entries = Object.entries(members);
      return [
        Type.Object(Object.fromEntries(entries.map(([name, [schema]]) => [name, schema]))),
        Object.fromEntries(entries.map(([name, [, value]]) => [name, value])),
      ] as const;
    }),
  ),
}));

const canary = 'undeclared-canary';

/** Adds an undeclared member to every object but the records, where any name is declared; those hold `one` and nothing else. */
function soil(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(soil);
  if (typeof value !== 'object' || value === null) return value;
  const soiled = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, soil(inner)]));
  return Object.keys(value).join() === 'one' ? soiled : { ...soiled, [canary]: { deep: canary } };
}

test('property: an undeclared member never leaves, and what is declared does', () => {
  fc.assert(
    fc.property(shapes.any, ([schema, value]) => {
      const out = through(schema, soil(value));
      assert.doesNotMatch(JSON.stringify(out), new RegExp(canary));
      assert.ok(Check(schema, out), JSON.stringify({ schema, value, out }));
    }),
    { numRuns: 300 },
  );
});
