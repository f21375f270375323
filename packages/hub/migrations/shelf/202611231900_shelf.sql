-- One audience's shelf: what has been released to it, and nothing else. Run once per shelf with the search path set to its schema, so no name
-- is qualified here. `lane` says who within the audience may read a row: c (all), e:<entity uuid>, g:<sharing group uuid>.

-- Each lane counts for itself, so what one lane holds cannot be told from another one's numbers.
create table lane (
  lane      text primary key,
  position  bigint not null default 0,
  version   bigint not null default 0,
  hash      text not null default repeat('0', 64),
  count     bigint not null default 0,
  digest    text not null default repeat('0', 64)
);

-- What happened here, for whoever follows: released, revised, retracted, decided.
create table entry (
  lane      text not null,
  position  bigint not null,
  at        timestamptz not null,
  topic     text not null,
  object    uuid not null,
  body      jsonb not null,
  primary key (lane, position)
);

-- Signed batches of decision changes, exactly the bytes that were signed.
create table batch (
  lane      text not null,
  version   bigint not null,
  body      text not null,
  key_id    text not null,
  sig       text not null,
  hash      text not null,
  at        timestamptz not null default now(),
  primary key (lane, version)
);

create table event (
  -- Joins parts to their event. Internal: it counts all lanes, so it is never shown.
  num             bigint generated always as identity primary key,
  id              uuid not null,
  -- The source's own UUID where it gave one (MISP); another owner may have given the same, so it identifies nothing here.
  uuid            uuid not null,
  lane            text not null,
  owner_id        uuid not null,
  owner_name      text not null,
  -- For counting independent voices; never shown.
  voice           uuid not null,
  confidence      smallint not null,
  arrived_at      timestamptz not null,
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
  published_at    timestamptz not null,
  released_at     timestamptz not null,
  consolidated    boolean not null,
  attribute_count integer not null,
  tags            jsonb,
  extra           jsonb,
  unique (id, lane)
);
create index event_by_release on event (released_at desc, id);

create table indicator (
  id         uuid not null,
  event_num  bigint not null,
  -- First 16 bytes of SHA-256 over kind and canonical value: short enough to index ten million of, long enough that nobody makes two collide.
  vkey       uuid not null,
  -- The other half of a composite value (the address of domain|ip): found by look-up, never decided on.
  vkey2      uuid,
  object_id  uuid,
  first_seen timestamptz,
  last_seen  timestamptz,
  timestamp  bigint not null,
  -- When it was reported and published, where that was after its event: evidence counts from then. Null: with its event.
  arrived_at   timestamptz,
  published_at timestamptz,
  kind       smallint not null,
  to_ids     boolean not null,
  blockable  boolean not null,
  lane       text not null,
  type       text not null,
  value      text not null,
  -- Null where the value is already in canonical form, which is nearly always.
  canonical  text,
  category   text,
  relation   text,
  comment    text,
  tags       jsonb,
  extra      jsonb,
  primary key (event_num, id)
);
create index indicator_by_vkey on indicator (vkey);
create index indicator_by_vkey2 on indicator (vkey2) where vkey2 is not null;

create table object (
  id            uuid not null,
  event_num     bigint not null,
  lane          text not null,
  name          text not null,
  meta_category text,
  comment       text,
  timestamp     bigint not null,
  refs          jsonb,
  extra         jsonb,
  primary key (event_num, id)
);

create table sighting (
  id          uuid not null,
  lane        text not null,
  vkey        uuid not null,
  type        text not null,
  at          timestamptz not null,
  entity_id   uuid not null,
  entity_name text not null,
  voice       uuid not null,
  source      text,
  primary key (lane, id)
);
create index sighting_by_vkey on sighting (vkey, at desc);

create table comment (
  id          uuid not null,
  lane        text not null,
  event_id    uuid not null,
  entity_name text not null,
  at          timestamptz not null,
  text        text not null,
  primary key (lane, id)
);
create index comment_by_event on comment (event_id, at);

create table attachment (
  id        uuid not null,
  lane      text not null,
  event_id  uuid not null,
  attribute_id uuid,
  name      text not null,
  bytes     bigint not null,
  sha256    text not null,
  malware   boolean not null,
  primary key (lane, id)
);
create index attachment_by_event on attachment (event_id);

-- One per value and lane. Follows from the indicators released on this lane and from rulings; `gone` rows keep their history. An entry's id is
-- its `lift_id`, or else its `vkey`: so a block has the same id on every lane and shelf, and none of its own to be kept and indexed.
create table decision (
  lane        text not null,
  vkey        uuid not null,
  kind        smallint not null,
  strength    smallint not null,
  confidence  smallint not null,
  -- How many independent voices are behind it, at most 16: more change nothing. Who they are stays with the evidence.
  voices      smallint not null,
  evidence    integer not null,
  arrived_at  timestamptz not null,
  decided_at  timestamptz not null,
  changed_at  timestamptz not null,
  until       timestamptz,
  -- The lifting at home that stands here in place of a block, which makes it an `allow`.
  lift_id     uuid,
  gone        text,
  value       text not null,
  primary key (lane, vkey)
);
create index decision_by_lift on decision (lift_id) where lift_id is not null;
create index decision_by_change on decision (lane, changed_at, vkey);
-- Networks in force: few, and read as a whole by the guard.
create index decision_net on decision (lane) where kind = 1 and gone is null;
create index decision_by_until on decision (until) where gone is null;
