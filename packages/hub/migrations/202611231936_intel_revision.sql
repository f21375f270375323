-- What became of an event after it was first written: who changed what when. Append-only; its author may read it.
-- Safe while the previous release still runs: adds a table, changes nothing that it reads.
create table intel.revision (
  event_id    uuid not null references intel.event (id),
  -- Its rounds are round … round + rounds - 1: at most a chunk of parts travels in each.
  round       integer not null,
  rounds      integer not null,
  -- When it came, and when what it adds was published: each audience's waiting counts from then.
  arrived_at  timestamptz not null,
  at          timestamptz not null,
  report_id   uuid,
  entity_id   uuid not null,
  actor_kind  text not null,
  actor_label text not null,
  -- The marking until then: where it went before, and where it goes now, tells to whom it is new.
  tlp         text not null,
  distribution text not null,
  group_id    uuid,
  changes     jsonb not null,
  primary key (event_id, round)
);
