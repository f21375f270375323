/** Spanish and English, the two languages of the network. Imported taxonomies have one text, used for both. */
export type Label = { readonly es: string; readonly en: string };

export type TaxonomyEntry = {
  /** `namespace:predicate` or `namespace:predicate="value"`, as it stands on an item. */
  readonly tag: string;
  readonly label: Label;
  /** `#rrggbb`, lower case. */
  readonly colour: string;
  /** 0..100, where the taxonomy grades. */
  readonly grade?: number;
};

export type Taxonomy = {
  readonly namespace: string;
  readonly version: number;
  readonly label: Label;
  /** At most one tag of the whole taxonomy on an item. */
  readonly exclusive: boolean;
  /** At most one tag of each of these predicates. */
  readonly exclusivePredicates: readonly string[];
  readonly entries: readonly TaxonomyEntry[];
};
