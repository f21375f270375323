-- On which shelf an entity read from when until when, as the leader carried it out: retractions follow what was received, not today's rights.
-- Safe while the previous release still runs: adds a table, changes nothing that it reads.
create table scoring.reading (
  id         bigint generated always as identity primary key,
  entity_id  uuid not null,              -- belongs to members: no foreign key across modules
  shelf      text not null,
  since      timestamptz not null,
  until      timestamptz,                -- null: today
  -- Whether what the entity keeps has been copied. Its controls stay on the shelf before until then.
  settled    boolean not null
);
create unique index reading_of_today on scoring.reading (entity_id) where until is null;
create index reading_by_entity on scoring.reading (entity_id, id desc);
create index reading_by_shelf on scoring.reading (shelf, until) where until is not null;
