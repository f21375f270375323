import type { Tx } from '#platform/db';
import type { Leader, Planner, Projector, ShelfOutput } from '#platform/leader';
import { type Audience, cancelPlans, hastenPlans, type PlanItem } from '#platform/shelf';
import { formerReadersOf, registerCarryOver, type ViewersOf } from './carry-over.ts';
import { releasesOf } from './release.ts';
import {
  lanesHolding,
  markConsolidatedOnShelf,
  placeComment,
  placeEvent,
  placeIndicators,
  placeKeptSightings,
  placeParts,
  placeSighting,
  readCommentTimes,
  readEventRows,
  readSightings,
  removeEvent,
  withholdBlocks,
} from './release-store.ts';
import type { EventRow } from './store.ts';

/** Tells on which shelf entities read. Comes from `members`. */
export type ShelfOf = (tx: Tx, entityIds: readonly string[]) => Promise<Map<string, string>>;

/** Hangs intel's way to the shelves into the leader: who gets what when, and how it is copied there. */
export function registerIntel(leader: Leader, shelfOf: ShelfOf, viewersOf: ViewersOf): void {
  leader.plan(['intel.published'], planPublished(shelfOf));
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

function releases(event: EventRow, audience: Audience, ownerShelf: string) {
  return releasesOf(
    { ...event, ownerShelf, publishedAt: event.publishedAt ?? event.arrivedAt, consolidated: event.consolidatedAt !== null },
    audience,
  );
}

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
            payload: entry.payload,
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
    for (const entry of entries) {
      const eventId = idOf(entry.payload, 'eventId');
      if (entry.topic === 'intel.retracted') {
        await cancelPlans(tx, ['intel.published', 'intel.consolidated', 'intel.commented'], eventId);
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
        if (entry.topic === 'intel.consolidated' && audience.onConsolidation)
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
        const item = {
          shelf: audience.name,
          topic: 'intel.sighted' as const,
          key: row.id,
          payload: { sightingId: row.id },
          arrivedAt: row.recordedAt,
        };
        const community = { ...item, lane: 'c', dueAt: new Date(row.recordedAt.getTime() + audience.delayMs) };
        const own = shelves.get(row.entityId) === audience.name && audience.delayMs > 0;
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
    const chunk = Number(item.payload.chunk);
    const kept = typeof item.payload.keptMs === 'number' ? new Date(now.getTime() - item.payload.keptMs) : undefined;
    // What was planned for somebody's own lane when its level changed may have come to everybody there meanwhile.
    if (kept !== undefined && (await lanesHolding(tx, item.key)).includes('c')) continue;
    const own = item.lane.startsWith('e:') && item.payload.own !== false;
    const placed = await placeEvent(tx, item.key, item.lane, own, now);
    if (placed === undefined) continue;
    if (!item.lane.startsWith('e:')) await leaveOwnLanes(tx, item.key, item.lane, output);
    const touched = touchedOn(output, item.lane);
    for (const value of await placeIndicators(tx, item.key, chunk, placed.event, item.lane, own)) {
      // One that this transaction has touched before has more evidence than what was placed now.
      touched.set(value.vkey, touched.has(value.vkey) ? undefined : value);
    }
    if (kept !== undefined) await placeKeptSightings(tx, item.key, chunk, item.lane, kept);
    if (!placed.created) continue;
    const waited = own ? now : (kept ?? new Date(now.getTime() - audience.delayMs));
    await placeParts(tx, item.key, placed.event.num, item.lane, own, waited);
    output.entries.push({ lane: item.lane, topic: 'event.released', object: item.key, body: {} });
  }
};

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
  const hastens = audience.onConsolidation || audience.delayMs === 0;
  for (const item of items) {
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

function touch(output: ShelfOutput, lane: string, vkeys: readonly string[]): void {
  if (vkeys.length === 0) return;
  const touched = touchedOn(output, lane);
  for (const vkey of vkeys) touched.set(vkey, undefined);
}

function touchedOn(output: ShelfOutput, lane: string): Map<string, unknown> {
  const touched = output.touched.get(lane) ?? new Map<string, unknown>();
  output.touched.set(lane, touched);
  return touched;
}
