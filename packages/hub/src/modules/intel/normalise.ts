import { setImmediate } from 'node:timers/promises';
import { type Distribution, type Pap, paps, type Tlp, tlps, type ValueKind, valueKinds } from '@rebato/contract';
import { type GuardHold, type GuardTables, type GuardVerdict, judge, type OwnData, overrideKey, type PaceInput } from '#guard';
import { canonicalise, defaultsFor, isType } from '#values';
import type { Draft, DraftAttribute, DraftObject, DraftTag } from './draft.ts';
import { type Telling, tellAttribute, tellObject, type Withheld } from './told.ts';
import type { VkeyOf } from './vkey.ts';

/** One attribute, judged: what the database stores of it. `state` is what the guard and the rules leave for a person to do. */
export type JudgedAttribute = {
  readonly id: string;
  readonly vkey: string;
  readonly vkey2: string | null;
  readonly kind: ValueKind;
  readonly canonical: string;
  readonly state: 'accepted' | 'pending' | 'held' | 'refused';
  readonly blockable: boolean;
  readonly rule: string | null;
  readonly reason: string | null;
  readonly toIds: boolean;
  /** Marked narrower than its event: it stays with its owner. */
  readonly ownOnly: boolean;
  readonly objectId: string | null;
  readonly draft: DraftAttribute;
  /** What others read of it, where that is not what the sender wrote. */
  readonly told: DraftAttribute | undefined;
};
export type JudgedObject = {
  readonly id: string;
  readonly ownOnly: boolean;
  readonly draft: DraftObject;
  readonly told: DraftObject | undefined;
};

export type JudgeContext = {
  readonly tables: GuardTables;
  /** What the sender holds back by itself: what touches its own declared assets and its people (victim data). */
  readonly own: OwnData;
  readonly tlp: Tlp;
  readonly pap: Pap;
  /** Whether this source's values of this kind pass without a person. */
  readonly trusted: (kind: ValueKind) => boolean;
  readonly uuid: () => string;
  readonly vkeyOf: VkeyOf;
};

/** Kinds that a control somewhere can block. The rest is for detection and for people. */
const blockableKinds: ReadonlySet<ValueKind> = new Set(['ip', 'net', 'domain', 'url', 'hash', 'email', 'ja3', 'ja4']);

export const kindIndex: Readonly<Record<ValueKind, number>> = Object.fromEntries(valueKinds.map((kind, index) => [kind, index])) as Record<
  ValueKind,
  number
>;

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const asUuid = (text: string | undefined): string | undefined => {
  const lower = text?.toLowerCase();
  return lower !== undefined && uuidPattern.test(lower) ? lower : undefined;
};

/** `withheld`: texts that leave otherwise than they were written. */
type Judged = { attributes: JudgedAttribute[]; objects: JudgedObject[]; withheld: Withheld[] };

/** Judges every attribute of a draft, each one by itself: N in, N judged. */
export function judgeDraft(draft: Draft, context: JudgeContext): Judged {
  const judging = judgeInSteps(draft, context);
  for (;;) {
    const step = judging.next();
    if (step.done === true) return step.value;
  }
}

/** The same for large drafts: lets alerts and streams have the processor between slices. */
export async function judgeDraftInTurns(draft: Draft, context: JudgeContext): Promise<Judged> {
  const judging = judgeInSteps(draft, context);
  for (;;) {
    const step = judging.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}

/** Some milliseconds of work. */
const judgedPerStep = 250;

function* judgeInSteps(draft: Draft, context: JudgeContext): Generator<undefined, Judged> {
  const used = new Set<string>();
  const fresh = (wanted: string | undefined): string => {
    const given = asUuid(wanted);
    const id = given !== undefined && !used.has(given) ? given : context.uuid();
    used.add(id);
    return id;
  };
  const telling: Telling = { own: context.own, withheld: [] };
  const attributes: JudgedAttribute[] = [];
  for (const attribute of draft.attributes) {
    attributes.push(judgeAttribute(attribute, undefined, fresh(attribute.uuid), context, telling));
    if (attributes.length % judgedPerStep === 0) yield;
  }
  const objects: JudgedObject[] = [];
  for (const object of draft.objects) {
    const judged = { id: fresh(object.uuid), ownOnly: narrower(object.distribution), draft: object, told: tellObject(object, telling) };
    objects.push(judged);
    for (const attribute of object.attributes) {
      attributes.push(judgeAttribute(attribute, judged, fresh(attribute.uuid), context, telling));
      if (attributes.length % judgedPerStep === 0) yield;
    }
  }
  return { attributes, objects, withheld: telling.withheld };
}

/** Holds back a value that says something of the sender's own side, in any part of it. */
function holdVictim(attribute: JudgedAttribute, own: OwnData): JudgedAttribute {
  if (own.empty) return attribute;
  const { kind, canonical, draft } = attribute;
  // The canonical form of a compound value is its first part; the rest of it leaves as well.
  const span = own.inValue(kind, canonical) ?? (canonical === draft.value ? undefined : own.inText(draft.value)[0]);
  if (span === undefined) return attribute;
  const what = span.reason === 'own_asset' ? 'belongs to your own entity' : 'is one of your own people';
  return {
    ...attribute,
    state: 'held',
    blockable: false,
    rule: 'victim_data',
    reason: `${span.found} ${what}: data about victims does not leave.`,
  };
}

/** What the blocks of an event come to, all together. */
export function blocksOf(attributes: readonly JudgedAttribute[], tables: GuardTables): Pick<PaceInput, 'blocks' | 'nets'> {
  let blocks = 0;
  const nets: string[] = [];
  for (const { blockable, kind, canonical } of attributes) {
    if (!blockable) continue;
    blocks += 1;
    if (kind === 'net' && !tables.overrides.has(overrideKey(kind, canonical))) nets.push(canonical);
  }
  return { blocks, nets };
}

/** What is harmless one by one and too much together waits together: all networks, or all blocks. */
export function holdTogether(attributes: readonly JudgedAttribute[], hold: GuardHold): JudgedAttribute[] {
  const held = (attribute: JudgedAttribute) => attribute.blockable && (hold.rule !== 'spread' || attribute.kind === 'net');
  return attributes.map((attribute) => (held(attribute) ? { ...attribute, ...applyVerdict(hold, 'pending') } : attribute));
}

/** A part's own distribution: to the owner's entity, or to a group of the source's that means nothing here. */
const narrower = (distribution: Distribution | undefined): boolean => distribution === 'entity' || distribution === 'group';

function judgeAttribute(
  draft: DraftAttribute,
  object: JudgedObject | undefined,
  id: string,
  context: JudgeContext,
  telling: Telling,
): JudgedAttribute {
  const judged = holdVictim(judgeBare(draft, object, id, context), context.own);
  // A value that stays has nothing around it that leaves.
  return judged.rule === 'victim_data' ? judged : { ...judged, told: tellAttribute(draft, telling) };
}

function judgeBare(draft: DraftAttribute, object: JudgedObject | undefined, id: string, context: JudgeContext): JudgedAttribute {
  const known = isType(draft.type);
  const toIds = draft.toIds ?? defaultsFor(draft.type)?.toIds ?? false;
  const canonical: ReturnType<typeof canonicalise> = known
    ? canonicalise(draft.type, draft.value)
    : { ok: true, kind: 'other', value: draft.value };
  const tlp = narrowest(tlps, context.tlp, draft.tlp);
  const pap = narrowest(paps, context.pap, draft.pap);
  const ownOnly = object?.ownOnly === true || narrower(draft.distribution) || tlp !== context.tlp;
  const base = { id, objectId: object?.id ?? null, toIds, ownOnly, draft, told: undefined };
  if (!canonical.ok) {
    // Kept as it came, so that nothing is lost, but never matched or blocked.
    const vkey = context.vkeyOf('other', draft.value);
    const state = context.trusted('other') ? 'accepted' : 'pending';
    return {
      ...base,
      vkey,
      vkey2: null,
      kind: 'other',
      canonical: draft.value,
      state,
      blockable: false,
      rule: canonical.code,
      reason: canonical.message,
    };
  }
  const { kind, value } = canonical;
  const other = canonical.parts?.find((part) => part.kind !== kind || part.value !== value);
  const common = {
    ...base,
    vkey: context.vkeyOf(kind, value),
    vkey2: other === undefined ? null : context.vkeyOf(other.kind, other.value),
    kind,
    canonical: value,
  };
  const arrival = context.trusted(kind) ? 'accepted' : 'pending';
  if (!toIds || !blockableKinds.has(kind) || draft.deleted === true)
    return { ...common, state: arrival, blockable: false, rule: null, reason: null };
  return { ...common, ...applyVerdict(judge({ kind, value, tlp, pap }, context.tables), arrival) };
}

/** Of two markings the one further to the narrow end of its scale. */
function narrowest<T>(scale: readonly T[], a: T, b: T | undefined): T {
  return b !== undefined && scale.indexOf(b) > scale.indexOf(a) ? b : a;
}

/**
 * The marking of a whole event: what the sender says and what the source says, and of both the narrower, because nothing may be shared more widely
 * than its source allowed. Neither: amber and green.
 */
export function markingOf(
  said: { readonly tlp?: Tlp; readonly pap?: Pap },
  source: { readonly tlp?: Tlp; readonly pap?: Pap },
): { readonly tlp: Tlp; readonly pap: Pap } {
  return {
    tlp: narrowest(tlps, said.tlp ?? source.tlp ?? 'amber', source.tlp),
    pap: narrowest(paps, said.pap ?? source.pap ?? 'green', source.pap),
  };
}

type Judgement = Pick<JudgedAttribute, 'state' | 'blockable' | 'rule' | 'reason'>;

/** A refusal keeps a value from ever being blocked, but not from being read; what is held waits for two people. */
export function applyVerdict(verdict: GuardVerdict, arrival: 'accepted' | 'pending'): Judgement {
  if (verdict.verdict === 'pass') return { state: arrival, blockable: true, rule: null, reason: null };
  const reason = `${verdict.message} ${verdict.action}`;
  if (verdict.verdict === 'refuse')
    return {
      state: verdict.rule === 'pap' || verdict.rule === 'kind' || verdict.rule === 'tlp' ? arrival : 'refused',
      blockable: false,
      rule: verdict.rule,
      reason,
    };
  return { state: 'held', blockable: false, rule: verdict.rule, reason };
}

export const categoryOf = (draft: DraftAttribute): string | null => {
  if (draft.category === undefined) return null;
  return draft.category === defaultsFor(draft.type)?.category ? null : draft.category;
};

export const tagsOf = (tags: readonly DraftTag[]): readonly DraftTag[] | null => (tags.length === 0 ? null : tags);

/** 0..100, for the order of the queue: the source's own threat level first, then how much it could block. */
export function dangerOf(draft: Draft, attributes: readonly JudgedAttribute[]): number {
  const level = draft.threatLevel ?? 4;
  const held = attributes.some((attribute) => attribute.state === 'held') ? 5 : 0;
  const blocks = attributes.filter((attribute) => attribute.blockable).length;
  return Math.min(100, (4 - level) * 25 + held + Math.min(20, Math.ceil(Math.log2(blocks + 1) * 2)));
}
