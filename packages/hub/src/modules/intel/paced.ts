import type { Distribution } from '@rebato/contract';
import type { GuardTables, PaceHold, PaceInput } from '#guard';
import { blocksOf, holdTogether, type JudgedAttribute } from './normalise.ts';
import type { Reporter, SubmitDeps, Trust } from './submission.ts';

/** Judges what the blocks of one event come to. `counts` is false for a preview. */
export function pacedOf(
  deps: Pick<SubmitDeps, 'pace'>,
  entityId: string,
  reporter: Reporter,
  trust: Trust,
  attributes: readonly JudgedAttribute[],
  tables: GuardTables,
  distribution: Distribution,
  counts = true,
): { readonly attributes: readonly JudgedAttribute[]; readonly held: PaceHold | undefined } {
  const waiting = attributes.some((attribute) => attribute.state === 'pending');
  // What waits for an assessor, or is not for all, tells nothing to others yet, and must not hold theirs.
  const communal = !waiting && !reporter.waits && distribution !== 'entity' && distribution !== 'group';
  const { source, shelf, feed, perHour } = { source: entityId, shelf: reporter.shelf, ...trust };
  let input: PaceInput = { ...blocksOf(attributes, tables), source, shelf, communal, feed, perHour };
  const first = deps.pace.judge(input);
  let paced = first === undefined ? attributes : holdTogether(attributes, first.hold);
  let held = first;
  if (first?.why === 'spread') {
    // The networks wait; the rest may still be too much.
    input = { ...input, ...blocksOf(paced, tables), nets: [] };
    const second = deps.pace.judge(input);
    if (second !== undefined) paced = holdTogether(paced, second.hold);
    held = second ?? first;
  }
  if (counts && !waiting && (held === undefined || held.why === 'spread')) deps.pace.count(input);
  return { attributes: paced, held };
}
