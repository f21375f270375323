-- What members report, and the events that grow from it. The write side: nobody's reading request comes here, except for what is his own.
create schema intel;

-- The inbox, append-only: exactly what arrived. A report is acknowledged when this row is committed together with its event.
create table intel.report (
  id              uuid primary key,
  entity_id       uuid not null,           -- belongs to members
  soc_id          uuid,
  actor_kind      text not null,
  actor_id        text not null,
  person_id       uuid,
  received_at     timestamptz not null,
  channel         text not null,           -- api, paste, file, import
  format          text not null,
  -- Same key and same bytes: the first answer again. Same key and other bytes: refused.
  idempotency_key text,
  digest          text not null,
  raw             bytea,
  events          uuid[] not null
);
create unique index report_idempotent on intel.report (entity_id, idempotency_key) where idempotency_key is not null;
create index report_by_entity on intel.report (entity_id, received_at desc, id);

create table intel.event (
  id              uuid primary key,
  report_id       uuid not null references intel.report (id),
  -- What the source called it; our own id is made here, so that two senders of one UUID learn nothing of each other.
  uuid            uuid not null,
  owner_id        uuid not null,
  owner_name      text not null,
  -- Whose voice this is when independence is counted: entities served by one provider are one.
  voice           uuid not null,
  author_name     text,
  author_uuid     text,
  info            text not null,
  date            date not null,
  threat_level    smallint not null,
  analysis        smallint not null,
  tlp             text not null,
  pap             text not null,
  distribution    text not null,
  group_id        uuid,
  timestamp       bigint not null,
  confidence      smallint not null,
  arrived_at      timestamptz not null,
  -- assessing → published | rejected; published → retracted
  state           text not null,
  published_at    timestamptz,
  consolidated_at timestamptz,
  retracted_at    timestamptz,
  retract_reason  text,
  claimed_by      text,
  claimed_at      timestamptz,
  -- Attributes travel in chunks, so that one import cannot hold an alert back.
  chunks          integer not null,
  -- The number of the next round: what is added or changed after the publication travels in rounds of its own.
  rounds          integer not null,
  -- The round in which what stands here was changed last.
  revision        integer,
  -- Published, and parts of a later revision wait for an assessor.
  review          boolean not null default false,
  attribute_count integer not null,
  danger          smallint not null,
  tags            jsonb,
  extra           jsonb,
  -- What others read where that is not what the author wrote: his own people and addresses are taken out of it.
  told            jsonb
);
create index event_waiting on intel.event (danger desc, arrived_at, id) where state = 'assessing' or review;
create index event_by_owner on intel.event (owner_id, arrived_at desc, id);
create index event_by_report on intel.event (report_id);
create unique index event_by_uuid on intel.event (owner_id, uuid) where state <> 'rejected';

create table intel.attribute (
  id         uuid not null,
  event_id   uuid not null,
  vkey       uuid not null,
  vkey2      uuid,
  object_id  uuid,
  first_seen timestamptz,
  last_seen  timestamptz,
  timestamp  bigint not null,
  -- The chunk or round in which the value comes to the shelves, and the round in which the rest was changed last.
  chunk      integer not null,
  revision   integer,
  kind       smallint not null,
  -- pending, accepted, held, refused, rejected, retracted
  state      text not null,
  to_ids     boolean not null,
  -- Accepted, wanted for detection, of a blockable kind, PAP green or clear, and passed or released by the guard.
  blockable  boolean not null,
  -- Its own marking is narrower than the event's: it stays with its owner.
  own_only   boolean not null,
  type       text not null,
  value      text not null,
  canonical  text,
  category   text,
  relation   text,
  comment    text,
  rule       text,
  reason     text,
  tags       jsonb,
  extra      jsonb,
  told       jsonb,                        -- as for the event
  -- A chunk is read as a whole, and ids are random: without the chunk in the key each of an import's chunks would read the whole event.
  primary key (event_id, chunk, id)
);
create index attribute_by_vkey on intel.attribute (vkey);
create index attribute_by_revision on intel.attribute (event_id, revision) where revision is not null;

create table intel.object (
  id            uuid not null,
  event_id      uuid not null,
  own_only      boolean not null,
  -- As of an attribute.
  chunk         integer not null default 0,
  revision      integer,
  name          text not null,
  meta_category text,
  comment       text,
  timestamp     bigint not null,
  refs          jsonb,
  extra         jsonb,
  told          jsonb,                     -- as for the event
  primary key (event_id, id)
);

-- Bytes once, whoever sends them. Never rendered, only handed back.
create table intel.blob (
  sha256 text primary key,
  bytes  bytea not null
);
create table intel.attachment (
  id       uuid primary key,
  event_id uuid not null,
  -- The attribute that these are the bytes of, if any.
  attribute_id uuid,
  own_only boolean not null,
  -- The round in which it came.
  chunk    integer not null default 0,
  name     text not null,
  bytes    bigint not null,
  sha256   text not null references intel.blob (sha256),
  malware  boolean not null
);
create index attachment_by_event on intel.attachment (event_id);

create table intel.sighting (
  id          uuid primary key,
  vkey        uuid not null,
  kind        smallint not null,
  value       text not null,
  type        text not null,               -- seen, false_positive, expired
  at          timestamptz not null,
  recorded_at timestamptz not null,
  entity_id   uuid not null,
  entity_name text not null,
  voice       uuid not null,
  event_id    uuid,
  source      text,
  -- Sensors drift by seconds; anything further in the future is a wrong clock, and would sort first for ever.
  constraint sighting_not_from_future check (at <= recorded_at + interval '1 minute')
);
create index sighting_by_vkey on intel.sighting (vkey, at desc);

create table intel.comment (
  id          uuid primary key,
  event_id    uuid not null references intel.event (id),
  entity_id   uuid not null,
  entity_name text not null,
  at          timestamptz not null,
  text        text not null,
  told        text                         -- as for the event
);
create index comment_by_event on intel.comment (event_id, at);

-- What passes without a person: per source and kind.
create table intel.auto_rule (
  id          uuid primary key,
  -- The most particular rule decides: entity before kind before level.
  entity_id   uuid,
  entity_kind text,
  level       text,
  -- Empty: every kind of value.
  kinds       smallint[] not null,
  accept      boolean not null,
  -- A bulk feed, which the guard's pace does not hold; and how many blocks pass in an hour otherwise (null: the guard's default).
  feed        boolean not null default false,
  hourly_max  integer check (hourly_max > 0),
  created_at  timestamptz not null,
  created_by  text not null
);
insert into intel.auto_rule (id, entity_kind, level, kinds, accept, created_at, created_by) values
  (gen_random_uuid(), 'public', null, '{}', true, now(), 'system'),
  (gen_random_uuid(), null, 'gold', '{}', true, now(), 'system');
