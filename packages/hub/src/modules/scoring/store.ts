import type { Db, Tx } from '#platform/db';
import type { FormerPolicy, Level, Policy } from './levels.ts';

type PolicyRow = Omit<Policy, 'levels'>;

/** The newest version. Migrations insert the first one, so there always is one. */
export async function readPolicy(db: Db): Promise<Policy> {
  const policy = await db.one<PolicyRow>`select version, valid_from, set_by, reason from scoring.policy order by version desc limit 1`;
  if (!policy) throw new Error('There is no level policy.');
  const levels = await db.rows<Level>`
    select id, name, shelf, delay_ms, on_consolidation, max_tlp from scoring.level where version = ${policy.version} order by delay_ms, id`;
  return { ...policy, levels };
}

export async function newestVersion(db: Db): Promise<number> {
  return (await db.one<{ version: number }>`select max(version) as version from scoring.policy`)?.version ?? 0;
}

/** Versions before one that were in force after a time, oldest first. */
export async function readFormer(db: Db, version: number, after: Date): Promise<FormerPolicy[]> {
  const rows = await db.rows<Level & { version: number; until: Date }>`
    select l.version, n.valid_from as until, l.id, l.name, l.shelf, l.delay_ms, l.on_consolidation, l.max_tlp
      from scoring.level l join scoring.policy n on n.version = l.version + 1
     where n.version <= ${version} and n.valid_from > ${after} order by l.version`;
  const versions = new Map<number, { until: Date; levels: Level[] }>();
  for (const { version: of, until, ...level } of rows) {
    const former = versions.get(of) ?? { until, levels: [] };
    former.levels.push(level);
    versions.set(of, former);
  }
  return [...versions.values()];
}

export async function changesSince(db: Db, after: Date): Promise<number> {
  return (await db.one<{ n: number }>`select count(*) as n from scoring.policy where valid_from > ${after}`)?.n ?? 0;
}

/** Newest first. */
export async function listPolicies(db: Db, limit: number): Promise<PolicyRow[]> {
  return db.rows<PolicyRow>`select version, valid_from, set_by, reason from scoring.policy order by version desc limit ${limit}`;
}

export async function lockPolicies(tx: Tx): Promise<void> {
  await tx.run`lock table scoring.policy in share row exclusive mode`;
}

export async function insertPolicy(tx: Tx, policy: Policy): Promise<void> {
  await tx.run`
    insert into scoring.policy (version, valid_from, set_by, reason)
    values (${policy.version}, ${policy.validFrom}, ${policy.setBy}, ${policy.reason})`;
  for (const level of policy.levels) {
    await tx.run`
      insert into scoring.level (version, id, name, shelf, delay_ms, on_consolidation, max_tlp)
      values (${policy.version}, ${level.id}, ${level.name}, ${level.shelf}, ${level.delayMs}, ${level.onConsolidation}, ${level.maxTlp})`;
  }
}

export type AssignmentRow = {
  readonly id: string;
  readonly entityId: string;
  readonly level: string;
  readonly previous: string;
  readonly reason: string;
  readonly setBy: string;
  readonly setAt: Date;
};

export async function insertAssignment(tx: Tx, row: AssignmentRow): Promise<void> {
  await tx.run`
    insert into scoring.assignment (id, entity_id, level, previous, reason, set_by, set_at)
    values (${row.id}, ${row.entityId}, ${row.level}, ${row.previous}, ${row.reason}, ${row.setBy}, ${row.setAt})`;
}

/** Newest first. */
export async function listAssignments(db: Db, entityId: string, limit: number): Promise<AssignmentRow[]> {
  return db.rows<AssignmentRow>`
    select id, entity_id, level, previous, reason, set_by, set_at
      from scoring.assignment where entity_id = ${entityId} order by set_at desc, id limit ${limit}`;
}
