import type { Actor } from '#platform/actor';
import type { Tx } from '#platform/db';
import { canonicalJson } from './canonical-json.ts';

/** Room for what is needed to understand an action; content belongs to the module's own tables. */
export const detailMaxBytes = 8 * 1024;

/** The same bounds as a reader's display; texts beyond it are cut, because a long name must not stop what it names. */
const textMaxChars = 500;
/** PostgreSQL text holds no NUL, UTF-8 no lone surrogate: what is hashed must be what is read back. */
const cut = (text: string): string => text.slice(0, textMaxChars).replaceAll('\u0000', '\uFFFD').toWellFormed();

/**
 * Writes who did what in the transaction that does it: both happen or neither. Takes no lock and has no place in the chain yet. A detail
 * that is too long is replaced by its size: the action must not fail on it.
 */
export async function record(
  tx: Tx,
  at: Date,
  actor: Actor,
  action: string,
  target: string,
  detail: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  let text = canonicalJson(detail);
  const bytes = Buffer.byteLength(text);
  if (bytes > detailMaxBytes) text = canonicalJson({ omittedBytes: bytes });
  await tx.run`
    insert into trail.inbox (at, actor_kind, actor_id, actor_label, entity_id, person_id, origin, request_id, action, target, detail)
    values (${at}, ${actor.kind}, ${actor.id}, ${cut(actor.label)}, ${actor.entityId}, ${actor.personId}, ${actor.from}, ${actor.requestId},
            ${cut(action)}, ${cut(target)}, ${text})`;
}
