import { isPredicate, printMachineTag, tagMaxChars } from './machine-tag.ts';
import type { Taxonomy, TaxonomyEntry } from './taxonomy.ts';

/** The largest published taxonomy has some 2,000 entries. */
const entriesMax = 20_000;
const labelMaxChars = 2_000;
const namespaceShape = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** Predicates and values end up inside tags: no quotes, control characters or line breaks. */
const predicateMaxChars = 200;
const valueShape = /^[^"\u0000-\u001f\u007f]{1,250}$/;

export type ImportedTaxonomy =
  | { readonly ok: true; readonly taxonomy: Taxonomy }
  | { readonly ok: false; readonly problems: readonly { readonly field: string; readonly message: string }[] };

type Source = { readonly [key: string]: unknown };

/** Reads a MISP `machinetag.json`. All or nothing; problems name the field. */
export function importTaxonomy(json: unknown): ImportedTaxonomy {
  const problems: { field: string; message: string }[] = [];
  const fail = (field: string, message: string) => {
    if (problems.length < 100) problems.push({ field, message });
  };
  if (!isSource(json)) return { ok: false, problems: [{ field: '', message: 'a taxonomy is an object' }] };
  const namespace = typeof json.namespace === 'string' ? json.namespace : '';
  if (!namespaceShape.test(namespace)) fail('namespace', 'the namespace is missing or has other characters than letters, digits, . _ -');
  const version = typeof json.version === 'number' && Number.isSafeInteger(json.version) && json.version >= 0 ? json.version : undefined;
  if (version === undefined) fail('version', 'the version is missing or no whole number');

  const byPredicate = new Map<string, Source>();
  for (const [index, predicate] of members(json.predicates, 'predicates', fail)) {
    const field = `predicates[${index}].value`;
    const value = predicate.value;
    if (typeof value !== 'string' || !isPredicate(value) || value.length > predicateMaxChars)
      fail(field, 'a predicate has no name, or one with quotes, control characters or a space in front');
    else if (byPredicate.has(value)) fail(field, `the predicate ${value} occurs twice`);
    else byPredicate.set(value, predicate);
  }
  if (byPredicate.size === 0) fail('predicates', 'a taxonomy has at least one predicate');

  const entries = new Map<string, TaxonomyEntry>();
  const valued = new Set<string>();
  const add = (field: string, tag: string, source: Source, parent?: Source) => {
    const entry = entryOf(tag, source, parent, (name, message) => fail(`${field}.${name}`, message));
    if (tag.length > tagMaxChars) fail(field, `the tag is longer than ${tagMaxChars} characters`);
    if (entries.has(tag)) fail(field, `the tag ${tag} occurs twice`);
    if (entries.size < entriesMax) entries.set(tag, entry);
    else fail(field, `a taxonomy has at most ${entriesMax} entries`);
  };
  if (json.values !== undefined)
    for (const [index, group] of members(json.values, 'values', fail)) {
      const field = `values[${index}]`;
      const parent = typeof group.predicate === 'string' ? byPredicate.get(group.predicate) : undefined;
      if (!parent) {
        fail(`${field}.predicate`, 'this is none of the predicates');
        continue;
      }
      const predicate = String(group.predicate);
      valued.add(predicate);
      for (const [inner, entry] of members(group.entry, `${field}.entry`, fail)) {
        const at = `${field}.entry[${inner}]`;
        if (typeof entry.value !== 'string' || !valueShape.test(entry.value))
          fail(`${at}.value`, 'an entry has no value, or one with quotes or line breaks');
        else add(at, printMachineTag({ namespace, predicate, value: entry.value }), entry, parent);
      }
    }
  for (const [predicate, source] of byPredicate)
    if (!valued.has(predicate)) add('predicates', printMachineTag({ namespace, predicate }), source);
  if (problems.length > 0 || version === undefined) return { ok: false, problems };
  const title = text(json.expanded) ?? text(json.description) ?? namespace;
  return {
    ok: true,
    taxonomy: {
      namespace,
      version,
      label: { es: title, en: title },
      exclusive: json.exclusive === true,
      exclusivePredicates: [...byPredicate].filter(([, source]) => source.exclusive === true).map(([name]) => name),
      entries: [...entries.values()],
    },
  };
}

function entryOf(tag: string, source: Source, parent: Source | undefined, fail: (field: string, message: string) => void): TaxonomyEntry {
  const name = text(source.expanded) ?? String(source.value);
  const colour = source.colour ?? parent?.colour ?? '#8a9ba8';
  if (typeof colour !== 'string' || !/^#[0-9A-Fa-f]{6}$/.test(colour)) fail('colour', 'a colour is written #rrggbb');
  const grade = source.numerical_value;
  const graded = typeof grade === 'number' && Number.isFinite(grade);
  if (grade !== undefined && grade !== null && !graded) fail('numerical_value', 'this is no number');
  return { tag, label: { es: name, en: name }, colour: String(colour).toLowerCase(), ...(graded && { grade }) };
}

function members(value: unknown, field: string, fail: (field: string, message: string) => void): [number, Source][] {
  if (!Array.isArray(value)) {
    fail(field, 'this should be a list');
    return [];
  }
  if (value.length > entriesMax) {
    fail(field, `this list has more than ${entriesMax} entries`);
    return [];
  }
  const found: [number, Source][] = [];
  for (const [index, item] of value.entries()) {
    if (isSource(item)) found.push([index, item]);
    else fail(`${field}[${index}]`, 'this should be an object');
  }
  return found;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, labelMaxChars).toWellFormed() : undefined;
}

function isSource(value: unknown): value is Source {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
