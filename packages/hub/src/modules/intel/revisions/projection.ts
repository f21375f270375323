import type { Tx } from '#platform/db';
import type { Planner, ShelfOutput } from '#platform/leader';
import { type Audience, cancelPlansOutside, type PlanItem, shelfSchema, termsAt, waitingPlans } from '#platform/shelf';
import { isOwnLane, releases, type ShelfOf, touch, type ViewersOf } from '../lanes.ts';
import { lanesHolding, readEventRows, removeEvent } from '../release-store.ts';
import type { EventRow } from '../store.ts';
import { narrowOnLane, type RevisionTimes, readRevisions } from './rounds.ts';

/**
 * Revisions on their way. What narrows goes to every shelf now. What adds or changes waits as the audience does, counted from the revision;
 * where the event itself still waits, it comes with it: the time of a release is found once. What is planned has the topic of publications, and
 * what comes to an event that is out a key of its own: confirming an event hastens it, but not what is said of it later.
 */
export function planRevised(shelfOf: ShelfOf, viewersOf: ViewersOf): Planner {
  return async (tx, entries, audiences, now) => {
    const items: PlanItem[] = [];
    for (const entry of entries) {
      const event = (await readEventRows(tx, [String(entry.payload.eventId)])).get(String(entry.payload.eventId));
      if (event === undefined || event.state !== 'published') continue;
      const revisions = await readRevisions(tx, event.id);
      const revision = revisions.find((each) => each.round === entry.payload.revision);
      if (revision === undefined) continue;
      const ownerShelf = (await shelfOf(tx, [event.ownerId])).get(event.ownerId) ?? '';
      const waiting = await waitingPlans(tx, 'intel.published', event.id);
      for (const audience of audiences) {
        const lanes = {
          before: releases({ ...event, ...markingOf(revision) }, audience, ownerShelf).map((each) => each.lane),
          after: releases(event, audience, ownerShelf).map((each) => each.lane),
          held: await lanesOn(tx, audience, event.id),
          waiting: new Map(waiting.filter((each) => each.shelf === audience.name).map((each) => [each.lane, each.dueAt])),
        };
        const at = { event, revisions, revision, audience, lanes, now };
        if (entry.payload.chunk !== null) {
          items.push(...planRound(at, Number(entry.payload.chunk)));
          continue;
        }
        const allowed = [...lanes.after, ...(await keepers(tx, viewersOf, at))];
        for (const key of [event.id, laterKey(event.id)])
          await cancelPlansOutside(tx, ['intel.published', 'intel.commented'], key, audience.name, allowed);
        items.push(narrowing(at, allowed), ...planNewLanes(at));
      }
    }
    return items;
  };
}

/**
 * Entities' own lanes that keep the event beside those that it goes to by its marking: its owner's, which may be on its way to another shelf, and
 * those of readers who had it before their level changed, as long as they are among its readers.
 */
async function keepers(tx: Tx, viewersOf: ViewersOf, { event, lanes }: At): Promise<string[]> {
  const shared = lanes.after.filter((lane) => !lane.startsWith('e:'));
  const held = [...new Set([...lanes.held, ...lanes.waiting.keys()])].filter((lane) => lane.startsWith('e:'));
  const others = held.filter((lane) => !isOwnLane(event, lane)).map((lane) => lane.slice(2));
  const viewers = others.length === 0 ? [] : [...(await viewersOf(tx, others))];
  return [
    ...held.filter((lane) => isOwnLane(event, lane)),
    ...viewers.filter(([, viewer]) => viewer.lanes.some((lane) => shared.includes(lane))).map(([id]) => `e:${id}`),
  ];
}

/** The key of plans for what comes to an event that is out already. */
export const laterKey = (eventId: string): string => `${eventId} later`;

type At = {
  readonly event: EventRow;
  readonly revisions: readonly RevisionTimes[];
  readonly revision: RevisionTimes;
  readonly audience: Audience;
  readonly lanes: {
    readonly before: readonly string[];
    readonly after: readonly string[];
    readonly held: readonly string[];
    readonly waiting: ReadonlyMap<string, Date>;
  };
  readonly now: Date;
};

const markingOf = ({ tlp, distribution, groupId }: RevisionTimes) => ({ tlp, distribution, groupId });

/** Its author reads an event in the community's lane as soon as it is there, and in his own one no more. */
const readsInCommunity = ({ lanes }: At): boolean => lanes.held.includes('c') && lanes.after.includes('c');

function planRound(at: At, chunk: number): PlanItem[] {
  const { lanes, audience, now } = at;
  const delayed = new Date(at.revision.at.getTime() + termsAt(audience, at.revision.at).delayMs);
  return lanes.after.flatMap((lane) => {
    if (isOwnLane(at.event, lane)) return readsInCommunity(at) ? [] : [roundItem(at, lane, chunk, now)];
    // A lane that it is new to gets the whole event at its time.
    if (!lanes.before.includes(lane)) return [];
    const event = lanes.held.includes(lane) ? undefined : lanes.waiting.get(lane);
    return event !== undefined && event > now ? [roundItem(at, lane, chunk, event, true)] : [roundItem(at, lane, chunk, delayed)];
  });
}

/** Lanes that the event reaches by its new marking, or goes back to: all of it. */
function planNewLanes(at: At): PlanItem[] {
  const { lanes, audience, now, event } = at;
  return lanes.after.flatMap((lane) => {
    const own = isOwnLane(event, lane);
    const isNew = own ? !lanes.held.includes(lane) && !lanes.waiting.has(lane) && !readsInCommunity(at) : !lanes.before.includes(lane);
    if (!isNew) return [];
    const dueAt = own ? now : new Date(at.revision.at.getTime() + termsAt(audience, at.revision.at).delayMs);
    return [...Array(event.rounds).keys()].map((chunk) => roundItem(at, lane, chunk, dueAt, true));
  });
}

/** `first`: it comes with the event itself, so that nobody is told of a revision of what he has never had. */
function roundItem({ event, audience, revisions }: At, lane: string, chunk: number, dueAt: Date, first = false): PlanItem {
  return {
    shelf: audience.name,
    lane,
    topic: 'intel.published',
    key: first ? event.id : laterKey(event.id),
    payload: { eventId: event.id, chunk, ...laterPart(event, revisions, chunk, first) },
    dueAt,
    arrivedAt: revisionAt(revisions, chunk)?.arrivedAt ?? event.arrivedAt,
  };
}

const revisionAt = (revisions: readonly RevisionTimes[], chunk: number): RevisionTimes | undefined =>
  revisions.find((each) => each.round <= chunk && chunk < each.round + each.rounds);

/** What a plan says of a round that came after the publication; nothing of a chunk of the publication itself. */
export function laterPart(
  event: Pick<EventRow, 'chunks'>,
  revisions: readonly RevisionTimes[],
  chunk: number,
  first: boolean,
): Readonly<Record<string, unknown>> {
  if (chunk < event.chunks) return {};
  const times = revisionAt(revisions, chunk);
  return { later: true, first, ...(times && { at: times.at.toISOString(), arrivedAt: times.arrivedAt.toISOString() }) };
}

const narrowing = ({ event, audience, revision, now }: At, allowed: readonly string[]): PlanItem => ({
  shelf: audience.name,
  lane: '',
  topic: 'intel.published',
  key: event.id,
  payload: { eventId: event.id, from: revision.round, to: revision.round + revision.rounds, lanes: allowed },
  dueAt: now,
  arrivedAt: revision.arrivedAt,
});

/** What is narrower now leaves every lane of the shelf that has it; a lane that may not have the event any more loses it. */
export async function narrowOnShelf(tx: Tx, item: PlanItem, output: ShelfOutput): Promise<void> {
  const allowed = item.payload.lanes as readonly string[];
  for (const lane of await lanesHolding(tx, item.key)) {
    if (!allowed.includes(lane)) {
      touch(output, lane, (await removeEvent(tx, item.key, lane)).touched);
      output.entries.push({ lane, topic: 'event.retracted', object: item.key, body: {} });
      continue;
    }
    const narrowed = await narrowOnLane(tx, item.key, lane, { from: Number(item.payload.from), to: Number(item.payload.to) });
    touch(output, lane, narrowed.touched);
    if (narrowed.changed) output.entries.push({ lane, topic: 'event.revised', object: item.key, body: {} });
  }
}

/** Lanes of one shelf that hold the event. Planning looks at several shelves, so the schema is named. */
async function lanesOn(tx: Tx, audience: Audience, eventId: string): Promise<string[]> {
  return (await tx.rows<{ lane: string }>`select lane from ${tx.name(shelfSchema(audience.name))}.event where id = ${eventId}`).map(
    (row) => row.lane,
  );
}
