import type { Db, Tx } from '#platform/db';
import type { Taxonomy } from './taxonomies/index.ts';

/** A taxonomy as lists show it. */
export type TaxonomyRow = {
  readonly namespace: string;
  readonly version: number;
  readonly title: string;
  readonly tags: number;
  readonly importedAt: Date;
};

/** By name, without case, as the hub's own are sorted between them. */
export function listTaxonomies(db: Db, limit: number): Promise<TaxonomyRow[]> {
  return db.rows<TaxonomyRow>`
    select t.namespace, t.version, t.title, t.tags, t.imported_at
      from intel.taxonomy t
     order by lower(t.namespace)
     limit ${limit}`;
}

/** `namespace` in any case. */
export function readTaxonomy(db: Db, namespace: string): Promise<{ readonly body: Taxonomy; readonly importedAt: Date } | undefined> {
  return db.one`select t.body, t.imported_at from intel.taxonomy t where lower(t.namespace) = lower(${namespace})`;
}

/** Imports wait for each other, so that of two at once the older version does not win; readers wait for none. */
export async function lockTaxonomies(tx: Tx): Promise<void> {
  await tx.run`lock table intel.taxonomy in share row exclusive mode`;
}

/** The version that an import would replace, and how many taxonomies there are. */
export async function storedVersion(tx: Tx, namespace: string): Promise<{ readonly version: number | null; readonly count: number }> {
  const row = await tx.one<{ version: number | null; count: number }>`
    select max(t.version) filter (where lower(t.namespace) = lower(${namespace})) as version, count(*) as count from intel.taxonomy t`;
  return row ?? { version: null, count: 0 };
}

/** A taxonomy in another spelling of the namespace is the same one and is replaced. */
export async function putTaxonomy(tx: Tx, taxonomy: Taxonomy, importedAt: Date, importedBy: string): Promise<void> {
  const { namespace, version, label, entries } = taxonomy;
  await tx.run`
    insert into intel.taxonomy (namespace, version, title, tags, body, imported_at, imported_by)
    values (${namespace}, ${version}, ${label.en}, ${entries.length}, ${tx.json(taxonomy)}, ${importedAt}, ${importedBy})
    on conflict (lower(namespace)) do update
      set namespace = excluded.namespace, version = excluded.version, title = excluded.title, tags = excluded.tags, body = excluded.body,
          imported_at = excluded.imported_at, imported_by = excluded.imported_by`;
}
