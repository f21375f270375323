import { defaultsFor, extract, extractMaxChars, type Finding, findingsMax, type Own } from '#values';
import type { Draft, DraftAttachment, DraftAttribute, DraftProblem, Parsed } from '../draft.ts';
import { markingsOf } from '../taxonomies/markings.ts';
import { storable } from './json.ts';
import { infoMaxChars } from './limits.ts';
import { decodeText, titleOf } from './text-bytes.ts';

export type TextHint = { readonly fileName?: string; readonly own?: Own };
/** What a format knows besides its text. `info` beats what the text or the file name would give. */
export type Beside = {
  readonly info?: string;
  readonly date?: string;
  readonly attributes?: readonly DraftAttribute[];
  readonly attachments?: readonly DraftAttachment[];
  readonly warnings?: readonly DraftProblem[];
};

export function parseText(bytes: Uint8Array, hint: TextHint = {}): Parsed {
  return draftOfText(decodeText(bytes), hint);
}

/** One draft of a text: its values as attributes, its first line as the title, the markings that it bears. Findings keep their offsets. */
export function draftOfText(raw: string, hint: TextHint, beside: Beside = {}): Parsed {
  const text = storable(raw);
  const warnings: DraftProblem[] = [...(beside.warnings ?? [])];
  const findings = extract(text, hint.own ? { own: hint.own } : {});
  if (text.length > extractMaxChars) warnings.push({ message: `only the first ${extractMaxChars} characters were searched for values` });
  if (findings.length >= findingsMax)
    warnings.push({ message: `only the first ${findingsMax} values were taken: import longer lists as a table` });
  const attributes = [...(beside.attributes ?? []), ...findings.map(attributeOf)];
  if (attributes.length === 0) warnings.push({ message: 'no values were found in this text' });
  const markings = markingsIn(text);
  if (markings.tlp) warnings.push({ message: `the text says TLP:${markings.tlp.toUpperCase()}` });
  if (markings.pap) warnings.push({ message: `the text says PAP:${markings.pap.toUpperCase()}` });
  const draft: Draft = {
    info: (beside.info ?? firstLine(text) ?? titleOf(hint.fileName) ?? 'Report').slice(0, infoMaxChars),
    ...(beside.date !== undefined && { date: beside.date }),
    ...markings,
    tags: [],
    attributes,
    objects: [],
    attachments: beside.attachments ?? [],
    sightings: [],
  };
  return { ok: true, drafts: [draft], warnings, text, findings };
}

/** What is not sure, stands in a signature or names the parties of a mail is shown and not acted upon until somebody says so. */
function attributeOf(finding: Finding): DraftAttribute {
  const sure = finding.confidence === 'sure' && finding.context === undefined;
  const comment = finding.context && contextComments[finding.context];
  return {
    type: finding.type,
    value: finding.value,
    toIds: sure && (defaultsFor(finding.type)?.toIds ?? false),
    ...(comment && { comment }),
    tags: [],
  };
}

const contextComments: Readonly<Record<NonNullable<Finding['context']>, string>> = {
  signature: 'found in a signature',
  filename: 'found as a file name',
  reference: 'found as a reference',
  mail_header: 'found in a mail header',
  no_scheme: 'found without http://',
};

/** Markings in running text. When a text bears several, as one about the protocol does, the narrowest counts: to widen is for people. */
function markingsIn(text: string): Pick<Draft, 'tlp' | 'pap'> {
  const tags: { name: string }[] = [];
  for (const match of text.matchAll(/\b(TLP|PAP)[:：][ \t]?(AMBER ?\+ ?STRICT|RED|AMBER|GREEN|CLEAR|WHITE)\b/gi)) {
    tags.push({ name: `${match[1]}:${(match[2] ?? '').replace(/ /g, '')}` });
  }
  const { tlp, pap } = markingsOf(tags);
  return { ...(tlp && { tlp }), ...(pap && { pap }) };
}

const titleMaxChars = 200;
/** How far a title is looked for. */
const titleWithinChars = 4_000;

/** The first line that has letters and is no marking or rule, without Markdown's signs. */
function firstLine(text: string): string | undefined {
  for (const raw of text.slice(0, titleWithinChars).split(/[\r\n]+/)) {
    const line = raw.replace(/^[#>*\-=\s]+/, '').replace(/[#*=\s]+$/, '');
    if (/\p{L}{3}/u.test(line) && !/^(?:TLP|PAP)[:：]/i.test(line)) return line.slice(0, titleMaxChars).toWellFormed();
  }
  return undefined;
}
