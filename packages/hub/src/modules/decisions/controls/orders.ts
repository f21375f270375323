import type { ControlOrder } from '@rebato/contract';
import type { Pool, Tx } from '#platform/db';
import type { Keys } from '#platform/keys';
import type { Bus, Clock } from '#platform/ports';
import { type Control, type ControlPolicy, channelsOf, type Owner } from './control.ts';
import { limits } from './limits.ts';
import type { Roster } from './roster.ts';
import { lockControl, putOrder } from './store.ts';

export type OrderDeps = { readonly db: Pool; readonly bus: Bus; readonly clock: Clock; readonly keys: Keys; readonly roster: Roster };

/** Signs a new order over what the control should be from now on, and announces it. The row must be locked. */
export async function issueOrder(
  deps: OrderDeps,
  tx: Tx,
  control: Control,
  owner: Owner,
  change: { readonly name?: string; readonly policy?: ControlPolicy } = {},
): Promise<void> {
  const { signer } = deps.keys;
  const channels = channelsOf(owner.viewer);
  const policy = change.policy ?? control.policy;
  const name = change.name ?? control.name;
  const head = signer.head('control', limits.orderLifeMs);
  const order: ControlOrder = {
    ...head,
    control: control.id,
    version: control.orderVersion + 1,
    name,
    channels,
    kinds: policy.kinds,
    minConfidence: policy.minConfidence,
    capacity: policy.capacity,
    allow: policy.allow,
    delayMs: policy.delayMs ?? (owner.critical ? limits.criticalDelayMs : 0),
  };
  const left = control.channels.filter((channel) => !channels.includes(channel));
  await putOrder(tx, {
    id: control.id,
    name,
    policy,
    orderVersion: order.version,
    order: signer.envelope(order),
    orderExpires: new Date(head.expires),
    channels,
    pastChannels: [...left, ...control.pastChannels.filter((channel) => !left.includes(channel) && !channels.includes(channel))].slice(
      0,
      limits.pastChannels,
    ),
  });
  await deps.bus.append(tx, 'decisions.control_changed', { controlId: control.id });
}

/** Whether what was signed is still what should be: the owner's level and groups, its criticality, the signing key, the end date. */
function isStale(deps: OrderDeps, control: Control, owner: Owner): boolean {
  if (control.order === null || control.orderExpires === null) return true;
  if (control.order.keyId !== deps.keys.signer.keyId) return true;
  if (control.orderExpires.getTime() - deps.clock.now().getTime() < limits.orderRenewMs) return true;
  if (control.channels.join('\n') !== channelsOf(owner.viewer).join('\n')) return true;
  const delayMs = control.policy.delayMs ?? (owner.critical ? limits.criticalDelayMs : 0);
  return (JSON.parse(control.order.body) as ControlOrder).delayMs !== delayMs;
}

/**
 * Issues anew every order that no longer says what it should. It compares states instead of following announcements, so nothing can be
 * missed. Tells whether there may be more.
 */
export async function renewOrders(deps: OrderDeps, only?: { readonly entityId: string }): Promise<boolean> {
  await deps.roster.refresh();
  let issued = 0;
  for (const control of deps.roster.all()) {
    if (control.revokedAt !== null || (only !== undefined && control.entityId !== only.entityId)) continue;
    const owner = await deps.roster.ownerOf(control.entityId);
    if (owner === undefined || !isStale(deps, control, owner)) continue;
    await deps.db.transaction(async (tx) => {
      const locked = await lockControl(tx, control.id);
      if (locked !== undefined && locked.revokedAt === null && isStale(deps, locked, owner)) await issueOrder(deps, tx, locked, owner);
    });
    issued += 1;
    if (issued >= limits.ordersPerRun) break;
  }
  if (issued > 0) {
    deps.bus.nudge();
    await deps.roster.refresh();
  }
  return issued >= limits.ordersPerRun;
}
