import type { Actor } from '#platform/actor';
import type { Tx } from '#platform/db';
import type { MembersDeps } from './deps.ts';
import { tidyName } from './entities.ts';
import { fail } from './errors.ts';
import { canonicalMail, mailDomain } from './mail.ts';
import { mayManageEntity, mayManageNetwork } from './policy.ts';
import { assetsOfEntity, type EntityRow, findEntity, findKind, type Page } from './store/entities.ts';
import { findPersonByMail } from './store/people.ts';
import {
  countEntities,
  deleteSoc,
  findSoc,
  insertSoc,
  listSocs,
  lockServing,
  replaceServes,
  type SocRow,
  servedInCircle,
  updateSoc,
} from './store/socs.ts';

export type SocInput = {
  readonly name: string;
  readonly operatorEntityId: string;
  /** Who does the work: the operator's own staff or contracted staff. */
  readonly staff: 'own' | 'contracted';
  readonly managerName: string;
  readonly managerMail: string;
  readonly serves: readonly string[];
};

export type SocView = Pick<SocRow, 'id' | 'name' | 'operatorEntityId' | 'staff' | 'managerName' | 'serves'> & {
  readonly managerMail?: string;
};

/** Who serves whom is known in the network; the manager's mail address only to the operator and the network's people. */
export function presentSoc(actor: Actor, row: SocRow): SocView {
  const { id, name, operatorEntityId, staff, managerName, serves } = row;
  const shown = { id, name, operatorEntityId, staff, managerName, serves };
  return mayManageEntity(actor, operatorEntityId) ? { ...shown, managerMail: row.managerMail } : shown;
}

/**
 * The naming rule. A SOC run by a company carries the company's name and has a manager of the company; one run by an administration, with own or
 * contracted staff, carries the administration's name and has a manager of the administration. A suffix may follow the name, for operators
 * of several SOCs.
 */
async function checkNaming(
  tx: Tx,
  operator: EntityRow,
  soc: { name: string; staff: 'own' | 'contracted'; managerMail: string },
): Promise<void> {
  const kind = await findKind(tx, operator.kind);
  const runsAs = kind?.runsSocAs ?? null;
  if (runsAs === null) throw fail('members.soc_operator', `An entity of kind "${operator.kind}" does not run a SOC.`);
  if (runsAs === 'company' && soc.staff === 'contracted')
    throw fail('members.soc_operator', 'A SOC that a company runs is run with its own staff.');
  if (!startsWithName(soc.name, operator.name)) throw fail('members.soc_name', `The name has to be or begin with "${operator.name}".`);

  const manager = await findPersonByMail(tx, soc.managerMail);
  if (manager && manager.disabledAt === null && manager.entityId === operator.id) return;
  if (manager) throw fail('members.soc_manager', 'The manager is registered with another entity, or disabled.');
  const domains = (await assetsOfEntity(tx, operator.id)).filter((asset) => asset.kind === 'mail_domain').map((asset) => asset.value);
  const domain = mailDomain(soc.managerMail);
  if (!domains.some((own) => domain === own || domain.endsWith(`.${own}`))) {
    throw fail('members.soc_manager', `"${domain}" is not a declared mail domain of ${operator.name}.`);
  }
}

function startsWithName(name: string, operator: string): boolean {
  const a = name.toLowerCase();
  const b = operator.toLowerCase();
  return a === b || (a.startsWith(b) && /^[^\p{L}\p{N}]/u.test(a.slice(b.length)));
}

export async function createSoc(deps: MembersDeps, actor: Actor, input: SocInput): Promise<SocRow> {
  if (!mayManageNetwork(actor)) throw fail('members.forbidden', 'Only coordinators and administrators register SOCs.');
  const managerMail = canonicalMail(input.managerMail);
  if (managerMail === undefined) throw fail('members.mail_invalid', 'The mail address of the manager is not one.');
  const soc: SocRow = {
    id: deps.ids.uuid(),
    name: tidyName(input.name),
    operatorEntityId: input.operatorEntityId,
    staff: input.staff,
    managerName: tidyName(input.managerName),
    managerMail,
    createdAt: deps.clock.now(),
    serves: [...new Set(input.serves)].sort(),
  };
  await deps.db.transaction(async (tx) => {
    const operator = await findEntity(tx, soc.operatorEntityId);
    if (!operator) throw fail('members.entity_not_found', `No entity ${soc.operatorEntityId}.`);
    await checkNaming(tx, operator, soc);
    await insertSoc(tx, soc);
    await serve(deps, tx, soc, soc.serves);
    await deps.trail.record(tx, actor, 'members.soc_create', soc.id, { name: soc.name, operator: operator.id, serves: soc.serves });
    await announce(deps, tx, [operator.id, ...soc.serves]);
  });
  afterwards(deps, [soc.operatorEntityId, ...soc.serves]);
  return soc;
}

export type SocChange = Partial<Omit<SocInput, 'operatorEntityId'>>;

/** A SOC that changes hands is another SOC: the operator cannot be changed. */
export async function changeSoc(deps: MembersDeps, actor: Actor, id: string, change: SocChange): Promise<SocRow> {
  if (!mayManageNetwork(actor)) throw fail('members.forbidden', 'Only coordinators and administrators change SOCs.');
  const { after, touched } = await deps.db.transaction(async (tx) => {
    await lockServing(tx);
    const before = await findSoc(tx, id);
    const operator = before && (await findEntity(tx, before.operatorEntityId));
    if (!before || !operator) throw fail('members.soc_not_found', `No SOC ${id}.`);
    const managerMail = change.managerMail === undefined ? before.managerMail : canonicalMail(change.managerMail);
    if (managerMail === undefined) throw fail('members.mail_invalid', 'The mail address of the manager is not one.');
    const after: SocRow = {
      ...before,
      name: change.name === undefined ? before.name : tidyName(change.name),
      staff: change.staff ?? before.staff,
      managerName: change.managerName === undefined ? before.managerName : tidyName(change.managerName),
      managerMail,
      serves: change.serves === undefined ? before.serves : [...new Set(change.serves)].sort(),
    };
    await checkNaming(tx, operator, after);
    await updateSoc(tx, after);
    if (change.serves !== undefined) await serve(deps, tx, after, after.serves);
    await deps.trail.record(tx, actor, 'members.soc_change', id, { ...change });
    const touched = [...new Set([operator.id, ...before.serves, ...after.serves])];
    await announce(deps, tx, touched);
    return { after, touched };
  });
  afterwards(deps, touched);
  return after;
}

export async function removeSoc(deps: MembersDeps, actor: Actor, id: string): Promise<void> {
  if (!mayManageNetwork(actor)) throw fail('members.forbidden', 'Only coordinators and administrators remove SOCs.');
  const touched = await deps.db.transaction(async (tx) => {
    const before = await findSoc(tx, id);
    if (!before) throw fail('members.soc_not_found', `No SOC ${id}.`);
    await deleteSoc(tx, id);
    await deps.trail.record(tx, actor, 'members.soc_remove', id, { name: before.name, serves: before.serves });
    const touched = [before.operatorEntityId, ...before.serves];
    await announce(deps, tx, touched);
    return touched;
  });
  afterwards(deps, touched);
}

async function serve(deps: MembersDeps, tx: Tx, soc: SocRow, entityIds: readonly string[]): Promise<void> {
  await lockServing(tx);
  if ((await countEntities(tx, entityIds)) !== entityIds.length)
    throw fail('members.entity_not_found', 'One of the served entities does not exist.');
  if (!(await replaceServes(tx, soc.id, entityIds, deps.clock.now())))
    throw fail('members.soc_serves', 'One of the entities is served by another SOC.');
  if (await servedInCircle(tx)) throw fail('members.soc_serves', 'These SOCs would serve each other in a circle, or in too long a chain.');
}

async function announce(deps: MembersDeps, tx: Tx, entityIds: readonly string[]): Promise<void> {
  for (const entityId of new Set(entityIds)) await deps.bus.append(tx, 'members.entity_changed', { entityId });
}

function afterwards(deps: MembersDeps, entityIds: readonly string[]): void {
  for (const id of entityIds) deps.forget(id);
  deps.bus.nudge();
}

export async function readSocs(deps: MembersDeps, actor: Actor, page: Page): Promise<SocView[]> {
  return (await listSocs(deps.db, page)).map((row) => presentSoc(actor, row));
}

export async function readSoc(deps: MembersDeps, actor: Actor, id: string): Promise<SocView> {
  const row = await findSoc(deps.db, id);
  if (!row) throw fail('members.soc_not_found', `No SOC ${id}.`);
  return presentSoc(actor, row);
}
