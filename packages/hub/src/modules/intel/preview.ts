import type { Actor } from '#platform/actor';
import { fail } from './errors.ts';
import type { Readers } from './intel.ts';
import { type JudgedAttribute, judgeDraft, markingOf } from './normalise.ts';
import { pacedOf } from './paced.ts';
import { findValues } from './queries.ts';
import type { Markings, Submission } from './submission.ts';
import { problemsOf, type ReportDeps } from './submit-report.ts';
import { tellEvent, type Withheld } from './told.ts';

export type PreviewFinding = {
  readonly attribute: JudgedAttribute;
  readonly outcome: 'block' | 'detect' | 'hold' | 'refuse' | 'own';
  readonly start?: number;
  readonly end?: number;
  readonly confidence?: string;
  readonly known: readonly { readonly eventId: string; readonly title: string; readonly releasedAt: Date }[];
};
export type Preview = {
  readonly title: string;
  readonly findings: readonly PreviewFinding[];
  /** Words that others will not read, because they say something of the sender's own side. */
  readonly withheld: readonly Withheld[];
  readonly warnings: readonly string[];
};

/** Shown of one value before sending: more is no help. */
const knownPerValue = 3;
/** Values looked up for what is known already. */
const knownMax = 1_000;

/**
 * What a submission would become, without storing anything: what was found, what the guard holds and why, what is the sender's own data. What
 * is known already is looked up on the reader's own shelf and nowhere else.
 */
export async function previewReport(
  deps: ReportDeps & { readonly readers: Readers },
  actor: Actor,
  input: Pick<Submission, 'bytes' | 'format' | 'fileName' | 'contentType'> & { readonly markings: Markings },
): Promise<Preview> {
  const reporter = await deps.reporterOf(actor.entityId);
  const parsed = await deps.read(input.bytes, {
    ...(input.format === undefined ? {} : { format: input.format }),
    ...(input.fileName === undefined ? {} : { fileName: input.fileName }),
    ...(input.contentType === undefined ? {} : { contentType: input.contentType }),
    own: { domains: [...reporter.ownDomains], people: [...reporter.ownPeople] },
  });
  if (!parsed.ok) throw fail('intel.bad_input', parsed.problems[0]?.message ?? 'The input could not be read.', problemsOf(parsed.problems));
  const trust = await deps.trusts(reporter, actor.entityId);
  const tables = deps.guardTables();
  const withheld: Withheld[] = [];
  const attributes = parsed.drafts.flatMap((draft) => {
    tellEvent({ ...draft, info: input.markings.info ?? draft.info }, { own: reporter.own, withheld });
    const judged = judgeDraft(draft, {
      tables,
      own: reporter.own,
      ...markingOf(input.markings, draft),
      trusted: trust.passes,
      uuid: deps.ids.uuid,
      vkeyOf: deps.vkeyOf,
    });
    withheld.push(...judged.withheld);
    return pacedOf(deps, actor.entityId, reporter, trust, judged.attributes, tables, 'community', false).attributes;
  });
  const vkeys = [...new Set(attributes.map((attribute) => attribute.vkey))].slice(0, knownMax);
  const found = vkeys.length === 0 ? [] : await findValues(deps.readers.of(actor.viewer), actor.viewer, vkeys, knownPerValue);
  const places = new Map((parsed.findings ?? []).map((finding) => [finding.canonical.value, finding]));
  return {
    title: parsed.drafts[0]?.info ?? '',
    withheld,
    warnings: parsed.warnings.map((warning) => `${warning.line === undefined ? '' : `line ${warning.line}: `}${warning.message}`),
    findings: attributes.map((attribute) => {
      const place = places.get(attribute.canonical);
      return {
        attribute,
        outcome: outcomeOf(attribute),
        ...(place === undefined ? {} : { start: place.start, end: place.end, confidence: place.confidence }),
        known: found
          .filter((each) => each.vkey === attribute.vkey)
          .map((each) => ({ eventId: each.eventId, title: each.info, releasedAt: each.releasedAt })),
      };
    }),
  };
}

function outcomeOf(attribute: JudgedAttribute): PreviewFinding['outcome'] {
  if (attribute.rule === 'victim_data') return 'own';
  if (attribute.state === 'held') return 'hold';
  if (attribute.state === 'refused') return 'refuse';
  return attribute.blockable ? 'block' : 'detect';
}
