import { type Pap, paps, type Tlp, tlps } from '@rebato/contract';

/** What a set of tags says about passing on and use. `unclear` lists marking tags that could not be understood. */
export type Markings = { readonly tlp?: Tlp; readonly pap?: Pap; readonly unclear: readonly string[] };

/** Tags of the TLP namespace that qualify a level and are none themselves: the Chatham House rule hides the source. */
const tlpQualifiers = new Set(['ex:chr']);

/** The level in a tag of the TLP family; undefined when the tag is of another family, `unclear` when its level is not a known one. */
export function tlpOfTag(name: string): Tlp | 'unclear' | undefined {
  const rest = afterPrefix(name, 'tlp:');
  if (rest === undefined || tlpQualifiers.has(rest)) return undefined;
  // TLP 1 called the widest level white. Tools disagree on how the strict variant is joined.
  const level = rest === 'white' ? 'clear' : rest.replace(/[ _-]/g, '+');
  return tlps.find((known) => known === level) ?? 'unclear';
}

export function papOfTag(name: string): Pap | 'unclear' | undefined {
  const rest = afterPrefix(name, 'pap:');
  if (rest === undefined) return undefined;
  const level = rest === 'white' ? 'clear' : rest;
  return paps.find((known) => known === level) ?? 'unclear';
}

/**
 * The narrowest marking wins. A marking that cannot be understood counts as red: whoever wrote it wanted some limit, and the sender sees the
 * warning and can say which.
 */
export function markingsOf(tags: Iterable<{ readonly name: string }>): Markings {
  let tlp: Tlp | undefined;
  let pap: Pap | undefined;
  const unclear: string[] = [];
  for (const { name } of tags) {
    const tagTlp = tlpOfTag(name);
    const tagPap = papOfTag(name);
    if (tagTlp === 'unclear' || tagPap === 'unclear') unclear.push(name);
    if (tagTlp !== undefined) tlp = narrowerTlp(tlp, tagTlp === 'unclear' ? 'red' : tagTlp);
    if (tagPap !== undefined) pap = narrowerPap(pap, tagPap === 'unclear' ? 'red' : tagPap);
  }
  return { ...(tlp && { tlp }), ...(pap && { pap }), unclear };
}

export function narrowerTlp(a: Tlp | undefined, b: Tlp): Tlp {
  return a === undefined || tlps.indexOf(b) > tlps.indexOf(a) ? b : a;
}

export function narrowerPap(a: Pap | undefined, b: Pap): Pap {
  return a === undefined || paps.indexOf(b) > paps.indexOf(a) ? b : a;
}

/** Tag names as MISP writes them: TLP in lower case, PAP in capitals. */
export const tlpTag = (tlp: Tlp): string => `tlp:${tlp}`;
export const papTag = (pap: Pap): string => `PAP:${pap.toUpperCase()}`;

function afterPrefix(name: string, prefix: string): string | undefined {
  const text = name.trim().toLowerCase();
  return text.startsWith(prefix) ? text.slice(prefix.length).trim().replace(/^"|"$/g, '') : undefined;
}
