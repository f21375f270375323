import { Type } from 'typebox';
import type { Http } from '#platform/http';
import { type Draft, type InputFormat, inputFormats } from './draft.ts';
import { fail } from './errors.ts';
import { attributeOf, type IndicatorInput } from './indicator-input.ts';
import type { Intel } from './intel.ts';
import { limits } from './limits.ts';
import { parseTimeCursor, printCursor } from './page.ts';
import { presentJudged, presentOwn } from './present.ts';
import * as s from './schemas.ts';
import type { Markings, Submission } from './submission.ts';

const byId = Type.Object({ id: s.uuid });
const listLimit = (asked: number | undefined): number => asked ?? 100;

type MarkingsInput = {
  title?: string;
  tlp?: Markings['tlp'];
  pap?: Markings['pap'];
  distribution?: Markings['distribution'];
  groupId?: string;
  confidence?: number;
};

function markingsOf(input: MarkingsInput): Markings {
  const { title, ...rest } = input;
  const kept = Object.fromEntries(
    Object.entries(rest).filter(
      ([name, value]) => value !== undefined && ['tlp', 'pap', 'distribution', 'groupId', 'confidence'].includes(name),
    ),
  );
  return { ...kept, ...(title === undefined ? {} : { info: title }) };
}

type EventInput = MarkingsInput & { date?: string; threatLevel?: number; tags?: { name: string }[]; indicators: IndicatorInput[] };

function draftOf(input: EventInput, field: string): Draft {
  return {
    info: input.title ?? 'Report',
    ...(input.date === undefined ? {} : { date: input.date }),
    ...(input.threatLevel === undefined ? {} : { threatLevel: input.threatLevel as 1 | 2 | 3 | 4 }),
    ...(input.tlp === undefined ? {} : { tlp: input.tlp }),
    ...(input.pap === undefined ? {} : { pap: input.pap }),
    ...(input.distribution === undefined ? {} : { distribution: input.distribution }),
    tags: input.tags ?? [],
    attributes: input.indicators.map((indicator, index) => attributeOf(indicator, `${field}[${index}]`)),
    objects: [],
    attachments: [],
    sightings: [],
  };
}

const idempotencyOf = (headers: { readonly [name: string]: string | string[] | undefined }): { idempotencyKey?: string } => {
  const key = headers['idempotency-key'];
  if (key === undefined) return {};
  if (typeof key !== 'string' || key.length === 0 || key.length > 255)
    throw fail('intel.bad_input', 'The Idempotency-Key is not usable.', [{ field: 'Idempotency-Key', message: '1 to 255 characters' }]);
  return { idempotencyKey: key };
};

const presentAcknowledgement = (ack: { reportId: string; receivedAt: Date; events: readonly string[]; repeated: boolean }) => ({
  id: ack.reportId,
  receivedAt: ack.receivedAt.toISOString(),
  events: [...ack.events],
  repeated: ack.repeated,
});

/** Markings of a file come in the query. */
const fileQuery = Type.Object({
  ...s.markings,
  confidence: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  format: Type.Optional(Type.Union(inputFormats.map((format) => Type.Literal(format)))),
  name: Type.Optional(Type.String({ maxLength: 255, description: 'File name, for recognising the format.' })),
});

/** What members send in, and what became of it. */
export function reportRoutes(http: Http, intel: Intel): void {
  http.post('/api/v1/reports', {
    summary: 'Report: text, indicators, or several events at once',
    tag: 'reports',
    scope: 'report',
    limit: 'write',
    adds: true,
    bodyMaxBytes: limits.bodyBytes,
    body: s.reportInput,
    reply: s.acknowledgement,
    status: 202,
    fails: [
      'intel.bad_input',
      'intel.nothing_found',
      'intel.value_invalid',
      'intel.too_many',
      'intel.group_unknown',
      'intel.idempotency_reused',
    ],
    async handle({ actor, body, request }) {
      const common = {
        channel: 'api' as const,
        markings: markingsOf(body),
        ...idempotencyOf(request.headers),
        ...(body.without === undefined ? {} : { without: body.without }),
      };
      const raw = request.rawBody ?? Buffer.from(JSON.stringify(body));
      const given = [body.text, body.indicators, body.events].filter((part) => part !== undefined).length;
      if (given !== 1)
        throw fail('intel.bad_input', 'Send exactly one of text, indicators and events.', [
          { field: 'text', message: 'exactly one of text, indicators and events' },
        ]);
      if (body.text !== undefined)
        return presentAcknowledgement(
          await intel.submit(actor, { ...common, channel: 'paste', format: 'text', bytes: Buffer.from(body.text) }),
        );
      const drafts = body.events?.map((event, index) => draftOf(event as EventInput, `events[${index}].indicators`)) ?? [
        draftOf(body as EventInput, 'indicators'),
      ];
      return presentAcknowledgement(await intel.submitDrafts(actor, drafts, { ...common, bytes: raw, digest: intel.digestOf(raw) }));
    },
  });

  http.post('/api/v1/reports/file', {
    summary: 'Report a file: text, Markdown, CSV, mail, HTML, PDF, MISP event or STIX bundle, as the raw body',
    tag: 'reports',
    scope: 'report',
    limit: 'heavy',
    adds: true,
    bodyType: 'raw',
    bodyMaxBytes: limits.bodyBytes,
    query: fileQuery,
    reply: s.acknowledgement,
    status: 202,
    fails: [
      'intel.bad_input',
      'intel.nothing_found',
      'intel.too_many',
      'intel.group_unknown',
      'intel.event_exists',
      'intel.tlp_widened',
      'intel.idempotency_reused',
    ],
    async handle({ actor, query, request }) {
      return presentAcknowledgement(
        await intel.submit(actor, { ...fileOf(query, request), channel: 'file', ...idempotencyOf(request.headers) }),
      );
    },
  });

  http.post('/api/v1/reports/preview', {
    summary: 'What a text or file would become: found, known on your shelf, held, your own data. Stores nothing',
    tag: 'reports',
    scope: 'report',
    limit: 'heavy',
    bodyType: 'raw',
    bodyMaxBytes: limits.previewBytes,
    query: fileQuery,
    reply: s.previewReply,
    fails: ['intel.bad_input'],
    async handle({ actor, query, request }) {
      const preview = await intel.preview(actor, fileOf(query, request));
      return {
        title: preview.title,
        withheld: preview.withheld.map((each) => ({ ...each, found: [...each.found] })),
        warnings: [...preview.warnings],
        findings: preview.findings.map(({ attribute, outcome, start, end, confidence, known }) => ({
          type: attribute.draft.type,
          value: attribute.draft.value,
          canonical: attribute.canonical,
          kind: attribute.kind,
          outcome,
          rule: attribute.rule,
          reason: attribute.reason,
          ...(start === undefined ? {} : { start }),
          ...(end === undefined ? {} : { end }),
          ...(confidence === undefined ? {} : { confidence }),
          known: known.map((each) => ({ eventId: each.eventId, title: each.title, releasedAt: each.releasedAt.toISOString() })),
        })),
      };
    },
  });

  http.get('/api/v1/reports', {
    summary: 'Your own reports, newest first',
    tag: 'reports',
    scope: 'report',
    limit: 'read',
    query: Type.Object(s.page),
    reply: Type.Object({
      reports: Type.Array(
        Type.Object({ id: s.uuid, receivedAt: s.instant, channel: Type.String(), format: Type.String(), events: Type.Array(s.uuid) }),
      ),
      next: s.next,
    }),
    async handle({ actor, query }) {
      const after = parseTimeCursor(query.after);
      const rows = await intel.ownReports(actor, after && { receivedAt: after.at, id: after.id }, listLimit(query.limit));
      const last = rows.length === listLimit(query.limit) ? rows.at(-1) : undefined;
      return {
        reports: rows.map((row) => ({ ...row, events: [...row.events], receivedAt: row.receivedAt.toISOString() })),
        next: last === undefined ? null : printCursor([last.receivedAt, last.id]),
      };
    },
  });

  http.get('/api/v1/reports/:id', {
    summary: 'One of your reports, and what became of it',
    tag: 'reports',
    scope: 'report',
    limit: 'read',
    params: byId,
    reply: Type.Object({ id: s.uuid, receivedAt: s.instant, channel: Type.String(), events: Type.Array(s.ownEvent) }),
    fails: ['intel.report_not_found'],
    async handle({ actor, params }) {
      const { report, events, counts } = await intel.ownReport(actor, params.id);
      return {
        id: report.id,
        receivedAt: report.receivedAt.toISOString(),
        channel: report.channel,
        events: events.map((event) => presentOwn(event, counts)),
      };
    },
  });

  http.get('/api/v1/reports/events/:id/indicators', {
    summary: 'The indicators of an event of yours, with what the guard and the assessors said',
    tag: 'reports',
    scope: 'report',
    limit: 'read',
    params: byId,
    reply: Type.Object({ indicators: Type.Array(s.judgedView) }),
    fails: ['intel.event_not_found'],
    async handle({ actor, params }) {
      return { indicators: (await intel.ownJudged(actor, params.id)).map(presentJudged) };
    },
  });
}

type FileQuery = MarkingsInput & { format?: InputFormat; name?: string };

function fileOf(
  query: FileQuery,
  request: { readonly rawBody?: Buffer; readonly headers: { readonly 'content-type'?: string | undefined } },
): Pick<Submission, 'bytes' | 'format' | 'fileName' | 'contentType'> & { markings: Markings } {
  const contentType = request.headers['content-type'];
  return {
    bytes: request.rawBody ?? Buffer.alloc(0),
    markings: markingsOf(query),
    ...(query.format === undefined ? {} : { format: query.format }),
    ...(query.name === undefined ? {} : { fileName: query.name }),
    ...(contentType === undefined ? {} : { contentType }),
  };
}
