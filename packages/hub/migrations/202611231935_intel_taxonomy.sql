-- Taxonomies that an administrator imported. Those that the hub knows by itself are in its code and not here.
-- Safe while the previous release still runs: adds a table, changes nothing that it reads.
create table intel.taxonomy (
  namespace    text primary key,
  version      bigint not null,
  -- What lists show, beside the body, so that a list does not have to unpack every one of them.
  title        text not null,
  tags         integer not null,
  -- As it was understood, not as it came: reading it needs no second judgement.
  body         jsonb not null,
  imported_at  timestamptz not null,
  imported_by  text not null
);
-- Tags are compared without case, so two spellings of a namespace are one taxonomy.
create unique index taxonomy_by_name on intel.taxonomy (lower(namespace));
