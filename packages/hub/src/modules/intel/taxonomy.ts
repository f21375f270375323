import type { Actor } from '#platform/actor';
import type { Pool } from '#platform/db';
import type { Clock, Trail } from '#platform/ports';
import { fail } from './errors.ts';
import { builtinTaxonomies, importTaxonomy, type Label, type Taxonomy } from './taxonomies/index.ts';
import { listTaxonomies, lockTaxonomies, putTaxonomy, readTaxonomy, storedVersion } from './taxonomy-store.ts';

export type TaxonomyDeps = { readonly db: Pool; readonly trail: Trail; readonly clock: Clock };

/** `importedAt` is null for those that the hub knows by itself. */
export type TaxonomyHead = {
  readonly namespace: string;
  readonly version: number;
  readonly label: Label;
  readonly tags: number;
  readonly importedAt: Date | null;
};
export type FoundTaxonomy = { readonly taxonomy: Taxonomy; readonly importedAt: Date | null };

/** Some 180 taxonomies are published for MISP. This many still are one answer. */
const taxonomiesMax = 500;

export type Taxonomies = ReturnType<typeof createTaxonomies>;

/** The words that tags are made of: built-in ones, and those that an administrator imported. */
export function createTaxonomies(deps: TaxonomyDeps) {
  return {
    list: () => allTaxonomies(deps),
    find: (namespace: string) => findTaxonomy(deps, namespace),
    import: (actor: Actor, source: unknown, force: boolean) => takeTaxonomy(deps, actor, source, force),
  };
}

const builtin = (namespace: string): Taxonomy | undefined =>
  builtinTaxonomies.find((one) => one.namespace.toLowerCase() === namespace.toLowerCase());

const headOf = ({ namespace, version, label, entries }: Taxonomy, importedAt: Date | null): TaxonomyHead => ({
  ...{ namespace, version, label, importedAt },
  tags: entries.length,
});

async function allTaxonomies(deps: TaxonomyDeps): Promise<TaxonomyHead[]> {
  const imported = await listTaxonomies(deps.db, taxonomiesMax);
  const own = builtinTaxonomies.map((one) => headOf(one, null));
  // A release may build in what was imported before: the built-in one is in force, so the other is not shown.
  const others = imported
    .filter((row) => builtin(row.namespace) === undefined)
    .map(({ title, ...rest }) => ({ ...rest, label: { es: title, en: title } }));
  const name = (head: TaxonomyHead): string => head.namespace.toLowerCase();
  return [...own, ...others].sort((a, b) => (name(a) < name(b) ? -1 : 1));
}

async function findTaxonomy(deps: TaxonomyDeps, namespace: string): Promise<FoundTaxonomy> {
  const own = builtin(namespace);
  if (own !== undefined) return { taxonomy: own, importedAt: null };
  const row = await readTaxonomy(deps.db, namespace);
  if (row === undefined) throw fail('intel.taxonomy_not_found', 'There is no taxonomy with this namespace.');
  return { taxonomy: row.body, importedAt: row.importedAt };
}

/** Takes the content of a MISP `machinetag.json`, whole or not at all. The same version again is taken again. */
async function takeTaxonomy(deps: TaxonomyDeps, actor: Actor, source: unknown, force: boolean): Promise<TaxonomyHead> {
  const read = importTaxonomy(source);
  if (!read.ok) {
    const [first] = read.problems;
    const what = first === undefined ? 'it cannot be read' : first.field === '' ? first.message : `${first.field}: ${first.message}`;
    throw fail('intel.taxonomy_invalid', `The taxonomy was not taken: ${what}.`, read.problems);
  }
  const { taxonomy } = read;
  const { namespace, version } = taxonomy;
  if (builtin(namespace) !== undefined)
    throw fail('intel.taxonomy_builtin', `The hub brings ${builtin(namespace)?.namespace} with it.`, [
      { field: 'namespace', message: 'a built-in taxonomy is not replaced' },
    ]);
  const now = deps.clock.now();
  await deps.db.transaction(async (tx) => {
    await lockTaxonomies(tx);
    const stored = await storedVersion(tx, namespace);
    if (stored.version !== null && version < stored.version && !force)
      throw fail('intel.taxonomy_stale', `Version ${stored.version} of ${namespace} is here, and this is version ${version}.`, [
        { field: 'version', message: `is older than ${stored.version}` },
      ]);
    if (stored.version === null && stored.count >= taxonomiesMax)
      throw fail('intel.taxonomy_limit', `There are ${stored.count} imported taxonomies already.`);
    await putTaxonomy(tx, taxonomy, now, actor.label);
    await deps.trail.record(tx, actor, 'intel.import_taxonomy', namespace, {
      ...{ version, force, replaced: stored.version },
      tags: taxonomy.entries.length,
    });
  });
  return headOf(taxonomy, now);
}
