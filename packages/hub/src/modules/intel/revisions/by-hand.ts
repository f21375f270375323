import type { Distribution, Pap, Tlp } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { Draft, DraftAttribute } from '../draft.ts';
import { fail } from '../errors.ts';
import { attributeOf, type IndicatorInput } from '../indicator-input.ts';
import { limits } from '../limits.ts';
import { judgeDraftInTurns, tagsOf } from '../normalise.ts';
import { listOwnIndicators } from '../own.ts';
import { type EventRow, readEventRow } from '../store.ts';
import type { SubmitDeps } from '../submission.ts';
import { draftAttributeOf } from '../to-draft.ts';
import { tellEvent } from '../told.ts';
import { type Revised, reviseEvent } from './revise.ts';
import { listRevisions, type RevisionRow } from './store.ts';

/** What is absent stays as it is. `indicators`, where given, are all that the event has afterwards: one that is not named leaves. */
export type HandRevision = {
  readonly title?: string;
  readonly tlp?: Tlp;
  readonly pap?: Pap;
  readonly distribution?: Distribution;
  readonly groupId?: string;
  readonly date?: string;
  readonly threatLevel?: number;
  readonly tags?: readonly { readonly name: string }[];
  readonly indicators?: readonly (IndicatorInput & { readonly id?: string })[];
};

async function revisable(deps: SubmitDeps, actor: Actor, eventId: string): Promise<EventRow> {
  const event = await readEventRow(deps.db, eventId);
  if (event?.ownerId !== actor.entityId) throw fail('intel.event_not_found', 'There is no such event of yours.');
  return event;
}

/** Replaces one's own event by a newer version, written by hand. What it says of the marking may let the event go further than before. */
export async function reviseByHand(deps: SubmitDeps, actor: Actor, eventId: string, input: HandRevision): Promise<Revised> {
  const event = await revisable(deps, actor, eventId);
  const distribution = input.distribution ?? event.distribution;
  const groupId = distribution === 'group' ? (input.groupId ?? event.groupId) : null;
  if (distribution === 'group' && groupId !== event.groupId && !actor.viewer.lanes.includes(`g:${groupId}`))
    throw fail('intel.group_unknown', 'The sharing group is unknown.', [
      { field: 'groupId', message: 'Name a sharing group that you are in.' },
    ]);
  const reporter = await deps.reporterOf(event.ownerId);
  const trust = await deps.trusts(reporter, event.ownerId);
  const tables = deps.guardTables();
  const receivedAt = deps.clock.now();
  const tlp = input.tlp ?? event.tlp;
  const pap = input.pap ?? event.pap;
  // A marking that is another one is judged for what the version does not name as well.
  const named = input.indicators ?? (tlp === event.tlp && pap === event.pap ? undefined : await namesOf(deps, event));
  const draft: Draft = {
    uuid: event.uuid,
    info: input.title ?? event.info,
    tags: input.tags ?? (event.tags as Draft['tags'] | null) ?? [],
    attributes: named === undefined ? [] : await attributesOf(deps, event, named),
    objects: [],
    attachments: [],
    sightings: [],
  };
  const judged = await judgeDraftInTurns(draft, {
    tables,
    own: reporter.own,
    trusted: trust.passes,
    uuid: deps.ids.uuid,
    vkeyOf: deps.vkeyOf,
    tlp,
    pap,
  });
  // Of the source's own fields what was kept for exports is searched with the rest.
  const said = { ...draft, info: draft.info.slice(0, limits.infoChars), ...(event.extra === null ? {} : { extra: event.extra }) };
  const told = tellEvent(said, { own: reporter.own, withheld: [] });
  const revised = await deps.db.transaction((tx) =>
    reviseEvent(deps, tx, actor, {
      eventId: event.id,
      draft,
      head: {
        info: draft.info.slice(0, limits.infoChars),
        date: input.date ?? event.date,
        threatLevel: input.threatLevel ?? event.threatLevel,
        analysis: event.analysis,
        tlp,
        pap,
        distribution,
        groupId,
        timestamp: Math.max(event.timestamp + 1, Math.floor(receivedAt.getTime() / 1000)),
        extra: event.extra,
        told: told === undefined ? null : { info: told.info, tags: tagsOf(told.tags), extra: (told.extra ?? null) as EventRow['extra'] },
      },
      ...judged,
      source: { reporter, trust, tables },
      reportId: null,
      receivedAt,
      said: { tlp: input.tlp !== undefined, pap: input.pap !== undefined, distribution: input.distribution !== undefined },
      diff: { absent: input.indicators === undefined ? 'stays' : 'leaves', keepObjects: true },
    }),
  );
  deps.bus.nudge();
  return revised;
}

/** What the event has, as it would be named. */
async function namesOf(deps: SubmitDeps, event: EventRow): Promise<NonNullable<HandRevision['indicators']>> {
  return (await stored(deps, event))
    .filter((row) => draftAttributeOf(row).deleted !== true)
    .map(({ id, value, type }) => ({ id, value, type }));
}

async function stored(deps: SubmitDeps, event: EventRow) {
  return listOwnIndicators(deps.db, event.id, undefined, limits.attributesPerReport, true);
}

/** An indicator that the event has, by its id or else by type and value, keeps what the caller does not say of it. */
async function attributesOf(deps: SubmitDeps, event: EventRow, inputs: NonNullable<HandRevision['indicators']>): Promise<DraftAttribute[]> {
  const rows = await stored(deps, event);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const byValue = new Map(rows.toReversed().map((row) => [`${row.type}\n${row.value}`, row]));
  const taken = new Set<string>();
  return inputs.map(({ id, ...input }, index) => {
    const field = `indicators[${index}]`;
    const named = id === undefined ? undefined : byId.get(id);
    if (id !== undefined && (named === undefined || taken.has(id)))
      throw fail('intel.value_invalid', `The event has no indicator ${id}, or it is named twice.`, [
        { field: `${field}.id`, message: 'name an indicator of this event, once' },
      ]);
    // A type that we do not know may have come with a file.
    const given =
      named !== undefined && (input.type ?? named.type) === named.type ? { ...input, type: named.type } : attributeOf(input, field);
    const row = named ?? byValue.get(`${given.type}\n${given.value}`);
    if (row === undefined || taken.has(row.id)) return { ...given, tags: given.tags ?? [] };
    taken.add(row.id);
    const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const { deleted: _deleted, ...before } = draftAttributeOf(row);
    return { ...before, ...said, tags: input.tags ?? before.tags, uuid: row.id };
  });
}

/** More than an event ever has, and little enough for one answer. */
const historyMax = 500;

/** Who changed what when, newest first; for its owner. */
export async function historyOf(deps: SubmitDeps, actor: Actor, eventId: string): Promise<{ event: EventRow; revisions: RevisionRow[] }> {
  const event = await revisable(deps, actor, eventId);
  return { event, revisions: await listRevisions(deps.db, eventId, historyMax) };
}
