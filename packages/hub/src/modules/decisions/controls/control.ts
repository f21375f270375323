import type { Envelope, Tlp, ValueKind } from '@rebato/contract';
import type { Viewer } from '#platform/actor';

/** `agent`: a program of ours applies decisions and answers. `list`: the device fetches a list and says nothing. */
export type Feed = 'agent' | 'list';

/** `ip`, `net` or `domain`, in canonical form. */
export type AllowedValue = { readonly kind: ValueKind; readonly value: string };

/** What a control takes of what its owner reads. */
export type ControlPolicy = {
  readonly kinds: readonly ValueKind[];
  /** 0..100. */
  readonly minConfidence: number;
  readonly capacity: number;
  readonly allow: readonly AllowedValue[];
  /** Null: as the owner's criticality says. */
  readonly delayMs: number | null;
};

export type Control = {
  readonly id: string;
  readonly num: number;
  readonly entityId: string;
  readonly name: string;
  /** What it is, in the owner's words: nftables, pan-os, unbound. */
  readonly target: string;
  readonly feed: Feed;
  readonly policy: ControlPolicy;
  readonly orderVersion: number;
  readonly order: Envelope | null;
  readonly orderExpires: Date | null;
  readonly channels: readonly string[];
  readonly pastChannels: readonly string[];
  readonly keyHash: string | null;
  readonly agent: string | null;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly enrolledAt: Date | null;
  readonly revokedAt: Date | null;
  readonly changedAt: Date;
};

/** What controls need to know of an entity. Undefined for one that is unknown or suspended. */
export type Owner = { readonly viewer: Viewer; readonly critical: boolean; readonly maxTlp: Tlp };
export type OwnerOf = (entityId: string) => Promise<Owner | undefined>;

/** The channels that a reader's lanes are, community first. */
export function channelsOf(viewer: Viewer): string[] {
  return viewer.lanes.map((lane) => `${viewer.shelf}/${lane}`);
}

/** Undoes `channelsOf` for one name. */
export function laneOf(channel: string): { readonly shelf: string; readonly lane: string } {
  const slash = channel.indexOf('/');
  return { shelf: channel.slice(0, slash), lane: channel.slice(slash + 1) };
}
