import type { Tx } from '#platform/db';
import type { Leader, Planner, Projector, ShelfOutput } from '#platform/leader';
import { type Audience, cancelPlans, hastenPlans, type PlanItem, termsAt, waitingTimes } from '#platform/shelf';
import { formerReadersOf, registerCarryOver } from './carry-over.ts';
import { type KeptFrom, placeKept } from './keep-store.ts';
import { isOwnLane, releases, type ShelfOf, termsOf, touch, touchedOn, type ViewersOf } from './lanes.ts';
import { placeComments, placeFiles, placeObjects } from './parts-store.ts';
import {
  lanesHolding,
  markConsolidatedOnShelf,
  placeComment,
  placeEvent,
  placeIndicators,
  placeKeptSightings,
  placeSighting,
  readCommentTimes,
  readEventRows,
  readSightings,
  removeEvent,
  withholdBlocks,
} from './release-store.ts';
import { laterKey, narrowOnShelf, planRevised } from './revisions/projection.ts';
import { placeRound } from './revisions/rounds.ts';

/** Hangs intel's way to the shelves into the leader: who gets what when, and how it is copied there. */
export function registerIntel(leader: Leader, shelfOf: ShelfOf, viewersOf: ViewersOf): void {
  leader.plan(['intel.published'], planPublished(shelfOf));
  leader.plan(['intel.revised'], planRevised(shelfOf, viewersOf));
  leader.plan(['intel.retracted', 'intel.consolidated', 'intel.withheld'], planEverywhere(viewersOf));
  registerCarryOver(leader, viewersOf);
  leader.plan(['intel.sighted'], planSighted(shelfOf));
  leader.plan(['intel.commented'], planCommented(shelfOf));
  leader.project(['intel.published'], projectPublished);
  leader.project(['intel.retracted'], projectRetracted);
  leader.project(['intel.consolidated'], projectConsolidated);
  leader.project(['intel.withheld'], projectWithheld);
  leader.project(['intel.sighted'], projectSighted);
  leader.project(['intel.commented'], projectCommented);
}

const idOf = (payload: Readonly<Record<string, unknown>>, name: string): string => String(payload[name]);
const unique = (ids: readonly string[]): string[] => [...new Set(ids)];

function planPublished(shelfOf: ShelfOf): Planner {
  return async (tx, entries, audiences) => {
    const events = await readEventRows(tx, unique(entries.map((entry) => idOf(entry.payload, 'eventId'))));
    const shelves = await shelfOf(tx, unique([...events.values()].map((event) => event.ownerId)));
    const items: PlanItem[] = [];
    for (const entry of entries) {
      const event = events.get(idOf(entry.payload, 'eventId'));
      if (event === undefined || event.state !== 'published') continue;
      for (const audience of audiences) {
        for (const { lane, dueAt } of releases(event, audience, shelves.get(event.ownerId) ?? '')) {
          items.push({
            shelf: audience.name,
            lane,
            topic: 'intel.published',
            key: event.id,
            payload: { ...entry.payload, ...(Number(entry.payload.chunk) >= event.chunks ? { later: true } : {}) },
            dueAt,
            arrivedAt: event.arrivedAt,
          });
        }
      }
    }
    return items;
  };
}

/**
 * Retraction: whatever waits for the event is cancelled, so it never appears; every shelf takes it back now. Consolidation: what waits because of
 * its audience's delay is due now.
 */
const planEverywhere =
  (viewersOf: ViewersOf): Planner =>
  async (tx, entries, audiences, now) => {
    const items: PlanItem[] = [];
    const events = await readEventRows(tx, unique(entries.map((entry) => idOf(entry.payload, 'eventId'))));
    for (const entry of entries) {
      const eventId = idOf(entry.payload, 'eventId');
      if (entry.topic === 'intel.retracted') {
        for (const key of [eventId, laterKey(eventId)])
          await cancelPlans(tx, ['intel.published', 'intel.consolidated', 'intel.commented'], key);
        for (const { shelf, lane, lanes } of await formerReadersOf(tx, viewersOf, audiences, eventId))
          items.push({
            shelf,
            lane,
            topic: entry.topic,
            key: eventId,
            payload: { ...entry.payload, lanes },
            dueAt: now,
            arrivedAt: entry.at,
          });
      }
      for (const audience of audiences) {
        if (entry.topic === 'intel.consolidated' && termsOf(audience, events.get(eventId)).onConsolidation)
          await hastenPlans(tx, audience.name, 'intel.published', eventId, now);
        items.push({
          shelf: audience.name,
          lane: '',
          topic: entry.topic,
          key: eventId,
          payload: entry.payload,
          dueAt: now,
          arrivedAt: entry.at,
        });
      }
    }
    return items;
  };

function planSighted(shelfOf: ShelfOf): Planner {
  return async (tx, entries, audiences, now) => {
    const sightings = await readSightings(tx, unique(entries.map((entry) => idOf(entry.payload, 'sightingId'))));
    const shelves = await shelfOf(tx, unique(sightings.map((row) => row.entityId)));
    return sightings.flatMap((row) =>
      audiences.flatMap((audience) => {
        const { delayMs } = termsAt(audience, row.recordedAt);
        const item = {
          shelf: audience.name,
          topic: 'intel.sighted' as const,
          key: row.id,
          payload: { sightingId: row.id },
          arrivedAt: row.recordedAt,
        };
        const community = { ...item, lane: 'c', dueAt: new Date(row.recordedAt.getTime() + delayMs) };
        const own = shelves.get(row.entityId) === audience.name && delayMs > 0;
        return own ? [{ ...item, lane: `e:${row.entityId}`, dueAt: now }, community] : [community];
      }),
    );
  };
}

/** A comment goes where its event is, no earlier than the audience's delay. Confirming an event hastens it, but not what is said of it later. */
function planCommented(shelfOf: ShelfOf): Planner {
  return async (tx, entries, audiences) => {
    const items: PlanItem[] = [];
    const times = await readCommentTimes(tx, unique(entries.map((entry) => idOf(entry.payload, 'commentId'))));
    for (const entry of entries) {
      const eventId = idOf(entry.payload, 'eventId');
      const event = (await readEventRows(tx, [eventId])).get(eventId);
      const publishedAt = times.get(idOf(entry.payload, 'commentId'));
      if (event === undefined || publishedAt === undefined) continue;
      const shelves = await shelfOf(tx, [event.ownerId]);
      for (const audience of audiences) {
        for (const { lane, dueAt } of releases(
          { ...event, publishedAt, consolidatedAt: null },
          audience,
          shelves.get(event.ownerId) ?? '',
        )) {
          items.push({
            shelf: audience.name,
            lane,
            topic: 'intel.commented',
            key: eventId,
            payload: entry.payload,
            dueAt,
            arrivedAt: entry.at,
          });
        }
      }
    }
    return items;
  };
}

const projectPublished: Projector = async (tx, audience, items, output, now) => {
  for (const item of items) {
    if (item.lane === '') {
      await narrowOnShelf(tx, item, output);
      continue;
    }
    const eventId = idOf(item.payload, 'eventId');
    const chunk = Number(item.payload.chunk);
    const unreceived = typeof item.payload.unreceived === 'string' ? item.payload.unreceived : undefined;
    // What was planned for somebody's own lane when its level changed may have come to everybody there meanwhile.
    if (unreceived !== undefined && (await lanesHolding(tx, eventId)).includes('c')) continue;
    const isNew =
      unreceived !== undefined && item.payload.from !== undefined
        ? await placeKeptPart(tx, item, chunk, unreceived, output, now)
        : await placePart(tx, audience, item, chunk, output, now);
    if (unreceived !== undefined) await placeKeptSightings(tx, eventId, chunk, item.lane, unreceived);
    if (isNew !== undefined)
      output.entries.push({ lane: item.lane, topic: isNew ? 'event.released' : 'event.revised', object: eventId, body: {} });
  }
};

/** A chunk of an event, or a round of a later revision. True: the event has come with it; false: it was revised; undefined: there is nothing to tell. */
async function placePart(
  tx: Tx,
  audience: Audience,
  item: PlanItem,
  chunk: number,
  output: ShelfOutput,
  now: Date,
): Promise<boolean | undefined> {
  const eventId = idOf(item.payload, 'eventId');
  const owned = item.lane.startsWith('e:') ? (await readEventRows(tx, [eventId])).get(eventId) : undefined;
  const own = owned !== undefined && isOwnLane(owned, item.lane);
  const placed = await placeEvent(tx, eventId, item.lane, own, now);
  if (placed === undefined) return undefined;
  const at = { num: placed.event.num, lane: item.lane, own };
  if (!item.lane.startsWith('e:')) await leaveOwnLanes(tx, eventId, item.lane, output);
  const touched = touchedOn(output, item.lane);
  let revised = false;
  if (item.payload.later === true) {
    const round = await placeRound(tx, eventId, at, {
      number: chunk,
      at: timeOf(item.payload, 'at'),
      arrivedAt: timeOf(item.payload, 'arrivedAt'),
    });
    touch(output, item.lane, round.touched);
    revised = round.changed && item.payload.first !== true;
  } else {
    for (const value of await placeIndicators(tx, eventId, chunk, placed.event, item.lane, own)) {
      // One that this transaction has touched before has more evidence than what was placed now.
      touched.set(value.vkey, touched.has(value.vkey) ? undefined : value);
    }
  }
  if (placed.created) {
    await placeObjects(tx, eventId, at, undefined);
    await placeComments(tx, eventId, item.lane, waitingTimes(own ? { delayMs: 0 } : audience, now));
  }
  await placeFiles(tx, eventId, at, chunk);
  return placed.created ? true : revised ? false : undefined;
}

/** The same for a reader who had it on another shelf until its level changed. */
async function placeKeptPart(
  tx: Tx,
  item: PlanItem,
  chunk: number,
  unreceived: string,
  output: ShelfOutput,
  now: Date,
): Promise<true | undefined> {
  const eventId = idOf(item.payload, 'eventId');
  const placed = await placeKept(tx, eventId, item.lane, chunk, item.payload.from as KeptFrom, now);
  if (placed === undefined) return undefined;
  touch(output, item.lane, placed.vkeys);
  if (!placed.created) return undefined;
  await placeComments(tx, eventId, item.lane, unreceived);
  return true;
}

const timeOf = (payload: Readonly<Record<string, unknown>>, name: string): Date | undefined =>
  typeof payload[name] === 'string' ? new Date(payload[name]) : undefined;

/** Once the community or a group has the event, those who had it before read it there: in one lane, not in two. The author's own stays beside a group's. */
async function leaveOwnLanes(tx: Tx, eventId: string, placedOn: string, output: ShelfOutput): Promise<void> {
  const lanes = (await lanesHolding(tx, eventId)).filter((lane) => lane.startsWith('e:'));
  if (lanes.length === 0) return;
  const ownerId = (await readEventRows(tx, [eventId])).get(eventId)?.ownerId;
  for (const lane of lanes) {
    if (placedOn !== 'c' && lane === `e:${ownerId}`) continue;
    const removed = await removeEvent(tx, eventId, lane);
    touch(output, lane, removed.touched);
  }
}

const projectRetracted: Projector = async (tx, _audience, items, output) => {
  // Who has left the shelf where it was, told before the shelf's own lanes forget it.
  for (const item of items) {
    if (item.lane === '') continue;
    const lanes = Array.isArray(item.payload.lanes) ? item.payload.lanes : [];
    if ((await lanesHolding(tx, item.key)).some((lane) => lanes.includes(lane))) continue;
    output.entries.push({ lane: item.lane, topic: 'event.retracted', object: item.key, body: {} });
  }
  for (const item of items) {
    if (item.lane !== '') continue;
    for (const lane of await lanesHolding(tx, item.key)) {
      const removed = await removeEvent(tx, item.key, lane);
      touch(output, lane, removed.touched);
      output.entries.push({ lane, topic: 'event.retracted', object: item.key, body: {} });
    }
  }
};

const projectConsolidated: Projector = async (tx, audience, items, output) => {
  const events = await readEventRows(tx, unique(items.map((item) => item.key)));
  for (const item of items) {
    const { onConsolidation, delayMs } = termsOf(audience, events.get(item.key));
    const hastens = onConsolidation || delayMs === 0;
    for (const { lane, touched } of await markConsolidatedOnShelf(tx, item.key, hastens)) {
      touch(output, lane, touched);
      output.entries.push({ lane, topic: 'event.consolidated', object: item.key, body: {} });
    }
  }
};

/** The words stay, the blocks go. A shelf that has not had them yet gets them without. */
const projectWithheld: Projector = async (tx, _audience, items, output) => {
  for (const item of items) for (const { lane, touched } of await withholdBlocks(tx, item.key)) touch(output, lane, touched);
};

const projectSighted: Projector = async (tx, _audience, items, output) => {
  const rows = new Map((await readSightings(tx, unique(items.map((item) => item.key)))).map((row) => [row.id, row]));
  for (const item of items) {
    const row = rows.get(item.key);
    if (row === undefined || !(await placeSighting(tx, row, item.lane))) continue;
    touch(output, item.lane, [row.vkey]);
    output.entries.push({
      lane: item.lane,
      topic: 'value.sighted',
      object: row.id,
      body: { type: row.type, entity: row.entityName, at: row.at.toISOString() },
    });
  }
};

const projectCommented: Projector = async (tx, _audience, items, output) => {
  for (const item of items) {
    const commentId = idOf(item.payload, 'commentId');
    if (await placeComment(tx, commentId, item.lane))
      output.entries.push({ lane: item.lane, topic: 'event.commented', object: item.key, body: { commentId } });
  }
};
