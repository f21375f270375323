import { hash } from 'node:crypto';
import type { Distribution, Pap, Tlp } from '@rebato/contract';
import type { PaceHold } from '#guard';
import type { Actor } from '#platform/actor';
import type { Tx } from '#platform/db';
import type { Bus } from '#platform/ports';
import { attributesOfFiles } from './attached.ts';
import type { Draft } from './draft.ts';
import { fail } from './errors.ts';
import { limits } from './limits.ts';
import { asUuid, dangerOf, type JudgedAttribute, judgeDraftInTurns, markingOf, tagsOf } from './normalise.ts';
import { pacedOf } from './paced.ts';
import { prepareRevision } from './revisions/prepare.ts';
import { headExtra, type Revision, reviseEvent } from './revisions/revise.ts';
import { findOwnEvent } from './revisions/store.ts';
import { findIdempotent, insertAttachment, insertAttributes, insertEvent, insertObjects, insertReport } from './store.ts';
import type { Acknowledgement, Markings, Reporter, Submission, SubmitDeps } from './submission.ts';
import { tellEvent } from './told.ts';

const atOnce = <T>(work: () => Promise<T>): Promise<T> => work();

/** Stores drafts, however they came to be. When this returns, report and events are on disk. All or nothing. */
export async function submitDrafts(
  deps: SubmitDeps,
  actor: Actor,
  drafts: readonly Draft[],
  input: Omit<Submission, 'bytes'> & { readonly bytes?: Buffer; readonly digest: string; readonly reporter?: Reporter },
): Promise<Acknowledgement> {
  const reporter = input.reporter ?? (await deps.reporterOf(actor.entityId));
  const dropped = new Set(input.without ?? []);
  const total = drafts.reduce(
    (sum, draft) => sum + draft.attributes.length + draft.objects.reduce((n, object) => n + object.attributes.length, 0),
    0,
  );
  // An event says something without any indicator: a report's text, an object, a cluster. Of what is no event, the indicators are all.
  const isEvent = input.format === 'misp' || input.format === 'stix';
  const hasContent = total > 0 || (isEvent && drafts.length > 0) || drafts.some((draft) => draft.attachments.length > 0);
  if (!hasContent) throw fail('intel.nothing_found', 'No indicator was found in the input.');
  if (total > limits.attributesPerReport) throw fail('intel.too_many', `${total} indicators in one submission.`);
  requireGroup(actor, input.markings);

  const trust = await deps.trusts(reporter, actor.entityId);
  const receivedAt = deps.clock.now();
  const reportId = deps.ids.uuid();
  const tables = deps.guardTables();
  const paced: { why: PaceHold['why']; blocks: number }[] = [];
  const events: Omit<Prepared, 'reportId' | 'receivedAt' | 'markings' | 'foreign'>[] = [];
  const revisions: Revision[] = [];
  const context = { tables, own: reporter.own, trusted: trust.passes, uuid: siblings(deps.ids.uuid), vkeyOf: deps.vkeyOf };
  const keep = (attributes: readonly JudgedAttribute[]) =>
    dropped.size === 0 ? attributes : attributes.filter((attribute) => !dropped.has(attribute.canonical));
  for (const draft of drafts) {
    const uuid = asUuid(draft.uuid);
    const known = uuid === undefined ? undefined : await findOwnEvent(deps.db, actor.entityId, uuid);
    if (known !== undefined) {
      const marking = { markings: input.markings, foreign: isEvent, receivedAt, reportId, source: { reporter, trust, tables } };
      const revision = await prepareRevision(known, draft, context, marking);
      revisions.push({ ...revision, attributes: keep(revision.attributes) });
      continue;
    }
    const { tlp, pap } = markingOf(input.markings, draft);
    const judged = await judgeDraftInTurns(draft, { ...context, uuid: siblings(deps.ids.uuid), tlp, pap });
    const chosen = keep(judged.attributes);
    const { attributes, held } = pacedOf(deps, actor.entityId, reporter, trust, chosen, tables, distributionOf(input.markings, draft));
    if (held !== undefined) paced.push({ why: held.why, blocks: chosen.filter((attribute) => attribute.blockable).length });
    const files = attributesOfFiles(draft.attachments, judged.attributes);
    events.push({ id: deps.ids.uuid(), draft, tlp, pap, ...judged, files, attributes, speaks: trust.passes('other') });
  }
  const ids = [...events.map((event) => event.id), ...revisions.map((revision) => revision.eventId)];

  const turn = total > limits.urgentAttributes ? deps.bulkTurn : undefined;
  const acknowledgement = await (turn ?? atOnce)(() =>
    deps.db.transaction(async (tx) => {
      const isFirst = await insertReport(tx, {
        id: reportId,
        entityId: actor.entityId,
        socId: actor.socId,
        actorKind: actor.kind,
        actorId: actor.id,
        personId: actor.personId,
        receivedAt,
        channel: input.channel,
        format: input.format ?? 'detected',
        idempotencyKey: input.idempotencyKey ?? null,
        digest: input.digest,
        raw: input.bytes !== undefined && input.bytes.length <= limits.rawBytes ? input.bytes : null,
        events: ids,
      });
      if (!isFirst) return undefined;
      for (const event of events)
        await storeEvent(deps, tx, actor, reporter, {
          ...event,
          reportId,
          receivedAt,
          markings: input.markings,
          foreign: isEvent,
        });
      for (const revision of revisions) await reviseEvent(deps, tx, actor, revision);
      await deps.trail.record(tx, actor, 'intel.report', reportId, {
        events: ids,
        indicators: total,
        channel: input.channel,
        ...(paced.length === 0 ? {} : { heldTogether: paced }),
      });
      return { reportId, receivedAt, events: ids, repeated: false };
    }),
  );
  deps.bus.nudge();
  if (acknowledgement !== undefined) return acknowledgement;
  const before = await repeated(deps, actor.entityId, input.idempotencyKey ?? '', input.digest);
  if (before === undefined) throw new Error('an idempotency conflict without a first report');
  return before;
}

export async function repeated(deps: SubmitDeps, entityId: string, key: string, digest: string): Promise<Acknowledgement | undefined> {
  const before = await findIdempotent(deps.db, entityId, key);
  if (before === undefined) return undefined;
  if (before.digest !== digest) throw fail('intel.idempotency_reused', 'This Idempotency-Key came with other content before.');
  return { reportId: before.id, receivedAt: before.receivedAt, events: before.events, repeated: true };
}

function requireGroup(actor: Actor, markings: Markings): void {
  if (markings.distribution !== 'group') return;
  if (markings.groupId === undefined || !actor.viewer.lanes.includes(`g:${markings.groupId}`)) {
    throw fail('intel.group_unknown', 'The sharing group is unknown.', [
      { field: 'groupId', message: 'Name a sharing group that you are in.' },
    ]);
  }
}

/** A group of the source's means nothing here: its own entity, then. */
const distributionOf = (markings: Markings, draft: Draft): Distribution =>
  markings.distribution ?? (draft.distribution === 'group' ? 'entity' : draft.distribution) ?? 'community';

/**
 * Random ids of the parts of one event. They share their first 48 bits, random too, so that an index by id takes an import as one run and not
 * as a thousand places; 74 bits of each are its own. All that one can tell from it is that they belong to one event, which it says anyway.
 */
function siblings(uuid: () => string): () => string {
  const shared = uuid().slice(0, 13);
  return () => shared + uuid().slice(13);
}

type Prepared = {
  readonly id: string;
  readonly draft: Draft;
  readonly tlp: Tlp;
  readonly pap: Pap;
  readonly attributes: readonly JudgedAttribute[];
  /** Whether the sender's word passes without a person where there is no value to judge. */
  readonly speaks: boolean;
  /** For each of the draft's attachments the attribute that it belongs to, if any. */
  readonly files: readonly (JudgedAttribute | undefined)[];
  readonly objects: Parameters<typeof insertObjects>[3];
  readonly reportId: string;
  readonly receivedAt: Date;
  readonly markings: Markings;
  readonly foreign: boolean;
};

async function storeEvent(deps: SubmitDeps, tx: Tx, actor: Actor, reporter: Reporter, event: Prepared): Promise<void> {
  const { draft } = event;
  // Whole events wait while any part of them does; what the guard refuses or holds does not keep the rest from passing.
  const waits = event.attributes.length === 0 ? !event.speaks : event.attributes.some((attribute) => attribute.state === 'pending');
  const chunks = Math.max(1, Math.ceil(event.attributes.length / limits.chunkAttributes));
  const timestamp = draft.timestamp ?? Math.floor(event.receivedAt.getTime() / 1000);
  const info = (event.markings.info ?? draft.info).slice(0, limits.infoChars);
  const told = tellEvent({ ...draft, info }, { own: reporter.own, withheld: [] });
  const extraOf = (said: Draft) => headExtra(said, event.markings, event.foreign);
  const inserted = await insertEvent(tx, {
    id: event.id,
    reportId: event.reportId,
    uuid: asUuid(draft.uuid) ?? event.id,
    ownerId: actor.entityId,
    ownerName: reporter.name,
    voice: reporter.voice,
    authorName: draft.author?.name ?? null,
    authorUuid: draft.author?.uuid ?? null,
    info,
    date: draft.date ?? event.receivedAt.toISOString().slice(0, 10),
    threatLevel: draft.threatLevel ?? 4,
    analysis: draft.analysis ?? 0,
    tlp: event.tlp,
    pap: event.pap,
    distribution: distributionOf(event.markings, draft),
    groupId: event.markings.groupId ?? null,
    timestamp,
    confidence: event.markings.confidence ?? 50,
    arrivedAt: event.receivedAt,
    state: waits ? 'assessing' : 'published',
    publishedAt: waits ? null : event.receivedAt,
    consolidatedAt: null,
    retractedAt: null,
    retractReason: null,
    claimedBy: null,
    claimedAt: null,
    chunks,
    rounds: chunks,
    revision: null,
    review: false,
    attributeCount: event.attributes.length,
    danger: dangerOf(draft, event.attributes),
    tags: tagsOf(draft.tags),
    extra: extraOf(draft),
    told: told === undefined ? null : { info: told.info, tags: tagsOf(told.tags), extra: extraOf(told) },
  });
  if (!inserted)
    throw fail('intel.event_exists', `The event ${draft.uuid ?? ''} was sent before.`, [
      { field: 'uuid', message: 'You have an event with this UUID.' },
    ]);
  await insertAttributes(tx, event.id, timestamp, event.attributes, (index) => ({
    chunk: Math.floor(index / limits.chunkAttributes),
    revision: null,
  }));
  await insertObjects(tx, event.id, timestamp, event.objects);
  for (const [index, attachment] of draft.attachments.entries()) {
    const owner = event.files[index];
    // The sender took its attribute out, and the file with it.
    if (owner !== undefined && !event.attributes.includes(owner)) continue;
    const sha256 = hash('sha256', attachment.bytes, 'hex');
    await insertAttachment(tx, {
      id: deps.ids.uuid(),
      eventId: event.id,
      attributeId: owner?.id ?? null,
      // Bytes are not searched; a file whose name tells somebody's stays with its owner.
      ownOnly: owner?.ownOnly ?? reporter.own.inText(attachment.name).length > 0,
      chunk: 0,
      name: attachment.name,
      bytes: attachment.bytes,
      sha256,
      malware: attachment.malware,
    });
  }
  if (!waits) await announce(deps.bus, tx, event.id, chunks, event.attributes.length);
}

/** One log entry per chunk; a small event is an alert and overtakes bulk work. */
export async function announce(bus: Bus, tx: Tx, eventId: string, chunks: number, attributes: number): Promise<void> {
  const lane = attributes <= limits.urgentAttributes ? 'urgent' : 'bulk';
  for (let chunk = 0; chunk < chunks; chunk += 1) await bus.append(tx, 'intel.published', { eventId, chunk }, lane);
}
