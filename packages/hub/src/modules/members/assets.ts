import { getPublicSuffix } from 'tldts';
import type { Actor } from '#platform/actor';
import type { MembersDeps } from './deps.ts';
import { fail } from './errors.ts';
import { limits } from './limits.ts';
import { authorityOf, mayManageEntity, mayManageNetwork } from './policy.ts';
import { type AssetKind, type AssetRow, assetsOfEntity, deleteAsset, findAsset, insertAsset, lockEntity } from './store/entities.ts';

export type AssetInput = { readonly entityId: string; readonly kind: AssetKind; readonly value: string; readonly note?: string };

/** What a canonical network covers: its family, and its size in units of the widest network that a manager may declare. */
function breadth(value: string): { v6: boolean; prefix: number; units: number } {
  const v6 = value.includes(':');
  const prefix = Number(value.slice(value.indexOf('/') + 1));
  return { v6, prefix, units: 2 ** ((v6 ? limits.assetMinPrefixV6 : limits.assetMinPrefixV4) - prefix) };
}

/**
 * Declared values are never blocked for their owner and are held back by the guard for everybody, so the right to declare is bounded: no public
 * suffix at all, and wide or many networks only by an administrator.
 */
export function refusal(
  kind: AssetKind,
  value: string,
  held: readonly Pick<AssetRow, 'kind' | 'value'>[],
  byAdmin: boolean,
): 'suffix' | 'wide' | undefined {
  if (kind === 'domain' || kind === 'mail_domain') {
    return getPublicSuffix(value, { allowPrivateDomains: true }) === value || !value.includes('.') ? 'suffix' : undefined;
  }
  if (kind !== 'net' || byAdmin) return undefined;
  const claim = breadth(value);
  const widest = claim.v6 ? limits.assetMinPrefixV6 : limits.assetMinPrefixV4;
  const total = held
    .filter((asset) => asset.kind === 'net')
    .map((asset) => breadth(asset.value))
    .filter((other) => other.v6 === claim.v6)
    .reduce((sum, other) => sum + other.units, claim.units);
  return claim.prefix < widest || total > (claim.v6 ? limits.assetTotalV6 : limits.assetTotalV4) ? 'wide' : undefined;
}

export async function declareAsset(deps: MembersDeps, actor: Actor, input: AssetInput): Promise<AssetRow> {
  if (!mayManageEntity(actor, input.entityId)) throw fail('members.forbidden', 'Managers declare what belongs to their own entity.');
  const canonical = deps.assetCanonical(input.kind, input.value);
  if (!canonical.ok) throw fail('members.asset_invalid', canonical.message, [{ field: 'value', message: canonical.message }]);
  const asset: AssetRow = {
    id: deps.ids.uuid(),
    entityId: input.entityId,
    kind: input.kind,
    value: canonical.value,
    note: input.note ?? '',
    declaredBy: actor.id,
    declaredAt: deps.clock.now(),
  };
  const stored = await deps.db.transaction(async (tx) => {
    // The lock makes the count below true: two declarations at once cannot both be the last one allowed.
    if (!(await lockEntity(tx, asset.entityId))) throw fail('members.entity_not_found', `No entity ${asset.entityId}.`);
    const held = await assetsOfEntity(tx, asset.entityId);
    const same = held.find((other) => other.kind === asset.kind && other.value === asset.value);
    if (same) return same;
    if (held.length >= limits.assetsPerEntity)
      throw fail('members.asset_limit', `An entity declares at most ${limits.assetsPerEntity} values.`);
    const why = refusal(asset.kind, asset.value, held, authorityOf(actor) === 'all');
    if (why === 'suffix') throw fail('members.asset_invalid', `"${asset.value}" is a public suffix: it belongs to nobody alone.`);
    if (why === 'wide') {
      const rule = `/${limits.assetMinPrefixV4} (IPv4) or /${limits.assetMinPrefixV6} (IPv6), ${limits.assetTotalV4} of them in all`;
      throw fail('members.asset_too_wide', `Wider than ${rule}: ask an administrator to declare it.`);
    }
    await insertAsset(tx, asset);
    await deps.trail.record(tx, actor, 'members.asset_declare', asset.id, { entity: asset.entityId, kind: asset.kind, value: asset.value });
    await deps.bus.append(tx, 'members.entity_changed', { entityId: asset.entityId });
    return asset;
  });
  deps.bus.nudge();
  return stored;
}

export async function withdrawAsset(deps: MembersDeps, actor: Actor, id: string): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const asset = await findAsset(tx, id);
    if (!asset || !mayManageEntity(actor, asset.entityId)) throw fail('members.asset_not_found', `No declared asset ${id}.`);
    await deleteAsset(tx, id);
    await deps.trail.record(tx, actor, 'members.asset_withdraw', id, { entity: asset.entityId, kind: asset.kind, value: asset.value });
    await deps.bus.append(tx, 'members.entity_changed', { entityId: asset.entityId });
  });
  deps.bus.nudge();
}

/** What an entity owns is its own affair: its people and the network's see it. */
export async function readAssets(deps: MembersDeps, actor: Actor, entityId: string): Promise<AssetRow[]> {
  if (actor.entityId !== entityId && !mayManageNetwork(actor)) throw fail('members.entity_not_found', `No entity ${entityId}.`);
  return assetsOfEntity(deps.db, entityId);
}
