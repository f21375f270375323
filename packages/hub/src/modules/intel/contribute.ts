import { withhold } from '#guard';
import type { Actor } from '#platform/actor';
import { canonicalise } from '#values';
import { fail } from './errors.ts';
import { kindIndex } from './normalise.ts';
import type { Reporter, SubmitDeps } from './submission.ts';

export type SightingInput = {
  readonly type: string;
  readonly value: string;
  readonly sighting: 'seen' | 'false_positive' | 'expired';
  readonly at?: Date;
  readonly source?: string;
};

/** A text without what it says of its writer's own side. */
const toldBy = ({ own }: Reporter, text: string): string => withhold(text, own.inText(text));

/** Sensors' clocks run ahead by seconds. What lies further in the future is cut to now, so that it does not sort first for ever. */
const clockSlackMs = 30_000;

/**
 * Records that a member saw a value, whether or not anybody has reported it: the answer is the same. An independent sighting of a decided value
 * is a second voice.
 */
export async function addSightings(deps: SubmitDeps, actor: Actor, inputs: readonly SightingInput[]): Promise<string[]> {
  const reporter = await deps.reporterOf(actor.entityId);
  const now = deps.clock.now();
  const rows = inputs.map((input, index) => {
    const canonical = canonicalise(input.type, input.value);
    if (!canonical.ok)
      throw fail('intel.value_invalid', canonical.message, [{ field: `sightings[${index}].value`, message: canonical.message }]);
    const at = input.at === undefined || input.at.getTime() > now.getTime() + clockSlackMs ? now : input.at;
    return {
      id: deps.ids.uuid(),
      kind: canonical.kind,
      value: canonical.value,
      vkey: deps.vkeyOf(canonical.kind, canonical.value),
      at,
      input,
    };
  });
  await deps.db.transaction(async (tx) => {
    for (const row of rows) {
      await tx.run`
        insert into intel.sighting (id, vkey, kind, value, type, at, recorded_at, entity_id, entity_name, voice, source)
        values (${row.id}, ${row.vkey}, ${kindIndex[row.kind]}, ${row.value}, ${row.input.sighting}, ${row.at}, ${now}, ${actor.entityId}, ${reporter.name},
                ${reporter.voice}, ${row.input.source === undefined ? null : toldBy(reporter, row.input.source)})`;
      await deps.bus.append(tx, 'intel.sighted', { sightingId: row.id });
    }
    await deps.trail.record(tx, actor, 'intel.sight', rows[0]?.id ?? '', { sightings: rows.length });
  });
  deps.bus.nudge();
  return rows.map((row) => row.id);
}

/** The caller has found the event on the reader's own shelf, or it is his own. */
export async function addComment(deps: SubmitDeps, actor: Actor, eventId: string, text: string): Promise<string> {
  const reporter = await deps.reporterOf(actor.entityId);
  const id = deps.ids.uuid();
  const told = toldBy(reporter, text);
  await deps.db.transaction(async (tx) => {
    await tx.run`
      insert into intel.comment (id, event_id, entity_id, entity_name, at, text, told)
      values (${id}, ${eventId}, ${actor.entityId}, ${reporter.name}, ${deps.clock.now()}, ${text}, ${told === text ? null : told})`;
    await deps.bus.append(tx, 'intel.commented', { eventId, commentId: id });
    await deps.trail.record(tx, actor, 'intel.comment', eventId, {});
  });
  deps.bus.nudge();
  return id;
}
