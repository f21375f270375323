import { isPublicSuffix, registrableDomain } from '#values';
import { listHold, memberHold, ownRefusal } from './judge-rest.ts';
import { suffixesOf } from './names.ts';
import type { GuardTables } from './tables.ts';
import { type GuardVerdict, hold, pass, refusal } from './verdict.ts';

/**
 * Judges a name, or undefined when the text is no canonical name. `as` says what is to be blocked: the name itself, or only one URL on it;
 * a URL on a host of many customers harms nobody else.
 */
export function judgeName(value: string, tables: GuardTables, as: 'domain' | 'url'): GuardVerdict | undefined {
  const suffixes = suffixesOf(value);
  if (!suffixes) return undefined;
  if (suffixes.some((suffix) => tables.someName.has(suffix))) {
    const verdict = judgeKnownName(value, suffixes, tables, as);
    if (verdict) return verdict;
  } else {
    const shape = judgeShape(value, suffixes, as);
    if (shape) return shape;
  }
  return listHold(as, as === 'domain' ? value : '', tables, suffixes) ?? pass;
}

function judgeShape(value: string, suffixes: readonly string[], as: 'domain' | 'url'): GuardVerdict | undefined {
  if (suffixes.length === 1) {
    return refusal('single_label', 'A single label is a top-level domain or a local name.', 'Report the full name.');
  }
  if (as === 'domain' && isPublicSuffix(value)) {
    return refusal('public_suffix', 'Everybody can register names beneath this one.', 'Report the full name of the one host, or a URL.');
  }
  return undefined;
}

/** The rules in their order, for a name that some set knows. */
function judgeKnownName(value: string, suffixes: readonly string[], tables: GuardTables, as: 'domain' | 'url'): GuardVerdict | undefined {
  // Special names first: `home.arpa` is one, and `localhost` deserves a better reason than "single label".
  const special = tables.specialNames.find(suffixes);
  if (special !== undefined) {
    return refusal('special_purpose', `This name is ${special}.`, 'Leave it out: it is nobody on the Internet.');
  }
  if (tables.reverse.find(suffixes) === true) {
    return refusal('reverse_zone', 'This is a name of the reverse tree, not a domain.', 'Report the address that it stands for.');
  }
  const shape = judgeShape(value, suffixes, as);
  if (shape) return shape;
  if (tables.own.names.find(suffixes) === true) return ownRefusal;
  const known = tables.wellKnown.names.find(suffixes);
  if (known?.vital === true) return refusal('well_known', `A block would hit ${known.reason}.`, 'Correct the report.');
  if (tables.members.names.find(suffixes) === true) {
    return memberHold;
  }
  if (known !== undefined && !isTenant(value, suffixes, tables)) {
    if (known.shared !== true)
      return hold('well_known', `A block would hit ${known.reason}.`, 'Report a full URL; two people may release it.');
    if (as === 'domain')
      return hold('shared_host', `A block would hit ${known.reason}.`, 'Report the full URL instead; two people may release it.');
  }
  return undefined;
}

/**
 * Whether the name belongs to a customer of a service and not to the service: what stands beneath a suffix that a company lets out
 * (`x.blob.core.windows.net`) is a stranger to the names above that suffix. A suffix that is itself in the table (`gob.es`) keeps its own.
 */
function isTenant(value: string, suffixes: readonly string[], tables: GuardTables): boolean {
  const registrable = registrableDomain(value);
  if (registrable === undefined) return false;
  const suffixLength = registrable.length - registrable.indexOf('.') - 1;
  return tables.wellKnown.names.find(suffixes.filter((suffix) => suffix.length >= suffixLength)) === undefined;
}
