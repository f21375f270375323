-- One decision per value, network-wide; what each audience sees of it is on its shelf.
create schema decisions;

create table decisions.decision (
  id          uuid primary key,
  vkey        uuid not null unique,
  kind        smallint not null,
  value       text not null,
  -- Arrival of the first report that led to it: time to block is counted from here.
  arrived_at  timestamptz not null,
  created_at  timestamptz not null,
  -- An assessor's word: consolidated, retracted, or none. It outlives every lease: what was retracted does not come back with the next report.
  ruling      text,
  ruled_at    timestamptz,
  ruled_by    text,
  reason      text,
  -- Raised at every start of a block, so that receipts of an earlier life are told apart.
  round       integer not null default 1
);

-- A member does without a block at home. Wins there against everything until it is ended.
create table decisions.lift (
  id          uuid primary key,
  entity_id   uuid not null,
  vkey        uuid not null,
  kind        smallint not null,
  value       text not null,
  reason      text not null,
  false_positive boolean not null,
  lifted_at   timestamptz not null,
  lifted_by   text not null,
  until       timestamptz,
  ended_at    timestamptz
);
create unique index lift_in_force on decisions.lift (entity_id, vkey) where ended_at is null;
-- False-positive reports wait for an assessor's word.
create index lift_to_confirm on decisions.lift (lifted_at) where false_positive and ended_at is null;

create table decisions.halt (
  one    boolean primary key default true check (one),
  on_    boolean not null,
  at     timestamptz not null,
  by_    text not null,
  reason text not null
);
insert into decisions.halt values (true, false, now(), 'system', 'initial');
