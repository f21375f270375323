import type { EnrolReply, Envelope, LoadedReport, Receipt } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { Pool } from '#platform/db';
import type { Keys } from '#platform/keys';
import type { Duty, Leader } from '#platform/leader';
import type { Bus, Clock, Ids, Log, Metrics, Trail } from '#platform/ports';
import type { Control, OwnerOf } from './control.ts';
import { authenticateAgent, enrol } from './enrol.ts';
import { type DecisionTimes, decisionTimes, type Times, type TimesAt, times, timesOver, type Whose } from './ledger.ts';
import {
  type Added,
  type AddInput,
  addControl,
  controlPage,
  type PolicyInput,
  renewToken,
  revokeControl,
  showControl,
  updateControl,
} from './manage.ts';
import { renewOrders } from './orders.ts';
import { createReceipts, type ReceiptsDeps } from './receipts.ts';
import { createRoster } from './roster.ts';
import { type ControlStatus, type SilentControl, silenceGauge, silentControls, statusOf } from './status.ts';
import { toqueDuty } from './toque.ts';

export type ControlsDeps = {
  readonly db: Pool;
  /** The readers' pools by shelf. */
  readonly pools: ReadonlyMap<string, Pool>;
  readonly bus: Bus;
  readonly trail: Trail;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly keys: Keys;
  /** Given by members: what an entity reads today. Undefined for unknown and suspended ones. Asked at most every two seconds. */
  readonly ownerOf: OwnerOf;
  readonly firstArrivals: ReceiptsDeps['firstArrivals'];
};

type From = { readonly ip: string; readonly requestId: string };

export type Controls = {
  addControl(actor: Actor, input: AddInput): Promise<Added>;
  renewToken(actor: Actor, controlId: string): Promise<string>;
  updateControl(
    actor: Actor,
    controlId: string,
    input: { readonly name?: string | undefined; readonly policy?: PolicyInput | undefined },
  ): Promise<Control>;
  revokeControl(actor: Actor, controlId: string): Promise<void>;
  controlPage(
    actor: Actor,
    input: { readonly entityId?: string | undefined; readonly after?: string | undefined; readonly limit?: number | undefined },
  ): Promise<Control[]>;
  showControl(actor: Actor, controlId: string): Promise<Control>;
  statusOf(controls: readonly Control[]): Promise<Map<string, ControlStatus>>;
  silentControls(actor: Actor): Promise<SilentControl[]>;
  enrol(from: From, input: { readonly token: string; readonly agent: string; readonly target: string }): Promise<EnrolReply>;
  /** For members: who a credential `rba_…` is of. */
  authenticateAgent(credential: string, from: From): Promise<Actor | undefined>;
  takeReceipts(actor: Actor, receipts: readonly Receipt[], report: LoadedReport | undefined): Promise<number>;
  decisionTimes(actor: Actor, decisionId: string, whose: Whose): Promise<DecisionTimes>;
  times(actor: Actor, whose: Whose, days: number): Promise<Times>;
  timesOver(actor: Actor, whose: Whose, days: number, stepMs: number): Promise<TimesAt[]>;

  /** For streams: what a control reads today, or undefined when it must not read any more. Notes a sign of life. */
  standing(controlId: string): Promise<Standing | undefined>;
  /** Called for every control that changed, in whichever process. */
  onChange(heard: (control: Control) => void): void;
  /** For lists: a control of this entity as a filter, or undefined. */
  listControl(actor: Actor, controlId: string): Promise<Control | undefined>;

  /** After a change of an entity's level, groups or criticality: its orders follow at once instead of within five seconds. */
  entityChanged(entityId: string): Promise<void>;
  /** Issues orders that no longer say what they should; the leader's duty does it every five seconds. Tells whether there may be more. */
  renewOrders(): Promise<boolean>;
  /** For the leader: orders that no longer say what they should, sums of receipts for the shelves, the gauge of silent controls. */
  duties(leader: Pick<Leader, 'onShelves'>): Duty[];
  /** Writes what waits; for tests and the end. */
  flush(): Promise<void>;
  refresh(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
};

export type Standing = { readonly channels: readonly string[]; readonly orderVersion: number; readonly order: Envelope | null };

const renewEveryMs = 5_000;
const gaugeEveryMs = 10_000;

export function createControls(setup: ControlsDeps): Controls {
  const roster = createRoster(setup);
  const deps = { ...setup, roster };
  const receipts = createReceipts(deps);
  const status = { ...deps, receipts };
  const gauge = silenceGauge(status, setup.metrics);
  let renewing: Promise<unknown> | undefined;

  /** Asks members about every owner, so it must not hold up the leader, who carries alerts. */
  function renewBeside(): false {
    renewing ??= renewOrders(deps)
      .catch((error: unknown) =>
        setup.log.warn({ err: String(error) }, 'Orders of controls could not be renewed; the next try is in seconds.'),
      )
      .finally(() => {
        renewing = undefined;
      });
    return false;
  }
  return {
    addControl: (actor, input) => addControl(deps, actor, input),
    renewToken: (actor, controlId) => renewToken(deps, actor, controlId),
    updateControl: (actor, controlId, input) => updateControl(deps, actor, controlId, input),
    revokeControl: (actor, controlId) => revokeControl(deps, actor, controlId),
    controlPage: (actor, input) => controlPage(deps, actor, input),
    showControl: (actor, controlId) => showControl(deps, actor, controlId),
    statusOf: (controls) => statusOf(status, controls),
    silentControls: (actor) => silentControls(status, actor),
    enrol: (from, input) => enrol(deps, from, input),
    authenticateAgent: (credential, from) => authenticateAgent(deps, credential, from),
    takeReceipts: (actor, list, report) => receipts.take(actor, list, report),
    decisionTimes: (actor, decisionId, whose) => decisionTimes(deps, actor, decisionId, whose),
    times: (actor, whose, days) => times(deps, actor, whose, days),
    timesOver: (actor, whose, days, stepMs) => timesOver(deps, actor, whose, days, stepMs),
    async standing(controlId) {
      const control = await roster.get(controlId);
      if (control === undefined || control.revokedAt !== null || control.feed !== 'agent') return undefined;
      const owner = await roster.ownerOf(control.entityId);
      if (owner === undefined) return undefined;
      return {
        channels: owner.viewer.lanes.map((lane) => `${owner.viewer.shelf}/${lane}`),
        orderVersion: control.orderVersion,
        order: control.order,
      };
    },
    onChange: (heard) => roster.onChange(heard),
    async listControl(actor, controlId) {
      const control = await roster.get(controlId);
      if (control === undefined || control.entityId !== actor.entityId || control.revokedAt !== null || control.feed !== 'list')
        return undefined;
      receipts.seen(control.id);
      return control;
    },
    async entityChanged(entityId) {
      roster.forgetOwner(entityId);
      await renewOrders(deps, { entityId });
    },
    renewOrders: () => renewOrders(deps),
    duties: (leader) => [
      { name: 'renew orders of controls', everyMs: renewEveryMs, run: async () => renewBeside() },
      toqueDuty({ db: setup.db, leader }),
      {
        name: 'count silent controls',
        everyMs: gaugeEveryMs,
        async run() {
          await gauge();
          return false;
        },
      },
    ],
    flush: () => receipts.flush(),
    refresh: () => roster.refresh(),
    async start() {
      await roster.start();
      receipts.start();
    },
    async stop() {
      roster.stop();
      await renewing;
      await receipts.stop();
    },
  };
}
