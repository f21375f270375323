import type { ValueKind } from '@rebato/contract';
import { RE2JS } from 're2js';
import { parentsAbove } from './assets.ts';
import { compileSlice } from './limits.ts';
import type { PreparedList } from './list-format.ts';
import { buildNames, type NameIndex } from './names.ts';
import { indexRanges, type RangeEntry, type RangeIndex } from './ranges.ts';
import { indexSubstrings, type SubstringIndex } from './substrings.ts';

/** A compiled list as a verdict names it. `kinds` is what it speaks about. */
export type ListLabel = { readonly id: string; readonly name: string; readonly kinds: ReadonlySet<ValueKind> };

/** All enabled lists in one set of look-ups, so that a value costs the same whether there are two lists or two hundred. */
export type ListTables = {
  readonly ranges: RangeIndex<ListLabel>;
  readonly names: NameIndex<ListLabel>;
  /** By value; digests without their algorithm. */
  readonly exact: ReadonlyMap<string, ListLabel>;
  readonly substrings: SubstringIndex<ListLabel>;
  readonly patterns: readonly { readonly pattern: RE2JS; readonly list: ListLabel }[];
  /** Kinds that some list searches for inside values, so that the others skip the search. */
  readonly searched: ReadonlySet<ValueKind>;
  readonly entries: number;
};

/** Compiles in slices: between two of them the caller may let other work run. The return value is the result. */
export function* compileLists(lists: readonly PreparedList[]): Generator<void, ListTables> {
  const nets: RangeEntry<ListLabel>[] = [];
  const names = buildNames<ListLabel>();
  const exact = new Map<string, ListLabel>();
  const pieces: { text: string; item: ListLabel }[] = [];
  const patterns: { pattern: RE2JS; list: ListLabel }[] = [];
  const searched = new Set<ValueKind>();
  let entries = 0;
  // Lists that speak about URLs first: the first owner of a name stays, and theirs is the stricter word.
  const ordered = [...lists].sort((a, b) => Number(b.kinds.includes('url')) - Number(a.kinds.includes('url')));
  for (const list of ordered) {
    const label: ListLabel = { id: list.id, name: list.name, kinds: new Set(list.kinds) };
    for (const entry of list.entries) {
      if (++entries % compileSlice === 0) yield;
      const text = entry.slice(1);
      switch (entry[0]) {
        case 'n':
          nets.push({ net: text, item: label });
          break;
        case 'd':
          names.add({ name: text, item: label, above: parentsAbove(text) });
          break;
        case 'e':
          names.add({ name: text, item: label, exact: true, above: parentsAbove(text) });
          break;
        case 's':
          pieces.push({ text, item: label });
          for (const kind of list.kinds) searched.add(kind);
          break;
        case 'r':
          patterns.push({ pattern: compilePattern(text), list: label });
          for (const kind of list.kinds) searched.add(kind);
          break;
        default:
          if (!exact.has(text)) exact.set(text, label);
      }
    }
  }
  const ranges = indexRanges(nets);
  yield;
  return { ranges, names: names.finish(), exact, substrings: indexSubstrings(pieces), patterns, searched, entries };
}

/** MISP writes patterns bare or between slashes with flags. RE2 takes time linear in the text, whatever the pattern. */
export function compilePattern(text: string): RE2JS {
  const slashed = /^\/(.*)\/([a-z]*)$/s.exec(text);
  const body = slashed?.[1] ?? text;
  return RE2JS.compile(body, (slashed?.[2] ?? 'i').includes('i') ? RE2JS.CASE_INSENSITIVE : 0);
}
