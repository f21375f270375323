import type { Pool } from '#platform/db';
import { laneOf } from './control.ts';
import { limits } from './limits.ts';
import { readBatched, readLaneVersions, readSent } from './receipt-store.ts';

export type Sent = { readonly arrivedAt: Date; readonly changedAt: Date; readonly gone: boolean };

/** Answers whether a decision, or a version, was ever sent on a channel. */
export type SentLedger = {
  /** Looks up what is not remembered. Keys are made by `sentKey`. */
  load(
    wanted: readonly { readonly channel: string; readonly decision: string; readonly removal: boolean; readonly version: number }[],
  ): Promise<void>;
  sent(channel: string, decision: string): Sent | undefined;
  /** Newest version known of the channel; 0 for one that has none. */
  version(channel: string): number;
};

const sentKey = (channel: string, decision: string): string => `${channel} ${decision}`;

export function createSentLedger(deps: { readonly pools: ReadonlyMap<string, Pool> }): SentLedger {
  const known = new Map<string, Sent>();
  const versions = new Map<string, number>();

  function remember(key: string, sent: Sent): void {
    if (known.size >= limits.sentRemembered) {
      const oldest = known.keys().next();
      if (!oldest.done) known.delete(oldest.value);
    }
    known.set(key, sent);
  }

  return {
    async load(wanted) {
      const missing = new Map<string, { lanes: Set<string>; ids: Set<string> }>();
      const behind = new Map<string, Set<string>>();
      for (const { channel, decision, removal, version } of wanted) {
        const { shelf, lane } = laneOf(channel);
        if (version > (versions.get(channel) ?? 0)) behind.set(shelf, (behind.get(shelf) ?? new Set()).add(lane));
        const sent = known.get(sentKey(channel, decision));
        // A decision that was in force when it was remembered may be gone by now.
        if (sent !== undefined && !(removal && !sent.gone)) continue;
        const on = missing.get(shelf) ?? { lanes: new Set(), ids: new Set() };
        on.lanes.add(lane);
        on.ids.add(decision);
        missing.set(shelf, on);
      }
      for (const [shelf, { lanes, ids }] of missing) {
        const pool = deps.pools.get(shelf);
        if (pool === undefined) continue;
        for (const row of await readSent(pool, [...lanes], [...ids])) remember(sentKey(`${shelf}/${row.lane}`, row.id), row);
      }
      const unknown = new Map<string, Map<string, { lane: string; version: number; id: string }>>();
      for (const { channel, decision, version } of wanted) {
        if (known.has(sentKey(channel, decision))) continue;
        const { shelf, lane } = laneOf(channel);
        const on = unknown.get(shelf) ?? new Map<string, { lane: string; version: number; id: string }>();
        if (on.size < limits.batchesSearched) on.set(`${lane} ${version} ${decision}`, { lane, version, id: decision });
        unknown.set(shelf, on);
      }
      for (const [shelf, each] of unknown) {
        const pool = deps.pools.get(shelf);
        if (pool === undefined) continue;
        for (const row of await readBatched(pool, [...each.values()])) {
          remember(sentKey(`${shelf}/${row.lane}`, row.id), { arrivedAt: row.at, changedAt: row.at, gone: true });
        }
      }
      for (const [shelf, lanes] of behind) {
        const pool = deps.pools.get(shelf);
        if (pool === undefined) continue;
        for (const row of await readLaneVersions(pool, [...lanes])) versions.set(`${shelf}/${row.lane}`, row.version);
      }
    },
    sent: (channel, decision) => known.get(sentKey(channel, decision)),
    version: (channel) => versions.get(channel) ?? 0,
  };
}
