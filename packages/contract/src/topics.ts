/**
 * Domain events: what modules announce in the log. Payloads name objects, they do not carry them: whoever listens reads the object in its
 * own transaction. Public to whoever reads the log inside the hub, never to a member.
 */
export type Topics = {
  /** An event (or a part of one, `chunk`) has been accepted and may go to its audiences. */
  'intel.published': { readonly eventId: string; readonly chunk: number };
  /**
   * A published event was changed; `revision` is the first round of the change. Without a chunk: what was narrowed leaves at once. With one: what
   * was added or changed in that round follows the delay of each audience.
   */
  'intel.revised': { readonly eventId: string; readonly revision: number; readonly chunk: number | null };
  /** Taken back: at once to everyone who ever received it. */
  'intel.retracted': { readonly eventId: string };
  /** Confirmed or corroborated: delayed audiences need not wait any longer. */
  'intel.consolidated': { readonly eventId: string };
  'intel.commented': { readonly eventId: string; readonly commentId: string };
  'intel.sighted': { readonly sightingId: string };
  /** An assessor's or coordinator's word on a value: consolidate, retract, or take the ruling back. */
  'decisions.ruled': { readonly decisionId: string };
  /** A member lifted a value at home, or put it back. */
  'decisions.lifted': { readonly liftId: string };
  'decisions.halted': { readonly on: boolean };
  /** A control was added, changed, revoked, or its owner's level changed. */
  'decisions.control_changed': { readonly controlId: string };
  /** Blocks of a published event are held again. */
  'intel.withheld': { readonly eventId: string };
  /** Two people let go what was held. */
  'guard.released': { readonly releaseId: string };
  /** Such a release is over. */
  'guard.release_ended': { readonly releaseId: string };
  'members.entity_changed': { readonly entityId: string };
  'members.access_changed': { readonly principalId: string };
};
export type TopicName = keyof Topics;
export type Topic<T extends TopicName> = Topics[T];
