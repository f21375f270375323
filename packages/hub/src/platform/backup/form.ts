import { type Static, type TSchema, Type } from 'typebox';
import { Check } from 'typebox/value';
import { damaged } from './errors.ts';
import { parseJson } from './records.ts';

/** The version of what stands in the records; that of the chunks around them is the container's own. */
export const contentVersion = 1;

const hash = Type.String({ pattern: '^[0-9a-f]{64}$' });
const identifier = Type.String({ minLength: 1, maxLength: 63 });
const count = Type.Integer({ minimum: 0 });
const migrations = Type.Array(Type.Object({ name: Type.String({ pattern: '^[0-9]{12}_[a-z0-9_]{1,80}[.]sql$' }), sha256: hash }));

/** What of the head every release reads. */
export const headVersion = Type.Object({ content: Type.Integer() });
/** H, the first record: whose backup this is, of when, and what has to run before its rows fit. */
export const head = Type.Object({
  content: Type.Integer(),
  product: Type.String(),
  at: Type.String({ format: 'date-time' }),
  postgres: Type.Integer({ description: 'server_version_num' }),
  hub: Type.Object({ id: Type.String({ format: 'uuid' }), name: Type.String(), epoch: Type.Integer(), incarnation: Type.String() }),
  /** SHA-256 of the root's public key: what agents have pinned. */
  root: hash,
  position: count,
  trail: Type.Object({ seq: count, hash, checkpoint: Type.Union([count, Type.Null()]) }),
  trailKeys: Type.Array(Type.Object({ keyId: Type.String(), publicKey: Type.String() })),
  migrations,
  shelves: Type.Array(Type.Object({ schema: Type.String({ pattern: '^shelf_[a-z][a-z0-9_]{0,30}$' }), migrations })),
});
export type Head = Static<typeof head>;

/** T, followed by the table's rows as COPY gives them (D). */
export const table = Type.Object({
  schema: identifier,
  table: identifier,
  columns: Type.Array(identifier, { minItems: 1, maxItems: 1600 }),
});
/** F: a small file of the data folder. */
export const file = Type.Object({ name: Type.Literal('seal.key'), text: Type.String({ maxLength: 4096 }) });

/** M, the last record: what all the others were. */
export const manifest = Type.Object({
  tables: Type.Array(Type.Object({ schema: identifier, table: identifier, rows: count, bytes: count, sha256: hash })),
  sequences: Type.Array(Type.Object({ schema: identifier, name: identifier, value: Type.Integer() })),
  files: Type.Array(Type.Object({ name: Type.String(), sha256: hash })),
});
export type Manifest = Static<typeof manifest>;

export function readAs<T extends TSchema>(schema: T, bytes: Buffer): Static<T> {
  const value = parseJson(bytes);
  if (!Check(schema, value)) throw damaged('a part of it has an unknown form');
  return value as Static<T>;
}
