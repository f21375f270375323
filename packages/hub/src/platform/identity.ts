import type { Pool } from './db.ts';
import type { Ids } from './ids.ts';

/** Who this hub is. `incarnation` changes at every restore, `epoch` only by the root key. */
export type HubIdentity = { readonly id: string; readonly name: string; readonly incarnation: string; readonly epoch: number };

/** Reads the hub's identity and makes it at the first start; of several processes that start together one makes it. */
export async function ensureIdentity(db: Pool, ids: Ids, name: string): Promise<HubIdentity> {
  await db.run`insert into platform.hub (id, name, incarnation) values (${ids.uuid()}, ${name}, ${ids.token(12)}) on conflict do nothing`;
  const hub = await db.one<HubIdentity>`select id, name, incarnation, epoch from platform.hub`;
  if (hub === undefined) throw new Error('The hub has no identity in the database.');
  return hub;
}
