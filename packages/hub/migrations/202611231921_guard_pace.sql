-- How many blocks each source made in each hour of the last week: what "far more than usual" is measured against.
-- Safe while the previous release still runs: adds a table, changes nothing that it reads.
create table guard.pace (
  source  uuid not null,                   -- an entity; all zeros: everybody together
  hour    timestamptz not null,
  blocks  bigint not null,
  primary key (source, hour)
);
create index pace_by_hour on guard.pace (hour);
