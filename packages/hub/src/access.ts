/** Joins what members and levels know into the answers that later modules ask for. Belongs to the composition root. */
import { domainToUnicode } from 'node:url';
import { ownData } from '#guard';
import type { Readers, Reporter, ReporterOf } from '#intel';
import { findEntity, findEntityAccess, viewerOf, voiceOf } from '#members';
import type { Viewer } from '#platform/actor';
import type { Clock } from '#platform/clock';
import type { Db, Pool, Tx } from '#platform/db';
import { type Audience, stillWaits } from '#platform/shelf';
import { type Levels, readReading } from '#scoring';

export type AccessDeps = {
  readonly db: Pool;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly levels: Levels;
  readonly clock: Clock;
};

/** How long what was read of an entity is used again; a change is heard of at once through the log. */
const cacheMs = 2_000;
/** Entities kept; more than any nation has. */
const cacheMax = 5_000;

type Asset = { readonly kind: 'ip' | 'net' | 'domain' | 'mail_domain'; readonly value: string };

export function access(deps: AccessDeps) {
  const cache = new Map<string, { readonly untilMs: number; readonly reporter: Promise<Reporter> }>();

  async function readReporter(entityId: string): Promise<Reporter> {
    const entity = await findEntity(deps.db, entityId);
    if (entity === undefined) throw new Error(`no entity ${entityId}`);
    const [voice, assets, people] = await Promise.all([
      voiceOf(deps.db, entityId),
      deps.db.rows<Asset>`select kind, value from members.asset where entity_id = ${entityId} limit 10000`,
      deps.db.rows<{ name: string; mail: string }>`select name, mail from members.person where entity_id = ${entityId} limit 10000`,
    ]);
    const level = await deps.levels.access(entity.level);
    const audience = (await deps.levels.audiences()).find((each) => each.name === level.shelf);
    return {
      shelf: level.shelf,
      waits: audience === undefined || stillWaits(audience, deps.clock.now()),
      name: entity.name,
      kind: entity.kind,
      level: entity.level,
      voice,
      own: ownData({
        assets: assets.map((asset) => ({ kind: asset.kind === 'mail_domain' ? 'domain' : asset.kind, value: asset.value })),
        people: people.map((person) => ({ name: person.name, mails: [person.mail] })),
      }),
      ownDomains: assets
        .filter((asset) => asset.kind === 'domain' || asset.kind === 'mail_domain')
        .map((asset) => domainToUnicode(asset.value)),
      ownPeople: people.flatMap((person) => [person.name, person.mail]),
    };
  }

  const reporterOf: ReporterOf = (entityId) => {
    const now = deps.clock.monotonicMs();
    const held = cache.get(entityId);
    if (held !== undefined && held.untilMs > now) return held.reporter;
    if (cache.size >= cacheMax) cache.clear();
    const reporter = readReporter(entityId);
    reporter.catch(() => cache.delete(entityId));
    cache.set(entityId, { untilMs: now + cacheMs, reporter });
    return reporter;
  };

  const readers: Readers = {
    of(viewer: Viewer): Db {
      const pool = deps.pools.get(viewer.shelf);
      if (pool === undefined) throw new Error(`no shelf ${viewer.shelf}`);
      return pool;
    },
  };

  async function shelfOf(tx: Tx, entityIds: readonly string[]): Promise<Map<string, string>> {
    const rows =
      entityIds.length === 0
        ? []
        : await tx.rows<{
            id: string;
            level: string;
          }>`select id, level from members.entity where id = any (${entityIds as string[]}::uuid[])`;
    const shelves = new Map<string, string>();
    for (const row of rows) shelves.set(row.id, (await deps.levels.access(row.level)).shelf);
    return shelves;
  }

  return {
    reporterOf,
    readers,
    forget: (entityId: string) => void cache.delete(entityId),
    allAssets: () =>
      deps.db.rows<{ entityId: string; kind: string; value: string }>`select entity_id, kind, value from members.asset limit 100000`,
    async ownerOf(entityId: string) {
      const [entity, row] = await Promise.all([findEntityAccess(deps.db, entityId), findEntity(deps.db, entityId)]);
      if (entity === undefined || row === undefined || entity.suspendedAt !== null) return undefined;
      const level = await deps.levels.access(entity.level);
      // After a change of level they follow when what the entity keeps has been copied: no block is missing for a moment.
      const shelf = (await readReading(deps.db, entityId))?.settled.shelf ?? level.shelf;
      return { viewer: viewerOf(entity, { ...level, shelf }), critical: row.critical, maxTlp: level.maxTlp };
    },
    shelfOf,
    async viewersOf(tx: Tx, entityIds: readonly string[]): Promise<Map<string, Viewer>> {
      // A new policy announces the entities that it moves: what is remembered here may be older.
      deps.levels.forget();
      const viewers = new Map<string, Viewer>();
      for (const id of entityIds) {
        const entity = await findEntityAccess(tx, id);
        if (entity !== undefined) viewers.set(id, viewerOf(entity, await deps.levels.access(entity.level)));
      }
      return viewers;
    },
    readsAtOnce: (audiences: readonly Audience[]) => {
      const now = deps.clock.now();
      const immediate = new Set(audiences.filter((audience) => !stillWaits(audience, now)).map((audience) => audience.name));
      return async (tx: Tx, entityIds: readonly string[]): Promise<ReadonlySet<string>> =>
        new Set([...(await shelfOf(tx, entityIds))].filter(([, shelf]) => immediate.has(shelf)).map(([id]) => id));
    },
  };
}
