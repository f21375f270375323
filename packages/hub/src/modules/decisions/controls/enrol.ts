import type { EnrolReply } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { Control, Owner } from './control.ts';
import { newAgentKey, readAgentKey, readEnrolToken, sameHash } from './credential.ts';
import { fail } from './errors.ts';
import { limits } from './limits.ts';
import type { ManageDeps } from './manage.ts';
import { issueOrder } from './orders.ts';
import type { Roster } from './roster.ts';
import { lockControl, lockToken, markTokenUsed, putEnrolment } from './store.ts';

/** Compared with when there is no token or key of that id, so that both ways take the same steps. */
const noHash = '0'.repeat(64);

/** Turns a one-time token into the control's key. A control that is enrolled again loses its old key. */
export async function enrol(
  deps: ManageDeps,
  from: { readonly ip: string; readonly requestId: string },
  input: { readonly token: string; readonly agent: string; readonly target: string },
): Promise<EnrolReply> {
  const refused = () => fail('controls.token_invalid', 'The enrolment token is not valid.');
  const token = readEnrolToken(input.token);
  if (token === undefined) throw refused();
  const reply = await deps.db.transaction(async (tx) => {
    const row = await lockToken(tx, token.id);
    const now = deps.clock.now();
    const same = sameHash(token.hash, row?.secretHash ?? noHash);
    if (row === undefined || !same || row.usedAt !== null || row.expiresAt <= now || token.root !== deps.keys.rootFingerprint())
      throw refused();
    const control = await lockControl(tx, row.controlId);
    const owner = control && (await deps.roster.ownerOf(control.entityId));
    if (control === undefined || control.revokedAt !== null || owner === undefined) throw refused();
    const key = newAgentKey(deps.ids, control.id);
    await markTokenUsed(tx, token.id, now);
    await putEnrolment(tx, control.id, key.hash, input.agent, input.target.slice(0, limits.targetMaxChars), now);
    await issueOrder(deps, tx, control, owner);
    await deps.trail.record(tx, actorOf(control, owner, from), 'controls.enrol', control.id, { agent: input.agent, target: input.target });
    const order = (await lockControl(tx, control.id))?.order;
    if (order === undefined || order === null) throw new Error('the order was not written');
    return {
      control: control.id,
      name: control.name,
      key: key.text,
      hub: deps.keys.signer.hub,
      root: deps.keys.rootPublic(),
      certificate: deps.keys.certificate(),
      order,
    };
  });
  deps.bus.nudge();
  await deps.roster.refresh();
  return reply;
}

/** Who a control's key is of. Undefined for every key that opens nothing, whatever the reason. */
export async function authenticateAgent(
  deps: { readonly roster: Roster },
  credential: string,
  from: { readonly ip: string; readonly requestId: string },
): Promise<Actor | undefined> {
  const key = readAgentKey(credential);
  if (key === undefined) return undefined;
  let control = await deps.roster.get(key.controlId);
  let same = sameHash(key.hash, control?.keyHash ?? noHash);
  if (!same) {
    control = await deps.roster.recheck(key.controlId);
    same = sameHash(key.hash, control?.keyHash ?? noHash);
  }
  if (control === undefined || !same || control.revokedAt !== null) return undefined;
  const owner = await deps.roster.ownerOf(control.entityId);
  return owner && actorOf(control, owner, from);
}

function actorOf(control: Control, owner: Owner, from: { readonly ip: string; readonly requestId: string }): Actor {
  return {
    kind: 'agent',
    id: control.id,
    label: control.name,
    entityId: control.entityId,
    socId: null,
    roles: [],
    scopes: ['agent', 'read'],
    viewer: owner.viewer,
    personId: null,
    maxTlp: owner.maxTlp,
    from: from.ip,
    requestId: from.requestId,
  };
}
