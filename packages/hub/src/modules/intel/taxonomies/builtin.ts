import { admiraltyRows, ensocRows, papLegacyRows, papRows, type Row, rsitRows, tlpLegacyRows, tlpRows } from './builtin-tables.ts';
import type { Label, Taxonomy } from './taxonomy.ts';

function table(
  namespace: string,
  version: number,
  label: Label,
  rows: readonly Row[],
  exclusive: { readonly all?: boolean; readonly predicates?: readonly string[] } = {},
): Taxonomy {
  return {
    namespace,
    version,
    label,
    exclusive: exclusive.all ?? false,
    exclusivePredicates: exclusive.predicates ?? [],
    entries: rows.map(([tag, es, en, colour, grade]) => ({
      tag: `${namespace}:${tag}`,
      label: { es, en },
      colour: colour ?? '#8a9ba8',
      ...(grade !== undefined && { grade }),
    })),
  };
}

export const tlpTaxonomy = table('tlp', 10, { es: 'Protocolo del semáforo (TLP 2.0)', en: 'Traffic Light Protocol (TLP 2.0)' }, tlpRows, {
  all: true,
});
export const papTaxonomy = table('PAP', 3, { es: 'Acciones permitidas (PAP)', en: 'Permissible actions (PAP)' }, papRows, { all: true });
export const admiraltyTaxonomy = table('admiralty-scale', 5, { es: 'Código del Almirantazgo', en: 'Admiralty code' }, admiraltyRows, {
  predicates: ['source-reliability', 'information-credibility'],
});
export const rsitTaxonomy = table(
  'rsit',
  1003,
  { es: 'Clasificación de incidentes (RSIT)', en: 'Incident classification (RSIT)' },
  rsitRows,
);
export const ensocTaxonomy = table('ensoc', 1, { es: 'Red europea de SOC (ENSOC)', en: 'European network of SOCs (ENSOC)' }, ensocRows, {
  predicates: ['workflow', 'state'],
});

export const builtinTaxonomies: readonly Taxonomy[] = [tlpTaxonomy, papTaxonomy, admiraltyTaxonomy, rsitTaxonomy, ensocTaxonomy];

/** Former names, for showing tags that came with an item. */
export const legacyEntries = [
  ...table('tlp', 10, tlpTaxonomy.label, tlpLegacyRows).entries,
  ...table('PAP', 3, papTaxonomy.label, papLegacyRows).entries,
];
