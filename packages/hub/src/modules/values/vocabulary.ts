import { categoryNames, typeRows } from './vocabulary-table.ts';

export type Category = (typeof categoryNames)[number];

/** What MISP assumes for an attribute of a type when the sender does not say. */
export type TypeDefaults = { readonly category: Category; readonly toIds: boolean };

type TypeEntry = TypeDefaults & { readonly categories: readonly Category[] };

/** All attribute categories, in MISP's order. */
export const categories: readonly Category[] = categoryNames;

function categoryAt(position: string): Category {
  const name = categoryNames[Number.parseInt(position, 16)];
  if (name === undefined) throw new Error(`the vocabulary has no category ${position}`);
  return name;
}

const entries = new Map<string, TypeEntry>(
  typeRows.flatMap(([category, toIds, allowed, types]) => {
    const entry: TypeEntry = { category: categoryAt(category), toIds, categories: [...allowed].map(categoryAt) };
    return types.split(',').map((type) => [type, entry] as const);
  }),
);

const byCategory = new Map<string, readonly string[]>(
  categories.map((category) => [category, [...entries].filter(([, entry]) => entry.categories.includes(category)).map(([type]) => type)]),
);

/** All attribute types. */
export const attributeTypes: readonly string[] = [...entries.keys()];

export function isType(text: string): boolean {
  return entries.has(text);
}

export function isCategory(text: string): text is Category {
  return byCategory.has(text);
}

/** Default category and "to IDS" of a type; undefined for an unknown type. */
export function defaultsFor(type: string): TypeDefaults | undefined {
  const entry = entries.get(type);
  return entry && { category: entry.category, toIds: entry.toIds };
}

/** The types that may stand in a category; empty for an unknown category. */
export function typesOf(category: string): readonly string[] {
  return byCategory.get(category) ?? [];
}
