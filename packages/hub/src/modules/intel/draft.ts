import type { Distribution, Pap, Tlp } from '@rebato/contract';
import type { Finding } from '#values';

/**
 * What any input becomes before it is judged: one event with its parts, in our own words but losing nothing. Whatever a format can say and this
 * shape has no field for is kept verbatim in `extra` and given back on export in the same format.
 */
export type Draft = {
  /** From the source when it has one (MISP uuid, STIX id's UUID); otherwise made at submission. */
  readonly uuid?: string;
  readonly info: string;
  /** YYYY-MM-DD. */
  readonly date?: string;
  /** MISP's 1 high … 4 undefined. */
  readonly threatLevel?: 1 | 2 | 3 | 4;
  /** MISP's 0 initial, 1 ongoing, 2 complete. */
  readonly analysis?: 0 | 1 | 2;
  /** Epoch seconds of the last change at the source. */
  readonly timestamp?: number;
  readonly tlp?: Tlp;
  readonly pap?: Pap;
  readonly distribution?: Distribution;
  /** The organisation that made it, when it is not the sender. */
  readonly author?: { readonly name: string; readonly uuid: string };
  readonly tags: readonly DraftTag[];
  readonly attributes: readonly DraftAttribute[];
  readonly objects: readonly DraftObject[];
  readonly attachments: readonly DraftAttachment[];
  readonly sightings: readonly DraftSighting[];
  readonly extra?: Extra;
};
/** Fields of the source format that have no place of their own, keyed by format: `{ misp: { … } }`. Plain JSON. */
export type Extra = { readonly [format: string]: unknown };

export type DraftTag = { readonly name: string; readonly colour?: string; readonly local?: boolean; readonly extra?: Extra };

export type DraftAttribute = {
  readonly uuid?: string;
  /** A MISP attribute type. */
  readonly type: string;
  /** A MISP category; absent means the type's default one. */
  readonly category?: string;
  /** Exactly as the source wrote it. */
  readonly value: string;
  readonly toIds?: boolean;
  readonly comment?: string;
  /** ISO 8601 with up to microseconds. */
  readonly firstSeen?: string;
  readonly lastSeen?: string;
  readonly timestamp?: number;
  readonly deleted?: boolean;
  readonly objectRelation?: string;
  /** Absent: like what it is part of. */
  readonly distribution?: Distribution;
  /** From its own tags; the narrower of this and the event's counts. */
  readonly tlp?: Tlp;
  readonly pap?: Pap;
  readonly tags: readonly DraftTag[];
  readonly extra?: Extra;
};

export type DraftObject = {
  readonly uuid?: string;
  readonly name: string;
  readonly metaCategory?: string;
  readonly templateUuid?: string;
  readonly templateVersion?: string;
  readonly description?: string;
  readonly comment?: string;
  readonly timestamp?: number;
  readonly deleted?: boolean;
  readonly distribution?: Distribution;
  readonly firstSeen?: string;
  readonly lastSeen?: string;
  readonly attributes: readonly DraftAttribute[];
  readonly references: readonly {
    readonly uuid?: string;
    readonly target: string;
    readonly relation: string;
    readonly comment?: string;
    readonly extra?: Extra;
  }[];
  readonly extra?: Extra;
};

/** Bytes are stored content-addressed and never rendered. */
export type DraftAttachment = { readonly name: string; readonly bytes: Buffer; readonly malware: boolean; readonly attributeUuid?: string };

export type DraftSighting = {
  readonly uuid?: string;
  readonly value?: string;
  readonly attributeUuid?: string;
  readonly type: 'seen' | 'false_positive' | 'expired';
  readonly at: Date;
  readonly source?: string;
  readonly extra?: Extra;
};

/** Where an input is wrong: `line` from 1 when the input is text, `field` a path such as `Event.Attribute[3].type`. */
export type DraftProblem = { readonly line?: number; readonly column?: number; readonly field?: string; readonly message: string };
/** `text` is what was read out of a text-like input, and `findings` the values in it with their offsets into `text`. */
export type Parsed =
  | {
      readonly ok: true;
      readonly drafts: readonly Draft[];
      readonly warnings: readonly DraftProblem[];
      /** What the input was taken for, when it was detected. */
      readonly format?: InputFormat;
      readonly text?: string;
      readonly findings?: readonly Finding[];
    }
  | { readonly ok: false; readonly problems: readonly DraftProblem[] };

export const inputFormats = ['text', 'markdown', 'csv', 'eml', 'html', 'misp', 'stix', 'pdf'] as const;
export type InputFormat = (typeof inputFormats)[number];
