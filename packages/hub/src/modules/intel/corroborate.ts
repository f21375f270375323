import type { Tx } from '#platform/db';
import type { Bus, Clock } from '#platform/ports';
import { hastenPlans } from '#platform/shelf';

export type CorroborateDeps = {
  readonly bus: Bus;
  readonly clock: Clock;
  /** Audiences whose waiting for what was published at a time ends with corroboration. */
  readonly waiting: (publishedAt: Date) => readonly string[];
  /** Which entities read at once. Who waits cannot end his own waiting: else he could try out values to learn which are known. */
  readonly readsAtOnce: (tx: Tx, entityIds: readonly string[]) => Promise<ReadonlySet<string>>;
};

/** An event is corroborated when this share of what it blocks was reported or seen by another, independent voice. */
const corroboratedShare = 0.5;
/** Values looked at in one round; what is beyond is seen with the next report or by an assessor. */
const valuesMax = 500;
/** Rows of evidence read in one round. */
const rowsMax = 5_000;

type Voice = { readonly vkey: string; readonly voice: string; readonly entityId: string };

/**
 * Called when values have found a second voice: delayed audiences need not wait any longer for the events that stand on them. How long a value is
 * blocked stays its own matter: what nobody else has seen does not last longer for standing beside what somebody has.
 */
export async function corroborate(deps: CorroborateDeps, tx: Tx, vkeys: readonly string[]): Promise<number> {
  const looked = vkeys.slice(0, valuesMax) as string[];
  const events = await tx.rows<{ id: string; ownerId: string; publishedAt: Date; values: string[] }>`
    select e.id, e.owner_id, coalesce(e.published_at, e.arrived_at) as published_at, array(select distinct a.vkey from intel.attribute a where a.event_id = e.id and a.blockable and a.state = 'accepted' limit ${rowsMax}) as values
      from intel.event e
     where e.state = 'published' and e.consolidated_at is null and e.attribute_count <= ${rowsMax}
       and e.id in (select a.event_id from intel.attribute a where a.vkey = any (${looked}::uuid[]) and a.blockable and a.state = 'accepted' limit ${valuesMax})
     order by e.id`;
  if (events.length === 0) return 0;
  const wanted = [...new Set(events.flatMap((event) => event.values))].slice(0, rowsMax);
  const voices = await tx.rows<Voice>`
    select a.vkey, e.voice, e.owner_id as entity_id
      from intel.attribute a join intel.event e on e.id = a.event_id
     where a.vkey = any (${wanted}::uuid[]) and a.blockable and a.state = 'accepted' and e.state = 'published'
    union
    select s.vkey, s.voice, s.entity_id from intel.sighting s where s.vkey = any (${wanted}::uuid[]) and s.type = 'seen'
    limit ${rowsMax}`;
  const immediate = await deps.readsAtOnce(tx, [...new Set([...voices.map((row) => row.entityId), ...events.map((row) => row.ownerId)])]);
  const heard = new Map<string, Set<string>>();
  for (const row of voices) {
    if (!immediate.has(row.entityId)) continue;
    const known = heard.get(row.vkey) ?? new Set();
    heard.set(row.vkey, known.add(row.voice));
  }
  const now = deps.clock.now();
  let hastened = 0;
  for (const event of events) {
    // He reads his own event now: that it was confirmed would tell him what others have reported and he has yet to wait for.
    if (!immediate.has(event.ownerId)) continue;
    const corroborated = event.values.filter((vkey) => (heard.get(vkey)?.size ?? 0) >= 2).length;
    if (corroborated === 0 || corroborated < event.values.length * corroboratedShare) continue;
    for (const shelf of deps.waiting(event.publishedAt)) await hastenPlans(tx, shelf, 'intel.published', event.id, now);
    hastened += 1;
  }
  if (hastened > 0) deps.bus.nudge();
  return hastened;
}
