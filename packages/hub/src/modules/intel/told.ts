import { type OwnData, withhold } from '#guard';
import type { Draft, DraftAttribute, DraftObject } from './draft.ts';

/**
 * What others read of a report. Values that say something of the sender's own side are held whole; in the words around them only the telling
 * stretch is replaced, because a warning must not wait for a name in its comment. The write side keeps what the sender wrote.
 */

/** A text that leaves otherwise than it was written: shown to the sender before anything goes out. */
export type Withheld = {
  readonly field: 'title' | 'comment' | 'tag' | 'other';
  /** The value whose comment or tag it is; null: the event's or an object's. */
  readonly of: string | null;
  readonly found: readonly string[];
  readonly becomes: string;
};

export type Telling = { readonly own: OwnData; readonly withheld: Withheld[] };

/** Shown of one report: more is a list that nobody reads. Texts beyond it are withheld all the same. */
const shownMax = 200;
const shownChars = 500;

function tellText(text: string, field: Withheld['field'], of: string | null, { own, withheld }: Telling): string {
  const spans = own.inText(text);
  if (spans.length === 0) return text;
  const becomes = withhold(text, spans);
  if (withheld.length < shownMax)
    withheld.push({ field, of, found: [...new Set(spans.map((span) => span.found))], becomes: becomes.slice(0, shownChars) });
  return becomes;
}

/** Every string inside; the same object where nothing changes. What a format has no place for is plain JSON of any shape. */
function tellJson<T>(value: T, field: Withheld['field'], of: string | null, telling: Telling): T;
function tellJson(value: unknown, field: Withheld['field'], of: string | null, telling: Telling): unknown {
  if (typeof value === 'string') return tellText(value, field, of, telling);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (Array.isArray(value)) {
    const told = value.map((item: unknown) => tellJson(item, field, of, telling));
    return told.some((item, index) => item !== value[index]) ? told : value;
  }
  let changed = false;
  const told = Object.entries(value).map(([name, item]: [string, unknown]) => {
    const becomes = tellJson(item, field, of, telling);
    changed ||= becomes !== item;
    return [name, becomes];
  });
  return changed ? Object.fromEntries(told) : value;
}

/** Undefined when others read it as it was written, which is nearly always. */
export function tellAttribute(draft: DraftAttribute, telling: Telling): DraftAttribute | undefined {
  if (telling.own.empty) return undefined;
  const { value: of } = draft;
  const comment = draft.comment === undefined ? undefined : tellText(draft.comment, 'comment', of, telling);
  const tags = tellJson(draft.tags, 'tag', of, telling);
  const extra = draft.extra === undefined ? undefined : tellJson(draft.extra, 'other', of, telling);
  if (comment === draft.comment && tags === draft.tags && extra === draft.extra) return undefined;
  return { ...draft, ...(comment === undefined ? {} : { comment }), tags, ...(extra === undefined ? {} : { extra }) };
}

/** The same for what an object says besides its attributes. */
export function tellObject(draft: DraftObject, telling: Telling): DraftObject | undefined {
  if (telling.own.empty) return undefined;
  const { comment, description, references, extra } = draft;
  const written = { comment, description, references, extra };
  const told = {
    ...tellJson({ comment }, 'comment', null, telling),
    ...tellJson({ description, references, extra }, 'other', null, telling),
  };
  if ((Object.keys(written) as (keyof typeof written)[]).every((name) => told[name] === written[name])) return undefined;
  return { ...draft, ...(Object.fromEntries(Object.entries(told).filter(([, part]) => part !== undefined)) as Partial<DraftObject>) };
}

/** The same for the event's own words. */
export function tellEvent<T extends Pick<Draft, 'info' | 'tags' | 'sightings' | 'extra'>>(draft: T, telling: Telling): T | undefined {
  if (telling.own.empty) return undefined;
  const info = tellText(draft.info, 'title', null, telling);
  const tags = tellJson(draft.tags, 'tag', null, telling);
  const sightings = tellJson(draft.sightings, 'other', null, telling);
  const extra = draft.extra === undefined ? undefined : tellJson(draft.extra, 'other', null, telling);
  if (info === draft.info && tags === draft.tags && sightings === draft.sightings && extra === draft.extra) return undefined;
  return { ...draft, info, tags, sightings, ...(extra === undefined ? {} : { extra }) };
}
