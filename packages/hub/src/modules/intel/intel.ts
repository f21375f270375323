import { hash } from 'node:crypto';
import type { ReleaseKind } from '#guard';
import type { Actor, Viewer } from '#platform/actor';
import type { Db, Tx } from '#platform/db';
import { canonicalise } from '#values';
import { claimEvent, consolidateEvent, decideEvent, retractEvent, type Verdict } from './assess.ts';
import { addAutoRule, listAutoRuleRows, removeAutoRule } from './auto-rules.ts';
import { guessType, toMisp, toStix } from './codecs/index.ts';
import { addComment, addSightings, type SightingInput } from './contribute.ts';
import type { Draft, DraftAttachment } from './draft.ts';
import { fail } from './errors.ts';
import { heldTogether, holdAgain, releaseEvent, releaseHeld } from './held.ts';
import { limits } from './limits.ts';
import { kindIndex } from './normalise.ts';
import {
  countStates,
  countVoices,
  findBlockable,
  findOwnAttachment,
  findOwnReport,
  listAutoRules,
  listEventsOf,
  listHeld,
  listJudged,
  listJudgedAsTold,
  listOwnAttachments,
  listOwnIndicators,
  listOwnObjects,
  listOwnReports,
  listQueue,
  readBlob,
  readFirstArrivals,
  sourceRecord,
} from './own.ts';
import { type Preview, previewReport } from './preview.ts';
import {
  findAttachment,
  findEvent,
  findValues,
  listAttachments,
  listComments,
  listEvents,
  listIndicators,
  listObjects,
  listSightings,
  type ShelfEvent,
  type ShelfIndicator,
} from './queries.ts';
import { type HandRevision, historyOf, reviseByHand } from './revisions/by-hand.ts';
import { type EventRow, readEventRow } from './store.ts';
import type { Acknowledgement, Reporter, Submission, Trust } from './submission.ts';
import { submitDrafts } from './submit-drafts.ts';
import { type ReportDeps, submitReport } from './submit-report.ts';
import { toDraft } from './to-draft.ts';

/** What anybody but its author reads of an event on the write side. */
const isOwn = (actor: Actor, event: ShelfEvent): boolean => event.ownerId === actor.entityId;
const asTold = (event: EventRow): EventRow => ({ ...event, info: event.told?.info ?? event.info });

/** Gives a reader's queries the connection of his own shelf. */
export type Readers = { of(viewer: Viewer): Db };
export type IntelDeps = Omit<ReportDeps, 'trusts' | 'bulkTurn'> & { readonly readers: Readers };
export type Intel = ReturnType<typeof createIntel>;

export function createIntel(setup: IntelDeps) {
  let last: Promise<unknown> = Promise.resolve();
  const deps = {
    ...setup,
    bulkTurn<T>(work: () => Promise<T>): Promise<T> {
      const result = last.then(work, work);
      last = result.catch(() => undefined);
      return result;
    },
    /** Whether a source's values of a kind pass without a person: the most particular rule decides; none means they wait. */
    async trusts(reporter: Reporter, entityId: string): Promise<Trust> {
      const rules = await listAutoRules(setup.db, entityId, reporter.kind, reporter.level);
      const paced = rules.find((rule) => rule.feed || rule.hourlyMax !== null);
      return {
        passes: (kind) => rules.find((rule) => rule.kinds.length === 0 || rule.kinds.includes(kindIndex[kind]))?.accept ?? false,
        feed: paced?.feed ?? false,
        perHour: paced?.hourlyMax ?? undefined,
      };
    },
  };
  const shelf = (actor: Actor): Db => deps.readers.of(actor.viewer);

  async function visibleEvent(actor: Actor, id: string): Promise<ShelfEvent> {
    const event = await findEvent(shelf(actor), actor.viewer, id);
    if (event === undefined) throw fail('intel.event_not_found', `No event ${id} is visible to you.`);
    if (!isOwn(actor, event)) return event;
    // Its author has it as he wrote it last; what the network made of it he reads with his audience.
    const written = await readEventRow(deps.db, event.id);
    if (written === undefined) return event;
    const { info, date, threatLevel, analysis, tlp, pap, distribution, groupId, timestamp, attributeCount, tags, extra } = written;
    const head = { info, date, threatLevel, analysis, tlp, pap, distribution, groupId, timestamp, attributeCount, extra };
    return { ...event, ...head, tags: tags as ShelfEvent['tags'] };
  }

  const objectsOf = (actor: Actor, event: ShelfEvent) =>
    isOwn(actor, event) ? listOwnObjects(deps.db, event.id) : listObjects(shelf(actor), event.num);
  const attachmentsOf = (actor: Actor, event: ShelfEvent) =>
    isOwn(actor, event) ? listOwnAttachments(deps.db, event.id) : listAttachments(shelf(actor), actor.viewer, event.id);

  async function allOnShelf(actor: Actor, eventNum: number): Promise<ShelfIndicator[]> {
    const rows: ShelfIndicator[] = [];
    for (;;) {
      const page = await listIndicators(shelf(actor), eventNum, rows.at(-1)?.id, limits.pageMax);
      rows.push(...page);
      if (page.length < limits.pageMax) return rows;
    }
  }

  async function allOwn(eventId: string): Promise<ShelfIndicator[]> {
    const rows: Awaited<ReturnType<typeof listOwnIndicators>> = [];
    for (;;) {
      const page = await listOwnIndicators(deps.db, eventId, rows.at(-1), limits.pageMax, true);
      rows.push(...page);
      if (page.length < limits.pageMax) return rows;
    }
  }

  return {
    submit: (actor: Actor, input: Submission): Promise<Acknowledgement> => submitReport(deps, actor, input),
    submitDrafts: (actor: Actor, drafts: readonly Draft[], input: Parameters<typeof submitDrafts>[3]): Promise<Acknowledgement> =>
      submitDrafts(deps, actor, drafts, input),
    preview: (actor: Actor, input: Parameters<typeof previewReport>[2]): Promise<Preview> => previewReport(deps, actor, input),

    events: (actor: Actor, filter: Parameters<typeof listEvents>[2], after: Parameters<typeof listEvents>[3], limit: number) =>
      listEvents(shelf(actor), actor.viewer, filter, after, limit),
    visibleEvent,
    async eventParts(actor: Actor, event: ShelfEvent) {
      const [items, objects, comments, attachments] = await Promise.all([
        isOwn(actor, event)
          ? listOwnIndicators(deps.db, event.id, undefined, limits.pageMax, false)
          : listIndicators(shelf(actor), event.num, undefined, limits.pageMax),
        objectsOf(actor, event),
        listComments(shelf(actor), actor.viewer, event.id),
        attachmentsOf(actor, event),
      ]);
      return { items, objects, comments, attachments };
    },
    /** A page of indicators, and the key of its last row to go on from. */
    async indicators(
      actor: Actor,
      event: ShelfEvent,
      after: readonly string[] | undefined,
      limit: number,
    ): Promise<{ rows: readonly ShelfIndicator[]; last: readonly string[] | undefined }> {
      if (!isOwn(actor, event)) {
        const rows = await listIndicators(shelf(actor), event.num, after?.[0], limit);
        const last = rows.at(-1);
        return { rows, last: last && [last.id] };
      }
      const from = after && { chunk: Number(after[1] ?? 0), id: after[0] ?? '' };
      const rows = await listOwnIndicators(deps.db, event.id, from, limit, false);
      const last = rows.at(-1);
      return { rows, last: last && [last.id, String(last.chunk)] };
    },

    /** The event in a foreign format: everything of it that lies on the reader's shelf; to its author the whole of it. */
    async exportEvent(actor: Actor, id: string, format: 'misp' | 'stix'): Promise<object> {
      const event = await visibleEvent(actor, id);
      const own = isOwn(actor, event);
      const rows: ShelfIndicator[] = own ? await allOwn(event.id) : await allOnShelf(actor, event.num);
      const attachments = await attachmentsOf(actor, event);
      const files: DraftAttachment[] = [];
      for (const file of attachments) {
        const bytes = await readBlob(deps.db, file.sha256);
        if (bytes !== undefined)
          files.push({
            name: file.name,
            bytes,
            malware: file.malware,
            ...(file.attributeId === null ? {} : { attributeUuid: file.attributeId }),
          });
      }
      const draft = toDraft(event, rows, await objectsOf(actor, event), files, own);
      return format === 'misp'
        ? toMisp(draft)
        : toStix(draft, { producer: { uuid: event.ownerId, name: event.ownerName }, now: event.releasedAt });
    },

    async attachment(actor: Actor, id: string): Promise<{ name: string; bytes: Buffer; malware: boolean }> {
      const file = (await findAttachment(shelf(actor), actor.viewer, id)) ?? (await findOwnAttachment(deps.db, actor.entityId, id));
      const bytes = file && (await readBlob(deps.db, file.sha256));
      if (file === undefined || bytes === undefined) throw fail('intel.attachment_not_found', `No attachment ${id} is visible to you.`);
      return { name: file.name, bytes, malware: file.malware };
    },

    /** What the reader's shelf has on values, in any spelling. */
    async lookup(actor: Actor, values: readonly { readonly value: string; readonly type?: string | undefined }[]) {
      const read = values.map(({ value, type }) => {
        const guessed = type === undefined ? guessType(value) : { type, value };
        const canonical = guessed === undefined ? undefined : canonicalise(guessed.type, guessed.value);
        if (canonical === undefined) return { value, problem: 'This is not a value whose type can be told; name the type.' };
        return canonical.ok
          ? { value, kind: canonical.kind, canonical: canonical.value, vkey: deps.vkeyOf(canonical.kind, canonical.value) }
          : { value, problem: canonical.message };
      });
      const vkeys = [...new Set(read.flatMap((each) => (each.vkey === undefined ? [] : [each.vkey])))];
      const [found, sightings] =
        vkeys.length === 0
          ? [[], []]
          : await Promise.all([
              findValues(shelf(actor), actor.viewer, vkeys, 20),
              listSightings(shelf(actor), actor.viewer, vkeys, limits.pageMax),
            ]);
      return read.map((each) => ({
        ...each,
        events: found.filter((row) => row.vkey === each.vkey),
        sightings: sightings.filter((row) => row.vkey === each.vkey),
      }));
    },

    sight: (actor: Actor, inputs: readonly SightingInput[]) => addSightings(deps, actor, inputs),
    async comment(actor: Actor, eventId: string, text: string): Promise<string> {
      const event = await visibleEvent(actor, eventId);
      return addComment(deps, actor, event.id, text);
    },

    /** One's own reports with what became of them, wherever they are on their way. */
    ownReports: (actor: Actor, after: Parameters<typeof listOwnReports>[2], limit: number) =>
      listOwnReports(deps.db, actor.entityId, after, limit),
    async ownReport(actor: Actor, id: string) {
      const report = await findOwnReport(deps.db, actor.entityId, id);
      if (report === undefined) throw fail('intel.report_not_found', `You have no report ${id}.`);
      const [events, counts] = await Promise.all([listEventsOf(deps.db, report.events), countStates(deps.db, report.events)]);
      return { report, events, counts };
    },
    async ownJudged(actor: Actor, eventId: string) {
      const event = await readEventRow(deps.db, eventId);
      if (event === undefined || event.ownerId !== actor.entityId) throw fail('intel.event_not_found', 'You have no such event.');
      return listJudged(deps.db, eventId, limits.pageMax);
    },

    async queue(limit: number, held: boolean) {
      const events = held ? await listHeld(deps.db, limit) : await listQueue(deps.db, limit);
      const counts =
        events.length === 0
          ? []
          : await countStates(
              deps.db,
              events.map((event) => event.id),
            );
      const records = new Map(
        await Promise.all(
          [...new Set(events.map((event) => event.ownerId))].map(async (id) => [id, await sourceRecord(deps.db, id)] as const),
        ),
      );
      return events.map((event) => ({
        event: asTold(event),
        counts,
        record: records.get(event.ownerId) ?? { published: 0, rejected: 0, retracted: 0 },
      }));
    },
    async queueEvent(eventId: string) {
      const event = await readEventRow(deps.db, eventId);
      if (event === undefined) throw fail('intel.event_not_found', `There is no event ${eventId}.`);
      const rows = await listJudgedAsTold(deps.db, eventId, limits.pageMax);
      const voices =
        rows.length === 0
          ? []
          : await countVoices(
              deps.db,
              rows.map((row) => row.vkey),
            );
      return {
        event: asTold(event),
        rows,
        voices,
        counts: await countStates(deps.db, [eventId]),
        record: (await sourceRecord(deps.db, event.ownerId)) ?? { published: 0, rejected: 0, retracted: 0 },
      };
    },
    claim: (actor: Actor, eventId: string) => claimEvent(deps, actor, eventId),
    decide: (actor: Actor, verdict: Verdict) => decideEvent(deps, actor, verdict),
    revise: (actor: Actor, eventId: string, input: HandRevision) => reviseByHand(deps, actor, eventId, input),
    history: (actor: Actor, eventId: string) => historyOf(deps, actor, eventId),
    retract: (actor: Actor, input: Parameters<typeof retractEvent>[2]) => retractEvent(deps, actor, input),
    consolidate: (actor: Actor, input: Parameters<typeof consolidateEvent>[2]) => consolidateEvent(deps, actor, input),
    /** For rulings and for the network's figures; readers get neither. */
    blockableValue: (tx: Tx, vkey: string) => findBlockable(tx, vkey),
    firstArrivals: (vkeys: readonly string[]) => readFirstArrivals(deps.db, vkeys),
    /** Two people have released it: a value wherever it waits, or the blocks of an event that wait together. */
    release: (tx: Tx, actor: Actor, what: { readonly kind: ReleaseKind; readonly value: string }) =>
      what.kind === 'event' ? releaseEvent(deps, tx, actor, what.value) : releaseHeld(deps, tx, actor, deps.vkeyOf(what.kind, what.value)),
    holdAgain: (tx: Tx, actor: Actor, what: Parameters<typeof holdAgain>[3]) => holdAgain(deps, tx, actor, what),
    heldTogether: (db: Db, kind: ReleaseKind, value: string) => heldTogether(deps, db, kind, value),
    autoRules: () => listAutoRuleRows(deps.db),
    addAutoRule: (actor: Actor, input: Parameters<typeof addAutoRule>[2]) => addAutoRule(deps, actor, input),
    removeAutoRule: (actor: Actor, id: string) => removeAutoRule(deps, actor, id),
    clock: deps.clock,
    digestOf: (bytes: Buffer): string => hash('sha256', bytes, 'hex'),
  };
}
