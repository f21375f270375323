import type { Actor } from '#platform/actor';
import type { Pool } from '#platform/db';
import type { Clock, Metrics } from '#platform/ports';
import type { Control } from './control.ts';
import { limits } from './limits.ts';
import { maySee } from './policy.ts';
import { type AlarmView, readAlarms, readSigns, readStatus, type StatusRow } from './receipt-store.ts';
import type { Receipts } from './receipts.ts';

/** `none`: not enrolled, revoked, or a list, which says nothing. */
export type Colour = 'green' | 'amber' | 'red' | 'none';

export type ControlStatus = {
  readonly colour: Colour;
  readonly seenAt: Date | null;
  readonly report: StatusRow | null;
  /** What is loaded is what should be. Null while nothing was reported. */
  readonly agrees: boolean | null;
  readonly alarms: readonly AlarmView[];
};

export type StatusDeps = { readonly db: Pool; readonly clock: Clock; readonly receipts: Receipts };

export function colourOf(control: Pick<Control, 'feed' | 'enrolledAt' | 'revokedAt'>, seenAt: Date | null, now: Date): Colour {
  if (control.feed !== 'agent' || control.enrolledAt === null || control.revokedAt !== null) return 'none';
  const silentMs = now.getTime() - (seenAt ?? control.enrolledAt).getTime();
  return silentMs <= limits.greenMs ? 'green' : silentMs <= limits.redMs ? 'amber' : 'red';
}

/** Status of controls that the caller has been allowed to see. */
export async function statusOf(deps: StatusDeps, controls: readonly Control[]): Promise<Map<string, ControlStatus>> {
  const ids = controls.map((control) => control.id);
  if (ids.length === 0) return new Map();
  const reports = new Map((await readStatus(deps.db, ids)).map((row) => [row.controlId, row]));
  const alarms = await readAlarms(deps.db, ids);
  const now = deps.clock.now();
  return new Map(
    controls.map((control) => {
      const row = reports.get(control.id) ?? null;
      const seenAt = deps.receipts.unwritten(control.id) ?? row?.seenAt ?? null;
      const reported = row?.reportedAt ? row : null;
      return [
        control.id,
        {
          colour: colourOf(control, seenAt, now),
          seenAt,
          report: reported,
          agrees: reported && reported.loadedDigest === reported.wantedDigest && reported.loadedCount === reported.wantedCount,
          alarms: alarms.filter((alarm) => alarm.controlId === control.id),
        },
      ];
    }),
  );
}

export type SilentControl = {
  readonly id: string;
  readonly entityId: string;
  readonly name: string;
  readonly seenAt: Date | null;
  readonly silentMs: number;
};

/** Enrolled agents that have not been heard for a minute, the longest silence first; those that the actor may see. */
export async function silentControls(deps: StatusDeps, actor: Actor): Promise<SilentControl[]> {
  const now = deps.clock.now().getTime();
  return (await readSigns(deps.db))
    .map((row) => {
      const seenAt = deps.receipts.unwritten(row.id) ?? row.seenAt;
      return { id: row.id, entityId: row.entityId, name: row.name, seenAt, silentMs: now - (seenAt ?? row.enrolledAt).getTime() };
    })
    .filter((control) => control.silentMs > limits.redMs && (actor.kind === 'system' || maySee(actor, control)))
    .sort((a, b) => b.silentMs - a.silentMs);
}

/** Keeps the gauges; run by the leader. */
export function silenceGauge(deps: StatusDeps, metrics: Metrics): () => Promise<void> {
  const gauge = metrics.gauge('rebato_controls', 'Enrolled agents by sign of life', ['colour']);
  return async () => {
    const now = deps.clock.now();
    const counts: Record<Colour, number> = { green: 0, amber: 0, red: 0, none: 0 };
    for (const row of await readSigns(deps.db)) {
      const seenAt = deps.receipts.unwritten(row.id) ?? row.seenAt;
      counts[colourOf({ feed: 'agent', enrolledAt: row.enrolledAt, revokedAt: null }, seenAt, now)] += 1;
    }
    for (const colour of ['green', 'amber', 'red'] as const) gauge.set(counts[colour], { colour });
  };
}
