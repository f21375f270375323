import type { Strength, ValueKind } from '@rebato/contract';

/** How long decisions last. Milliseconds. Data, dated and shown to members. */
export type DecisionPolicy = {
  /** A first report's block dies by itself after this long, counted from publication. */
  readonly leaseMs: number;
  /** A consolidated block lasts this long after its newest evidence. */
  readonly consolidatedMs: Readonly<Partial<Record<ValueKind, number>>> & { readonly other: number };
  /** Independent voices that make a lease a consolidated decision. */
  readonly voicesToConsolidate: number;
};

export type PolicyVersion = {
  /** 0: the defaults of this release. */
  readonly version: number;
  readonly validFrom: Date;
  readonly reason: string;
  readonly policy: DecisionPolicy;
};

const dayMs = 86_400_000;

export const defaultPolicy: DecisionPolicy = {
  leaseMs: 2 * dayMs,
  // Addresses change hands quickly, names slowly, a hash never.
  consolidatedMs: {
    ip: 14 * dayMs,
    net: 14 * dayMs,
    url: 30 * dayMs,
    domain: 60 * dayMs,
    email: 30 * dayMs,
    hash: 365 * dayMs,
    ja3: 90 * dayMs,
    ja4: 90 * dayMs,
    other: 30 * dayMs,
  },
  voicesToConsolidate: 2,
};

/** One reason to block, as released on the lane: an indicator of an event, or a sighting. */
export type Evidence = {
  readonly voice: string;
  readonly at: Date;
  readonly confidence: number;
  /** The event was confirmed by an assessor or has been corroborated. */
  readonly consolidated: boolean;
};

export type Folded = { readonly strength: Strength; readonly confidence: number; readonly voices: number; readonly until: Date };

/** More voices than this change nothing. */
export const maxVoices = 16;

/**
 * What follows from the evidence of one value on one lane; undefined when nothing does. This is the specification: `store.ts` says the same in
 * SQL for whole batches, and a test holds the two together.
 */
export function fold(
  kind: ValueKind,
  indicators: readonly Evidence[],
  sightings: readonly Evidence[],
  ruling: 'consolidated' | null,
  policy: DecisionPolicy,
): Folded | undefined {
  if (indicators.length === 0) return undefined;
  const all = [...indicators, ...sightings];
  const voices = Math.min(maxVoices, new Set(all.map((evidence) => evidence.voice)).size);
  const consolidated =
    ruling === 'consolidated' || voices >= policy.voicesToConsolidate || indicators.some((evidence) => evidence.consolidated);
  const best = Math.max(...indicators.map((evidence) => evidence.confidence));
  const newest = (list: readonly Evidence[]): number => Math.max(...list.map((evidence) => evidence.at.getTime()));
  return {
    strength: consolidated ? 'consolidated' : 'lease',
    confidence: ruling === 'consolidated' ? 95 : Math.min(95, best + 15 * (voices - 1)),
    voices,
    until: new Date(
      consolidated ? newest(all) + (policy.consolidatedMs[kind] ?? policy.consolidatedMs.other) : newest(indicators) + policy.leaseMs,
    ),
  };
}
