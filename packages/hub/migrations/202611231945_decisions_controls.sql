-- Controls: what enforces decisions at members. What each is told, what it says it did, and how long that took.
-- Safe while the previous release still runs: adds tables, changes nothing that it reads.
create table decisions.control (
  id             uuid primary key,
  -- Short, because every receipt carries it.
  num            integer generated always as identity unique,
  entity_id      uuid not null,                      -- belongs to members
  name           text not null,
  target         text not null,
  feed           text not null check (feed in ('agent', 'list')),
  kinds          smallint[] not null,
  min_confidence smallint not null check (min_confidence between 0 and 100),
  capacity       integer not null check (capacity > 0),
  allow          jsonb not null default '[]',
  -- Null: what the owner's criticality says.
  delay_ms       integer check (delay_ms >= 0),
  order_version  bigint not null default 0,
  -- The order as it was signed. Kept, so that one version never has two contents.
  order_body     text,
  order_key_id   text,
  order_sig      text,
  order_expires  timestamptz,
  channels       text[] not null default '{}',
  -- Read before; receipts for them may still be on the way.
  past_channels  text[] not null default '{}',
  key_hash       text,
  agent          text,
  created_at     timestamptz not null,
  created_by     text not null,
  enrolled_at    timestamptz,
  revoked_at     timestamptz,
  -- By the database's clock: every process follows the table by it.
  changed_at     timestamptz not null default clock_timestamp()
);
create index control_by_entity on decisions.control (entity_id, name, id);
create index control_by_change on decisions.control (changed_at);

-- One-time, for a day. The secret is kept as its SHA-256.
create table decisions.enrol_token (
  id          text primary key,
  control_id  uuid not null references decisions.control (id),
  secret_hash text not null,
  expires_at  timestamptz not null,
  used_at     timestamptz
);

-- What is really loaded, by the agent's last word, and when it was last heard.
create table decisions.report (
  control_id     uuid primary key references decisions.control (id),
  seen_at        timestamptz not null,
  reported_at    timestamptz,
  versions       jsonb,
  wanted_count   integer,
  wanted_digest  text,
  loaded_count   integer,
  loaded_digest  text,
  drift_repaired bigint,
  alarms         jsonb
) with (fillfactor = 60);

-- What the hub itself noticed about a control; one row per kind of alarm, however often it rings.
create table decisions.alarm (
  control_id  uuid not null references decisions.control (id),
  code        text not null,
  detail      text not null,
  count       bigint not null,
  first_at    timestamptz not null,
  last_at     timestamptz not null,
  primary key (control_id, code)
);

create table decisions.channel (
  num   integer generated always as identity primary key,
  name  text not null unique
);

create table decisions.receipt (
  decision_id  uuid not null,
  control_num  integer not null,
  channel_num  integer not null,
  state        smallint not null,                    -- applied, refused, withdrawn, expired
  version      bigint not null,
  received_at  timestamptz not null,                 -- by the hub's clock
  said_at      timestamptz not null,                 -- by the agent's
  -- From the value's first report anywhere to this receipt. For those who see the whole network.
  ms           integer,
  -- The same from what the control's own shelf knows, or from the removal. For the control's owner.
  lane_ms      integer,
  -- Whether it belongs in time-to-block: the first "applied" of a decision that is younger than the control's enrolment.
  counts       boolean not null,
  reason       text,
  primary key (decision_id, control_num, state, channel_num, version)
);
create index receipt_by_control on decisions.receipt (control_num, received_at desc);
create index receipt_by_time on decisions.receipt (received_at) where counts;
