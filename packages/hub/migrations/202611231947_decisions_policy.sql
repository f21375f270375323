-- How long decisions last. A change is a new version; nothing is edited. Without a row the defaults of the release hold.
-- Safe while the previous release still runs: adds a table, changes nothing that it reads.
create table decisions.policy (
  version     integer primary key,
  valid_from  timestamptz not null,
  set_by      text not null,
  reason      text not null,
  policy      jsonb not null
);
