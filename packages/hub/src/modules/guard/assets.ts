import type { ValueKind } from '@rebato/contract';
import { isPublicSuffix, parseNet } from '#values';
import { widestAsset } from './limits.ts';
import { indexNames, type NameEntry, type NameIndex, parentsOf, suffixesOf } from './names.ts';
import { indexRanges, type RangeEntry, type RangeIndex } from './ranges.ts';

/** What somebody declared as its own. `value` is canonical; kinds other than `ip`, `net`, `domain`, `email`, `hash`, `asn` protect nothing. */
export type Asset = { readonly kind: ValueKind; readonly value: string };

/** A set of values that a block must not touch. */
export type Protected<T> = {
  readonly ranges: RangeIndex<T>;
  readonly names: NameIndex<T>;
  /** `<kind> <value>` of what has no inside: mail addresses, hashes, autonomous systems. */
  readonly exact: ReadonlyMap<string, T>;
};

/**
 * Why a declaration protects nothing, or undefined when it does. Without this a member could declare the whole Internet, or a hosting
 * company's suffix, and make every attacker there immune.
 */
export function assetProblem(asset: Asset): string | undefined {
  switch (asset.kind) {
    case 'ip':
    case 'net': {
      const net = parseNet(asset.value);
      if (!net) return 'This is not a canonical address or network.';
      const widest = widestAsset[net.family];
      return net.prefix < widest ? `A declared network is no wider than /${widest}: declare its parts.` : undefined;
    }
    case 'domain':
      if (!suffixesOf(asset.value)) return 'This is not a canonical domain name.';
      if (!asset.value.includes('.')) return 'A single label is no domain of one member.';
      return isPublicSuffix(asset.value) ? 'This is a public suffix: everybody registers names beneath it.' : undefined;
    case 'email':
    case 'hash':
    case 'asn':
      return undefined;
    default:
      return 'A declaration is an address, a network, a domain, a mail address, a hash or an autonomous system.';
  }
}

/** Builds the set; what protects nothing is left out and returned, so that somebody is told. */
export function protect<T>(assets: Iterable<Asset & { readonly item: T }>): Protected<T> & { readonly ignored: readonly Asset[] } {
  const nets: RangeEntry<T>[] = [];
  const names: NameEntry<T>[] = [];
  const exact = new Map<string, T>();
  const ignored: Asset[] = [];
  for (const { kind, value, item } of assets) {
    if (assetProblem({ kind, value }) !== undefined) ignored.push({ kind, value });
    else if (kind === 'domain') names.push({ name: value, item, above: parentsAbove(value) });
    else if (kind === 'ip' || kind === 'net') nets.push({ net: value, item });
    else exact.set(`${kind} ${value}`, item);
  }
  return { ranges: indexRanges(nets), names: indexNames(names), exact, ignored };
}

/** The names above a name, without public suffixes: those are refused by their own rule. */
export function parentsAbove(name: string): readonly string[] {
  return parentsOf(name).filter((parent) => parent.includes('.') && !isPublicSuffix(parent));
}
