-- What the network decides on values. What each audience sees of a decision is on its shelf, and follows from the evidence there.
create schema decisions;

-- An assessor's word on a value, for everybody: consolidated or retracted. It outlives every lease: what was retracted does not come back with
-- the next report. No row: the evidence alone speaks.
create table decisions.ruling (
  -- Key of the value, which is its decision's id.
  vkey      uuid primary key,
  kind      smallint not null,
  value     text not null,
  -- Null: taken back.
  ruling    text,
  ruled_at  timestamptz not null,
  ruled_by  text not null,
  reason    text not null
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
