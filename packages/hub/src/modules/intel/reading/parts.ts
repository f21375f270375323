import type { InputHint } from '../codecs/index.ts';
import type { Draft, DraftAttribute, DraftObject, Parsed } from '../draft.ts';

/** What the hub's thread asks of the reading one. One question at a time. */
export type Ask =
  | { readonly what: 'read'; readonly id: number; readonly bytes: Uint8Array; readonly hint: InputHint }
  | { readonly what: 'part'; readonly id: number; readonly draft: number; readonly of: 'attributes' | 'objects'; readonly from: number }
  | { readonly what: 'done'; readonly id: number };

/** A draft with the numbers of its attributes and objects in their place: they follow in parts. */
export type DraftShell = Omit<Draft, 'attributes' | 'objects'> & { readonly attributes: number; readonly objects: number };
export type Shell = Omit<Extract<Parsed, { ok: true }>, 'drafts'> & { readonly drafts: readonly DraftShell[] };

export type Answer = {
  readonly id: number;
  readonly shell?: Shell;
  readonly failed?: Extract<Parsed, { ok: false }>;
  readonly part?: readonly unknown[];
  readonly broken?: string;
};

export type Part = DraftAttribute | DraftObject;

/** Attributes or objects that cross from one thread to the other at once: about a millisecond of the hub's thread. */
export const partSize = 1_000;
