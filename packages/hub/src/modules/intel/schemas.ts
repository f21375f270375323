import { distributions, paps, tlps, valueKinds } from '@rebato/contract';
import { Type } from 'typebox';
import { instant, literals, nullable, uuid } from '#platform/schema';

/** Shapes of the native API that intel takes and gives. */

export { instant, uuid };
export const tlp = literals(tlps);
export const pap = literals(paps);
export const distribution = literals(distributions);
export const kind = literals(valueKinds);
export const eventState = literals(['assessing', 'published', 'rejected', 'retracted'] as const);
export const attributeState = literals(['pending', 'accepted', 'held', 'refused', 'rejected', 'retracted'] as const);

const tag = Type.Object({ name: Type.String({ minLength: 1, maxLength: 255 }) });

export const markings = {
  title: Type.Optional(Type.String({ minLength: 1, maxLength: 1000, description: 'What it is about, in one line.' })),
  tlp: Type.Optional(tlp),
  pap: Type.Optional(pap),
  distribution: Type.Optional(distribution),
  groupId: Type.Optional(uuid),
  confidence: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
};

export const indicatorInput = Type.Object({
  value: Type.String({ minLength: 1, maxLength: 1_000_000 }),
  type: Type.Optional(
    Type.String({ minLength: 1, maxLength: 64, description: 'A MISP attribute type; absent: recognised from the value.' }),
  ),
  category: Type.Optional(Type.String({ maxLength: 64 })),
  comment: Type.Optional(Type.String({ maxLength: 20_000 })),
  toIds: Type.Optional(Type.Boolean({ description: 'Whether it may be used for detection and blocking. Default: as usual for the type.' })),
  firstSeen: Type.Optional(instant),
  lastSeen: Type.Optional(instant),
  tags: Type.Optional(Type.Array(tag, { maxItems: 200 })),
});

export const revisionInput = Type.Object({
  title: markings.title,
  tlp: markings.tlp,
  pap: markings.pap,
  distribution: markings.distribution,
  groupId: markings.groupId,
  date: Type.Optional(Type.String({ format: 'date' })),
  threatLevel: Type.Optional(Type.Integer({ minimum: 1, maximum: 4 })),
  tags: Type.Optional(Type.Array(tag, { maxItems: 200 })),
  indicators: Type.Optional(
    Type.Array(Type.Object({ id: Type.Optional(uuid), ...indicatorInput.properties }), {
      maxItems: 250_000,
      description: 'All that the event has afterwards: one that is not named leaves. Absent: as they are.',
    }),
  ),
});

const count = Type.Integer({ minimum: 0 });
export const revised = Type.Object({
  added: count,
  changed: count,
  removed: count,
  waiting: Type.Integer({ minimum: 0, description: 'Of these, how many wait for an assessor.' }),
});

export const historyReply = Type.Object({
  id: uuid,
  revisions: Type.Array(
    Type.Object({
      at: instant,
      arrivedAt: instant,
      entityId: uuid,
      by: Type.String(),
      reportId: nullable(uuid),
      changes: Type.Record(Type.String(), Type.Unknown(), {
        description: 'What was changed, and what it was; of many parts the first 200.',
      }),
    }),
  ),
});

const eventInput = Type.Object({
  ...markings,
  date: Type.Optional(Type.String({ format: 'date' })),
  threatLevel: Type.Optional(Type.Integer({ minimum: 1, maximum: 4 })),
  tags: Type.Optional(Type.Array(tag, { maxItems: 200 })),
  indicators: Type.Array(indicatorInput, { minItems: 1, maxItems: 250_000 }),
});

export const reportInput = Type.Object({
  ...markings,
  text: Type.Optional(
    Type.String({ minLength: 1, maxLength: 8_000_000, description: 'Free text, defanged or not; indicators are extracted.' }),
  ),
  indicators: Type.Optional(Type.Array(indicatorInput, { minItems: 1, maxItems: 250_000 })),
  events: Type.Optional(Type.Array(eventInput, { minItems: 1, maxItems: 1_000 })),
  without: Type.Optional(Type.Array(Type.String({ maxLength: 4096 }), { maxItems: 10_000, description: 'Canonical values to leave out.' })),
});

export const acknowledgement = Type.Object({ id: uuid, receivedAt: instant, events: Type.Array(uuid), repeated: Type.Boolean() });

const verdict = Type.Object({ rule: nullable(Type.String()), reason: nullable(Type.String()) });

export const previewReply = Type.Object({
  findings: Type.Array(
    Type.Object({
      type: Type.String(),
      value: Type.String(),
      canonical: Type.String(),
      kind,
      start: Type.Optional(Type.Integer()),
      end: Type.Optional(Type.Integer()),
      confidence: Type.Optional(Type.String()),
      /** What would happen with it. */
      outcome: literals(['block', 'detect', 'hold', 'refuse', 'own'] as const),
      ...verdict.properties,
      /** On the reader's own shelf, and only there. */
      known: Type.Array(Type.Object({ eventId: uuid, title: Type.String(), releasedAt: instant })),
    }),
  ),
  title: Type.String(),
  /** Words that leave otherwise than they are written, because they name the sender's own people, addresses or names. */
  withheld: Type.Array(
    Type.Object({
      field: literals(['title', 'comment', 'tag', 'other'] as const),
      of: nullable(Type.String({ description: 'The value whose comment or tag it is.' })),
      found: Type.Array(Type.String()),
      becomes: Type.String({ description: 'As others will read it.' }),
    }),
  ),
  warnings: Type.Array(Type.String()),
});

export const eventHead = Type.Object({
  id: uuid,
  uuid,
  title: Type.String(),
  date: Type.String(),
  owner: Type.Object({ id: uuid, name: Type.String() }),
  author: Type.Union([Type.Object({ name: Type.String(), uuid: nullable(Type.String()) }), Type.Null()]),
  tlp,
  pap,
  distribution,
  threatLevel: Type.Integer(),
  analysis: Type.Integer(),
  publishedAt: instant,
  releasedAt: instant,
  consolidated: Type.Boolean(),
  indicators: Type.Integer(),
  tags: Type.Array(Type.String()),
});

export const indicatorView = Type.Object({
  id: uuid,
  type: Type.String(),
  category: Type.String(),
  value: Type.String(),
  canonical: Type.String(),
  kind,
  toIds: Type.Boolean(),
  blockable: Type.Boolean(),
  comment: Type.String(),
  objectId: nullable(uuid),
  relation: nullable(Type.String()),
  firstSeen: nullable(instant),
  lastSeen: nullable(instant),
  tags: Type.Array(Type.String()),
});

export const eventView = Type.Object({
  ...eventHead.properties,
  items: Type.Array(indicatorView, { description: 'The first 1,000 by id; page on with /indicators.' }),
  objects: Type.Array(Type.Object({ id: uuid, name: Type.String(), comment: nullable(Type.String()) })),
  comments: Type.Array(Type.Object({ id: uuid, by: Type.String(), at: instant, text: Type.String() })),
  attachments: Type.Array(
    Type.Object({ id: uuid, name: Type.String(), bytes: Type.Integer(), sha256: Type.String(), malware: Type.Boolean() }),
  ),
});

export const ownEvent = Type.Object({
  id: uuid,
  uuid,
  title: Type.String(),
  state: eventState,
  tlp,
  pap,
  distribution,
  arrivedAt: instant,
  publishedAt: nullable(instant),
  consolidatedAt: nullable(instant),
  reason: nullable(Type.String()),
  indicators: Type.Integer(),
  states: Type.Array(Type.Object({ state: attributeState, rule: nullable(Type.String()), count: Type.Integer() })),
});

export const judgedView = Type.Object({
  id: uuid,
  type: Type.String(),
  value: Type.String(),
  canonical: Type.String(),
  kind,
  state: attributeState,
  blockable: Type.Boolean(),
  rule: nullable(Type.String()),
  reason: nullable(Type.String()),
  comment: Type.String(),
});

export const queueItem = Type.Object({
  ...ownEvent.properties,
  owner: Type.Object({ id: uuid, name: Type.String(), published: Type.Integer(), rejected: Type.Integer(), retracted: Type.Integer() }),
  waitingMs: Type.Integer(),
  danger: Type.Integer(),
  claimedBy: nullable(Type.String()),
});

export const queueEvent = Type.Object({
  ...queueItem.properties,
  items: Type.Array(Type.Object({ ...judgedView.properties, voices: Type.Integer(), events: Type.Integer() })),
});

export const lookupReply = Type.Object({
  values: Type.Array(
    Type.Object({
      value: Type.String(),
      canonical: nullable(Type.String()),
      kind: nullable(kind),
      problem: nullable(Type.String()),
      events: Type.Array(
        Type.Object({
          id: uuid,
          title: Type.String(),
          owner: Type.String(),
          tlp,
          type: Type.String(),
          comment: Type.String(),
          releasedAt: instant,
        }),
      ),
      sightings: Type.Array(Type.Object({ id: uuid, type: Type.String(), at: instant, by: Type.String() })),
    }),
  ),
});

export const sightingInput = Type.Object({
  sightings: Type.Array(
    Type.Object({
      value: Type.String({ minLength: 1, maxLength: 65_536 }),
      type: Type.Optional(Type.String({ maxLength: 64 })),
      sighting: Type.Optional(literals(['seen', 'false_positive', 'expired'] as const)),
      at: Type.Optional(instant),
      source: Type.Optional(Type.String({ maxLength: 255 })),
    }),
    { minItems: 1, maxItems: 1_000 },
  ),
});

export const page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  after: Type.Optional(Type.String({ maxLength: 512, description: 'The `next` of the page before.' })),
};
export const next = nullable(Type.String());
export const okReply = Type.Object({ ok: Type.Boolean() });
