import { parseMachineTag } from './machine-tag.ts';
import type { Taxonomy } from './taxonomy.ts';

/**
 * Whether some other tag of the taxonomy cannot stand beside this one on one item; `tlp:ex:chr` qualifies and excludes nothing. It is said to
 * whoever lets people choose. What sources send keeps all its tags, and of several markings the narrower counts.
 */
export function isExclusive(name: string, taxonomy: Taxonomy): boolean {
  const tag = parseMachineTag(name);
  if (!tag) return false;
  return taxonomy.exclusive ? tag.predicate.toLowerCase() !== 'ex:chr' : taxonomy.exclusivePredicates.includes(tag.predicate);
}
