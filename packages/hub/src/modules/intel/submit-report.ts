import { hash } from 'node:crypto';
import type { Actor } from '#platform/actor';
import type { Detail } from '#platform/errors';
import type { DraftProblem } from './draft.ts';
import { fail } from './errors.ts';
import type { Reader } from './reading/reader.ts';
import type { Acknowledgement, Submission, SubmitDeps } from './submission.ts';
import { repeated, submitDrafts } from './submit-drafts.ts';

/** `read`: input as drafts. */
export type ReportDeps = SubmitDeps & { readonly read: Reader['read'] };

/** Takes a report in. When this returns, report and events are on disk. All or nothing: a broken part refuses the whole, naming where. */
export async function submitReport(deps: ReportDeps, actor: Actor, input: Submission): Promise<Acknowledgement> {
  const digest = hash('sha256', input.bytes, 'hex');
  if (input.idempotencyKey !== undefined) {
    const before = await repeated(deps, actor.entityId, input.idempotencyKey, digest);
    if (before !== undefined) return before;
  }
  const reporter = await deps.reporterOf(actor.entityId);
  const parsed = await deps.read(input.bytes, {
    ...(input.format === undefined ? {} : { format: input.format }),
    ...(input.fileName === undefined ? {} : { fileName: input.fileName }),
    ...(input.contentType === undefined ? {} : { contentType: input.contentType }),
    own: { domains: [...reporter.ownDomains], people: [...reporter.ownPeople] },
  });
  if (!parsed.ok) throw fail('intel.bad_input', parsed.problems[0]?.message ?? 'The input could not be read.', problemsOf(parsed.problems));
  return submitDrafts(deps, actor, parsed.drafts, {
    ...input,
    ...(parsed.format === undefined ? {} : { format: parsed.format }),
    digest,
    reporter,
  });
}

/** Where an input is wrong, in the form of a problem document: `line 12, column 3` or the path of a field. */
export function problemsOf(problems: readonly DraftProblem[]): Detail[] {
  return problems.map((problem) => ({
    field:
      problem.field ??
      (problem.line === undefined ? 'input' : `line ${problem.line}${problem.column === undefined ? '' : `, column ${problem.column}`}`),
    message: problem.message,
  }));
}
