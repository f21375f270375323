/** The composition root: the only file that knows every module. Reads like a table of contents. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  agentWriteRoutes,
  controlErrors,
  controlRoutes,
  createControls,
  createPolicies,
  createRulings,
  type DecisionPolicy,
  decisionErrors,
  decisionRoutes,
  defaultPolicy,
  deleteExpiredTokens,
  enforcementOf,
  inForce,
  policyRoutes,
  registerDecisions,
} from '#decisions';
import { createGuard, guardErrors, guardRoutes } from '#guard';
import {
  assessRoutes,
  autoRuleRoutes,
  corroborate,
  createIntel,
  createReader,
  createTaxonomies,
  createVkeys,
  eventRoutes,
  intelErrors,
  registerIntel,
  reportRoutes,
  revisionRoutes,
  taxonomyRoutes,
} from '#intel';
import { createMembers, membersErrors, membersRoutes, shortLivedTables, systemActor } from '#members';
import { backupErrors, backupRoutes, resumeRestored, settleRestored } from '#platform/backup';
import { busErrors } from '#platform/bus';
import type { Clock } from '#platform/clock';
import { openPool } from '#platform/db';
import { createHttp, type HttpLimits } from '#platform/http';
import { ensureIdentity } from '#platform/identity';
import type { Ids } from '#platform/ids';
import { type Job, startJobs } from '#platform/jobs';
import { createKeys } from '#platform/keys';
import { createLeader } from '#platform/leader';
import { createMetrics } from '#platform/metrics';
import { migrate } from '#platform/migrate';
import { createOutbound, outboundErrors } from '#platform/outbound';
import type { Log } from '#platform/ports';
import { reachDatabase } from '#platform/reach-database';
import { cutOld } from '#platform/retention';
import { databaseSecret, hubSecret } from '#platform/secret';
import { openShelfPools, prepareShelves, termsAt } from '#platform/shelf';
import { createTrail, type TrailLog, trailRoutes } from '#platform/trail';
import { createLevels, createScoring, scoringErrors, scoringRoutes } from '#scoring';
import { canonicaliseKind } from '#values';
import { access } from './access.ts';
import { listErrors, listRoutes } from './edges/lists/index.ts';
import { createFanout, streamErrors, streamRoutes } from './edges/stream/index.ts';
import { type KeepDays, keptFor } from './kept.ts';
import { systemRoutes } from './system-routes.ts';

export type HubOptions = {
  readonly databaseUrl: string;
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  readonly publicUrl: string | undefined;
  readonly name: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly allowPrivateOutbound: readonly string[];
  readonly limits?: HttpLimits;
  /** False while nothing that only adds is to be taken in. */
  readonly hasRoom?: () => boolean;
  /** For how many days what grows is kept; 0, and what is not said: for ever. */
  readonly keepDays?: KeepDays;
  readonly decisionPolicy?: DecisionPolicy;
  readonly oidc?: {
    readonly issuer: string;
    readonly clientId: string;
    readonly clientSecret?: string;
    readonly label: string;
    readonly allowLoopbackHttp?: boolean;
  };
  /** Connections of the write side; each shelf has half as many of its own. */
  readonly connections?: number;
  /** Tests: check replies against their whole schema, turn password derivation down, and have two hubs order values alike. */
  readonly testing?: {
    readonly checkReplies?: boolean;
    readonly passwordRounds?: number;
    readonly noJobs?: boolean;
    readonly valueKey?: string;
  };
};

export type Hub = Awaited<ReturnType<typeof startHub>>;

const migrationsFolder = join(import.meta.dirname, '../migrations');
const product = (JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string }).version;

/** Starts a whole hub in this process. May be called many times: everything hangs on the returned object. */
export async function startHub(options: HubOptions) {
  const { clock, ids, log } = options;
  const db = openPool(options.databaseUrl, { max: options.connections ?? 12, application: 'rebato core' });
  const stops: (() => Promise<unknown>)[] = [() => db.close()];
  const stop = async (): Promise<void> => {
    for (const each of stops.splice(0).reverse())
      await each().catch((error: unknown) => log.error({ err: String(error) }, 'A part did not stop cleanly.'));
  };
  try {
    await reachDatabase(options.databaseUrl, log);
    await migrate(db, migrationsFolder, (line) => log.info({}, line));
    const restored = await resumeRestored({ db, dataDir: options.dataDir, clock, log });
    const hub = await ensureIdentity(db, ids, options.name);
    const metrics = createMetrics();
    let origin = options.publicUrl ?? `http://${options.host}:${options.port}`;
    const outbound = createOutbound({ allow: options.allowPrivateOutbound, log, metrics });

    // Who reads what when.
    const levels = createLevels({ db, clock });
    const audiences = await levels.audiences();
    const shelves = audiences.map((audience) => audience.name);
    await prepareShelves(db, audiences, join(migrationsFolder, 'shelf'), (line) => log.info({}, line));
    const pools = await openShelfPools(db, options.databaseUrl, audiences, Math.max(2, Math.floor((options.connections ?? 12) / 2)));
    for (const pool of pools.values()) stops.push(() => pool.close());

    // The log, the keys, the trail.
    const leader = createLeader({ db, clock, log, shelves, audiences: (tx) => levels.audiencesIn(tx) });
    const bus = leader.bus;
    const keys = await createKeys({ db, dataDir: options.dataDir, clock, log });
    stops.push(() => keys.stop());
    const trail: TrailLog = createTrail({
      db,
      clock,
      hub: hub.id,
      signer: {
        get keyId() {
          return keys.signer.keyId;
        },
        sign: keys.signRaw,
      },
      keys: keys.publicKeys,
    });

    // Modules, in their order.
    const vkeyOf = createVkeys(options.testing?.valueKey ?? (await databaseSecret(db, 'value-key')));
    const sealKey = await hubSecret(options.dataDir, db, 'seal');
    const members = createMembers({
      db,
      bus,
      trail,
      clock,
      ids,
      log,
      publicUrl: () => origin,
      levelAccess: (level) => levels.access(level),
      assetCanonical: (kind, raw) => {
        const canonical = canonicaliseKind(kind === 'mail_domain' ? 'domain' : kind, raw);
        return canonical.ok ? { ok: true, value: canonical.value } : { ok: false, message: canonical.message };
      },
      authenticateAgent: (credential, from) => controls.authenticateAgent(credential, from),
      sealKey: () => sealKey,
      ...(options.oidc === undefined ? {} : { oidc: options.oidc }),
      ...(options.testing?.passwordRounds === undefined ? {} : { passwordRounds: options.testing.passwordRounds }),
    });
    const scoring = createScoring({ db, bus, trail, clock, ids, levels, members, shelves });
    const see = access({ db, pools, levels, clock });
    const guard = createGuard({
      db,
      trail,
      clock,
      ids,
      log,
      outbound,
      memberAssets: see.allAssets,
      ownHosts: () => [new URL(origin).hostname],
      onReleased: async (tx, releaseId) => {
        await bus.append(tx, 'guard.released', { releaseId });
      },
      onEnded: async (tx, releaseId) => {
        await bus.append(tx, 'guard.release_ended', { releaseId });
      },
      heldTogether: (tx, kind, value) => intel.heldTogether(tx, kind, value),
      inForce: () => inForce(pools),
    });
    stops.push(() => guard.stop());
    const reader = createReader({ log });
    stops.push(() => reader.stop());
    const intel = createIntel({
      ...{ db, bus, trail, clock, ids, vkeyOf },
      reporterOf: see.reporterOf,
      readers: see.readers,
      guardTables: guard.tables,
      pace: guard.pace,
      read: reader.read,
    });
    const rulings = createRulings({ db, bus, trail, clock, ids, blockableValue: intel.blockableValue });
    const controls = createControls({
      ...{ db, pools, bus, trail, clock, ids, log, metrics, keys },
      ownerOf: see.ownerOf,
      firstArrivals: intel.firstArrivals,
    });
    stops.push(() => controls.stop());
    const policies = await createPolicies({
      ...{ db, trail, clock, log, defaults: options.decisionPolicy ?? defaultPolicy },
      longestDelayMs: async () => Math.max(...(await levels.audiences()).map((audience) => audience.delayMs)),
    });
    policies.start();
    stops.push(() => policies.stop());

    // What happens when something was announced.
    registerIntel(leader, see.shelfOf, see.viewersOf);
    registerDecisions({
      leader,
      signer: keys.signer,
      policy: policies.inForce,
      shelves,
      async onCorroborated(tx, vkeys) {
        const audiences = await levels.audiencesIn(tx);
        return corroborate(
          {
            bus,
            clock,
            readsAtOnce: see.readsAtOnce(audiences),
            waiting: (publishedAt) => audiences.filter((each) => termsAt(each, publishedAt).onConsolidation).map((each) => each.name),
          },
          tx,
          vkeys,
        );
      },
    });
    leader.plan(['guard.released'], async (tx, entries) => {
      for (const entry of entries) {
        const release = await guard.findRelease(tx, String(entry.payload.releaseId));
        if (release !== undefined) await intel.release(tx, systemActor('guard'), release);
      }
      return [];
    });
    leader.plan(['guard.release_ended'], async (tx, entries) => {
      for (const entry of entries) {
        const again = await guard.afterRelease(tx, String(entry.payload.releaseId));
        if (again !== undefined) await intel.holdAgain(tx, systemActor('guard'), again);
      }
      return [];
    });
    leader.duty({ name: 'end releases', everyMs: 10_000, run: () => guard.endOver(systemActor('guard')) });
    leader.onEntry((entry) => {
      if (entry.topic === 'members.access_changed') members.forget(String(entry.payload.principalId));
      if (entry.topic === 'members.entity_changed') {
        const entityId = String(entry.payload.entityId);
        members.forget(entityId);
        see.forget(entityId);
        levels.forget();
        void controls
          .entityChanged(entityId)
          .catch((error: unknown) => log.error({ err: String(error) }, 'Orders of an entity could not be renewed.'));
        void guard.reload().catch((error: unknown) => log.error({ err: String(error) }, 'The guard could not be reloaded.'));
      }
    });
    leader.duty({ name: 'chain the trail', everyMs: 1_000, run: async () => (await trail.chainOnce()) > 0 });
    for (const duty of controls.duties(leader)) leader.duty(duty);

    // The door.
    const http = createHttp({
      log,
      metrics,
      clock,
      ids,
      authenticate: (request) => members.authenticateRequest(request),
      anonymous: systemActor('anonymous'),
      publicUrl: origin,
      errors: [
        membersErrors,
        scoringErrors,
        guardErrors,
        intelErrors,
        decisionErrors,
        controlErrors,
        streamErrors,
        listErrors,
        busErrors,
        outboundErrors,
        backupErrors,
      ],
      ready: async () => (await db.one`select 1`) !== undefined,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.hasRoom === undefined ? {} : { hasRoom: options.hasRoom }),
      ...(options.testing?.checkReplies === undefined ? {} : { checkReplies: options.testing.checkReplies }),
    });
    membersRoutes(http, members);
    scoringRoutes(http, scoring);
    guardRoutes(http, guard);
    reportRoutes(http, intel);
    eventRoutes(http, intel);
    revisionRoutes(http, intel);
    assessRoutes(http, intel);
    autoRuleRoutes(http, intel);
    taxonomyRoutes(http, createTaxonomies({ db, trail, clock }));
    decisionRoutes(http, {
      rulings,
      shelf: (viewer) => see.readers.of(viewer),
      enforcementOf: (actor, id) => enforcementOf(db, actor.entityId, id),
    });
    policyRoutes(http, policies);
    controlRoutes(http, controls);
    agentWriteRoutes(http, controls);
    const fanout = createFanout({ pools, leader, keys, clock, log, metrics });
    const streams = streamRoutes(http, {
      fanout,
      pools,
      keys,
      clock,
      log,
      controls,
      incarnation: hub.incarnation,
      authenticate: (request) => members.authenticateRequest(request),
    });
    listRoutes(http, { pools, clock, log, listControl: (actor, id) => controls.listControl(actor, id) });
    trailRoutes(http, trail);
    systemRoutes(http, { trail, keys, db, hub });
    backupRoutes(http, { db, dataDir: options.dataDir, keys, trail, clock, log, product, leftOut: shortLivedTables });

    await guard.start();
    await controls.start();
    fanout.start();
    streams.start();
    stops.push(async () => {
      streams.stop();
      fanout.stop();
    });
    const first = await members.firstStart(options.name);
    if (first !== undefined) await writeFile(join(options.dataDir, 'admin.key'), `${first.adminKey}\n`, { mode: 0o600 });
    if (restored?.adminKeyDue === true) {
      const key = await members.keyAfterRestore({ madeAt: restored.madeAt, position: restored.position, copyOf: restored.copyOf });
      await writeFile(join(options.dataDir, 'admin.key'), `${key}\n`, { mode: 0o600 });
      await settleRestored(db, { adminKeyDue: false });
    }
    await leader.start();
    stops.push(() => leader.stop());
    const kept = keptFor(db, shelves, options.keepDays ?? {});
    const jobs: Job[] = [
      { name: 'checkpoint_trail', cron: '*/10 * * * *', run: async () => void (await trail.checkpoint()) },
      { name: 'tidy_members', cron: '*/15 * * * *', run: async () => void (await members.tidy()) },
      { name: 'tidy_tokens', cron: '*/15 * * * *', run: async () => void (await deleteExpiredTokens(db, clock.now())) },
      { name: 'cut_old', cron: '41 3 * * *', run: async () => void (await cutOld({ clock, log }, kept)) },
      { name: 'renew_keys', cron: '17 * * * *', run: () => keys.refresh() },
    ];
    if (options.testing?.noJobs !== true) {
      const running = await startJobs(options.databaseUrl, jobs, log);
      stops.push(() => running.stop());
    }
    const flush = setInterval(() => void members.flushUse().catch(() => 0), 60_000);
    flush.unref();
    stops.push(async () => {
      clearInterval(flush);
      await members.flushUse();
    });
    const at = await http.listen({ host: options.host, port: options.port });
    stops.push(() => http.drain());
    if (options.publicUrl === undefined) origin = at.url;
    const firstLink = first === undefined ? undefined : await members.createFirstLink();
    return {
      url: at.url,
      port: at.port,
      id: hub.id,
      adminKey: first?.adminKey,
      firstLink: firstLink === undefined ? undefined : `${origin}${firstLink}`,
      routes: http.routes(),
      db,
      pools,
      clock,
      ids,
      leader,
      keys,
      trail,
      members,
      scoring,
      guard,
      intel,
      rulings,
      policies,
      controls,
      /** The daily deletion, now. */
      cutOld: () => cutOld({ clock, log }, kept),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
