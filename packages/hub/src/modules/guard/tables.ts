import { isPublicSuffix } from '#values';
import { type Asset, type Protected, parentsAbove, protect } from './assets.ts';
import { compileLists, type ListTables } from './lists.ts';
import { indexNames, type NameIndex } from './names.ts';
import { indexRanges, type RangeIndex } from './ranges.ts';
import { reverseZones, specialIpv4, specialIpv6, specialNames, transitionIpv6 } from './special-purpose.ts';
import { drain } from './steps.ts';
import { type WellKnownGroup, wellKnownGroups } from './well-known/index.ts';

/** Everything that a verdict depends on besides the value. Immutable: a change makes new tables that replace the old ones at once. */
export type GuardTables = {
  readonly special: RangeIndex<string>;
  readonly transition: RangeIndex<string>;
  readonly specialNames: NameIndex<string>;
  readonly reverse: NameIndex<true>;
  readonly own: Protected<true>;
  readonly members: Protected<true>;
  readonly wellKnown: Protected<WellKnownGroup>;
  readonly lists: ListTables;
  /** Every name of the sets above, lists aside: a name none of whose parents is here needs no look at them. */
  readonly someName: ReadonlySet<string>;
  /** `<kind> <value>` of what two people have released and is not over yet. */
  readonly overrides: ReadonlySet<string>;
};

/** The part of the tables that never changes while the program runs. */
export type BuiltinTables = Pick<GuardTables, 'special' | 'transition' | 'specialNames' | 'reverse' | 'wellKnown'>;

export function builtinTables(groups: readonly WellKnownGroup[] = wellKnownGroups): BuiltinTables {
  return {
    special: indexRanges([...specialIpv4, ...specialIpv6].map(({ net, why }) => ({ net, item: why }))),
    transition: indexRanges(transitionIpv6.map(({ net, why }) => ({ net, item: why }))),
    specialNames: indexNames(specialNames.map(({ name, why }) => ({ name, item: why }))),
    reverse: indexNames(reverseZones.map((name) => ({ name, item: true as const }))),
    wellKnown: protectGroups(groups),
  };
}

function protectGroups(groups: readonly WellKnownGroup[]): Protected<WellKnownGroup> {
  // Vital groups first: when ranges nest or names coincide the stricter word stays.
  const ordered = [...groups].sort((a, b) => Number(b.vital === true) - Number(a.vital === true));
  const nets = ordered.flatMap((group) => (group.nets ?? []).map((net) => ({ net, item: group })));
  const names = ordered.flatMap((group) =>
    (group.names ?? []).map((name) => ({
      name,
      item: group,
      // Beneath a suffix of customers everybody is a stranger to everybody else.
      exact: group.shared === true && isPublicSuffix(name),
      above: parentsAbove(name),
    })),
  );
  return { ranges: indexRanges(nets), names: indexNames(names), exact: new Map() };
}

export type TableParts = {
  readonly own?: Iterable<Asset>;
  readonly members?: Iterable<Asset>;
  readonly lists?: ListTables;
  readonly overrides?: Iterable<string>;
};

/** Puts tables together. Cheap but for the members' assets: lists come compiled, the built-in part is made once. */
export function assembleTables(builtin: BuiltinTables, parts: TableParts): GuardTables & { readonly ignored: readonly Asset[] } {
  const members = protect(mark(parts.members ?? []));
  const own = protect(mark(parts.own ?? []));
  const someName = new Set<string>();
  for (const names of [builtin.specialNames, builtin.reverse, builtin.wellKnown.names, own.names, members.names]) {
    for (const name of names.keys()) someName.add(name);
  }
  return {
    ...builtin,
    someName,
    own,
    members,
    lists: parts.lists ?? emptyLists(),
    overrides: new Set(parts.overrides ?? []),
    ignored: [...own.ignored, ...members.ignored],
  };
}

function* mark(assets: Iterable<Asset>): Generator<Asset & { item: true }> {
  for (const { kind, value } of assets) yield { kind, value, item: true };
}

export function emptyLists(): ListTables {
  return drain(compileLists([]));
}
