import { type TLiteral, type TNull, type TSchema, type TUnion, Type } from 'typebox';

/** Pieces that the shapes of many routes are made of. */

export const uuid = Type.String({ format: 'uuid' });
/** RFC 3339, UTC. */
export const instant = Type.String({ format: 'date-time' });

/** One of a closed vocabulary. */
export const literals = <const T extends readonly string[]>(values: T): TUnion<{ -readonly [K in keyof T]: TLiteral<T[K] & string> }> =>
  Type.Union(values.map((value) => Type.Literal(value))) as never;

export const nullable = <T extends TSchema>(schema: T): TUnion<[T, TNull]> => Type.Union([schema, Type.Null()]);
