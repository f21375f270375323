-- The guard: imported warning lists, and what two people have released from it.
create schema guard;

-- Rises with every change below, so that each hub process notices and compiles its tables anew.
create table guard.version (
  one  boolean primary key default true check (one),
  n    bigint not null
);
insert into guard.version (n) values (0);

create table guard.warning_list (
  id             uuid primary key,
  name           text not null unique,
  description    text not null,
  version        bigint not null,
  type           text not null check (type in ('string', 'substring', 'hostname', 'cidr', 'regex')),
  kinds          text[] not null,
  category       text not null check (category in ('false_positive', 'known')),
  beneath        boolean not null,        -- whether a listed name protects what is beneath it
  enabled        boolean not null,
  source         text,                    -- address that it came from; null: sent as a file
  entries        bytea not null,          -- canonical entries, one a line, gzip
  entry_count    integer not null check (entry_count > 0),
  unreadable     integer not null,
  sha256         text not null,           -- of the canonical entries
  imported_by    text not null,
  imported_at    timestamptz not null,
  -- The last good content stays when a newer one is refused; this says why it was.
  problem        text,
  problem_at     timestamptz
);

create table guard.release (
  id                uuid primary key,
  kind              text not null,
  value             text not null,
  rule              text not null,          -- what held it when the release was asked for
  reason            text not null,
  requested_by      text not null,          -- id of the person, session or key, for the trail's readers
  requested_person  uuid not null,
  requested_at      timestamptz not null,
  answer_by         timestamptz not null,
  until             timestamptz not null,
  state             text not null check (state in ('open', 'approved', 'ended')),
  approved_person   uuid,
  approved_at       timestamptz,
  ended_person      uuid,
  ended_at          timestamptz,
  -- Two people, also for whoever writes to the table by hand.
  constraint release_two_people check (approved_person is null or approved_person <> requested_person),
  constraint release_approved check ((state = 'approved') <= (approved_person is not null and approved_at is not null))
);
create unique index release_one_open on guard.release (kind, value) where state = 'open';
create index release_by_state on guard.release (state, requested_at desc);
