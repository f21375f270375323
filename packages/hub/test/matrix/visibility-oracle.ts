/**
 * Who sees an event, when: the policy of section 4 of the design as one pure function, written from its text and not from the code. Nothing of
 * the product is called here.
 */
export const readerKinds = ['public', 'gold', 'informed', 'guest'] as const;
export const tlps = ['clear', 'green', 'amber', 'amber+strict', 'red'] as const;
export const distributions = ['entity', 'group', 'community', 'connected', 'all'] as const;
/** Where in its life the event is when it is looked at. `waiting`: published, and the delay of those who wait is not over. */
export const states = ['assessing', 'waiting', 'released', 'retracted before', 'retracted after'] as const;
/** What the reader is to the event. `member` shares a group with its owner. */
export const relations = ['owner', 'member', 'other'] as const;

export type ReaderKind = (typeof readerKinds)[number];
export type Case = {
  readonly owner: ReaderKind;
  readonly tlp: (typeof tlps)[number];
  readonly distribution: (typeof distributions)[number];
  readonly state: (typeof states)[number];
};
export type Reader = { readonly kind: ReaderKind; readonly relation: (typeof relations)[number] };

/** Public bodies read like gold: at once. The others wait a day. */
const waits = (kind: ReaderKind): boolean => kind === 'informed' || kind === 'guest';

/** The narrowest marking that configuration grants to each kind in the community. */
const widest: Readonly<Record<ReaderKind, number>> = { public: 3, gold: 3, informed: 3, guest: 1 };

function reaches(event: Case, reader: Reader): boolean {
  if (event.distribution === 'entity') return false;
  // Whom a group names, it names: a marking for named recipients only is met by that. A guest is given what is configured for guests, in a group too.
  if (event.distribution === 'group')
    return reader.relation === 'member' && (reader.kind !== 'guest' || tlps.indexOf(event.tlp) <= widest.guest);
  // Red is for named persons; a community is not a name.
  if (event.tlp === 'red') return false;
  return tlps.indexOf(event.tlp) <= widest[reader.kind];
}

/** Whether the event is among what has been released to the reader. */
export function sees(event: Case, reader: Reader): boolean {
  // Not yet published, never released, or taken back from everybody.
  if (event.state === 'assessing' || event.state.startsWith('retracted')) return false;
  // His own, at once.
  if (reader.relation === 'owner') return true;
  return reaches(event, reader) && (event.state === 'released' || !waits(reader.kind));
}

/** Every combination, in an order in which each prefix is mixed: all values of all axes come early, and pairs of them soon. */
export function allCases(): Case[] {
  const all: Case[] = [];
  for (const owner of readerKinds)
    for (const tlp of tlps)
      for (const distribution of distributions) for (const state of states) all.push({ owner, tlp, distribution, state });
  const mixed: Case[] = [];
  // 197 has no factor in common with 500, so the steps meet every case once.
  for (let step = 0; step < all.length; step += 1) {
    const each = all[(step * 197) % all.length];
    if (each !== undefined) mixed.push(each);
  }
  return mixed;
}

/** The shortest beginning of the mixed list in which every value of every axis has met every value of every other. */
export function pairwise(cases: readonly Case[]): Case[] {
  const pairs = (each: Case): string[] => {
    const parts = Object.entries(each).map(([axis, value]) => `${axis}=${value}`);
    return parts.flatMap((one, at) => parts.slice(at + 1).map((other) => `${one} ${other}`));
  };
  const open = new Set(cases.flatMap(pairs));
  const taken: Case[] = [];
  for (const each of cases) {
    if (open.size === 0) break;
    taken.push(each);
    for (const pair of pairs(each)) open.delete(pair);
  }
  return taken;
}
