import type { LoadedReport } from '@rebato/contract';
import { type Alarm, Alarms } from './alarms.ts';
import { type ClockRecord, HubClock, type MachineClock, machineClock } from './clock.ts';
import { Enforcer } from './enforce/enforcer.ts';
import type { Target } from './enforce/target.ts';
import type { WantedSources } from './enforce/wanted.ts';
import { createGuard, type Guard, type GuardOptions, widestEver } from './guard/guard.ts';
import { readSurroundings, type Surroundings } from './guard/machine.ts';
import { Intake } from './intake.ts';
import { defaultTiming, limits, type Timing } from './limits.ts';
import { type Log, silentLog } from './log.ts';
import { ReceiptSender } from './receipts.ts';
import { digestText } from './state/decisions.ts';
import type { Identity } from './state/identity.ts';
import { memoryStore, type Store, type StoredState } from './state/store.ts';
import { backoffMs } from './sync/backoff.ts';
import { createHubClient, type HubClient } from './sync/client.ts';
import { follow } from './sync/follow.ts';
import { importKey } from './trust/envelope.ts';
import type { KeyRing } from './trust/ring.ts';

export type AgentConfig = {
  readonly identity: Identity;
  readonly neverBlock?: readonly string[];
  readonly widestV4?: number;
  readonly widestV6?: number;
  readonly timing?: Partial<Timing>;
  /** PEM certificates to trust for the hub's TLS instead of the system's. */
  readonly ca?: string;
};

export type AgentDeps = {
  readonly target: Target;
  /** Default: nothing outlives the process. */
  readonly store?: Store;
  readonly log?: Log;
  readonly clock?: MachineClock;
  readonly client?: HubClient;
  /** What this machine stands on. Default: asked from the system, again and again. */
  readonly surroundings?: () => Promise<Surroundings>;
  readonly random?: () => number;
};

export type AgentStatus = {
  readonly control: string;
  readonly name: string;
  readonly hub: string;
  readonly target: string;
  readonly connected: boolean;
  readonly off: boolean;
  /** The control keeps what it has, because the state is not known well enough. */
  readonly held: boolean;
  /** Nothing is under way. */
  readonly settled: boolean;
  readonly versions: Readonly<Record<string, number>>;
  readonly wanted: LoadedReport['wanted'];
  readonly loaded: LoadedReport['loaded'];
  readonly driftRepaired: number;
  readonly receiptsWaiting: number;
  readonly alarms: readonly Alarm[];
  readonly at: string;
};

export type RunningAgent = {
  status(): AgentStatus;
  stop(): Promise<void>;
  /** Settles when the agent has stopped: with an error if it had to. */
  readonly ended: Promise<void>;
};

/** Starts an agent in this process. It keeps nothing outside what it is given, so a process may run thousands. */
export async function startAgent(config: AgentConfig, deps: AgentDeps): Promise<RunningAgent> {
  const { identity } = config;
  const timing: Timing = { ...defaultTiming, ...config.timing };
  const clock = deps.clock ?? machineClock;
  const store = deps.store ?? memoryStore();
  const log = deps.log ?? silentLog;
  const random = deps.random ?? Math.random;
  const { target } = deps;
  const alarms = new Alarms(clock.wallMs, (alarm) => {
    log('warn', 'alarm', { code: alarm.code, detail: alarm.detail });
    onAlarm();
  });
  // Until there is somebody to tell, alarms wait for the first report.
  let onAlarm = (): void => {};
  const root = importKey(identity.root);
  if (!root.ok || root.value.fingerprint !== identity.rootFingerprint)
    throw new Error('the root key in the identity does not have the pinned fingerprint');

  const loaded = await store.load();
  if (loaded.damaged !== undefined) alarms.raise('state_damaged', 'disk', loaded.damaged);
  const hubClock = new HubClock(clock, loaded.clock);
  const ring: KeyRing = { hub: identity.hub, root: root.value, certified: undefined };
  const first = { ...loaded, certificate: loaded.certificate ?? identity.certificate, order: loaded.order ?? identity.order };

  const readMachine = deps.surroundings ?? (() => readSurroundings(identity.hubUrl));
  let surroundings = await readMachine();
  let off = store.isOff();
  let connected = false;
  let caughtUp = !loaded.torn && loaded.damaged === undefined;
  let guard: Guard;

  const guardOptions = (): GuardOptions => ({
    neverBlock: [...(config.neverBlock ?? []), ...(intake.order?.allow ?? []).map(({ value }) => value)],
    widestV4: config.widestV4 ?? widestEver.v4,
    widestV6: config.widestV6 ?? widestEver.v6,
  });
  const sources = (): WantedSources => ({ channels: intake.channels, order: intake.order, guard, off });
  /** Everything anew, if enough is known; else the control keeps what it has. */
  const refresh = (): void => {
    guard = createGuard(guardOptions(), surroundings);
    if (off || (intake.complete && caughtUp)) enforcer.refresh(sources(), { emptyIsIntended: true });
  };
  const append = (record: Parameters<Store['append']>[0]): void => void store.append(record, false).catch(() => {});
  const view = (): StoredState => ({
    certificate: intake.ring.certified?.envelope,
    order: intake.orderEnvelope,
    clock: hubClock.record(),
    channels: new Map(intake.channels),
    receipts: sender.pending(),
    sweeps: sender.sweeps(),
  });

  const intake = new Intake({
    ring,
    control: identity.control,
    loaded: first,
    hubClock,
    clock,
    alarms,
    log,
    heartbeatMs: timing.heartbeatMs,
    append: (record, durable) => store.append(record, durable),
    rewrite: () => store.rewrite(view),
    changed: (changes, times) => enforcer.take(changes, times),
    sourcesChanged: refresh,
    installed: (channel) => sender.sweepChannel(channel),
  });
  guard = createGuard(guardOptions(), surroundings);

  const client =
    deps.client ??
    createHubClient({
      url: identity.hubUrl,
      key: identity.key,
      requestMs: timing.requestMs,
      replyMaxBytes: limits.replyBytes,
      ...(config.ca === undefined ? {} : { ca: config.ca }),
    });

  const enforcer = new Enforcer({
    target,
    sources: sources(),
    alarms,
    endedSinceMs: loaded.clock?.hubMs,
    hubNowMs: () => hubClock.nowMs(),
    wallMs: clock.wallMs,
    durable: () => intake.durable(),
    report: (receipts) => sender.push(receipts),
    changed: () => sender.changed(),
  });
  enforcer.setChannels(intake.channels);

  const report = (): LoadedReport => ({
    versions: versions(),
    wanted: { count: enforcer.wanted.set.size, digest: digestText(enforcer.wanted.set.digest) },
    loaded: enforcer.loaded,
    driftRepaired: enforcer.driftRepaired,
    alarms: alarms.all(),
  });
  const versions = (): Record<string, number> =>
    Object.fromEntries([...intake.channels.values()].map(({ head }) => [head.channel, head.version]));

  const sender = new ReceiptSender({
    post: async (body) => (await client.json('POST', '/api/v1/agent/receipts', body)).status,
    append,
    sweep(name, from, max) {
      const channel = intake.channels.get(name);
      if (!channel) return { receipts: [], next: undefined };
      return enforcer.settled ? enforcer.sweep(channel, from, max) : undefined;
    },
    report,
    reported: ({ alarms: sent }) => alarms.reported(sent),
    pending: loaded.receipts,
    sweeps: loaded.sweeps,
    reportMs: timing.reportMs,
    backoff: (failures) => backoffMs(failures, timing.backoffFirstMs, timing.backoffMaxMs, random),
    alarms,
    log,
    monotonicMs: clock.monotonicMs,
  });

  const status = (): AgentStatus => ({
    control: identity.control,
    name: intake.order?.name ?? identity.name,
    hub: identity.hubUrl,
    target: target.name,
    connected,
    off,
    held: enforcer.held,
    settled: enforcer.settled,
    versions: versions(),
    wanted: { count: enforcer.wanted.set.size, digest: digestText(enforcer.wanted.set.digest) },
    loaded: enforcer.loaded,
    driftRepaired: enforcer.driftRepaired,
    receiptsWaiting: sender.waiting,
    alarms: alarms.standing(),
    at: new Date(clock.wallMs()).toISOString(),
  });

  onAlarm = () => sender.changed();
  enforcer.start();
  sender.start();
  refresh();
  const stopping = new AbortController();
  const following = follow(
    {
      client,
      intake,
      alarms,
      log,
      timing,
      random,
      connected(up) {
        connected = up;
      },
      caughtUp() {
        if (caughtUp) return;
        caughtUp = true;
        alarms.clear('state_damaged', 'disk');
        refresh();
      },
    },
    stopping.signal,
  );

  const due = new Due(clock, timing, random);
  let machineReading = false;
  function tick(): void {
    if (!store.isMine()) {
      // Another process works on this state and this control: two at once would undo each other's work.
      log('error', 'the state folder was taken over by another process');
      end(new Error('the state folder was taken over by another process'));
      return;
    }
    if (store.isOff() !== off) {
      off = !off;
      log('warn', off ? 'switched off locally' : 'switched on again');
      if (off) alarms.raise('switched_off', 'local', 'enforcement is switched off by the owner');
      else {
        alarms.clear('switched_off', 'local');
        for (const name of intake.channels.keys()) sender.sweepChannel(name);
        if (!(intake.complete && caughtUp)) enforcer.hold();
      }
      refresh();
    }
    enforcer.tick(intake.channels.values(), intake.order?.delayMs ?? 0);
    intake.watch(connected);
    if (due.now('reconcile')) enforcer.reconcile();
    if (due.now('clock')) append({ t: 'clock', ...hubClock.record() } satisfies { t: 'clock' } & ClockRecord);
    if (due.now('machine') && !machineReading) {
      machineReading = true;
      void readMachine()
        .then((next) => {
          const changed = describe(next) !== describe(surroundings);
          surroundings = next;
          if (changed) refresh();
        })
        .catch(() => {})
        .finally(() => {
          machineReading = false;
        });
    }
    if (store.needsRewrite()) void store.rewrite(view).catch((error) => alarms.raise('state_not_durable', 'disk', String(error)));
    if (enforcer.settled) sender.wake();
    store.writeStatus(() => JSON.stringify(status()));
  }
  const timer = setInterval(tick, timing.tickMs);

  const { promise: ended, resolve: endWell, reject: endBadly } = Promise.withResolvers<void>();
  ended.catch(() => {});
  let ending: Promise<void> | undefined;
  function end(error?: Error): Promise<void> {
    ending ??= (async () => {
      clearInterval(timer);
      stopping.abort();
      client.close();
      await following;
      await enforcer.stop();
      await sender.stop();
      await store.append({ t: 'clock', ...hubClock.record() }, true).catch(() => {});
      store.writeStatus(() => JSON.stringify({ ...status(), connected: false }));
      await store.close();
      if (error) endBadly(error);
      else endWell();
    })();
    return ending;
  }
  return { status, stop: () => end(), ended };
}

/** Work that comes round less often than the tick. The first time is drawn, so that many agents do not all work in the same second. */
class Due {
  readonly #clock: MachineClock;
  readonly #every: Record<'reconcile' | 'clock' | 'machine', number>;
  readonly #next = new Map<string, number>();
  constructor(clock: MachineClock, timing: Timing, random: () => number) {
    this.#clock = clock;
    this.#every = { reconcile: timing.reconcileMs, clock: timing.clockRecordMs, machine: timing.machineMs };
    for (const [name, every] of Object.entries(this.#every)) this.#next.set(name, clock.monotonicMs() + every * (0.5 + random() / 2));
  }
  now(name: 'reconcile' | 'clock' | 'machine'): boolean {
    const now = this.#clock.monotonicMs();
    if (now < (this.#next.get(name) ?? 0)) return false;
    this.#next.set(name, now + this.#every[name]);
    return true;
  }
}

function describe({ addresses, hubName }: Surroundings): string {
  return `${hubName ?? ''} ${addresses
    .map(({ from, to }) => `${from}-${to}`)
    .sort()
    .join(' ')}`;
}
