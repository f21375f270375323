import type { ValueKind } from '@rebato/contract';
import { searchMaxChars } from './limits.ts';
import type { ListLabel } from './lists.ts';
import type { GuardTables } from './tables.ts';
import { type GuardHold, hold, refusal } from './verdict.ts';

export const ownRefusal = refusal('own_host', 'This would cut off the network itself.', 'Correct the report.');

/** Says neither whose it is nor what exactly was declared: readers of a verdict may not learn that. */
export const memberHold = hold(
  'member_asset',
  'A member of the network has declared this as its own, or a part of it.',
  'The coordinators ask the owner; two people may release it.',
);

/**
 * What the imported lists say. `text` is searched as a whole value, by pieces and by patterns, unless empty; `suffixes` are those of the name
 * in question; `found` is what a range look-up has already brought. A list speaks only about the kinds that it says it is for.
 */
export function listHold(
  kind: ValueKind,
  text: string,
  { lists }: GuardTables,
  suffixes?: readonly string[],
  found?: ListLabel,
): GuardHold | undefined {
  const wanted = (list: ListLabel) => list.kinds.has(kind);
  const list = found ?? (suffixes === undefined ? undefined : lists.names.find(suffixes, wanted)) ?? search(kind, text, lists, wanted);
  if (list === undefined) return undefined;
  return hold('warning_list', `The list "${list.name}" warns of it.`, 'Check what it is; two people may release it.', list.name);
}

function search(kind: ValueKind, text: string, lists: GuardTables['lists'], wanted: (list: ListLabel) => boolean): ListLabel | undefined {
  if (text === '' || text.length > searchMaxChars) return undefined;
  const whole = lists.exact.get(text);
  if (whole !== undefined && wanted(whole)) return whole;
  if (!lists.searched.has(kind)) return undefined;
  const piece = lists.substrings.find(text, wanted);
  if (piece !== undefined) return piece;
  for (const { pattern, list } of lists.patterns) if (list.kinds.has(kind) && pattern.matcher(text).find()) return list;
  return undefined;
}

/** Numbers of the IANA registry that no network on the Internet has (RFC 5398, 6793, 6996, 7300, 7607). */
export function reservedAsn(number: number): boolean {
  return number === 0 || number === 23_456 || (number >= 64_496 && number <= 131_071) || number >= 4_200_000_000;
}
