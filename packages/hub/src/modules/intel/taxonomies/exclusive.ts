import { parseMachineTag } from './machine-tag.ts';
import type { Taxonomy } from './taxonomy.ts';

/** Two tags of which an item may carry one only. */
export type Clash = { readonly kept: string; readonly tag: string; readonly rule: string };

/** Finds tags that exclude each other. Names are compared without case, as markings are; the same tag twice is no clash. `tlp:ex:chr` qualifies. */
export function clashes(tags: Iterable<string>, taxonomies: readonly Taxonomy[]): Clash[] {
  const byNamespace = new Map(taxonomies.map((taxonomy) => [taxonomy.namespace.toLowerCase(), taxonomy]));
  const first = new Map<string, string>();
  const found: Clash[] = [];
  for (const name of tags) {
    const tag = parseMachineTag(name);
    const taxonomy = tag && byNamespace.get(tag.namespace.toLowerCase());
    const rule = taxonomy && exclusiveRule(name, taxonomy);
    if (rule === undefined) continue;
    const kept = first.get(rule);
    if (kept === undefined) first.set(rule, name);
    else if (kept.trim().toLowerCase() !== name.trim().toLowerCase()) found.push({ kept, tag: name, rule });
  }
  return found;
}

/** Tags of one taxonomy for which this is the same exclude each other; undefined when the tag stands beside any other. */
export function exclusiveRule(name: string, taxonomy: Taxonomy): string | undefined {
  const tag = parseMachineTag(name);
  if (!tag) return undefined;
  if (taxonomy.exclusive) return tag.predicate.toLowerCase() === 'ex:chr' ? undefined : taxonomy.namespace;
  return taxonomy.exclusivePredicates.includes(tag.predicate) ? `${taxonomy.namespace}:${tag.predicate}` : undefined;
}
