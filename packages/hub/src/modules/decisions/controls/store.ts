import { type ValueKind, valueKinds } from '@rebato/contract';
import type { Db, Tx } from '#platform/db';
import type { AllowedValue, Control, Feed } from './control.ts';
import { limits } from './limits.ts';

/** SQL of controls and their credentials. Receipts and reports have a file of their own. */

type ControlRow = {
  id: string;
  num: number;
  entityId: string;
  name: string;
  target: string;
  feed: Feed;
  kinds: number[];
  minConfidence: number;
  capacity: number;
  allow: AllowedValue[];
  delayMs: number | null;
  orderVersion: number;
  orderBody: string | null;
  orderKeyId: string | null;
  orderSig: string | null;
  orderExpires: Date | null;
  channels: string[];
  pastChannels: string[];
  keyHash: string | null;
  agent: string | null;
  createdAt: Date;
  createdBy: string;
  enrolledAt: Date | null;
  revokedAt: Date | null;
  changedAt: Date;
};

const columns = (db: Db) => db.sql`
  c.id, c.num, c.entity_id, c.name, c.target, c.feed, c.kinds, c.min_confidence, c.capacity, c.allow, c.delay_ms, c.order_version, c.order_body,
  c.order_key_id, c.order_sig, c.order_expires, c.channels, c.past_channels, c.key_hash, c.agent, c.created_at, c.created_by, c.enrolled_at,
  c.revoked_at, c.changed_at`;

const kindAt = (index: number): ValueKind => valueKinds[index] ?? 'other';
export const kindIndexes = (kinds: readonly ValueKind[]): number[] => kinds.map((kind) => valueKinds.indexOf(kind));

function controlOf(row: ControlRow): Control {
  const { kinds, minConfidence, capacity, allow, delayMs, orderBody, orderKeyId, orderSig, ...rest } = row;
  const signed = orderBody !== null && orderKeyId !== null && orderSig !== null;
  return {
    ...rest,
    policy: { kinds: kinds.map(kindAt), minConfidence, capacity, allow, delayMs },
    order: signed ? { body: orderBody, keyId: orderKeyId, sig: orderSig } : null,
  };
}

export async function insertControl(
  tx: Tx,
  control: Omit<Control, 'num' | 'order' | 'orderExpires' | 'orderVersion' | 'changedAt'>,
): Promise<void> {
  const { policy } = control;
  await tx.run`
    insert into decisions.control (id, entity_id, name, target, feed, kinds, min_confidence, capacity, allow, delay_ms, created_at, created_by)
    values (${control.id}, ${control.entityId}, ${control.name}, ${control.target}, ${control.feed}, ${kindIndexes(policy.kinds)}::smallint[],
            ${policy.minConfidence}, ${policy.capacity}, ${tx.json(policy.allow)}, ${policy.delayMs}, ${control.createdAt}, ${control.createdBy})`;
}

/** Locked, so that versions of its order rise one by one. */
export async function lockControl(tx: Tx, id: string): Promise<Control | undefined> {
  const row = await tx.one<ControlRow>`select ${columns(tx)} from decisions.control c where c.id = ${id} for update`;
  return row && controlOf(row);
}

export async function findControl(db: Db, id: string): Promise<Control | undefined> {
  const row = await db.one<ControlRow>`select ${columns(db)} from decisions.control c where c.id = ${id}`;
  return row && controlOf(row);
}

/** Controls of one entity, or of all (null), by name. */
export async function listControls(db: Db, entityId: string | null, after: string | null, limit: number): Promise<Control[]> {
  const rows = await db.rows<ControlRow>`
    select ${columns(db)} from decisions.control c
     where (${entityId}::uuid is null or c.entity_id = ${entityId}) and (${after}::uuid is null or c.id > ${after})
     order by c.id limit ${limit}`;
  return rows.map(controlOf);
}

export async function countControls(tx: Tx, entityId: string): Promise<number> {
  const row = await tx.one<{ n: number }>`select count(*) as n from decisions.control where entity_id = ${entityId} and revoked_at is null`;
  return row?.n ?? 0;
}

/** All that changed since, by the database's clock; everything for null. */
export async function changedControls(db: Db, since: Date | null): Promise<Control[]> {
  const from = since === null ? null : new Date(since.getTime() - limits.rosterOverlapMs);
  const rows = await db.rows<ControlRow>`
    select ${columns(db)} from decisions.control c where ${from}::timestamptz is null or c.changed_at >= ${from} order by c.changed_at`;
  return rows.map(controlOf);
}

/** Writes policy, channels and the order that was signed over them. */
export async function putOrder(
  tx: Tx,
  control: Pick<Control, 'id' | 'name' | 'policy' | 'orderVersion' | 'order' | 'orderExpires' | 'channels' | 'pastChannels'>,
): Promise<void> {
  const { policy, order } = control;
  await tx.run`
    update decisions.control
       set name = ${control.name}, kinds = ${kindIndexes(policy.kinds)}::smallint[], min_confidence = ${policy.minConfidence}, capacity = ${policy.capacity},
           allow = ${tx.json(policy.allow)}, delay_ms = ${policy.delayMs}, order_version = ${control.orderVersion}, order_body = ${order?.body ?? null},
           order_key_id = ${order?.keyId ?? null}, order_sig = ${order?.sig ?? null}, order_expires = ${control.orderExpires},
           channels = ${control.channels as string[]}::text[], past_channels = ${control.pastChannels as string[]}::text[], changed_at = clock_timestamp()
     where id = ${control.id}`;
}

/** A new enrolment ends the key of the one before. */
export async function putEnrolment(tx: Tx, id: string, keyHash: string, agent: string, target: string, at: Date): Promise<void> {
  await tx.run`
    update decisions.control set key_hash = ${keyHash}, agent = ${agent}, target = ${target}, enrolled_at = ${at}, changed_at = clock_timestamp() where id = ${id}`;
}

export async function markRevoked(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.run`update decisions.control set revoked_at = ${at}, key_hash = null, changed_at = clock_timestamp() where id = ${id}`;
  await tx.run`delete from decisions.enrol_token where control_id = ${id}`;
}

/** The newest token of a control is its only one. */
export async function putToken(tx: Tx, token: { id: string; controlId: string; hash: string; expiresAt: Date }): Promise<void> {
  await tx.run`delete from decisions.enrol_token where control_id = ${token.controlId}`;
  await tx.run`
    insert into decisions.enrol_token (id, control_id, secret_hash, expires_at) values (${token.id}, ${token.controlId}, ${token.hash}, ${token.expiresAt})`;
}

/** Locked: of two that come at once with the same token, one is late. */
export async function lockToken(
  tx: Tx,
  id: string,
): Promise<{ controlId: string; secretHash: string; expiresAt: Date; usedAt: Date | null } | undefined> {
  return tx.one`select control_id, secret_hash, expires_at, used_at from decisions.enrol_token where id = ${id} for update`;
}

export async function markTokenUsed(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.run`update decisions.enrol_token set used_at = ${at} where id = ${id}`;
}
