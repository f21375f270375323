import type { Tx } from '#platform/db';

/** In a copy of a hub, no agent of the original is known: credentials, unused tokens and signed orders are gone. Controls enrol anew. */
export async function disarmControls(tx: Tx): Promise<void> {
  await tx.run`delete from decisions.enrol_token`;
  await tx.run`
    update decisions.control
       set key_hash = null, enrolled_at = null, order_body = null, order_key_id = null, order_sig = null, order_expires = null,
           changed_at = clock_timestamp()`;
}
