export { admiraltyTaxonomy, builtinTaxonomies, ensocTaxonomy, legacyEntries, papTaxonomy, rsitTaxonomy, tlpTaxonomy } from './builtin.ts';
export { isExclusive } from './exclusive.ts';
export { type ImportedTaxonomy, importTaxonomy } from './import-taxonomy.ts';
export { type MachineTag, parseMachineTag, printMachineTag, tagMaxChars } from './machine-tag.ts';
export { type Markings, markingsOf, narrowerPap, narrowerTlp, papOfTag, papTag, tlpOfTag, tlpTag } from './markings.ts';
export type { Label, Taxonomy, TaxonomyEntry } from './taxonomy.ts';
