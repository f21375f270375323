import { type Distribution, paps, type Tlp, tlps } from '@rebato/contract';
import type { Draft } from '../draft.ts';
import { limits } from '../limits.ts';
import { type JudgeContext, judgeDraftInTurns, tagsOf } from '../normalise.ts';
import type { EventRow } from '../store.ts';
import type { Markings } from '../submission.ts';
import { tellEvent } from '../told.ts';
import { headExtra, type Revision, requireNewer } from './revise.ts';

/** Judges a newer version of one's own event as a source wrote it. What it does not say of the event stays as it was. */
export async function prepareRevision(
  event: EventRow,
  draft: Draft,
  context: Omit<JudgeContext, 'tlp' | 'pap'>,
  from: {
    readonly markings: Markings;
    readonly foreign: boolean;
    readonly receivedAt: Date;
    readonly reportId: string;
    readonly source: Revision['source'];
  },
): Promise<Revision> {
  requireNewer(event, draft.timestamp);
  const { markings } = from;
  const tlp = narrowest(tlps, markings.tlp, draft.tlp) ?? event.tlp;
  const pap = narrowest(paps, markings.pap, draft.pap) ?? event.pap;
  const judged = await judgeDraftInTurns(draft, { ...context, tlp: tlp satisfies Tlp, pap });
  const distribution = markings.distribution ?? saidNow(event, draft.distribution) ?? event.distribution;
  const info = (markings.info ?? draft.info).slice(0, limits.infoChars);
  const told = tellEvent({ ...draft, info }, { own: context.own, withheld: [] });
  return {
    eventId: event.id,
    draft,
    head: {
      info,
      date: draft.date ?? event.date,
      threatLevel: draft.threatLevel ?? event.threatLevel,
      analysis: draft.analysis ?? event.analysis,
      tlp,
      pap,
      distribution,
      groupId: distribution === 'group' ? (markings.groupId ?? event.groupId) : null,
      timestamp: draft.timestamp ?? event.timestamp,
      extra: headExtra(draft, markings, from.foreign),
      told: told === undefined ? null : { info: told.info, tags: tagsOf(told.tags), extra: headExtra(told, markings, from.foreign) },
    },
    ...judged,
    source: from.source,
    reportId: from.reportId,
    receivedAt: from.receivedAt,
    said: { tlp: markings.tlp !== undefined, pap: markings.pap !== undefined, distribution: markings.distribution !== undefined },
    diff: { absent: 'stays', keepObjects: false },
  };
}

/** Of what the sender says and what the source says the narrower; undefined when neither says anything. */
function narrowest<T>(scale: readonly T[], said: T | undefined, source: T | undefined): T | undefined {
  if (said === undefined || source === undefined) return said ?? source;
  return scale.indexOf(source) > scale.indexOf(said) ? source : said;
}

/** A source's distribution, when it says another one than before. A group of the source's means nothing here. */
function saidNow(event: EventRow, distribution: Distribution | undefined): Distribution | undefined {
  const before = (event.extra?.draft as { distribution?: unknown } | undefined)?.distribution;
  if (distribution === before) return undefined;
  return distribution === 'group' ? 'entity' : distribution;
}
