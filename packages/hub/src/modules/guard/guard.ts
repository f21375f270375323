import assert from 'node:assert/strict';
import type { ValueKind } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { Db } from '#platform/db';
import type { Log } from '#platform/ports';
import { canonicaliseKind, parseIp, printIp } from '#values';
import type { Asset } from './assets.ts';
import { fail } from './errors.ts';
import { type ImportDeps, type ImportOptions, importList, importListFrom, unpackEntries } from './import-list.ts';
import { judge, overrideKey } from './judge.ts';
import { assetPollEvery, versionPollMs } from './limits.ts';
import type { PreparedList } from './list-format.ts';
import { compileLists, type ListTables } from './lists.ts';
import { createPace, type InForce, type Pace } from './pace.ts';
import { approveRelease, endOver, endRelease, judgeAlone, type ReleaseDeps, type ReleaseRequest, requestRelease } from './release.ts';
import { settle } from './steps.ts';
import {
  findList,
  findRelease,
  isReleased,
  type ListRow,
  type ReleaseKind,
  type ReleaseRow,
  raiseVersion,
  readEntries,
  readLists,
  readOverrides,
  readReleases,
  readVersion,
  setEnabled,
} from './store.ts';
import { assembleTables, builtinTables, emptyLists, type GuardTables } from './tables.ts';
import { type GuardHold, type GuardVerdict, hold } from './verdict.ts';

export type GuardDeps = ImportDeps &
  Omit<ReleaseDeps, 'tables'> & {
    readonly log: Log;
    /** Everything that members have declared. `mail_domain` counts as a domain; kinds that protect nothing are ignored. */
    readonly memberAssets: () => Promise<readonly { readonly entityId: string; readonly kind: string; readonly value: string }[]>;
    /** Hosts of the network itself: names, addresses, or digests of its own programs (`sha256:…`). */
    readonly ownHosts: () => readonly string[];
    /** What is blocked on each shelf for everybody who reads there. */
    readonly inForce?: () => Promise<ReadonlyMap<string, InForce>>;
    /** How often to look for changes by other processes. */
    readonly pollMs?: number;
  };

export type CheckInput = { readonly kind: ValueKind; readonly value: string };
export type CheckResult = { readonly kind: ValueKind; readonly value: string; readonly verdict: GuardVerdict };

export type Guard = {
  /** The tables in force. Take them once for a batch: they may be replaced between two calls, never changed. */
  tables(): GuardTables;
  /** Compiles what the database and the ports say now, and swaps it in at once. Calls that come meanwhile share one further run. */
  reload(): Promise<void>;
  /** Loads the tables and keeps watching for changes made by other processes. Call before anything is judged. */
  start(): Promise<void>;
  stop(): Promise<void>;
  readLists(): Promise<ListRow[]>;
  importList(actor: Actor, text: string, options?: ImportOptions): Promise<ListRow>;
  importListFrom(actor: Actor, url: string, options?: ImportOptions): Promise<ListRow>;
  enableList(actor: Actor, id: string, enabled: boolean): Promise<ListRow>;
  /** What would happen to these values as ordinary blocks. Values may come in any spelling. */
  check(inputs: readonly CheckInput[]): CheckResult[];
  readReleases(): Promise<ReleaseRow[]>;
  requestRelease(actor: Actor, input: ReleaseRequest): Promise<ReleaseRow>;
  approveRelease(actor: Actor, id: string, seen: { readonly kind: ReleaseKind; readonly value: string }): Promise<ReleaseRow>;
  endRelease(actor: Actor, id: string): Promise<void>;
  /** Ends releases whose time is over; true when there may be more. A duty of the leader. */
  endOver(actor: Actor): Promise<boolean>;
  /**
   * What is to be held again because this release is over, and by which rule; undefined where another release of the same is in force, or
   * nothing stands against the value any longer.
   */
  afterRelease(
    db: Db,
    id: string,
  ): Promise<{ readonly kind: ReleaseKind; readonly value: string; readonly hold: GuardHold; readonly alone: boolean } | undefined>;
  findRelease(db: Db, id: string): Promise<ReleaseRow | undefined>;
  /** How fast blocks come in, by source and hour. */
  readonly pace: Pick<Pace, 'judge' | 'count'>;
};

export function createGuard(deps: GuardDeps): Guard {
  const builtin = builtinTables();
  let current: GuardTables | undefined;
  let loadedVersion = -1;
  let nextExpiry = Number.POSITIVE_INFINITY;
  let lists: { readonly key: string; readonly tables: ListTables } = { key: '', tables: emptyLists() };
  let running: Promise<void> | undefined;
  let queued: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let polling: Promise<void> = Promise.resolve();
  let stopped = false;

  const tables = (): GuardTables => {
    assert(current, 'the guard judges nothing before it has started');
    return current;
  };
  const releaseDeps: ReleaseDeps = { ...deps, tables };
  const pace = createPace({ db: deps.db, clock: deps.clock, inForce: deps.inForce ?? (async () => new Map()) });

  async function load(): Promise<void> {
    // The version first: a change that commits while we read is seen again by the next poll, never missed.
    const version = await readVersion(deps.db);
    const enabled = (await readLists(deps.db)).filter((list) => list.enabled);
    const key = enabled.map((list) => `${list.id} ${list.sha256} ${list.name} ${list.kinds.join(',')}`).join('\n');
    if (key !== lists.key) lists = { key, tables: await settle(compileLists(await loadLists(enabled))) };
    const overrides = await readOverrides(deps.db, deps.clock.now());
    const next = assembleTables(builtin, {
      own: ownAssets(deps.ownHosts()),
      members: memberAssets(await deps.memberAssets()),
      lists: lists.tables,
      overrides: overrides.map(({ kind, value }) => overrideKey(kind, value)),
    });
    current = next;
    loadedVersion = version;
    nextExpiry = Math.min(Number.POSITIVE_INFINITY, ...overrides.map(({ until }) => until.getTime()));
    if (next.ignored.length > 0) deps.log.warn({ count: next.ignored.length }, 'declared assets that protect nothing were left out');
  }

  async function loadLists(enabled: readonly ListRow[]): Promise<PreparedList[]> {
    const prepared: PreparedList[] = [];
    for (const { id, name, kinds } of enabled) {
      const packed = await readEntries(deps.db, id);
      if (packed) prepared.push({ id, name, kinds, entries: await unpackEntries(packed) });
    }
    return prepared;
  }

  function reload(): Promise<void> {
    if (!running) {
      running = load().finally(() => {
        running = undefined;
      });
      return running;
    }
    // The run in progress may have read before the change: one more run, shared by everybody who asks meanwhile.
    queued ??= running
      .catch(() => {})
      .then(() => {
        queued = undefined;
        return reload();
      });
    return queued;
  }

  async function poll(round: number): Promise<void> {
    try {
      const due = round % assetPollEvery === 0 || deps.clock.now().getTime() >= nextExpiry;
      if (due || (await readVersion(deps.db)) !== loadedVersion) await reload();
      await pace.flush();
      if (round % assetPollEvery === 0) await pace.load();
    } catch (error) {
      deps.log.error(
        { error: error instanceof Error ? error.message : String(error) },
        'the guard keeps its last tables: reading them failed',
      );
    }
    schedule(round + 1);
  }

  function schedule(round: number): void {
    if (stopped) return;
    timer = setTimeout(() => {
      polling = poll(round);
    }, deps.pollMs ?? versionPollMs);
    timer.unref();
  }

  return {
    tables,
    reload,
    async start() {
      await reload();
      await pace.load();
      schedule(1);
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await polling;
      await pace.flush().catch(() => undefined);
    },
    readLists: () => readLists(deps.db),
    async importList(actor, text, options) {
      const row = await importList(deps, actor, text, options);
      await reload();
      return row;
    },
    async importListFrom(actor, url, options) {
      const row = await importListFrom(deps, actor, url, options);
      await reload();
      return row;
    },
    async enableList(actor, id, enabled) {
      await deps.db.transaction(async (tx) => {
        if ((await setEnabled(tx, id, enabled)) === 0) throw fail('guard.list_not_found', `No warning list ${id}.`);
        await deps.trail.record(tx, actor, enabled ? 'guard.list_enable' : 'guard.list_disable', id);
        await raiseVersion(tx);
      });
      await reload();
      const row = await findList(deps.db, id);
      if (!row) throw fail('guard.list_not_found', `No warning list ${id}.`);
      return row;
    },
    check: (inputs) => inputs.map((input) => checkOne(input, tables())),
    readReleases: () => readReleases(deps.db),
    requestRelease: (actor, input) => requestRelease(releaseDeps, actor, input),
    async approveRelease(actor, id, seen) {
      // Judged by what holds now, not by what this process read last.
      await reload();
      const row = await approveRelease(releaseDeps, actor, id, seen);
      await reload();
      return row;
    },
    async endRelease(actor, id) {
      await endRelease(releaseDeps, actor, id);
      await reload();
    },
    async endOver(actor) {
      return (await endOver(releaseDeps, actor)) > 0;
    },
    async afterRelease(db, id) {
      const row = await findRelease(db, id);
      if (row === undefined || (await isReleased(db, row.kind, row.value, deps.clock.now()))) return undefined;
      const verdict = row.kind === 'event' ? undefined : judgeAlone(row.kind, row.value, tables());
      if (verdict?.verdict === 'hold') return { kind: row.kind, value: row.value, hold: verdict, alone: true };
      const together = togetherRules.find((rule) => rule === row.rule);
      if (together === undefined) return undefined;
      return {
        kind: row.kind,
        value: row.value,
        hold: hold(together, 'Its release is over.', 'Two people may release it again.'),
        alone: false,
      };
    },
    findRelease,
    pace,
  };
}

/** Holds that a value gets from its company, not from what it is. */
export const togetherRules = ['spread', 'rate'] as const;

function checkOne({ kind, value }: CheckInput, tables: GuardTables): CheckResult {
  const read = canonicaliseKind(kind, value);
  if (!read.ok)
    return { kind, value, verdict: { verdict: 'refuse', rule: 'canonical', message: read.message, action: 'Correct the value.' } };
  return { kind: read.kind, value: read.value, verdict: judge({ kind: read.kind, value: read.value, tlp: 'clear', pap: 'clear' }, tables) };
}

const protectedKinds = new Map<string, ValueKind>([
  ['ip', 'ip'],
  ['net', 'net'],
  ['domain', 'domain'],
  ['mail_domain', 'domain'],
  ['email', 'email'],
  ['hash', 'hash'],
  ['asn', 'asn'],
]);

function* memberAssets(declared: Iterable<{ readonly kind: string; readonly value: string }>): Generator<Asset> {
  for (const { kind, value } of declared) {
    const known = protectedKinds.get(kind);
    if (known) yield { kind: known, value };
  }
}

function* ownAssets(hosts: Iterable<string>): Generator<Asset> {
  for (const host of hosts) {
    const ip = parseIp(host.startsWith('[') ? host.slice(1, -1) : host);
    if (ip) yield { kind: 'ip', value: printIp(ip) };
    else {
      const read = canonicaliseKind(host.includes(':') ? 'hash' : 'domain', host);
      // A hub without a public name (localhost) has nothing to protect that is not refused anyway.
      if (read.ok) yield { kind: read.kind, value: read.value };
    }
  }
}
