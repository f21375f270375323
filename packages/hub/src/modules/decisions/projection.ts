import { hash } from 'node:crypto';
import { type Batch, type ChannelMode, protocolVersion, type RemoveReason, type WireChange } from '@rebato/contract';
import type { PlacedValue } from '#intel';
import type { Tx } from '#platform/db';
import type { Signer } from '#platform/keys';
import type { Leader, Projector, Sealer, ShelfOutput } from '#platform/leader';
import { type Audience, type PlanItem, stillWaits, termsAt, waitingTimes } from '#platform/shelf';
import { addDigest, digestSum, parseDigest, printDigest } from './digest.ts';
import type { DecisionPolicy } from './fold.ts';
import { placeFresh } from './fresh.ts';
import {
  expire,
  kindAt,
  lanesOf,
  lockLane,
  placeAllow,
  putBatch,
  readHalt,
  readLifts,
  readRuledTimes,
  readRuling,
  refold,
  removeAllow,
  strengthAt,
  strengthIndex,
  type Transition,
} from './store.ts';

export type ProjectionDeps = {
  readonly leader: Leader;
  readonly signer: Signer;
  readonly policy: () => DecisionPolicy;
  /** Names of the shelves. */
  readonly shelves: readonly string[];
  /** Values that have found a second voice, where everything is read at once. */
  readonly onCorroborated?: (tx: Tx, vkeys: readonly string[]) => Promise<unknown>;
};

/** A batch older than this says nothing about now. The chain, not the clock, orders batches; heartbeats tell freshness. */
const batchLifeMs = 30 * 86_400_000;
/** Entries whose time is over leave in steps of this many, so that a mass expiry does not hold up an alert. */
const expireStep = 2_000;
/** From here on new values are written in bulk; fewer are folded from the tables in one statement less. */
const freshMin = 64;
/** Changes of one batch: an agent applies a batch whole, and keeps it in memory while it checks it. */
const changesMax = 2_000;

/** Hangs decisions into the leader: they follow what intel has put on a shelf, and what people rule. */
export function registerDecisions(deps: ProjectionDeps): void {
  const { leader } = deps;
  leader.plan(['decisions.ruled', 'decisions.halted'], async (tx, entries, audiences, now) => {
    const ruled = await readRuledTimes(
      tx,
      entries.flatMap((entry) => (entry.topic === 'decisions.ruled' ? [String(entry.payload.decisionId)] : [])),
    );
    return entries.flatMap((entry) =>
      audiences.flatMap((audience): PlanItem[] => {
        const { delayMs } = termsAt(audience, ruled.get(String(entry.payload.decisionId)) ?? now);
        const item = {
          shelf: audience.name,
          lane: '',
          topic: entry.topic,
          key: String(entry.payload.decisionId ?? 'halt'),
          arrivedAt: entry.at,
        };
        const first = { ...item, payload: entry.payload, dueAt: now };
        if (entry.topic === 'decisions.halted' || delayMs === 0) return [first];
        // Once more when the ruling counts for everybody there: who reported the value after it was kept from knowing of it.
        return [first, { ...item, payload: { ...entry.payload, late: true }, dueAt: new Date(now.getTime() + delayMs) }];
      }),
    );
  });
  // On every shelf: the lane is the entity's own, and it has its liftings with it when its level changes.
  leader.plan(['decisions.lifted'], async (tx, entries, audiences, now) => {
    const lifts = await readLifts(
      tx,
      entries.map((entry) => String(entry.payload.liftId)),
    );
    return lifts.flatMap((lift) =>
      audiences.map((audience) => ({
        shelf: audience.name,
        lane: `e:${lift.entityId}`,
        topic: 'decisions.lifted' as const,
        key: lift.id,
        payload: {},
        dueAt: now,
        arrivedAt: lift.liftedAt,
      })),
    );
  });
  leader.project(['intel.published', 'intel.consolidated', 'intel.sighted', 'intel.withheld'], (tx, audience, items, output, now) =>
    follow(deps, tx, audience, items, output, now, 'narrowed'),
  );
  leader.project(['intel.retracted'], (tx, audience, items, output, now) => follow(deps, tx, audience, items, output, now, 'retracted'));
  leader.project(['decisions.ruled'], (tx, audience, items, output, now) => projectRuled(deps, tx, audience, items, output, now));
  leader.project(['decisions.lifted'], (tx, audience, items, output, now) => projectLifted(deps, tx, audience, items, output, now));
  leader.project(['decisions.halted'], async (tx, _audience, _items, output) => {
    // An empty batch carries the new mode to every lane.
    for (const row of await tx.rows<{ lane: string }>`select lane from lane where version > 0 or lane = 'c'`) record(output, row.lane, []);
    if (!output.changes.has('c')) output.changes.set('c', []);
  });
  leader.seal(sealer(deps));
  leader.duty({ name: 'expire decisions', everyMs: 1_000, run: () => expireDue(deps) });
}

async function follow(
  deps: ProjectionDeps,
  tx: Tx,
  audience: Audience,
  _items: readonly PlanItem[],
  output: ShelfOutput,
  now: Date,
  goneReason: RemoveReason,
): Promise<void> {
  for (const [lane, touched] of output.touched) {
    const fresh = [...touched.values()].filter((value) => value !== undefined) as PlacedValue[];
    let rest: readonly string[] = [...touched.keys()];
    if (fresh.length >= freshMin) {
      const { placed, others } = await placeFresh(tx, lane, fresh, deps.policy(), now);
      record(output, lane, placed);
      rest = [...[...touched].flatMap(([vkey, value]) => (value === undefined ? [vkey] : [])), ...others];
      if (rest.length === 0) continue;
    }
    const refolded = await refold(tx, lane, rest, deps.policy(), goneReason, now, waitingTimes(audience, now));
    record(output, lane, refolded);
    const confirmed =
      lane === 'c' && !stillWaits(audience, now)
        ? refolded.filter((each) => each.id !== null && each.strength === strengthIndex.consolidated)
        : [];
    if (confirmed.length > 0)
      await deps.onCorroborated?.(
        tx,
        confirmed.map((each) => each.vkey),
      );
  }
  output.touched.clear();
}

async function projectRuled(
  deps: ProjectionDeps,
  tx: Tx,
  audience: Audience,
  items: readonly PlanItem[],
  output: ShelfOutput,
  now: Date,
): Promise<void> {
  for (const item of items) {
    const ruled = await readRuling(tx, item.key);
    if (ruled === undefined) continue;
    for (const lane of await lanesOf(tx, ruled.vkey)) {
      record(output, lane, await refold(tx, lane, [ruled.vkey], deps.policy(), 'retracted', now, waitingTimes(audience, now)));
      if (item.payload.late === true) continue;
      output.entries.push({ lane, topic: 'decision.ruled', object: ruled.vkey, body: { ruling: ruled.ruling } });
    }
  }
}

async function projectLifted(
  deps: ProjectionDeps,
  tx: Tx,
  audience: Audience,
  items: readonly PlanItem[],
  output: ShelfOutput,
  now: Date,
): Promise<void> {
  for (const lift of await readLifts(
    tx,
    items.map((item) => item.key),
  )) {
    const lane = `e:${lift.entityId}`;
    if (lift.endedAt === null) {
      record(output, lane, await placeAllow(tx, lane, lift, now));
      output.entries.push({ lane, topic: 'decision.lifted', object: lift.id, body: { kind: kindAt(lift.kind), value: lift.value } });
    } else {
      record(output, lane, await removeAllow(tx, lane, lift.vkey, now));
      record(output, lane, await refold(tx, lane, [lift.vkey], deps.policy(), 'superseded', now, waitingTimes(audience, now)));
      output.entries.push({ lane, topic: 'decision.restored', object: lift.id, body: { kind: kindAt(lift.kind), value: lift.value } });
    }
  }
}

async function expireDue(deps: ProjectionDeps): Promise<boolean> {
  let more = false;
  const work: Projector = async (tx, _audience, _items, output, now) => {
    const gone = await expire(tx, now, expireStep);
    more ||= gone.length === expireStep;
    for (const each of gone) record(output, each.lane, [each]);
  };
  for (const shelf of deps.shelves) await deps.leader.onShelves([shelf], work);
  return more;
}

function record(output: ShelfOutput, lane: string, transitions: readonly Transition[]): void {
  output.changes.set(lane, [...(output.changes.get(lane) ?? []), ...transitions]);
}

/** Turns what changed on each lane into one signed batch that follows the last. */
function sealer(deps: ProjectionDeps): Sealer {
  return async (tx, audience, output, now) => {
    if (output.changes.size === 0) return;
    const halt = await readHalt(tx);
    for (const [lane, transitions] of output.changes) {
      // By value: in what order the write side met them would tell who had been first.
      const ordered = (transitions as Transition[]).toSorted((a, b) => (a.vkey < b.vkey ? -1 : a.vkey > b.vkey ? 1 : 0));
      for (let from = 0; from === 0 || from < ordered.length; from += changesMax) {
        const part = ordered.slice(from, from + changesMax);
        const sealed = await sealLane(deps, tx, audience, lane, part, halt.on ? 'halt' : 'normal', now);
        if (sealed !== undefined) output.entries.push({ lane, topic: 'decisions.changed', object: deps.signer.hub, body: sealed });
      }
    }
  };
}

async function sealLane(
  deps: ProjectionDeps,
  tx: Tx,
  audience: Audience,
  lane: string,
  transitions: readonly Transition[],
  mode: ChannelMode,
  now: Date,
): Promise<{ version: number; added: number; removed: number } | undefined> {
  const changes: WireChange[] = [];
  const before = await lockLane(tx, lane);
  const added = digestSum();
  const taken = digestSum();
  let count = before.count;
  for (const each of transitions) {
    const kind = kindAt(each.kind);
    const until = each.until?.toISOString() ?? null;
    if (each.oldId !== null) {
      taken.add(kind, each.value, each.oldId, each.oldUntil?.toISOString() ?? null);
      count -= 1;
    }
    if (each.id !== null) {
      added.add(kind, each.value, each.id, until);
      count += 1;
      changes.push({
        op: 'add',
        id: each.id,
        kind,
        value: each.value,
        action: each.action,
        strength: strengthAt(each.strength),
        confidence: each.confidence,
        until,
      });
    } else if (each.oldId !== null) {
      changes.push({ op: 'remove', id: each.oldId, kind, value: each.value, reason: (each.gone ?? 'retracted') as RemoveReason });
    }
  }
  // No transitions at all is a change of mode, which is sealed; transitions without effect are not.
  if (changes.length === 0 && transitions.length > 0) return undefined;
  const version = before.version + 1;
  const batch: Batch = {
    type: 'batch',
    v: protocolVersion,
    alg: 'ES256',
    hub: deps.signer.hub,
    epoch: deps.signer.epoch,
    created: now.toISOString(),
    expires: new Date(now.getTime() + batchLifeMs).toISOString(),
    channel: `${audience.name}/${lane}`,
    version,
    prev: before.hash,
    mode,
    changes,
    count,
    digest: printDigest(addDigest(parseDigest(before.digest), added.total() - taken.total())),
  };
  const body = JSON.stringify(batch);
  const state = { version, hash: hash('sha256', body, 'hex'), count, digest: batch.digest };
  await putBatch(tx, lane, state, { body, keyId: deps.signer.keyId, sig: deps.signer.sign(body) }, now);
  const removed = changes.filter((change) => change.op === 'remove').length;
  return { version, added: changes.length - removed, removed };
}
