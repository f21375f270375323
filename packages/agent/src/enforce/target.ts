import type { ValueKind } from '@rebato/contract';

/** One value to be in force. `seconds` is what remains of its lease, for controls that can count down by themselves; undefined: no end. */
export type TargetEntry = { readonly kind: ValueKind; readonly value: string; readonly seconds: number | undefined };
export type LoadedEntry = { readonly kind: ValueKind; readonly value: string };

export type TargetChanges = {
  /** Also renews the time of an entry that is loaded. */
  readonly add: readonly TargetEntry[];
  readonly remove: readonly LoadedEntry[];
  /** Everything that should be loaded afterwards, for controls that take whole lists. */
  all(): Iterable<TargetEntry>;
  readonly count: number;
  /** True if an empty result is what verified state, or the owner's off switch, asks for. An empty list is never written otherwise. */
  readonly emptyIsIntended: boolean;
};

/**
 * What the agent enforces with. Calls never overlap. `apply` either makes all changes or throws with the old state in force; it resolves when
 * the control has taken them, and nothing is believed before `confirm` or `readBack` has looked.
 */
export type Target = {
  readonly name: string;
  readonly kinds: ReadonlySet<ValueKind>;
  /** Most entries it can hold. */
  readonly capacity: number;
  /** Makes what is needed; called again when it has been removed from outside. */
  open(): Promise<void>;
  apply(changes: TargetChanges): Promise<void>;
  /** What is really loaded, in chunks, foreign entries included. */
  readBack(): AsyncIterable<readonly LoadedEntry[]>;
  /** A cheaper look at the changes just made: true only if it has seen that all of them are in force. False asks for `readBack`. */
  confirm?(changes: TargetChanges): Promise<boolean>;
  /** False if what surrounds the entries (rules, markers) is gone and `open` must make it again. */
  intact?(): Promise<boolean>;
  close(): Promise<void>;
};

export class TargetError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
