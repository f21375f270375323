import type { ValueKind } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { Detail } from '#platform/errors';
import type { Ids, Trail } from '#platform/ports';
import { canonicaliseKind } from '#values';
import { type AllowedValue, type Control, type ControlPolicy, channelsOf, type Feed } from './control.ts';
import { newEnrolToken } from './credential.ts';
import { fail } from './errors.ts';
import { limits } from './limits.ts';
import { issueOrder, type OrderDeps } from './orders.ts';
import { mayManage, maySee, seesAllControls } from './policy.ts';
import { countControls, findControl, insertControl, listControls, lockControl, markRevoked, putToken } from './store.ts';

export type ManageDeps = OrderDeps & { readonly ids: Ids; readonly trail: Trail };

export type PolicyInput = { [K in keyof ControlPolicy]?: ControlPolicy[K] | undefined };
export type AddInput = {
  /** Left out: the actor's own. */
  readonly entityId?: string | undefined;
  readonly name: string;
  readonly target: string;
  readonly feed: Feed;
  readonly policy?: PolicyInput | undefined;
};
/** The token is shown once, and only for controls fed by an agent. */
export type Added = { readonly control: Control; readonly token: string | null };

/** What network devices and resolvers can enforce. */
const defaultKinds: readonly ValueKind[] = ['ip', 'net', 'domain', 'url', 'hash'];
const allowKinds: readonly ValueKind[] = ['ip', 'net', 'domain'];

const defaults: ControlPolicy = { kinds: defaultKinds, minConfidence: 0, capacity: limits.capacityDefault, allow: [], delayMs: null };

function policyFrom(before: ControlPolicy, input: PolicyInput): ControlPolicy {
  const details: Detail[] = [];
  const check = (good: boolean, field: string, message: string): void => {
    if (!good) details.push({ field: `policy.${field}`, message });
  };
  const whole = (value: number, min: number, max: number): boolean => Number.isSafeInteger(value) && value >= min && value <= max;
  const next: ControlPolicy = {
    kinds: [...new Set(input.kinds ?? before.kinds)],
    minConfidence: input.minConfidence ?? before.minConfidence,
    capacity: input.capacity ?? before.capacity,
    allow: input.allow === undefined ? before.allow : canonicalAllow(input.allow),
    delayMs: input.delayMs === undefined ? before.delayMs : input.delayMs,
  };
  check(next.kinds.length > 0, 'kinds', 'at least one');
  check(whole(next.minConfidence, 0, 100), 'minConfidence', 'from 0 to 100');
  check(whole(next.capacity, 1, limits.capacityMax), 'capacity', `from 1 to ${limits.capacityMax}`);
  check(next.delayMs === null || whole(next.delayMs, 0, limits.delayMaxMs), 'delayMs', `from 0 to ${limits.delayMaxMs}`);
  if (details.length > 0) throw fail('controls.policy_invalid', 'The policy cannot be used.', details);
  return next;
}

/** Canonical, without repetitions: the agent and the lists compare by equality. */
function canonicalAllow(allow: readonly AllowedValue[]): AllowedValue[] {
  const details: Detail[] = [];
  if (allow.length > limits.allowMax) details.push({ field: 'policy.allow', message: `at most ${limits.allowMax}` });
  const values = new Map<string, AllowedValue>();
  for (const [index, { kind, value }] of allow.slice(0, limits.allowMax).entries()) {
    const canonical = allowKinds.includes(kind) ? canonicaliseKind(kind, value) : undefined;
    if (canonical === undefined) details.push({ field: `policy.allow[${index}]`, message: 'must be of kind ip, net or domain' });
    else if (!canonical.ok) details.push({ field: `policy.allow[${index}]`, message: canonical.message });
    else values.set(`${canonical.kind} ${canonical.value}`, { kind: canonical.kind, value: canonical.value });
  }
  if (details.length > 0) throw fail('controls.allow_invalid', 'Values that are never to be blocked cannot be read.', details.slice(0, 20));
  return [...values.values()];
}

/** Adds a control to an entity. One fed by an agent gets a token for its first start. */
export async function addControl(deps: ManageDeps, actor: Actor, input: AddInput): Promise<Added> {
  const entityId = input.entityId ?? actor.entityId;
  if (!mayManage(actor, entityId)) throw fail('controls.entity_not_found', 'There is no such entity.');
  const owner = await deps.roster.ownerOf(entityId);
  if (owner === undefined) throw fail('controls.entity_not_found', 'There is no such entity.');
  const policy = policyFrom(defaults, input.policy ?? {});
  const id = deps.ids.uuid();
  const added = await deps.db.transaction(async (tx) => {
    if ((await countControls(tx, entityId)) >= limits.controlsPerEntity)
      throw fail('controls.limit', `The entity has ${limits.controlsPerEntity} controls.`);
    await insertControl(tx, {
      id,
      entityId,
      name: input.name,
      target: input.target,
      feed: input.feed,
      policy,
      channels: channelsOf(owner.viewer),
      pastChannels: [],
      keyHash: null,
      agent: null,
      createdAt: deps.clock.now(),
      createdBy: actor.label,
      enrolledAt: null,
      revokedAt: null,
    });
    const fresh = await lockControl(tx, id);
    if (fresh === undefined) throw new Error('the control was not written');
    await issueOrder(deps, tx, fresh, owner);
    await deps.trail.record(tx, actor, 'controls.add', id, { entityId, name: input.name, target: input.target, feed: input.feed });
    const token = input.feed === 'agent' ? newEnrolToken(deps.ids, deps.keys.rootFingerprint()) : undefined;
    if (token !== undefined)
      await putToken(tx, { ...token, controlId: id, expiresAt: new Date(deps.clock.now().getTime() + limits.tokenLifeMs) });
    const control = await lockControl(tx, id);
    if (control === undefined) throw new Error('the control was not written');
    return { control, token: token?.text ?? null };
  });
  await announce(deps);
  return added;
}

/** Another one-time token: for a machine that was set up anew. The old token ends; the old key ends when the new one is made. */
export async function renewToken(deps: ManageDeps, actor: Actor, controlId: string): Promise<string> {
  const token = newEnrolToken(deps.ids, deps.keys.rootFingerprint());
  await deps.db.transaction(async (tx) => {
    const control = await lockOwn(tx, actor, controlId);
    if (control.feed !== 'agent') throw fail('controls.not_an_agent', 'The control reads lists.');
    await putToken(tx, { ...token, controlId, expiresAt: new Date(deps.clock.now().getTime() + limits.tokenLifeMs) });
    await deps.trail.record(tx, actor, 'controls.token', controlId);
  });
  return token.text;
}

/** Changes name and policy; the agent is told by a signed order with the next version. */
export async function updateControl(
  deps: ManageDeps,
  actor: Actor,
  controlId: string,
  input: { readonly name?: string | undefined; readonly policy?: PolicyInput | undefined },
): Promise<Control> {
  const changed = await deps.db.transaction(async (tx) => {
    const control = await lockOwn(tx, actor, controlId);
    const owner = await deps.roster.ownerOf(control.entityId);
    if (owner === undefined) throw fail('controls.not_found', 'There is no such control.');
    const policy = policyFrom(control.policy, input.policy ?? {});
    await issueOrder(deps, tx, control, owner, { policy, ...(input.name === undefined ? {} : { name: input.name }) });
    await deps.trail.record(tx, actor, 'controls.update', controlId, {
      name: input.name ?? control.name,
      policy: { ...policy, allow: policy.allow.length },
    });
    return await lockControl(tx, controlId);
  });
  await announce(deps);
  if (changed === undefined) throw new Error('the control was not written');
  return changed;
}

/** Ends the control's key at once in this process, and within five seconds in every other; open streams are cut. */
export async function revokeControl(deps: ManageDeps, actor: Actor, controlId: string): Promise<void> {
  await deps.db.transaction(async (tx) => {
    await lockOwn(tx, actor, controlId);
    await markRevoked(tx, controlId, deps.clock.now());
    await deps.trail.record(tx, actor, 'controls.revoke', controlId);
    await deps.bus.append(tx, 'decisions.control_changed', { controlId });
  });
  await announce(deps);
}

/** Locked, in the actor's hands and not revoked; anything else looks like a control that does not exist. */
async function lockOwn(tx: Parameters<typeof lockControl>[0], actor: Actor, controlId: string): Promise<Control> {
  const control = await lockControl(tx, controlId);
  if (control === undefined || !mayManage(actor, control.entityId)) throw fail('controls.not_found', 'There is no such control.');
  if (control.revokedAt !== null) throw fail('controls.revoked', 'The control was revoked.');
  return control;
}

async function announce(deps: ManageDeps): Promise<void> {
  deps.bus.nudge();
  await deps.roster.refresh();
}

/** Own controls; a coordinator sees all, or those of one entity. Pages by id. */
export async function controlPage(
  deps: Pick<ManageDeps, 'db'>,
  actor: Actor,
  input: { readonly entityId?: string | undefined; readonly after?: string | undefined; readonly limit?: number | undefined },
): Promise<Control[]> {
  const entityId = seesAllControls(actor) ? (input.entityId ?? null) : actor.entityId;
  return listControls(deps.db, entityId, input.after ?? null, Math.min(input.limit ?? limits.pageMax, limits.pageMax));
}

export async function showControl(deps: Pick<ManageDeps, 'db'>, actor: Actor, controlId: string): Promise<Control> {
  const control = await findControl(deps.db, controlId);
  if (control === undefined || !maySee(actor, control)) throw fail('controls.not_found', 'There is no such control.');
  return control;
}
