import type { Viewer } from '#platform/actor';
import type { Tx } from '#platform/db';
import type { Leader, Planner, Projector } from '#platform/leader';
import { type Audience, addPlans, type PlanItem, plansWaiting, shelfSchema, waitingTimes } from '#platform/shelf';
import { formerReaders, readReading, settleReading, startReading } from '#scoring';
import type { KeptFrom } from './keep-store.ts';
import type { ViewersOf } from './lanes.ts';
import { heldOn, ownNotOn, readEventRows } from './release-store.ts';
import { laterPart } from './revisions/projection.ts';
import { readRevisions } from './revisions/rounds.ts';

/**
 * A time on a shelf shorter than this leaves nothing behind: an entity is admitted with the level of its kind and given its own at once, and a
 * level given by mistake is taken back within minutes.
 */
const keptAfterMs = 10 * 60_000;
/** Chunks of events that one change of level copies. At 500 values each, more than a day's reports of a nation. */
const chunksMax = 20_000;
const ownEventsMax = 20_000;

/**
 * A change of level: the entity reads on another shelf from then on. What it had received and that shelf's readers still wait for is copied to
 * its own lane there, so it loses nothing, hears of retractions, and learns nothing that it did not have. Its own events go along.
 */
export function registerCarryOver(leader: Leader, viewersOf: ViewersOf): void {
  leader.plan(['members.entity_changed'], planMoved(viewersOf));
  leader.project(['members.entity_changed'], projectSettled(leader));
}

function planMoved(viewersOf: ViewersOf): Planner {
  return async (tx, entries, audiences, now) => {
    const viewers = await viewersOf(tx, [...new Set(entries.map((entry) => String(entry.payload.entityId)))]);
    for (const [entityId, viewer] of viewers) {
      const reading = await readReading(tx, entityId);
      if (reading?.today.shelf === viewer.shelf) continue;
      if (reading === undefined || reading.settled.shelf === viewer.shelf) {
        await startReading(tx, entityId, viewer.shelf, now, true);
        continue;
      }
      const received = now.getTime() - reading.settled.since.getTime() >= keptAfterMs;
      const from = audiences.find((audience) => audience.name === reading.settled.shelf);
      const own = await ownChunks(tx, viewer);
      const chunks = received ? [...(await keptChunks(tx, reading.settled.shelf, viewer, own)), ...own] : own;
      const id = await startReading(tx, entityId, viewer.shelf, now, chunks.length === 0);
      if (chunks.length === 0) continue;
      const item = { shelf: viewer.shelf, lane: `e:${entityId}`, dueAt: now, arrivedAt: now };
      // Of what hangs on the events it had received what its audience had not yet waited for.
      const unreceived = waitingTimes(from ?? { delayMs: 0 }, now);
      await addPlans(tx, [
        ...chunks.map(
          ({ eventId, ...part }): PlanItem => ({
            ...item,
            topic: 'intel.published',
            key: eventId,
            payload: { eventId, ...part, unreceived },
          }),
        ),
        // The last of them: plans that are due together are carried out in the order in which they were made.
        { ...item, topic: 'members.entity_changed', key: entityId, payload: { entityId, readingId: id } },
      ]);
    }
    return [];
  };
}

/** A chunk or round of an event. `from`: where the reader had it; an own one is as its author wrote it. */
type Chunk = { readonly eventId: string; readonly chunk: number; readonly from?: KeptFrom };

/** Events that wait for the new shelf's readers and lie where the entity read until now: all of them that lies there. */
async function keptChunks(tx: Tx, from: string, viewer: Viewer, ownChunks: readonly Chunk[]): Promise<Chunk[]> {
  const shared = viewer.lanes.filter((lane) => !lane.startsWith('e:'));
  const waiting = await plansWaiting(tx, viewer.shelf, 'intel.published', shared, chunksMax);
  const ids = [...new Set(waiting.map((plan) => String(plan.payload.eventId)))];
  const seen = async (shelf: string) =>
    new Map((await heldOn(tx, shelfSchema(shelf), ids)).filter((row) => viewer.lanes.includes(row.lane)).map((row) => [row.id, row.lane]));
  const had = await seen(from);
  const has = await seen(viewer.shelf);
  const own = new Set(ownChunks.map((chunk) => chunk.eventId));
  const events = await readEventRows(tx, ids);
  return ids
    .flatMap((eventId) => {
      const lane = had.get(eventId);
      if (lane === undefined || has.has(eventId) || own.has(eventId)) return [];
      return Array.from({ length: events.get(eventId)?.rounds ?? 0 }, (_, chunk) => ({ eventId, chunk, from: { shelf: from, lane } }));
    })
    .slice(0, chunksMax);
}

/** Own contributions are always visible to their author. */
async function ownChunks(tx: Tx, viewer: Viewer): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for (const event of await ownNotOn(tx, shelfSchema(viewer.shelf), viewer.entityId, ownEventsMax)) {
    const revisions = event.rounds > event.chunks ? await readRevisions(tx, event.id) : [];
    for (let chunk = 0; chunk < event.rounds; chunk += 1)
      chunks.push({ eventId: event.id, chunk, ...laterPart(event, revisions, chunk, true) });
  }
  return chunks;
}

/** Everything is copied: the entity's controls, which stayed where they were so that no block is missing for a moment, may follow. */
function projectSettled(leader: Leader): Projector {
  return async (tx, _audience, items) => {
    for (const item of items) {
      await settleReading(tx, Number(item.payload.readingId));
      await leader.bus.append(tx, 'members.entity_changed', { entityId: item.key });
    }
  };
}

/** Who may have received an event on a shelf that it has left, and where it reads now. */
export async function formerReadersOf(
  tx: Tx,
  viewersOf: ViewersOf,
  audiences: readonly Audience[],
  eventId: string,
): Promise<{ shelf: string; lane: string; lanes: readonly string[] }[]> {
  const found = new Map<string, Viewer>();
  for (const { name } of audiences) {
    const held = await heldOn(tx, shelfSchema(name), [eventId]);
    const first = held.toSorted((a, b) => a.releasedAt.getTime() - b.releasedAt.getTime())[0];
    if (first === undefined) continue;
    const viewers = await viewersOf(tx, await formerReaders(tx, name, first.releasedAt));
    for (const [entityId, viewer] of viewers) if (held.some(({ lane }) => viewer.lanes.includes(lane))) found.set(entityId, viewer);
  }
  return [...found].map(([entityId, { shelf, lanes }]) => ({ shelf, lane: `e:${entityId}`, lanes }));
}
